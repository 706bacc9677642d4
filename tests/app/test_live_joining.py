"""Whoever joins a feed in the very moment that it is looked at misses nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.postgres.embedded import Urls
from models.ledger import Ledger
from models.operations.keep_feed import keep_feed
from models.reads import events
from models.reads.events import EventView, FeedEnds
from models.reads.live import Choice, LiveFeed
from models.reads.paging import Key
from models.reads.session import ReadSession
from tests.support.sockets import until
from tests.support.tenants import make_tenant


@pytest.fixture
async def ledger(database: Urls) -> AsyncIterator[Ledger]:
    ledger = Ledger()
    yield ledger
    await ledger.close()


async def test_who_joins_while_the_feed_is_looked_at_is_told_what_the_look_found(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The channel has read how far the feed is, with nobody waiting yet, and goes on once the only follower has joined."""
    tenant = await make_tenant(ledger)
    carol = await tenant.customer("carol")
    await keep_feed(ledger, tenant.id)
    live = LiveFeed()
    live.told = True
    looked, goes_on, here = asyncio.Event(), asyncio.Event(), asyncio.current_task()

    async def slow(session: ReadSession, key: Key | None = None) -> FeedEnds:
        ends = await known(session, key)
        if asyncio.current_task() not in (here, following):
            looked.set()
            await goes_on.wait()
        return ends

    async def choose() -> Choice:
        return Choice()

    seen: list[EventView] = []

    async def follow() -> None:
        async for event in live.follow(tenant.id, Key((0,)), choose):
            seen.append(event)
            if len(seen) == 1:
                await told_one.wait()

    told_one, known = asyncio.Event(), events.feed_ends
    following = asyncio.create_task(follow())
    await until(lambda: seen)  # it reads what there was
    monkeypatch.setattr(events, "feed_ends", slow)
    await tenant.adjust(carol, 1)
    await keep_feed(ledger, tenant.id)
    live.look_again()
    await looked.wait()
    told_one.set()
    await until(lambda: live.joined)
    goes_on.set()
    await until(lambda: seen[-1].kind == "CREDIT_ADJUSTED")
    assert [event.position for event in seen] == list(range(1, len(seen) + 1))
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
