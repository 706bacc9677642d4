"""The only writer of entries, credits' remainders and balances: a batch of units of one tenant, in one transaction.

A unit is one request's work, and is all or nothing. The number of round trips per batch does not depend on the number
of units:

    1. begin, as the tenant; claim the idempotency keys; answer units whose key was used before
    2. lock, in the fixed order; read under the locks (models/load_books.py)
    3. plan each unit in turn on the locked state (models/planning): entries, or a refusal that undoes the unit
    4. write everything set-based (models/writing.py); if one large unit was planned, raise its actor's counters; commit

A batch that could not be posted is handled by models/poster.py.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import asyncpg

from models import idempotency, planning
from models.counting import raise_last, to_raise
from models.errors import IdempotencyKeyReused, LedgerError
from models.idempotency import Place, Use, Uses
from models.load_books import Loaded, Loader
from models.loading.accounts import close_accounts, load_facts
from models.loading.approvals import count_pending_requests
from models.loading.locked_elsewhere import (
    COUNTER_KINDS,
    TIERS,
    LockedElsewhere,
    Name,
    counter_names,
    lock_first,
    new_names,
)
from models.planning import requesting
from models.planning.persons import followed, followed_needs
from models.planning.state import Books, PostingContext
from models.session import TenantConnection, tenant_transaction
from models.units import Posted, Refused, Replayed, Requeued, Result, Unit, names_of
from models.ways import LOCK_WAIT, Way, begin_settings, report_settings
from models.writing import write
from turns.slices import in_slices
from turns.steps import Steps

Results = list[Result | None]
"""One for each unit; None until it is known."""
Places = Sequence[Place | None]
"""The units' keys, each in its actor's name space."""


class Posting:
    """Posts a batch once. Keeps no state between calls except its loader's."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    async def once(self, tenant_id: UUID, units: Sequence[Unit], way: Way) -> list[Result]:
        """Raises LockedElsewhere, CountersMoved, and the errors that ask for a retry."""
        results: Results = [None] * len(units)
        loaded: Loaded | None = None
        untold: Uses = {}
        units = _followed(units, self._loader.persons.of(tenant_id))
        if len(units) == 1 and units[0].is_dry:  # as every bulk, alone in its posting
            return [await self._report(tenant_id, units[0], way)]
        settings = begin_settings(tenant_id, [unit.needs for unit in units], way)
        waiting_for = {TIERS}  # by the BEGIN
        try:
            async with tenant_transaction(tenant_id, settings=settings) as connection:
                if way.first is not None:
                    waiting_for = {way.first}
                    await lock_first(connection, way.first)
                    await connection.raw.execute(LOCK_WAIT[way.wait])
                places = [unit.place for unit in units]
                waiting_for = {("idempotency_keys", *place) for place in places if place is not None}
                claimed, known = await self._claim(connection, units, places)
                waiting_for = set()
                live = _answer_replays(units, places, claimed, known, results)
                if live:
                    loaded = await self._loader.load_books(connection, [units[i] for i in live], way)
                    await _plan_all(connection, loaded, units, places, live, results)
                    untold = _tell_of_keys(tenant_id, loaded.books, claimed)
                    # Nothing may fail from here on.
                    waiting_for = new_names(loaded.books)
                    await self._write(connection, loaded.books, units)
                    await _close_unused(connection, loaded)
                await _keep_keys(connection, units, places, claimed, results, untold)
                if loaded is not None and (more := to_raise(loaded.books)):
                    waiting_for = set().union(*(counter_names(more, kind) for kind in COUNTER_KINDS))
                    await raise_last(connection, loaded.books, units[0].actor, more)
        except asyncpg.LockNotAvailableError:
            raise LockedElsewhere(waiting_for) from None
        if loaded is not None:
            await in_slices(loaded.books.let_go())
        return [result if result is not None else Requeued() for result in results]

    async def _report(self, tenant_id: UUID, unit: Unit, way: Way) -> Result:
        """Perform a dry run: plan on a snapshot, without waiting for locks or taking any; then write the report.

        Raises LockedElsewhere if another transaction holds its key, and the errors that ask for a retry.
        """
        async with tenant_transaction(tenant_id, read_only=True, one_moment=True) as connection:
            loaded = await self._loader.as_they_stand(connection, unit)
        books = loaded.books
        planned: Results = [None]
        results: Results = [None]
        await in_slices(_plan(loaded, [unit], [0], planned))
        places = [unit.place]
        waiting_for: set[Name] = {("idempotency_keys", *place) for place in places if place is not None}
        try:
            async with tenant_transaction(tenant_id, settings=report_settings(tenant_id, way)) as connection:
                claimed, known = await self._claim(connection, [unit], places)
                if _answer_replays([unit], places, claimed, known, results):
                    results = planned
                    waiting_for = new_names(books)
                    # Stamped after this transaction began, like every row written (docs/adr/0019).
                    _, books.now = await load_facts(connection, {}, self._loader.clock.given)
                    await self._write(connection, books, [unit])
                await _keep_keys(connection, [unit], places, claimed, results, {})
        except asyncpg.LockNotAvailableError:
            raise LockedElsewhere(waiting_for) from None
        await in_slices(books.let_go())
        return results[0] or Requeued()

    async def _claim(self, connection: TenantConnection, units: Sequence[Unit], places: Places) -> tuple[Uses, Uses]:
        """Claim the batch's keys. Returns the keys claimed now, and the keys used before, each with its use."""
        wanted: dict[Place, Use] = {}
        for unit, place in zip(units, places, strict=True):
            if place is not None and place not in wanted:
                wanted[place] = unit.use
        return await idempotency.claim(connection, wanted, self._loader.clock.given) if wanted else ({}, {})

    async def _write(self, connection: TenantConnection, books: Books, units: Sequence[Unit]) -> None:
        await write(connection, books, books.actor_ids | {unit.actor: unit.actor_id for unit in units})


def _followed(units: Sequence[Unit], persons: dict[UUID, UUID]) -> Sequence[Unit]:
    """The units, with each merged customer that they name replaced by the surviving record."""
    if not persons:
        return units
    return [
        replace(unit, command=followed(unit.command, persons), needs=followed_needs(unit.needs, persons))
        for unit in units
    ]


def _answer_replays(units: Sequence[Unit], places: Places, claimed: Uses, known: Uses, results: Results) -> list[int]:
    """Answer the units whose key was used before; return the indexes of the others, only the first for each key."""
    live, seen = [], set()
    for i, place in enumerate(places):
        if place is not None and place in known:
            results[i] = _replay(units[i], known[place])
        elif place is None or (place in claimed and place not in seen):
            seen.add(place)
            live.append(i)
    return live


def _replay(unit: Unit, used: Use) -> Result:
    try:
        return Replayed(idempotency.answer(used, unit.operation, (unit.input_hash, unit.hash_before)))
    except IdempotencyKeyReused as error:
        return Refused(error)


async def _plan_all(
    connection: TenantConnection,
    loaded: Loaded,
    units: Sequence[Unit],
    places: Places,
    live: list[int],
    results: Results,
) -> None:
    """Plan the units, and answer keys repeated within the batch.

    The number of pending requests is queried only if a new one was planned, so other batches save the round
    trip; if that would be too many, the units are planned again.
    """
    books = loaded.books
    savepoint = books.savepoint()
    await in_slices(_plan(loaded, units, live, results))
    if asking := {request.requested_by.asker for request in books.writes.approvals}:
        books.pending_requests = await count_pending_requests(connection, asking, books.now)
        if requesting.too_many(books):
            await in_slices(books.rolling_back_to(savepoint))
            await in_slices(_plan(loaded, units, live, results))
    if len(live) < len(units):
        _answer_repetitions(units, places, live, results)


def _plan(loaded: Loaded, units: Sequence[Unit], live: list[int], results: Results) -> Steps[None]:
    """Plan each unit in turn; one that is refused leaves no trace."""
    books, skipped = loaded.books, loaded.skipped
    for i in live:
        unit = units[i]
        if skipped and (mine := skipped.of(unit.needs, set(names_of(unit)), noted=unit.is_noted)):
            results[i] = Requeued(frozenset(mine))
            continue
        savepoint = books.savepoint()
        try:
            context = PostingContext(unit.actor, unit.idempotency_key, unit.result_id, texts=unit.command.texts)
            results[i] = Posted((yield from planning.plan(books, context, unit.command)))
        except LedgerError as error:
            yield from books.rolling_back_to(savepoint)
            # Its traceback refers to this frame and so to the results: the books would stay until garbage collection.
            results[i] = Refused(error.with_traceback(None))
        yield


def _answer_repetitions(units: Sequence[Unit], places: Places, live: list[int], results: Results) -> None:
    """Answer the units whose key an earlier unit of the batch has."""
    first = {place: i for i in live if (place := places[i]) is not None}
    for i, place in enumerate(places):
        if results[i] is None and place in first:
            results[i] = _repetition(units[i], units[first[place]], results[first[place]])


def _repetition(unit: Unit, first: Unit, result: Result | None) -> Result | None:
    """The result of a unit whose key an earlier unit of the batch has; None: it must be retried."""
    if isinstance(result, Posted):
        return _replay(unit, first.use)
    same = (unit.actor, unit.operation, unit.input_hash) == (first.actor, first.operation, first.input_hash)
    return result if same else None


async def _close_unused(connection: TenantConnection, loaded: Loaded) -> None:
    """Delete accounts opened for units that were then refused, so that these leave no trace."""
    unused = [account_id for account_id in loaded.opened if loaded.books.accounts_by_id[account_id].sequence == 0]
    if unused:
        await close_accounts(connection, unused)


def _tell_of_keys(tenant_id: UUID, books: Books, claimed: Uses) -> Uses:
    """Have transactions planned tell how the keys without a seal were used that made them. Returns those that made none."""
    untold = {use.result_id: (place, use) for place, use in claimed.items() if not use.sealed}
    for transaction in books.writes.transactions if untold else ():
        if (found := untold.pop(transaction.id, None)) is not None:
            transaction.key_use = idempotency.hashed_use(tenant_id, *found)
            transaction.key_at = found[1].claimed_at
    return dict(untold.values())


async def _keep_keys(
    connection: TenantConnection, units: Sequence[Unit], places: Places, claimed: Uses, results: Results, untold: Uses
) -> None:
    """Keep the keys of successes (including approval requests), and free those of other units and of dry runs. untold:
    those of which no transaction tells; the kept among them are sealed."""
    used = {
        place
        for unit, place, result in zip(units, places, results, strict=True)
        if isinstance(result, Posted) and not unit.is_dry
    }
    await idempotency.seal(connection, {place: use for place, use in untold.items() if place in used})
    await idempotency.free(connection, [place for place in claimed if place not in used])
