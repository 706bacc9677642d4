"""The only writer of entries, of credits' remainders and of balances. `post(units) → results`, one tenant at a time.

A unit is what one request asks for, and is all or nothing. A batch of units costs one transaction, and the same
number of round trips however many units it holds:

    1. begin, as the tenant; claim the idempotency keys; answer those that were used before
    2. lock, in the one order; read under the locks (models/loading)
    3. plan each unit in turn on the locked state (models/planning): entries, or a refusal that undoes the unit
    4. write everything set-based (models/writing.py); commit
"""

import asyncio
import logging
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import asyncpg

from models import planning
from models.commands import Actor, Command, Outcome
from models.configuration import Configurations
from models.errors import Busy, IdempotencyKeyReused, LedgerError, Unavailable
from models.loading.accounts import (
    held_elsewhere,
    load_facts,
    lock_accounts,
    lock_to_merge,
    locked_elsewhere,
    open_accounts,
)
from models.loading.approvals import count_waiting
from models.loading.counters import counters_needed, lock_counters, lock_to_add_up
from models.loading.credits import load_all_open
from models.loading.keeping import keeping_limits, keeping_tiers
from models.loading.named import keep_whom_notes_are_about, load_named, load_requests
from models.lookups import each
from models.money import POINTS
from models.persons import Persons
from models.plan_ages import ANEW
from models.planning import calendar, requesting
from models.planning.needs import Needs
from models.planning.persons import followed, followed_needs
from models.planning.state import AccountKey, AccountState, Books, CustomerState, Origin, Source
from models.session import TenantConnection, tenant_transaction
from models.sources import LedgerClock
from models.tallies import Tallies
from models.writing import write

log = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 5
FIRST_PAUSE_SECONDS: Final = 0.01
MAX_TIMEOUTS: Final = 4
LOCK_WAIT: Final = {True: "SET LOCAL lock_timeout = '5s'; ", False: "SET LOCAL lock_timeout = '250ms'; "}
"""By whether a posting waits for locks. One that does not skips accounts that others hold; but keys, accounts that are
just being made, counters, invoices and rewards cannot be skipped: it waits for them, not much longer than a posting takes.
"""
SETTINGS: Final = "SET LOCAL plan_cache_mode = force_generic_plan"
"""Every statement of a posting finds its rows by key, whatever the batch's size: planning it anew each time would cost a
quarter of a single adjustment (measured)."""
MANY_ACCOUNTS: Final = 1_000
PLAN_ANEW: Final = f"; {ANEW}"
"""For a posting on many accounts. The checks of foreign keys have plans too, kept until the tables are analysed: one made
while they were empty reads all of the tenant's rows for each check (measured: 5,000 rows in 10 s instead of 1)."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One request: who asks for what, under which key, and what has to be locked for it.

    operation and input_hash: what the key is claimed for. result_id: the id that its result gets. hash_before: what a key
    of the time before blank texts were taken for missing ones may be kept with.
    """

    command: Command
    actor: Actor
    actor_id: UUID
    needs: Needs
    operation: str
    input_hash: bytes
    result_id: UUID
    idempotency_key: str | None = None
    hash_before: bytes | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Replayed:
    """The key was used before, for the same input: the id of what it made then."""

    result_id: UUID


@dataclass(frozen=True, slots=True)
class Refused:
    error: LedgerError


@dataclass(frozen=True, slots=True)
class Failed:
    """A bug of ours, or a database out of reach. Nothing of the unit was written."""

    error: Exception


@dataclass(frozen=True, slots=True)
class PutBack:
    """Somebody else holds a row that it needs: to be posted again. Nothing of the unit was written."""


Result = Posted | Replayed | Refused | Failed | PutBack

Claims = dict[str, tuple[str, bytes, UUID]]
"""Key → operation, input hash and result id that it stands for."""


class _Contended(Exception):
    """An account appeared between looking and locking, or a customer's record was merged. The batch is tried again."""


_TRY_AGAIN: Final = (
    _Contended,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
)


class Poster:
    """Posts batches. Holds nothing between them but the tenants' configurations, and which records were merged."""

    def __init__(self, configurations: Configurations, source: Source, clock: LedgerClock, tallies: Tallies) -> None:
        self._configurations = configurations
        self._source = source
        self._clock = clock
        self._tallies = tallies
        self._persons = Persons()

    async def post(self, tenant_id: UUID, units: Sequence[Unit], *, wait: bool) -> list[Result]:
        """Post a batch, trying again where the database asks for it; then each unit by itself.

        With `wait`, wait for locks that others hold (and refuse with Busy in the end); without, put those units back.
        """
        pause = FIRST_PAUSE_SECONDS
        for _ in range(MAX_ATTEMPTS):
            try:
                return await self._post_once(tenant_id, units, wait=wait)
            except Unavailable as error:
                return [Refused(error) for _ in units]
            except _TRY_AGAIN as error:
                self._tallies.retries += 1
                log.debug("posting %d units again: %s", len(units), type(error).__name__)
                if not wait and isinstance(error, asyncpg.LockNotAvailableError):
                    return [PutBack()] if len(units) == 1 else await self._each_alone(tenant_id, units, wait=False)
                await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311 - jitter, not a secret
                pause *= 2
            except Exception as error:  # noqa: BLE001 - whatever it is, one unit must not cost its neighbours theirs
                return await self._one_by_one(tenant_id, units, error, wait=wait)
        return [Refused(Busy()) for _ in units]

    async def _one_by_one(
        self, tenant_id: UUID, units: Sequence[Unit], error: Exception, *, wait: bool
    ) -> list[Result]:
        """The database refused what the planner had allowed: find the unit that did it, and spare its neighbours."""
        self._tallies.one_by_one += 1
        if len(units) == 1 and not isinstance(error, asyncpg.UniqueViolationError):
            log.error("posting failed: %s", units[0].operation, exc_info=error)
            return [Failed(error)]
        log.warning("posting %d units one by one: %s", len(units), type(error).__name__)
        return await self._each_alone(tenant_id, units, wait=wait)

    async def _each_alone(self, tenant_id: UUID, units: Sequence[Unit], *, wait: bool) -> list[Result]:
        """Without `wait`, those that need what others hold are put back, and after MAX_TIMEOUTS of them all the rest."""
        results: list[Result] = []
        timeouts = 0
        for unit in units:
            if timeouts == MAX_TIMEOUTS and not wait:
                results.append(PutBack())
                continue
            try:
                results += await self._post_once(tenant_id, [unit], wait=wait)
            except _TRY_AGAIN:
                timeouts += 1
                results.append(Refused(Busy()) if wait else PutBack())
            except Unavailable as error:
                results.append(Refused(error))
            except Exception as failure:
                log.error("posting failed: %s", unit.operation, exc_info=failure)
                results.append(Failed(failure))
        return results

    async def _post_once(self, tenant_id: UUID, units: Sequence[Unit], *, wait: bool) -> list[Result]:
        results: list[Result | None] = [None] * len(units)
        units = _followed(units, self._persons.of(tenant_id))
        async with tenant_transaction(tenant_id, settings=_settings(tenant_id, units, wait=wait)) as connection:
            claimed, known = await self._claim(connection, units)
            live = _answer_replays(units, claimed, known, results)
            if live:
                books, opened, held = await self._lock_and_load(connection, [units[i] for i in live], wait=wait)
                await _plan_all(connection, books, units, live, held, results)
                # Nothing may fail from here on.
                await self._write(connection, books, units)
                await _close_unused(connection, opened, books)
            await _free_keys(connection, units, claimed, results)
        return [result if result is not None else PutBack() for result in results]

    async def _claim(self, connection: TenantConnection, units: Sequence[Unit]) -> tuple[Claims, Claims]:
        """Claim the batch's keys, in order. Answers those claimed now, and those that were used before."""
        wanted: Claims = {}
        for unit in units:
            if unit.idempotency_key is not None:
                wanted.setdefault(unit.idempotency_key, (unit.operation, unit.input_hash, unit.result_id))
        if not wanted:
            return {}, {}
        keys = sorted(wanted)
        operations, hashes, ids = zip(*(wanted[key] for key in keys), strict=True)
        rows = await connection.raw.fetch(
            """INSERT INTO idempotency_keys (tenant_id, key, operation, input_hash, result_id, created_at)
            SELECT $1, k.key, k.operation, k.input_hash, k.result_id, coalesce($6::timestamptz, clock_timestamp())
            FROM unnest($2::text[], $3::text[], $4::bytea[], $5::uuid[])
                WITH ORDINALITY AS k(key, operation, input_hash, result_id, nth)
            ORDER BY k.nth ON CONFLICT DO NOTHING RETURNING key""",
            connection.tenant_id, keys, operations, hashes, ids, self._clock.given,
        )  # fmt: skip
        claimed = {row["key"]: wanted[row["key"]] for row in rows}
        if len(claimed) == len(wanted):
            return claimed, {}
        rows = await connection.raw.fetch(
            f"""SELECT i.key, i.operation, i.input_hash, i.result_id FROM {each("key text")} k
            JOIN idempotency_keys i ON i.tenant_id = $1 AND i.key = k.key""",
            connection.tenant_id, [key for key in keys if key not in claimed],
        )  # fmt: skip
        return claimed, {row["key"]: (row["operation"], row["input_hash"], row["result_id"]) for row in rows}

    async def _lock_and_load(
        self, connection: TenantConnection, units: Sequence[Unit], *, wait: bool
    ) -> tuple[Books, list[UUID], set[AccountKey]]:
        """The books, the accounts that were opened for them, and the accounts that others hold. Raises Unavailable."""
        needs = await self._with_what_merges(connection, [unit.needs for unit in units])
        wanted = {key for n in needs for key in n.accounts}
        customers = {customer for n in needs for customer in n.customers}
        accounts: dict[AccountKey, AccountState] = {}
        found: dict[UUID, CustomerState] = {}
        if wanted or customers:
            accounts, found = await lock_accounts(connection, wanted, customers, wait=wait)
        if not any(n.as_records for n in needs):
            self._check_not_merged(connection.tenant_id, found)
        opened, held = await self._open_missing(connection, needs, wanted, accounts, wait=wait)
        if missing := {*customers, *(customer for customer, _ in wanted)} - found.keys():
            held |= {(customer, "") for customer in await locked_elsewhere(connection, missing)}
        # Under the locks, time has not gone on without us: it is now.
        asked = self._clock.asking()
        version, now = await load_facts(connection, accounts, self._clock.given)
        self._clock.learn(asked, now)
        self._clock.check()
        books = Books(
            config=await self._configurations.at_version(connection, version), now=now, source=self._source,
            customers=found, accounts=accounts, accounts_by_id={a.id: a for a in accounts.values()},
            persons=self._persons.of(connection.tenant_id),
        )  # fmt: skip
        limited = [(unit.actor, key) for unit in units for key in unit.needs.limited if key[0] in found]
        counters = counters_needed(books.config, now, limited)
        if counters:
            books.counters = await lock_counters(connection, counters, [self._source.new_id() for _ in counters])
        for n in needs:
            if n.merges:
                await self._load_what_merges(connection, books, *n.merges)
            if n.as_records:
                await load_all_open(connection, books, set(books.accounts_by_id))
        await load_named(connection, books, needs)
        if any(getattr(unit.command, "note", None) for unit in units):
            await keep_whom_notes_are_about(connection, books)
        await load_requests(connection, books, needs)
        return books, opened, held

    async def _with_what_merges(self, connection: TenantConnection, needs: list[Needs]) -> list[Needs]:
        """Needs of a merge as they are once both customers are ours: all that the first has accounts in, of both."""
        if not any(n.merges for n in needs):
            return needs
        whole = []
        for n in needs:  # one: a merge is alone in its posting
            found, accounts = await lock_to_merge(connection, set(n.merges))
            self._check_not_merged(connection.tenant_id, found)
            assets = {asset for customer, asset in accounts if n.merges and customer == n.merges[0]}
            both = set(found) if len(found) == len(set(n.merges)) else set()
            whole.append(replace(n, accounts=tuple((customer, asset) for customer in both for asset in assets)))
        return whole

    async def _load_what_merges(self, connection: TenantConnection, books: Books, from_id: UUID, into_id: UUID) -> None:
        today = calendar.local_date(books.now, books.config.zone)
        books.counters |= await lock_to_add_up(connection, from_id, into_id, today, self._source.new_id)
        await load_all_open(connection, books, {a.id for a in books.accounts.values() if a.customer_id == from_id})

    def _check_not_merged(self, tenant_id: UUID, found: dict[UUID, CustomerState]) -> None:
        """Raises _Contended where a record turns out to have been merged, and remembers into which."""
        merged = {c.id: c.merged_into_id for c in found.values() if c.merged_into_id is not None}
        if merged:
            self._persons.learn(tenant_id, merged)
            raise _Contended

    async def _open_missing(
        self, connection: TenantConnection, needs: Sequence[Needs], wanted: set[AccountKey],
        accounts: dict[AccountKey, AccountState], *, wait: bool,
    ) -> tuple[list[UUID], set[AccountKey]]:  # fmt: skip
        """Make the accounts that are missing and wanted; tell which of the missing others hold."""
        missing = wanted - accounts.keys()
        if not missing:
            return [], set()
        held = await held_elsewhere(connection, missing)
        to_open = {key for n in needs if n.opens_accounts for key in n.accounts} & (missing - held)
        made: dict[AccountKey, AccountState] = {}
        if to_open:
            ids = [self._source.new_id() for _ in to_open]
            made = await open_accounts(connection, to_open, ids, self._clock.given)
            if len(made) < len(to_open):  # no such customer, or somebody else was faster
                held |= await held_elsewhere(connection, to_open - made.keys())
        accounts.update(made)
        if (
            held and wait
        ):  # somebody made them a moment ago. To begin again would lose what we have made, and the next race
            late, _ = await lock_accounts(connection, held, set(), wait=True)
            accounts.update(late)
            if held - late.keys():
                raise _Contended
            held = set()
        return [account.id for account in made.values()], held

    async def _write(self, connection: TenantConnection, books: Books, units: Sequence[Unit]) -> None:
        actors = books.actor_ids | {unit.actor: unit.actor_id for unit in units}
        await write(connection, books, actors, [self._source.new_id() for _ in books.writes.events])


def _settings(tenant_id: UUID, units: Sequence[Unit], *, wait: bool) -> str:
    """What travels with the BEGIN."""
    accounts = [key for unit in units for key in unit.needs.accounts]
    many = len(accounts) >= MANY_ACCOUNTS
    # What a merge moves is found once it has begun: it may be points.
    points = any(asset == POINTS for _, asset in accounts) or any(unit.needs.merges for unit in units)
    tiers = f"; {keeping_tiers(tenant_id)}" if points else ""
    limits = f"; {keeping_limits(tenant_id)}" if any(unit.needs.limited for unit in units) else ""
    return LOCK_WAIT[wait] + SETTINGS + PLAN_ANEW * many + tiers + limits


def _followed(units: Sequence[Unit], persons: dict[UUID, UUID]) -> Sequence[Unit]:
    """The units, with every customer that they name as the record that they are now."""
    if not persons:
        return units
    return [
        replace(unit, command=followed(unit.command, persons), needs=followed_needs(unit.needs, persons))
        for unit in units
    ]


def _answer_replays(units: Sequence[Unit], claimed: Claims, known: Claims, results: list[Result | None]) -> list[int]:
    """Answer the units whose key was used before; the indexes of the others, the first of each key only."""
    live, seen = [], set()
    for i, unit in enumerate(units):
        key = unit.idempotency_key
        if key is not None and key in known:
            results[i] = _replay(unit, known[key])
        elif key is None or (key in claimed and key not in seen):
            seen.add(key)
            live.append(i)
    return live


def _replay(unit: Unit, used: tuple[str, bytes, UUID]) -> Result:
    operation, input_hash, result_id = used
    if operation != unit.operation or input_hash not in (unit.input_hash, unit.hash_before):
        return Refused(IdempotencyKeyReused())
    return Replayed(result_id)


async def _plan_all(
    connection: TenantConnection, books: Books, units: Sequence[Unit], live: list[int], held: set[AccountKey],
    results: list[Result | None],
) -> None:  # fmt: skip
    """Plan the units, and answer the batch's own repetitions.

    How many requests wait already is asked only where another one was planned, so that it costs nobody else a round
    trip; where that would be too many, the units are planned again.
    """
    mark = books.mark()
    _plan(books, units, live, held, results)
    if asking := {request.requested_by.subject for request in books.writes.approvals}:
        books.waiting = await count_waiting(connection, asking, books.now)
        if requesting.too_many(books):
            books.back_to(mark)
            _plan(books, units, live, held, results)
    _answer_repetitions(units, live, results)


def _plan(
    books: Books,
    units: Sequence[Unit],
    live: list[int],
    held: set[AccountKey],
    results: list[Result | None],
) -> None:
    """Plan each unit in turn; one that is refused leaves no trace."""
    for i in live:
        unit = units[i]
        if held and not held.isdisjoint(_held_by_name(unit.needs)):
            results[i] = PutBack()
            continue
        mark = books.mark()
        try:
            origin = Origin(unit.actor, unit.idempotency_key, unit.result_id)
            results[i] = Posted(planning.plan(books, origin, unit.command))
        except LedgerError as error:
            books.back_to(mark)
            results[i] = Refused(error)


def _held_by_name(needs: Needs) -> Iterator[AccountKey]:
    """Its accounts, and its customers as accounts of no asset: what others may hold of it."""
    yield from needs.accounts
    yield from ((customer, "") for customer in (*needs.customers, *(customer for customer, _ in needs.accounts)))


def _answer_repetitions(units: Sequence[Unit], live: list[int], results: list[Result | None]) -> None:
    """Those whose key another unit of the batch came with first."""
    first = {key: i for i in live if (key := units[i].idempotency_key) is not None}
    for i, unit in enumerate(units):
        if results[i] is None and unit.idempotency_key in first:
            results[i] = _repetition(unit, units[first[unit.idempotency_key]], results[first[unit.idempotency_key]])


def _repetition(unit: Unit, first: Unit, result: Result | None) -> Result | None:
    """What becomes of a unit whose key another one of the batch came with first; None: it has to come again."""
    if isinstance(result, Posted):
        return _replay(unit, (first.operation, first.input_hash, first.result_id))
    same = (unit.actor, unit.operation, unit.input_hash) == (first.actor, first.operation, first.input_hash)
    return result if same else None


async def _close_unused(connection: TenantConnection, opened: list[UUID], books: Books) -> None:
    """An account that was opened for a unit that was then refused leaves no trace either."""
    unused = [account_id for account_id in opened if books.accounts_by_id[account_id].sequence == 0]
    if unused:
        await connection.raw.execute(
            f"DELETE FROM accounts a USING {each('id uuid')} k WHERE a.tenant_id = $1 AND a.id = k.id",
            connection.tenant_id, unused,
        )  # fmt: skip


async def _free_keys(
    connection: TenantConnection, units: Sequence[Unit], claimed: Claims, results: list[Result | None]
) -> None:
    """Only a success (or an approval request) keeps its key: a dry run's report does not."""
    used = {
        unit.idempotency_key
        for unit, result in zip(units, results, strict=True)
        if isinstance(result, Posted) and not getattr(unit.command, "dry_run", False)
    }
    freed = [key for key in claimed if key not in used]
    if freed:
        await connection.raw.execute(
            f"DELETE FROM idempotency_keys i USING {each('key text')} k WHERE i.tenant_id = $1 AND i.key = k.key",
            connection.tenant_id, freed,
        )  # fmt: skip
