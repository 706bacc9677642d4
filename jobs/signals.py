"""Signals between this process and others while it runs (models/signals.py)."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from models.reads.live import LiveFeed
from models.signals import (
    FOLLOWED,
    GROWN,
    RECORDED,
    Hints,
    Listener,
    heard_growth,
    heard_tenant,
    noted,
    say_followed,
    tell_recorded,
)


@asynccontextmanager
async def signalled(*, live: LiveFeed | None = None, relays: bool) -> AsyncIterator[Hints | None]:
    """While the block lasts, listen, and hint at what is written here in tenants whose feeds are followed. live: its feeds
    are told when they grow. relays: whether this process runs the relay: then these are the hints for it; else others are
    told."""
    hints = Hints()
    heard = {FOLLOWED: heard_tenant(hints.follow)}
    if live is not None:
        heard[GROWN] = heard_growth(live.grown)
    if relays:
        heard[RECORDED] = heard_tenant(hints.hear)

    def listens(now: bool) -> None:
        if live is not None:
            live.told = now
            live.look_again()
            live.news.set()

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(noted(hints))
        await stack.enter_async_context(Listener(heard, listens).listening())
        if live is not None:
            await stack.enter_async_context(
                _beside(say_followed(lambda: live.tenants, live.news), "saying what is followed")
            )
        if not relays:
            await stack.enter_async_context(_beside(tell_recorded(hints), "telling what was written"))
        yield hints if relays else None


@asynccontextmanager
async def _beside(work: Coroutine[object, object, None], name: str) -> AsyncIterator[None]:
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
