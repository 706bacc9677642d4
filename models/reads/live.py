"""The feed as it grows: each tenant's new events are read once for all who follow it here (docs/adr/0062).

A follower begins after a position. What is in the feed by then it reads by itself, a page at a time, from the indexes that
its choice has; then it joins the tenant's channel, which reads on for all of them together and hands each what it wants.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from models.errors import DatabaseAway
from models.event_kinds import EventKind
from models.reads import events
from models.reads.events import EVENTS, PERSONS_EVENTS, RESTORED, EventView, FeedEnds
from models.reads.keys import BadPage
from models.reads.paging import Condition, Key, Listing, Mark, PageRequest, load_pages
from models.reads.session import ReadSession, reading

log = logging.getLogger(__name__)

READ_AT_ONCE: Final = 200
"""Events that a channel reads in one statement."""
CAUGHT_UP_AT_ONCE: Final = 100
MAX_CATCHING_UP: Final = 2
"""Followers that read the past at a time: the pool's other connections are for requests."""
MAX_QUEUE: Final = 1_000
"""Events that wait for one follower. They are the same objects for all."""
POLL_S: Final = 0.5
"""Between two looks at a feed, where nobody tells that it has grown."""
SELDOM_S: Final = 5.0
"""Between two where somebody does: what they say can be lost with their connection."""
AWAY_S: Final = 1.0
"""Before the next look, if the database is away."""


class TooSlow(Exception):
    """More events wait for a follower than are kept for one."""


class TooMany(Exception):
    """There are as many followers as there may be."""


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """Maximum followers of one process, and of one tenant in it. queue: events that wait for one of them."""

    max_followers: int = 10_000
    max_followers_per_tenant: int = 5_000
    queue: int = MAX_QUEUE


@dataclass(slots=True)
class LiveMetrics:
    """delivered: events handed to followers. dropped: followers that were too slow. last_at: Unix time of the last event
    that a channel read here, 0 before it."""

    delivered: int = 0
    dropped: int = 0
    last_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """Events that a follower wants. kinds: None for all but those hidden. person: None for everybody; records: all that are
    that person's."""

    kinds: frozenset[EventKind] | None = None
    hidden: frozenset[EventKind] = frozenset()
    person: UUID | None = None
    records: frozenset[UUID] = frozenset()

    def wants(self, event: EventView) -> bool:
        """Whether it does, by the kind; whom it is about, the channel sees to."""
        return event.kind not in self.hidden if self.kinds is None else event.kind in self.kinds

    def listing(self, tenant_id: UUID) -> tuple[Listing[EventView], UUID, tuple[Condition, ...]]:
        """The list of these events, with its parent and conditions."""
        hidden = (events.without(self.hidden),) if self.kinds is None and self.hidden else ()
        if self.person is not None:
            return PERSONS_EVENTS, self.person, hidden if self.kinds is None else (events.only(self.kinds),)
        return (EVENTS if self.kinds is None else events.of_kinds(self.kinds)), tenant_id, hidden


Choose = Callable[[], Awaitable[Choice]]
"""Finds out what a follower wants by now: a merge changes whose records are whose."""


@dataclass(slots=True, eq=False)
class _Follower:
    """position: up to which it has read the past, with what was recorded there if that is known. knows: up to which
    position its choice has every merge. restored: as its channel's was when it began. parted: the position of a merge after
    which it has to choose again. failure: by which it ends."""

    most: int
    choice: Choice = field(default_factory=Choice)
    position: int = 0
    recorded: datetime | None = None
    knows: int = 0
    restored: int = 0
    queue: deque[EventView] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None
    parted: int | None = None

    def offer(self, event: EventView) -> None:
        if self.failure is not None or not self.choice.wants(event):
            return
        if len(self.queue) >= self.most:
            self.fail(TooSlow())
        else:
            self.queue.append(event)
        self.news.set()

    def fail(self, failure: Exception) -> None:
        """Have it end by this, without what still waits."""
        self.failure = failure
        self.queue.clear()
        self.news.set()

    async def next(self) -> EventView | None:
        """The next event; None once it has to choose again. Raises TooSlow, BadPage."""
        while not self.queue and self.failure is None and self.parted is None:
            self.news.clear()
            await self.news.wait()
        if self.failure is not None:
            raise self.failure
        return self.queue.popleft() if self.queue else None


class _Channel:
    """One tenant's, while anybody follows it. position: up to which it has been read, once it has `begun`. recorded: when
    the event there was; None if that is not known. restored: how often the feed turned out to be another one."""

    def __init__(self, tenant_id: UUID) -> None:
        self.tenant_id = tenant_id
        self.position = 0
        self.recorded: datetime | None = None
        self.restored = 0
        self.begun = asyncio.Event()
        self.news = asyncio.Event()
        self.entered = 0
        self.task: asyncio.Task[None] | None = None
        self.joined: set[_Follower] = set()
        self._everybody: set[_Follower] = set()
        self._by_record: dict[UUID, set[_Follower]] = {}

    def is_ahead_of(self, follower: _Follower) -> bool:
        """Whether the follower has to read or choose before it joins. Raises BadPage if the books have been restored since
        it began."""
        if follower.restored != self.restored:
            raise BadPage(RESTORED)
        read = follower.position if follower.choice.person is None else min(follower.position, follower.knows)
        return self.position > read

    def join(self, follower: _Follower) -> None:
        follower.parted = None
        self.joined.add(follower)
        if follower.choice.person is None:
            self._everybody.add(follower)
        for record in follower.choice.records:
            self._by_record.setdefault(record, set()).add(follower)

    def leave(self, follower: _Follower) -> None:
        self.joined.discard(follower)
        self._everybody.discard(follower)
        for record in follower.choice.records:
            there = self._by_record.get(record)
            if there is not None:
                there.discard(follower)
                if not there:
                    del self._by_record[record]

    def hand_out(self, event: EventView) -> int:
        """Offer the event to those whom it concerns. Returns their number."""
        concerned = list(self._everybody)
        if event.customer_id is not None:
            concerned += self._by_record.get(event.customer_id, ())
        for follower in concerned:
            follower.offer(event)
        if event.kind is EventKind.CUSTOMER_MERGED:
            self._part(event)
        return len(concerned)

    def continues(self, newest: int, recorded: datetime | None) -> bool:
        """Whether the feed, which goes to `newest`, still has what was read last. recorded: when what is in its place now
        was; None if it was pruned."""
        return newest >= self.position and (None in (self.recorded, recorded) or self.recorded == recorded)

    def begin_anew(self, newest: int) -> None:
        """Go on from there: all who follow are told that the books have been restored, and who reads the past, once it
        would join."""
        self.position, self.recorded = newest, None
        self.restored += 1
        for follower in self.joined:
            follower.fail(BadPage(RESTORED))

    def _part(self, event: EventView) -> None:
        merged = (event.customer_id, event.subject_id)
        for follower in {each for record in merged if record for each in self._by_record.get(record, ())}:
            self.leave(follower)
            follower.parted = event.position
            follower.news.set()


class LiveFeed:
    """The feeds that are followed in this process.

    relay: gives positions to what was recorded, before each look, if nobody else is told of it in time. told: whether
    somebody tells (`grown`) when a feed has grown; set by the one that listens.
    """

    def __init__(
        self, limits: LiveLimits | None = None, relay: Callable[[UUID], Awaitable[object]] | None = None
    ) -> None:
        self.limits = limits or LiveLimits()
        self.metrics = LiveMetrics()
        self.told = False
        self.news = asyncio.Event()
        """Set whenever another tenant's feed is followed."""
        self.relay = relay
        self._channels: dict[UUID, _Channel] = {}
        self._catching_up = asyncio.Semaphore(MAX_CATCHING_UP)
        self._entered: Counter[UUID] = Counter()

    @property
    def tenants(self) -> Collection[UUID]:
        """Those whose feeds are followed here."""
        return self._channels.keys()

    @property
    def followers(self) -> int:
        """How many there are."""
        return self._entered.total()

    @property
    def joined(self) -> int:
        """How many of them have read what there was, and wait for more."""
        return sum(len(channel.joined) for channel in self._channels.values())

    def grown(self, tenant_id: UUID, position: int) -> None:
        """The tenant's feed has events up to this position."""
        channel = self._channels.get(tenant_id)
        if channel is not None and channel.position < position:
            channel.news.set()

    def look_again(self) -> None:
        """Something may have been missed."""
        for channel in self._channels.values():
            channel.news.set()

    async def follow(self, tenant_id: UUID, after: Key | None, choose: Choose) -> AsyncGenerator[EventView]:
        """Events after the one with this key, from now on if it is None, in their order, each once.

        Raises TooMany; TooSlow; BadPage if what follows it is not all kept, or it is not of this feed.
        """
        async with self.entering(tenant_id) as channel:
            follower = _Follower(self.limits.queue, knows=channel.position)
            follower.choice = await choose()
            await channel.begun.wait()
            follower.position, follower.restored = channel.position, channel.restored
            if after is not None:
                follower.position, follower.recorded = await self._check(tenant_id, after), after.recorded
            try:
                while True:
                    while channel.is_ahead_of(follower):
                        for event in await self._past(channel, follower, choose):
                            yield event
                    channel.join(follower)
                    while (new := await follower.next()) is not None:
                        if new.position > follower.position:
                            follower.position, follower.recorded = new.position, new.recorded_at
                            self.metrics.delivered += 1
                            yield new
                    # The merge itself may be among what is this person's since.
                    if (parted := follower.parted or 0) > follower.position:
                        follower.position, follower.recorded = parted - 1, None
            except TooSlow:
                self.metrics.dropped += 1
                raise
            finally:
                channel.leave(follower)

    @asynccontextmanager
    async def entering(self, tenant_id: UUID) -> AsyncIterator[_Channel]:
        """Count one follower of the tenant's while the block lasts. Raises TooMany."""
        here = self._entered[tenant_id]
        if here >= self.limits.max_followers_per_tenant or self.followers >= self.limits.max_followers:
            raise TooMany
        self._entered[tenant_id] += 1
        channel = self._channels.get(tenant_id)
        if channel is None:
            channel = self._channels[tenant_id] = _Channel(tenant_id)
            channel.task = asyncio.create_task(self._read_on(channel), name="live feed")
            self.news.set()
        channel.entered += 1
        try:
            yield channel
        finally:
            channel.entered -= 1
            self._entered[tenant_id] -= 1
            if not self._entered[tenant_id]:
                del self._entered[tenant_id]
            if not channel.entered:
                self._close(channel)

    def _close(self, channel: _Channel) -> None:
        if self._channels.get(channel.tenant_id) is channel:
            del self._channels[channel.tenant_id]
        if channel.task is not None:
            channel.task.cancel()

    async def _check(self, tenant_id: UUID, after: Key) -> int:
        """Its position. Raises BadPage if the feed cannot be followed from there."""
        async with self._catching_up, reading(tenant_id) as session:
            events.check_kept(after, await events.feed_ends(session, after))
        (position,) = after.values
        assert isinstance(position, int)  # noqa: S101 - for the type checker
        return position

    async def _past(self, channel: _Channel, follower: _Follower, choose: Choose) -> Sequence[EventView]:
        """The next events for it, none after those that the channel has read. Raises BadPage."""
        reach = channel.position
        if follower.choice.person is not None and reach > follower.knows:
            # By now each merge up to there is known. One after it parts those who have joined.
            follower.choice, follower.knows = await choose(), reach
        if reach <= follower.position:
            return ()
        listing, parent, conditions = follower.choice.listing(channel.tenant_id)
        after = Key((follower.position,), recorded=follower.recorded)
        request = PageRequest(limit=CAUGHT_UP_AT_ONCE, after=_mark(follower.position))
        async with self._catching_up, reading(channel.tenant_id) as session:
            events.check_kept(after, await events.feed_ends(session, after))
            page = (await load_pages(session, listing, [parent], request, conditions))[parent]
        found = [event for event in page.rows if event.position <= reach]
        follower.position, follower.recorded = reach, None
        if page.has_next and len(found) == len(page.rows):
            follower.position, follower.recorded = found[-1].position, found[-1].recorded_at
        return found

    async def _read_on(self, channel: _Channel) -> None:
        """Read what is new, whenever it is told or it is time, and hand it out; for as long as the channel is open."""
        while True:
            channel.news.clear()
            pause = SELDOM_S if self.told else POLL_S
            try:
                if self.relay is not None and not self.told and channel.begun.is_set():
                    await self.relay(channel.tenant_id)
                await self._read_new(channel)
            except DatabaseAway:
                pause = AWAY_S
            except Exception:
                log.exception("the feed could not be read; it is tried again")
                pause = AWAY_S
            try:
                async with asyncio.timeout(pause):
                    await channel.news.wait()
            except TimeoutError:
                continue

    async def _read_new(self, channel: _Channel) -> None:
        more = True
        while more:
            async with reading(channel.tenant_id) as session:
                if not channel.joined:
                    there = await events.feed_ends(session, Key((channel.position,)))
                    newest = await events.feed_ends(session, Key((there.newest,)))
                    if channel.joined:  # by now, and what has come since waits for them
                        continue
                    if channel.begun.is_set() and not channel.continues(there.newest, there.recorded):
                        channel.begin_anew(there.newest)
                    channel.position, channel.recorded = newest.newest, newest.recorded
                    channel.begun.set()
                    return
                # With the last one: after a restore there may be another one in its place.
                found, more = await _after(session, channel.tenant_id, channel.position - 1)
                newest = FeedEnds(0, found[-1].position) if found else await events.feed_ends(session)
            same = found[0].recorded_at if found and found[0].position == channel.position else None
            if not channel.continues(newest.newest, same):
                channel.begin_anew(newest.newest)
                return
            for event in found:
                if event.position > channel.position:
                    channel.hand_out(event)
                channel.position, channel.recorded = event.position, event.recorded_at
            if found:
                self.metrics.last_at = found[-1].recorded_at.timestamp()


def _mark(position: int) -> Mark:
    return Mark(Key((position,)))


async def _after(session: ReadSession, tenant_id: UUID, position: int) -> tuple[Sequence[EventView], bool]:
    """All events after the position, as many as are read at once, and whether there are more."""
    request = PageRequest(limit=READ_AT_ONCE, after=_mark(position))
    page = (await load_pages(session, EVENTS, [tenant_id], request))[tenant_id]
    return page.rows, page.has_next
