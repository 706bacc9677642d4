"""The ledger as a running process has it: what every operation hands its unit to."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import orjson

from models.commands import LATER, Actor, Command, Outcome
from models.configuration import Configurations
from models.errors import Busy, Invalid
from models.group_commit import GroupCommit, Overloaded
from models.ledger_metrics import LedgerMetrics
from models.loading.locked_elsewhere import Name
from models.patience import patiently
from models.planning.needs import Needs
from models.planning.state import Source
from models.posting import Poster
from models.session import TenantConnection, database_time, pool_size, tenant_transaction
from models.sources import DatabaseClock, GivenClock, LedgerClock, RandomSource
from models.throttle import Throttle
from models.units import Failed, Posted, Refused, Replayed, Requeued, Result, Unit

MAX_KEY_CHARACTERS: Final = 255
CONNECTIONS_TO_ONE_IN_LINE: Final = 4
MAX_REMEMBERED_ACTORS: Final = 100_000
MAX_DENIALS_A_MINUTE: Final = 60
"""Rows of the audit that one actor's refused requests may fill."""


class Ledger:
    """One per process. `clock`: a DatabaseClock, or one that decides by itself, so that tests can move time."""

    def __init__(
        self, clock: DatabaseClock | Callable[[], datetime] | None = None, source: Source | None = None
    ) -> None:
        self.clock: LedgerClock
        if clock is None:
            self.clock = DatabaseClock()
        else:
            self.clock = clock if isinstance(clock, DatabaseClock) else GivenClock(clock)
        self.source: Source = source or RandomSource()
        self.configurations = Configurations()
        self.metrics = LedgerMetrics()
        self.denials = Throttle(MAX_DENIALS_A_MINUTE, timedelta(minutes=1))
        self._poster = Poster(self.configurations, self.source, self.clock, self.metrics)
        self._group = GroupCommit(self._post, self._poster.still_locked, _most_in_line)
        self._actor_ids: dict[tuple[UUID, Actor], UUID] = {}
        self._asking = asyncio.Lock()

    @property
    def database_time(self) -> bool:
        """Whether rows carry the database's time; otherwise that of a clock that was passed in."""
        return isinstance(self.clock, DatabaseClock)

    @property
    def waiting(self) -> int:
        """Requests that no posting has taken yet."""
        return self._group.waiting

    async def close(self) -> None:
        """Finish the postings under way; take no new ones."""
        await self._group.close()

    async def submit(
        self, tenant_id: UUID, actor: Actor, operation: str, command: Command, needs: Needs, idempotency_key: str | None
    ) -> Outcome | UUID:
        """Post one unit. Answers its outcome; or, for a replay, the id of what the first request made.

        Raises the LedgerError it was refused with, Busy and Unavailable included, or whatever went wrong on our side.
        """
        await self.check_clock()
        if idempotency_key is not None:  # what we ask of ourselves can be asked twice
            check_key(idempotency_key)
        unit = Unit(
            command=command, actor=actor, actor_id=await self.actor_id(tenant_id, actor), needs=needs, operation=operation,
            input_hash=input_hash(command), result_id=self.source.new_id(), idempotency_key=idempotency_key,
            hash_before=hash_before(command),
        )  # fmt: skip
        try:
            result = await self._group.submit(tenant_id, unit)
        except Overloaded:
            raise Busy from None
        match result:
            case Posted(outcome):
                return outcome
            case Replayed(result_id):
                return result_id
            case Refused(error):
                raise error
            case Failed(failure):
                raise failure
            case Requeued():
                raise Busy

    async def sync_clock(self) -> None:
        """Ask the database what time it is. Raises what asking it does."""
        asked = self.clock.asking()
        self.clock.learn(asked, await database_time())

    async def check_clock(self) -> None:
        """Raises Unavailable where this server's clock is too far from the database's: nothing is to be written then.

        Costs no round trip unless that is so, or nothing is known yet.
        """
        if self.clock.right:
            return
        if self.clock.doubtful:
            async with self._asking:
                if self.clock.doubtful:
                    await self.sync_clock()
        self.clock.check()

    async def stamp(self, connection: TenantConnection, *, checked: bool = True) -> datetime:
        """When that which this transaction writes has happened: the database's time, read once within it.

        Raises Unavailable as `check_clock` does, unless `checked` is False: for what a server notes of its own accord.
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
        """The row that stands for this actor, made or renamed if need be."""
        known = self._actor_ids.get((tenant_id, actor))
        if known is not None:
            return known
        actor_id = await self._named(tenant_id, actor)
        if len(self._actor_ids) >= MAX_REMEMBERED_ACTORS:
            self._actor_ids.clear()
        self._actor_ids[tenant_id, actor] = actor_id
        return actor_id

    @patiently
    async def _named(self, tenant_id: UUID, actor: Actor) -> UUID:
        async with tenant_transaction(tenant_id) as connection:
            actor_id: UUID = await connection.raw.fetchval(
                """INSERT INTO actors AS a (tenant_id, id, subject, role, client, name) VALUES ($1, $2, $3, $4, $5, $6)
                ON CONFLICT (tenant_id, subject, role, client) DO UPDATE SET name = coalesce(excluded.name, a.name)
                RETURNING id""",
                tenant_id, self.source.new_id(), actor.subject, actor.role, actor.client or "", actor.name,
            )  # fmt: skip
        return actor_id

    async def _post(
        self, tenant_id: UUID, units: Sequence[Unit], wait: bool, *, first: Name | None = None, quick: bool = False
    ) -> list[Result]:
        began = time.perf_counter()
        results = await self._poster.post(tenant_id, units, wait=wait, first=first, quick=quick)
        self.metrics.postings += 1
        self.metrics.seconds += time.perf_counter() - began
        for result in results:
            self.metrics.count(type(result).__name__.lower())
        return results


def _most_in_line() -> int:
    """Of the pool's connections: lanes, reads and everybody else have the others."""
    return pool_size() // CONNECTIONS_TO_ONE_IN_LINE


def check_key(idempotency_key: str) -> None:
    """Raises Invalid for a key that is blank or longer than 255 characters."""
    if not idempotency_key.strip() or len(idempotency_key) > MAX_KEY_CHARACTERS:
        raise Invalid(f"A key has between 1 and {MAX_KEY_CHARACTERS} characters.", field=("idempotencyKey",))


def input_hash(command: Any) -> bytes:
    """SHA-256 of everything the command says: what tells a repetition from another request under the same key.

    Names as they were sent, so that those which were sent before names were cleaned are still the same. A blank text that
    may be left out says nothing.
    """
    return _hash(command, dict.fromkeys(_blank(command)))


def hash_before(command: Any) -> bytes | None:
    """The same as it was while a blank text said something; None where the command has none."""
    return _hash(command, {}) if _blank(command) else None


def _hash(command: Any, instead: dict[str, None]) -> bytes:
    silent = {name for name, default in _later(command.__class__) if getattr(command, name) == default}
    said = command
    if silent or instead:
        said = {name: getattr(command, name) for name in _names(command.__class__) if name not in silent} | instead
    return hashlib.sha256(orjson.dumps(said, default=_plain)).digest()


def _blank(command: Any) -> list[str]:
    """The texts that may be left out, and are there without saying anything."""
    values = ((name, getattr(command, name)) for name in _optional(command.__class__))
    return [name for name, value in values if isinstance(value, str) and not value.strip()]


@lru_cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


@lru_cache
def _optional(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if f.default is None)


@lru_cache
def _later(kind: Any) -> tuple[tuple[str, object], ...]:
    """The fields that the command has not had from the first, with their defaults (`LATER` in models/commands.py)."""
    return tuple((f.name, f.default) for f in fields(kind) if f.metadata == LATER)


def _plain(value: object) -> str:
    """What orjson cannot write: decimals, 25 and 25.00 being the same; and ids as the database driver makes them."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"cannot be hashed: {type(value).__name__}")
