"""The ledger of a running process: every operation submits its unit to it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from models.checkpoints import Notary
from models.commands import Actor, BulkCredit, Command, Outcome, PostRows, ReverseRows
from models.configuration import Configurations
from models.errors import Busy
from models.group_commit import GroupCommit, Overloaded
from models.idempotency import check_key, input_hashes
from models.ledger_metrics import LedgerMetrics
from models.load_books import Loader
from models.loading.locked_elsewhere import Name
from models.patience import patiently
from models.persons import Persons
from models.planning.needs import Needs
from models.planning.state import Source
from models.poster import Poster
from models.session import TenantConnection, connections_lost, database_time, pool_size, tenant_transaction
from models.sources import DatabaseClock, GivenClock, LedgerClock, RandomSource
from models.throttle import Throttle
from models.units import Failed, Posted, Refused, Replayed, Requeued, Result, Unit
from models.webhooks import WebhookSetup
from turns.slices import MANY_ROWS, beside

CONNECTIONS_TO_ONE_IN_LINE: Final = 4
_UNWATCHED: Final = nullcontext()
MAX_REMEMBERED_ACTORS: Final = 100_000
MAX_DENIALS_A_MINUTE: Final = 60
"""Maximum audit rows for one actor's refused requests."""


class Watcher(Protocol):
    """Follows units into their postings, for traces. submitted: surrounds a unit, in its request's task, until it has its
    result. posting: surrounds a posting, in a task of the lane's."""

    def submitted(self, unit: Unit) -> AbstractContextManager[None]: ...

    def posting(self, units: Sequence[Unit]) -> AbstractContextManager[None]: ...


class Ledger:
    """The ledger's entry point. One per process. clock: a DatabaseClock, or an independent one, for tests. webhooks: what
    the operator has set for them; nothing is, unless given."""

    def __init__(
        self,
        clock: DatabaseClock | Callable[[], datetime] | None = None,
        source: Source | None = None,
        webhooks: WebhookSetup | None = None,
    ) -> None:
        self.clock: LedgerClock
        if clock is None:
            self.clock = DatabaseClock()
        else:
            self.clock = clock if isinstance(clock, DatabaseClock) else GivenClock(clock)
        self.source: Source = source or RandomSource()
        self.webhooks = webhooks or WebhookSetup()
        self.configurations = Configurations()
        self.metrics = LedgerMetrics()
        self.watcher: Watcher | None = None
        self.notary: Notary | None = None
        """Signs checkpoints; without it, none are made."""
        self.denials = Throttle(MAX_DENIALS_A_MINUTE, timedelta(minutes=1))
        self.fills_suspended = False
        """Whether sweeps and bulks work in a tenant that is suspended: for who fills one before anybody may see it."""
        self.feeds_behind: set[UUID] = set()
        """Tenants of which the log says already that their feed stops before what this version does not know."""
        self._persons = Persons()
        loader = Loader(self.configurations, self.source, self.clock, self._persons)
        self._poster = Poster(loader, self.metrics)
        self._group = GroupCommit(self._post, self._poster.still_locked, _most_in_line)
        self._actor_ids: dict[tuple[UUID, Actor], UUID] = {}
        self._losses = 0
        self._asking = asyncio.Lock()

    @property
    def database_time(self) -> bool:
        """Whether rows carry the database's time, and not that of a clock passed in."""
        return isinstance(self.clock, DatabaseClock)

    @property
    def waiting(self) -> int:
        """Number of requests not yet taken by a posting."""
        return self._group.waiting

    @property
    def longest_wait_s(self) -> float:
        """For how long the first of them has waited."""
        return self._group.longest_wait_s

    async def close(self) -> None:
        """Finish running postings; accept no new ones."""
        await self._group.close()

    async def submit(
        self, tenant_id: UUID, actor: Actor, operation: str, command: Command, needs: Needs, idempotency_key: str | None
    ) -> Outcome | UUID:
        """Post one unit. Returns its outcome; or, for a replay, the id of the first request's result.

        Raises the LedgerError of a refusal, including Busy and Unavailable, or the error of an internal failure.
        """
        await self.check_clock()
        if idempotency_key is not None:  # Scrip's own requests can be repeated
            check_key(idempotency_key)
        actor_id = await self.actor_id(tenant_id, actor)
        input_hash, hash_before = await _input_hashes(command)
        unit = Unit(
            command=command,
            actor=actor,
            actor_id=actor_id,
            needs=needs,
            operation=operation,
            input_hash=input_hash,
            result_id=self.source.new_id(),
            idempotency_key=idempotency_key,
            hash_before=hash_before,
        )
        try:
            with _UNWATCHED if self.watcher is None else self.watcher.submitted(unit):
                result = await self._group.submit(tenant_id, unit)
        except Overloaded:
            raise Busy from None
        match result:
            case Posted(outcome):
                return outcome
            case Replayed(result_id):
                return result_id
            case Refused(error) | Failed(error):
                try:
                    raise error
                finally:
                    del result, error  # its traceback has this frame
            case Requeued():
                raise Busy

    async def sync_clock(self) -> None:
        """Ask the database for its time. Raises the query's errors."""
        asked = self.clock.asking()
        self.clock.learn(asked, await database_time())

    async def check_clock(self) -> None:
        """Raises Unavailable if this server's clock is too far from the database's: then nothing may be written.

        Costs no round trip unless that seems so, or nothing is known yet.
        """
        if self.clock.right:
            return
        if self.clock.doubtful:
            async with self._asking:
                if self.clock.doubtful:
                    await self.sync_clock()
        self.clock.check()

    async def stamp(self, connection: TenantConnection, *, checked: bool = True) -> datetime:
        """The time of everything that this transaction writes: the database's, read once within it.

        Raises Unavailable as `check_clock` does, unless `checked` is False: for records that are the server's own.
        """
        if connection.stamp is None:
            now = self.clock.given
            if now is None:
                asked = self.clock.asking()
                now = await connection.raw.fetchval("SELECT clock_timestamp()")
                self.clock.learn(asked, now)
            if checked:
                self.clock.check()
            connection.stamp = now
        return connection.stamp

    async def actor_id(self, tenant_id: UUID, actor: Actor) -> UUID:
        """The id of this actor's row, inserted or renamed if necessary."""
        self._forget_if_lost()
        known = self._actor_ids.get((tenant_id, actor))
        if known is not None:
            return known
        actor_id = await self._named(tenant_id, actor)
        if len(self._actor_ids) >= MAX_REMEMBERED_ACTORS:
            self._actor_ids.clear()
        self._actor_ids[tenant_id, actor] = actor_id
        return actor_id

    def _forget_if_lost(self) -> None:
        """Forget what is known of the books, if connections were lost: a standby that has taken over may not have got the
        last commits of the primary that told it."""
        losses = connections_lost()
        if losses != self._losses:
            self._losses = losses
            self._actor_ids.clear()
            self._persons.forget()
            self.configurations.forget()

    @patiently
    async def _named(self, tenant_id: UUID, actor: Actor) -> UUID:
        async with tenant_transaction(tenant_id) as connection:
            actor_id: UUID = await connection.raw.fetchval(
                """INSERT INTO actors AS a (tenant_id, id, subject, role, client, name) VALUES ($1, $2, $3, $4, $5, $6)
                ON CONFLICT (tenant_id, subject, role, client) DO UPDATE SET name = coalesce(excluded.name, a.name)
                RETURNING id""",
                tenant_id,
                self.source.new_id(),
                actor.subject,
                actor.role,
                actor.client or "",
                actor.name,
            )
        return actor_id

    async def _post(
        self, tenant_id: UUID, units: Sequence[Unit], wait: bool, *, first: Name | None = None, quick: bool = False
    ) -> list[Result]:
        began = time.perf_counter()
        with _UNWATCHED if self.watcher is None else self.watcher.posting(units):
            results = await self._poster.post(tenant_id, units, wait=wait, first=first, quick=quick)
        self.metrics.postings += 1
        self.metrics.seconds += time.perf_counter() - began
        for result in results:
            self.metrics.count(type(result).__name__.lower())
        return results


def _most_in_line() -> int:
    """Maximum connections that wait in line; lanes, reads and all others have the rest of the pool."""
    return pool_size() // CONNECTIONS_TO_ONE_IN_LINE


async def _input_hashes(command: Command) -> tuple[bytes, bytes | None]:
    """The same as input_hashes; for many rows in a thread, since 10,000 would block the event loop for 11 ms
    (measured)."""
    many = isinstance(command, BulkCredit) and len(command.items) >= MANY_ROWS
    many = many or (isinstance(command, PostRows | ReverseRows) and len(command.rows) >= MANY_ROWS)
    return await beside(input_hashes, command) if many else input_hashes(command)
