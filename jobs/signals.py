"""Signals between this process and others while it runs (models/signals.py)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from models.reads.live import LiveFeed
from models.signals import GROWN, RECORDED, Hints, Listener, heard_growth, heard_recorded, noted, tell_recorded


@asynccontextmanager
async def signalled(*, live: LiveFeed | None = None, relays: bool) -> AsyncIterator[Hints | None]:
    """While the block lasts, listen, and hint at what is written here. live: its feeds are told when they grow. relays:
    whether this process runs the relay: then these are the hints for it; else others are told."""
    hints = Hints()
    heard = {} if live is None else {GROWN: heard_growth(live.grown)}
    if relays:
        heard[RECORDED] = heard_recorded(hints)

    def listens(now: bool) -> None:
        if live is not None:
            live.told = now
            live.look_again()

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(noted(hints))
        await stack.enter_async_context(Listener(heard, listens).listening())
        if not relays:
            await stack.enter_async_context(_telling(hints))
        yield hints if relays else None


@asynccontextmanager
async def _telling(hints: Hints) -> AsyncIterator[None]:
    task = asyncio.create_task(tell_recorded(hints), name="telling what was written")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
