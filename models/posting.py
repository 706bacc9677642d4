"""The only writer of entries, of credits' remainders and of balances. `post(units) → results`, one tenant at a time.

A unit is what one request asks for, and is all or nothing. A batch of units costs one transaction, and the same
number of round trips however many units it holds:

    1. begin, as the tenant; claim the idempotency keys; answer those that were used before
    2. lock, in the one order; read under the locks (models/loading)
    3. plan each unit in turn on the locked state (models/planning): entries, or a refusal that undoes the unit
    4. write everything set-based (models/writing.py); where one large unit was planned, raise its actor's counters; commit
"""

import asyncio
import logging
import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

import asyncpg

from models import idempotency, planning
from models.configuration import Configurations
from models.counting import CountersMoved, load_counters, raise_last, to_raise
from models.errors import Busy, DatabaseAway, IdempotencyKeyReused, LedgerError, Unavailable
from models.idempotency import Place, Use, Uses
from models.ledger_metrics import LedgerMetrics
from models.loading.accounts import (
    accounts_locked_elsewhere,
    customers_locked_elsewhere,
    load_facts,
    lock_accounts,
    lock_to_merge,
    open_accounts,
)
from models.loading.approvals import count_pending_requests
from models.loading.counters import lock_to_add_up
from models.loading.credits import load_all_open
from models.loading.locked_elsewhere import (
    COUNTER_KINDS,
    TIERS,
    LockedElsewhere,
    Name,
    counter_names,
    lock_first,
    new_names,
    still_locked,
)
from models.loading.named import Skipped, keep_whom_notes_are_about, load_named, load_requests
from models.lookups import each
from models.persons import Persons
from models.planning import calendar, requesting
from models.planning.needs import Needs
from models.planning.persons import followed, followed_needs
from models.planning.state import AccountKey, AccountState, Books, CustomerState, PostingContext, Source
from models.planning.steps import Steps
from models.session import TenantConnection, tenant_transaction
from models.slices import in_slices
from models.sources import LedgerClock
from models.units import Failed, Posted, Refused, Replayed, Requeued, Result, Unit, names_of
from models.ways import LOCK_WAIT, QUICKLY, Way, begin_settings, way_of
from models.writing import write

log = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 5
FIRST_PAUSE_SECONDS: Final = 0.01


class _Contended(Exception):
    """An account appeared between looking and locking, or a customer's record was merged. The batch is tried again."""


_TRY_AGAIN: Final = (_Contended, asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


class Poster:
    """Posts batches. Holds nothing between them but the tenants' configurations, and which records were merged."""

    def __init__(
        self, configurations: Configurations, source: Source, clock: LedgerClock, metrics: LedgerMetrics
    ) -> None:
        self._configurations = configurations
        self._source = source
        self._clock = clock
        self._metrics = metrics
        self._persons = Persons()

    async def post(
        self, tenant_id: UUID, units: Sequence[Unit], *, wait: bool, first: Name | None = None, quick: bool = False
    ) -> list[Result]:
        """Post a batch, trying again where the database asks for it; then each unit by itself.

        With `wait`, wait a moment for each lock that others hold; without, skip what they hold. Either way, units that
        could not have what they need are put back. first: a row that is waited for before anything else is locked.
        quick: what has to be waited for all the same is given up sooner.
        """
        return await self._post(tenant_id, units, way_of(wait=wait, first=first, quick=quick))

    async def _post(self, tenant_id: UUID, units: Sequence[Unit], way: Way) -> list[Result]:
        pause, away = FIRST_PAUSE_SECONDS, False
        for _ in range(MAX_ATTEMPTS):
            try:
                return await self._post_once(tenant_id, units, way)
            except Unavailable as error:
                return [Refused(error) for _ in units]
            except DatabaseAway as error:
                if not error.again or error.unknown or away:
                    return [Failed(error) for _ in units]
                away = True  # nothing was committed: once more, on another connection
            except LockedElsewhere as locked_elsewhere:
                self._metrics.retries += 1
                return await self._apart(tenant_id, units, locked_elsewhere.names, way)
            except CountersMoved:
                self._metrics.retries += 1
                way = replace(way, counts_last=False)
            except _TRY_AGAIN as error:
                self._metrics.retries += 1
                log.debug("posting %d units again: %s", len(units), type(error).__name__)
                await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311 - jitter, not a secret
                pause *= 2
            except Exception as error:  # noqa: BLE001 - whatever it is, one unit must not cost its neighbours theirs
                return await self._one_by_one(tenant_id, units, error, way)
        return [Refused(Busy()) for _ in units]

    async def _apart(
        self, tenant_id: UUID, units: Sequence[Unit], locked_elsewhere: frozenset[Name], way: Way
    ) -> list[Result]:
        """Something that cannot be skipped was not to be had: put back whoever needs it, and post the others at once.

        Those who may need it are halved until it is clear who does, each half waiting no more than a moment.
        """
        if locked_elsewhere == {way.first}:
            return [Requeued(locked_elsewhere) for _ in units]
        mine = [locked_elsewhere.intersection(names_of(unit)) for unit in units]
        if len(units) == 1:
            return [Requeued(mine[0] or await self._locked_now(tenant_id, units[0]))]
        suspects = {i for i, names in enumerate(mine) if names} or set(range(len(units)))
        order = sorted(range(len(units)), key=lambda i: i in suspects)
        cut = len(units) - len(suspects)
        found: list[Result] = []
        if locked_elsewhere == {TIERS}:  # whoever moves points needs them
            found = [Requeued(locked_elsewhere) for _ in suspects]
            order = order[cut:] + order[:cut]
            rest = [order[len(suspects) :]]
        else:
            rest = [order[: cut or len(units) // 2], order[cut or len(units) // 2 :]]
        for part in filter(None, rest):
            found += await self._post(tenant_id, [units[i] for i in part], Way(way.wait, QUICKLY))
        return [result for _, result in sorted(zip(order, found, strict=True), key=lambda pair: pair[0])]

    async def _locked_now(self, tenant_id: UUID, unit: Unit) -> frozenset[Name]:
        """The rows of a unit that others hold; where none is to be seen, the unit is to come again by itself."""
        async with tenant_transaction(tenant_id) as connection:
            locked_elsewhere = await still_locked(connection, set(names_of(unit)))
        return frozenset(locked_elsewhere or {("posting", unit.result_id)})

    async def still_locked(self, tenant_id: UUID, names: Collection[Name]) -> set[Name]:
        """Those of the rows that others hold now."""
        async with tenant_transaction(tenant_id) as connection:
            return await still_locked(connection, names)

    async def _one_by_one(self, tenant_id: UUID, units: Sequence[Unit], error: Exception, way: Way) -> list[Result]:
        """The database refused what the planner had allowed: find the unit that did it, and spare its neighbours."""
        self._metrics.one_by_one += 1
        if len(units) == 1 and not isinstance(error, asyncpg.UniqueViolationError):
            log.error("posting failed: %s", units[0].operation, exc_info=error)
            return [Failed(error)]
        log.warning("posting %d units one by one: %s", len(units), type(error).__name__)
        way = replace(way, counts_last=False)
        results: list[Result] = []
        for place, unit in enumerate(units):
            try:
                results += await self._post_once(tenant_id, [unit], way)
            except LockedElsewhere as locked_elsewhere:
                results.append(Requeued(locked_elsewhere.names.intersection(names_of(unit))))
            except _TRY_AGAIN:
                results.append(Requeued())
            except Unavailable as refused:
                results.append(Refused(refused))
            except DatabaseAway as error:  # for those that are left as well
                return results + [Failed(error) for _ in units[place:]]
            except Exception as failure:
                log.error("posting failed: %s", unit.operation, exc_info=failure)
                results.append(Failed(failure))
        return results

    async def _post_once(self, tenant_id: UUID, units: Sequence[Unit], way: Way) -> list[Result]:
        """Raises LockedElsewhere, CountersMoved, and what is to be tried again."""
        results: list[Result | None] = [None] * len(units)
        books: Books | None = None
        units = _followed(units, self._persons.of(tenant_id))
        dry = all(unit.is_dry for unit in units)
        settings = begin_settings(tenant_id, [unit.needs for unit in units], way, dry=dry)
        waiting_for = {TIERS}  # by the BEGIN
        try:
            async with tenant_transaction(tenant_id, settings=settings) as connection:
                if way.first is not None:
                    waiting_for = {way.first}
                    await lock_first(connection, way.first)
                    await connection.raw.execute(LOCK_WAIT[way.wait])
                waiting_for = {("idempotency_keys", *unit.place) for unit in units if unit.place is not None}
                claimed, known = await self._claim(connection, units)
                waiting_for = set()
                live = _answer_replays(units, claimed, known, results)
                if live:
                    books, opened, skipped = await self._lock_and_load(connection, [units[i] for i in live], way)
                    await _plan_all(connection, books, units, live, skipped, results)
                    # Nothing may fail from here on.
                    waiting_for = new_names(books)
                    await self._write(connection, books, units)
                    await _close_unused(connection, opened, books)
                await _free_keys(connection, units, claimed, results)
                if books is not None and (more := to_raise(books)):
                    waiting_for = set().union(*(counter_names(more, kind) for kind in COUNTER_KINDS))
                    await raise_last(connection, books, units[0].actor, more)
        except asyncpg.LockNotAvailableError:
            raise LockedElsewhere(waiting_for) from None
        if books is not None:
            await in_slices(books.let_go())
        return [result if result is not None else Requeued() for result in results]

    async def _claim(self, connection: TenantConnection, units: Sequence[Unit]) -> tuple[Uses, Uses]:
        """Claim the batch's keys. Answers those claimed now, and those that were used before."""
        wanted: dict[Place, Use] = {}
        for unit in units:
            if (place := unit.place) is not None:
                wanted.setdefault(place, unit.use)
        return await idempotency.claim(connection, wanted, self._clock.given) if wanted else ({}, {})

    async def _lock_and_load(
        self, connection: TenantConnection, units: Sequence[Unit], way: Way
    ) -> tuple[Books, list[UUID], Skipped]:
        """The books, the accounts that were opened for them, and what others hold. Raises Unavailable, LockedElsewhere."""
        wait = way.wait
        needs = await self._with_what_merges(connection, [unit.needs for unit in units])
        wanted = {key for n in needs for key in n.accounts}
        customers = {customer for n in needs for customer in n.customers}
        accounts: dict[AccountKey, AccountState] = {}
        found: dict[UUID, CustomerState] = {}
        if wanted or customers:
            accounts, found = await lock_accounts(connection, wanted, customers, wait=wait)
        if not any(n.as_records for n in needs):
            self._check_not_merged(connection.tenant_id, found)
        # Of a customer that is not there, or that others have, nothing is looked for.
        reachable = {key for key in wanted if key[0] in found}
        opened, late = await self._open_missing(connection, needs, reachable, accounts, wait=wait)
        skipped = Skipped({("accounts", *key) for key in late})
        if missing := {*customers, *(customer for customer, _ in wanted)} - found.keys():
            skipped.named |= {
                ("customers", customer) for customer in await customers_locked_elsewhere(connection, missing)
            }
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
        await load_counters(connection, books, units, skipped, way)
        for n in needs:
            if n.merges:
                await self._load_what_merges(connection, books, *n.merges)
            if n.as_records:
                await load_all_open(connection, books, set(books.accounts_by_id))
        await load_named(connection, books, needs, skipped, wait=wait)
        if any(getattr(unit.command, "note", None) for unit in units):
            await keep_whom_notes_are_about(connection, books, skipped, wait=wait)
        await load_requests(connection, books, needs, skipped, wait=wait)
        return books, opened, skipped

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
        locked_elsewhere = await accounts_locked_elsewhere(connection, missing)
        to_open = {key for n in needs if n.opens_accounts for key in n.accounts} & (missing - locked_elsewhere)
        made: dict[AccountKey, AccountState] = {}
        if to_open:
            ids = [self._source.new_id() for _ in to_open]
            made = await open_accounts(connection, to_open, ids, self._clock.given)
            if len(made) < len(to_open):  # no such customer, or somebody else was faster
                locked_elsewhere |= await accounts_locked_elsewhere(connection, to_open - made.keys())
        accounts.update(made)
        if (
            locked_elsewhere and wait
        ):  # somebody made them a moment ago. To begin again would lose what we have made, and the next race
            late, _ = await lock_accounts(connection, locked_elsewhere, set(), wait=True)
            accounts.update(late)
            if locked_elsewhere - late.keys():
                raise _Contended
            locked_elsewhere = set()
        return [account.id for account in made.values()], locked_elsewhere

    async def _write(self, connection: TenantConnection, books: Books, units: Sequence[Unit]) -> None:
        actors = books.actor_ids | {unit.actor: unit.actor_id for unit in units}
        await write(connection, books, actors)


def _followed(units: Sequence[Unit], persons: dict[UUID, UUID]) -> Sequence[Unit]:
    """The units, with every customer that they name as the record that they are now."""
    if not persons:
        return units
    return [
        replace(unit, command=followed(unit.command, persons), needs=followed_needs(unit.needs, persons))
        for unit in units
    ]


def _answer_replays(units: Sequence[Unit], claimed: Uses, known: Uses, results: list[Result | None]) -> list[int]:
    """Answer the units whose key was used before; the indexes of the others, the first of each key only."""
    live, seen = [], set()
    for i, unit in enumerate(units):
        place = unit.place
        if place is not None and place in known:
            results[i] = _replay(unit, known[place])
        elif place is None or (place in claimed and place not in seen):
            seen.add(place)
            live.append(i)
    return live


def _replay(unit: Unit, used: Use) -> Result:
    if not used.is_of(unit.operation, (unit.input_hash, unit.hash_before)):
        return Refused(IdempotencyKeyReused())
    return Replayed(used.result_id)


async def _plan_all(
    connection: TenantConnection, books: Books, units: Sequence[Unit], live: list[int], skipped: Skipped,
    results: list[Result | None],
) -> None:  # fmt: skip
    """Plan the units, and answer the batch's own repetitions.

    How many requests wait already is asked only where another one was planned, so that it costs nobody else a round
    trip; where that would be too many, the units are planned again.
    """
    savepoint = books.savepoint()
    await in_slices(_plan(books, units, live, skipped, results))
    if asking := {request.requested_by.subject for request in books.writes.approvals}:
        books.pending_requests = await count_pending_requests(connection, asking, books.now)
        if requesting.too_many(books):
            await in_slices(books.rolling_back_to(savepoint))
            await in_slices(_plan(books, units, live, skipped, results))
    _answer_repetitions(units, live, results)


def _plan(
    books: Books,
    units: Sequence[Unit],
    live: list[int],
    skipped: Skipped,
    results: list[Result | None],
) -> Steps[None]:
    """Plan each unit in turn; one that is refused leaves no trace."""
    for i in live:
        unit = units[i]
        noted = bool(getattr(unit.command, "note", None))
        if skipped and (mine := skipped.of(unit.needs, set(names_of(unit)), noted=noted)):
            results[i] = Requeued(frozenset(mine))
            continue
        savepoint = books.savepoint()
        try:
            context = PostingContext(unit.actor, unit.idempotency_key, unit.result_id)
            results[i] = Posted((yield from planning.plan(books, context, unit.command)))
        except LedgerError as error:
            yield from books.rolling_back_to(savepoint)
            results[i] = Refused(error)
        yield


def _answer_repetitions(units: Sequence[Unit], live: list[int], results: list[Result | None]) -> None:
    """Those whose key another unit of the batch came with first."""
    first = {place: i for i in live if (place := units[i].place) is not None}
    for i, unit in enumerate(units):
        if results[i] is None and unit.place in first:
            results[i] = _repetition(unit, units[first[unit.place]], results[first[unit.place]])


def _repetition(unit: Unit, first: Unit, result: Result | None) -> Result | None:
    """What becomes of a unit whose key another one of the batch came with first; None: it has to come again."""
    if isinstance(result, Posted):
        return _replay(unit, first.use)
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
    connection: TenantConnection, units: Sequence[Unit], claimed: Uses, results: list[Result | None]
) -> None:
    """Only a success (or an approval request) keeps its key: a dry run's report does not."""
    used = {
        unit.place
        for unit, result in zip(units, results, strict=True)
        if isinstance(result, Posted) and not unit.is_dry
    }
    await idempotency.free(connection, [place for place in claimed if place not in used])
