"""Signals between this process and others while it runs (models/signals.py)."""

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from uuid import UUID

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
async def signalled(
    *, live: LiveFeed | None = None, relays: bool, delivered: Collection[UUID] = frozenset()
) -> AsyncIterator[Hints | None]:
    """While the block lasts, listen, and hint at what is written here in tenants whose feeds are followed. live: its feeds
    are told when they grow. relays: whether this process runs the relay: then these are the hints for it, and for what
    else waits for feeds to grow; else others are told. delivered: tenants whose feeds this process delivers, by the time."""
    hints = Hints()

    def grown(tenant_id: UUID, position: int) -> None:
        if live is not None:
            live.grown(tenant_id, position)
        hints.grown(tenant_id)

    def followed() -> Collection[UUID]:
        return {*delivered, *(() if live is None else live.tenants)}

    heard = {FOLLOWED: heard_tenant(hints.follow)}
    if live is not None or relays:
        heard[GROWN] = heard_growth(grown)
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
        if live is not None or relays:
            news = asyncio.Event() if live is None else live.news
            await stack.enter_async_context(_beside(say_followed(followed, news), "saying what is followed"))
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
