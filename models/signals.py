"""Signals between processes, by LISTEN and NOTIFY: that a feed is followed, that something was recorded in such a tenant,
and that its feed has grown.

They are hints: nothing depends on them but how soon something is seen. Each process listens on one connection of its own,
outside the pool. Through a pooler that lends connections out by transaction nobody can listen; then all look by
themselves, now and then.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any, Final
from uuid import UUID

from models.errors import DatabaseAway
from models.pool import UNREACHABLE, Raw, is_pooled, the_pool
from models.session import ask

log = logging.getLogger(__name__)

RECORDED: Final = "scrip_recorded"
"""The channel of tenants in which something was written: for those that run the relay."""
FOLLOWED: Final = "scrip_followed"
"""The channel of tenants whose feeds are followed: only of these is told that something was written."""
GROWN: Final = "scrip_feed"
"""The channel of feeds that have new events: a tenant and a position. From the relay."""
GATHER_S: Final = 0.02
"""How long a hint waits for others, so that what is written together is told together."""
PAUSE_S: Final = 0.2
"""At least between two hints of one tenant."""
PING_S: Final = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
"""Before listening is tried again."""
RESTS: Final = 20
"""How many times as long as it took to relay a tenant's events it is left alone: this is to be little beside postings."""
SAID_AGAIN_S: Final = 10.0
FOLLOWED_S: Final = 30.0
"""A tenant counts as followed for so long after that was said."""
MAX_HINTS: Final = 100_000
"""Tenants that are remembered. The relay finds others by itself."""

NOTIFY: Final = "SELECT pg_notify($1, told) FROM unnest($2::text[]) told"


def told_growth(tenant_id: UUID, position: int) -> str:
    """The relay's words on GROWN."""
    return f"{tenant_id} {position}"


class Hints:
    """Followed tenants in which something was written, each at most every PAUSE_S."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._news = asyncio.Event()
        self._noted: set[UUID] = set()
        self._left_until: dict[UUID, float] = {}
        self._followed: dict[UUID, float] = {}
        self._cleared_at = clock()
        self.grown: Callable[[UUID], None] = lambda _: None
        """Told of each tenant whose feed has grown, as far as this process hears of it."""

    def follow(self, tenant_id: UUID) -> None:
        """The tenant's feed is followed somewhere."""
        now = self._clock()
        if now - self._cleared_at > FOLLOWED_S:
            self._cleared_at = now
            self._followed = {tenant: until for tenant, until in self._followed.items() if until > now}
        if len(self._followed) < MAX_HINTS:
            self._followed[tenant_id] = now + FOLLOWED_S

    def note(self, tenant_id: UUID) -> None:
        """Something was written there."""
        until = self._followed.get(tenant_id)
        if until is not None and until > self._clock():
            self.hear(tenant_id)

    def hear(self, tenant_id: UUID) -> None:
        """Somebody says that something was written there."""
        if len(self._noted) < MAX_HINTS:
            self._noted.add(tenant_id)
            self._news.set()

    def rest(self, tenant_id: UUID, took_s: float) -> None:
        """Leave the tenant alone for a while, since it took so long to see to it."""
        self._left_until[tenant_id] = self._clock() + max(PAUSE_S, RESTS * took_s)

    async def take(self) -> list[UUID]:
        """Wait for some, and take them."""
        while True:
            await self._news.wait()
            await asyncio.sleep(GATHER_S)
            now = self._clock()
            self._left_until = {tenant: until for tenant, until in self._left_until.items() if until > now}
            due = [tenant for tenant in self._noted if tenant not in self._left_until]
            if due:
                self._noted.difference_update(due)
                self._left_until |= dict.fromkeys(due, now + PAUSE_S)
                if not self._noted:
                    self._news.clear()
                return due


Heard = Mapping[str, Callable[[str], None]]
"""By the channel, what is done with what is said on it."""


class Listener:
    """This process's ear. heard: by the channel. on_change: told whether it listens by now, whenever that changes; what
    was said in between is lost."""

    def __init__(self, heard: Heard, on_change: Callable[[bool], None]) -> None:
        self._heard = heard
        self._on_change = on_change

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen while the block lasts."""
        task = asyncio.create_task(self._keep(), name="listening")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _keep(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            try:
                async with the_pool().beside() as raw:
                    if await is_pooled(raw):
                        log.info(
                            "there is a pooler in between: feeds are looked at now and then, and nobody is told of them"
                        )
                        return
                    pause = FIRST_PAUSE_S
                    await self._listen(raw)
            except (*UNREACHABLE, DatabaseAway) as error:
                log.debug("nobody listens: %s", error)
            except Exception:
                log.exception("listening failed; it is tried again")
            finally:
                self._on_change(False)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _listen(self, raw: Raw) -> None:
        """Listen until the connection is lost."""
        gone = asyncio.Event()
        raw.add_termination_listener(lambda _: gone.set())
        for channel in self._heard:
            await raw.add_listener(channel, self._hear)
        self._on_change(True)
        while not gone.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(PING_S):
                    await gone.wait()
                    return
            await raw.execute("SELECT", timeout=PING_S)

    def _hear(self, _raw: Any, _pid: int, channel: str, said: str) -> None:
        try:
            self._heard[channel](said)
        except ValueError:
            log.warning("something else than Scrip speaks on %s", channel)


async def say_followed(tenants: Callable[[], Collection[UUID]], news: asyncio.Event) -> None:
    """Say which feeds are followed here, now and then and whenever there is news, for as long as this task lasts."""
    while True:
        news.clear()
        if followed := [str(tenant) for tenant in tenants()]:
            await _say(FOLLOWED, followed)
        with suppress(TimeoutError):
            async with asyncio.timeout(SAID_AGAIN_S):
                await news.wait()


async def tell_recorded(hints: Hints) -> None:
    """Tell those that run the relay of each hint, for as long as this task lasts."""
    while True:
        await _say(RECORDED, [str(tenant) for tenant in await hints.take()])


async def _say(channel: str, told: list[str]) -> None:
    async def tell(raw: Raw) -> None:
        await raw.execute(NOTIFY, channel, told)

    try:
        await ask(tell)
    except DatabaseAway:
        log.debug("nobody was told on %s", channel, exc_info=True)
    except Exception:
        log.exception("nobody was told on %s", channel)


@asynccontextmanager
async def noted(hints: Hints) -> AsyncIterator[None]:
    """While the block lasts, hint at whatever this process writes."""
    pool = the_pool()
    pool.wrote = hints.note
    try:
        yield
    finally:
        pool.wrote = None


def heard_tenant(done: Callable[[UUID], None]) -> Callable[[str], None]:
    """Hears RECORDED or FOLLOWED."""
    return lambda said: done(UUID(said))


def heard_growth(grown: Callable[[UUID, int], None]) -> Callable[[str], None]:
    """Hears GROWN."""

    def hear(said: str) -> None:
        tenant, _, position = said.partition(" ")
        grown(UUID(tenant), int(position))

    return hear
