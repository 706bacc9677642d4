"""Posts each batch until every unit has a result: retried if the database asks for it, in parts if others have locked
rows that some units need, and one by one if the database refused a batch that the plan had allowed.
"""

import asyncio
import logging
import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

import asyncpg

from models.counting import CountersMoved
from models.errors import Busy, DatabaseAway, Unavailable
from models.ledger_metrics import LedgerMetrics
from models.load_books import Contended, Loader
from models.loading.locked_elsewhere import ROWS, TIERS, LockedElsewhere, Name, still_locked
from models.posting import Posting
from models.session import tenant_transaction
from models.units import Failed, Refused, Requeued, Result, Unit, names_of
from models.ways import QUICKLY, Way, way_of

log = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 5
FIRST_PAUSE_SECONDS: Final = 0.01
_TRY_AGAIN: Final = (Contended, asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


class Poster:
    """Posts batches, and returns a result for each unit. One per process."""

    def __init__(self, loader: Loader, metrics: LedgerMetrics) -> None:
        self._posting = Posting(loader)
        self._metrics = metrics

    async def post(
        self, tenant_id: UUID, units: Sequence[Unit], *, wait: bool, first: Name | None = None, quick: bool = False
    ) -> list[Result]:
        """Post a batch, retrying if the database asks for it; then each unit by itself.

        With `wait`, wait briefly for each lock that others hold; without, skip those rows. Either way, units that
        could not lock the rows they need are requeued. first: a row to wait for before anything else is locked.
        quick: give up unavoidable waits sooner.
        """
        return await self._post(tenant_id, units, way_of(wait=wait, first=first, quick=quick))

    async def still_locked(self, tenant_id: UUID, names: Collection[Name]) -> set[Name]:
        """The rows among them that others have locked now; all, if somebody holds a whole table, to alter it."""
        try:
            async with tenant_transaction(tenant_id) as connection:
                return await still_locked(connection, names)
        except asyncpg.LockNotAvailableError:
            return {name for name in names if name[0] in ROWS}

    async def _post(self, tenant_id: UUID, units: Sequence[Unit], way: Way) -> list[Result]:
        pause, away = FIRST_PAUSE_SECONDS, False
        for _ in range(MAX_ATTEMPTS):
            try:
                return await self._posting.once(tenant_id, units, way)
            except Unavailable as error:
                return [Refused(error) for _ in units]
            except DatabaseAway as error:
                if not error.again or error.unknown or away:
                    return [Failed(error) for _ in units]
                away = True  # nothing was committed: retry once, on another connection
            except LockedElsewhere as locked:
                self._metrics.retries += 1
                return await self._in_parts(tenant_id, units, locked.names, way)
            except CountersMoved:
                self._metrics.retries += 1
                way = replace(way, counts_last=False)
            except _TRY_AGAIN as error:
                self._metrics.retries += 1
                log.debug("retrying the posting of %d units: %s", len(units), type(error).__name__)
                await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311 - jitter, not a secret
                pause *= 2
            except Exception as error:  # noqa: BLE001 - one unit's error must not fail the other units
                return await self._one_by_one(tenant_id, units, error, way)
        return [Refused(Busy()) for _ in units]

    async def _in_parts(
        self, tenant_id: UUID, units: Sequence[Unit], locked: frozenset[Name], way: Way
    ) -> list[Result]:
        """Handle a lock that could not be taken and cannot be skipped: requeue the units that need it, and post the
        others at once.

        The units that may need it are halved until it is clear which do, or until all need the same of it; each half waits
        only briefly.
        """
        if locked == {way.first}:
            return [Requeued(locked) for _ in units]
        mine = [locked.intersection(names_of(unit)) for unit in units]
        if len(units) == 1:
            return [Requeued(mine[0] or await self._locked_now(tenant_id, units[0]))]
        suspects = {i for i, names in enumerate(mine) if names} or set(range(len(units)))
        order = sorted(range(len(units)), key=lambda i: i in suspects)
        cut = len(units) - len(suspects)
        found: list[Result] = []
        needed = {mine[i] for i in suspects}
        if locked == {TIERS} or (len(needed) == 1 and any(needed)):  # halves would tell nothing
            found = [Requeued(needed.pop() or locked)] * len(suspects)
            order = order[cut:] + order[:cut]
            rest = [order[len(suspects) :]]
        else:
            rest = [order[: cut or len(units) // 2], order[cut or len(units) // 2 :]]
        for part in filter(None, rest):
            found += await self._post(tenant_id, [units[i] for i in part], Way(way.wait, QUICKLY))
        return [result for _, result in sorted(zip(order, found, strict=True), key=lambda pair: pair[0])]

    async def _locked_now(self, tenant_id: UUID, unit: Unit) -> frozenset[Name]:
        """The unit's rows that others have locked; if none is, a name for the unit itself: it is retried alone."""
        locked = await self.still_locked(tenant_id, set(names_of(unit)))
        return frozenset(locked or {("posting", unit.result_id)})

    async def _one_by_one(self, tenant_id: UUID, units: Sequence[Unit], error: Exception, way: Way) -> list[Result]:
        """Find the unit that the database refused although the plan had allowed it; the others are posted."""
        self._metrics.one_by_one += 1
        if len(units) == 1 and not isinstance(error, asyncpg.UniqueViolationError):
            log.error("posting failed: %s", units[0].operation, exc_info=error)
            return [Failed(error)]
        log.warning("posting %d units one by one: %s", len(units), type(error).__name__)
        way = replace(way, counts_last=False)
        results: list[Result] = []
        for place, unit in enumerate(units):
            try:
                results += await self._posting.once(tenant_id, [unit], way)
            except LockedElsewhere as locked:
                results.append(Requeued(locked.names.intersection(names_of(unit))))
            except _TRY_AGAIN:
                results.append(Requeued())
            except Unavailable as refused:
                results.append(Refused(refused))
            except DatabaseAway as error:  # for the remaining units as well
                return results + [Failed(error) for _ in units[place:]]
            except Exception as failure:
                log.error("posting failed: %s", unit.operation, exc_info=failure)
                results.append(Failed(failure))
        return results
