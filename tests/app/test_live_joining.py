"""Whoever joins a feed misses nothing of what happens while they read what there was."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.commands import MergeCustomers
from models.event_kinds import EventKind
from models.ledger import Ledger
from models.operations.keep_feed import keep_feed
from models.operations.merge_customers import merge_customers
from models.reads import events
from models.reads.events import EventView, FeedEnds
from models.reads.keys import BadPage
from models.reads.live import Choice, LiveFeed
from models.reads.paging import Key
from models.reads.session import ReadSession, reading
from tests.app.test_live_changes import restore
from tests.support.sockets import until
from tests.support.tenants import ADMIN, Tenant, make_tenant


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


class Reading:
    """A follower from the feed's beginning that works on its first event until it is told to go on."""

    def __init__(self, live: LiveFeed, tenant: Tenant, customer_id: UUID | None = None) -> None:
        self.live = live
        self._tenant = tenant
        self._customer_id = customer_id
        self._goes_on = asyncio.Event()
        self.seen: list[EventView] = []
        self._task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        async for event in self.live.follow(self._tenant.id, Key((0,)), self._choose):
            self.seen.append(event)
            await self._goes_on.wait()

    async def _choose(self) -> Choice:
        if self._customer_id is None:
            return Choice()
        async with reading(self._tenant.id) as session:
            columns = "coalesce(t.merged_into_id, t.id) as person"
            (row,) = await session.fetch_by_ids("customers", columns, [self._customer_id])
            return Choice(person=row["person"], records=await events.records_of(session, row["person"]))

    async def begins(self) -> None:
        await until(lambda: self.seen)

    async def looked(self) -> None:
        """The channel has seen all that is in the feed by now."""
        (channel,) = self.live._channels.values()
        async with reading(self._tenant.id) as session:
            newest = (await events.feed_ends(session)).newest
        self.live.look_again()
        await until(lambda: channel.position == newest)

    def go_on(self) -> None:
        self._goes_on.set()

    async def ended(self) -> None:
        """Raises what it ended with."""
        async with asyncio.timeout(10):
            await self._task

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.mark.parametrize("followed", ["the one that goes", "the one that stays"])
async def test_who_is_merged_while_their_past_is_read_is_followed_as_one(ledger: Ledger, followed: str) -> None:
    """Whose records are whose was asked before the past was read, and the merge is behind the channel by the end."""
    tenant = await make_tenant(ledger)
    goes, stays = await tenant.customer("goes"), await tenant.customer("stays")
    await keep_feed(ledger, tenant.id)
    follower = Reading(LiveFeed(), tenant, goes if followed == "the one that goes" else stays)
    await follower.begins()
    await merge_customers(ledger, tenant.id, ADMIN, MergeCustomers(goes, stays), tenant.key())
    await tenant.adjust(stays, 1)
    await keep_feed(ledger, tenant.id)
    await follower.looked()
    follower.go_on()
    await until(lambda: follower.live.joined)
    await tenant.adjust(stays, 2)
    await keep_feed(ledger, tenant.id)
    follower.live.look_again()
    await until(lambda: [event.kind for event in follower.seen].count(EventKind.CREDIT_ADJUSTED) == 2)
    positions = [event.position for event in follower.seen]
    assert positions == sorted(set(positions))
    assert [event.kind for event in follower.seen].count(EventKind.CUSTOMER_MERGED) == 1
    await follower.stop()


@pytest.mark.parametrize("grown", [False, True], ids=["shorter", "grown again"])
async def test_who_reads_the_past_while_the_books_are_restored_is_told(
    ledger: Ledger, database_urls: Urls, *, grown: bool
) -> None:
    """It has read what has never been, and would leave out what is in its place."""
    tenant = await make_tenant(ledger)
    for name in ("carol", "dave"):
        await tenant.customer(name)
    await keep_feed(ledger, tenant.id)
    follower = Reading(LiveFeed(), tenant)
    await follower.begins()
    await follower.looked()
    superuser = await asyncpg.connect(database_urls.admin)
    try:
        await restore(superuser, tenant, grown=grown)
    finally:
        await superuser.close()
    looks = follower.live._channels[tenant.id]
    follower.live.look_again()
    await until(lambda: looks.restored)
    follower.go_on()
    with pytest.raises(BadPage, match="restored"):
        await follower.ended()
