"""Process the bulks that models/operations/import_credits.py has queued: validate each as a whole, then post it in chunks;
and their reversals (run_reversals.py).

Each chunk is one unit: its postings, the result of each of its rows and the operation's progress are one transaction.
So a run that died is resumed after its last chunk, and ends exactly as if it had not died.

A worker claims an operation for a limited time and renews the claim after every chunk. If the claim of a slow worker
expires, nothing is posted twice, nor once the operation is over: a row gets its result only once, while the operation runs
(models/bulk_results.py), and a chunk has an idempotency key.
"""

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from models.bulk_results import note_moved
from models.commands import PostRows, RowAdjustment
from models.errors import LedgerErrors
from models.kinds import BulkErrorPolicy, BulkStatus
from models.ledger import Ledger
from models.lookups import each
from models.operations.bulk_claims import ClaimLost, claim_next, finish, keep_claim, note_validated, release
from models.operations.bulk_row import RunningBulk, adjustment
from models.operations.run_reversals import run_reversal
from models.operations.validate_bulk import MarkErrors, validate
from models.planning.bulk import MAX_ROWS as MOST_AT_ONCE
from models.planning.bulk import error_report
from models.planning.bulk_rows import RowOutcome, needs, row_key
from models.planning.columns import to_json
from models.planning.limits import LIMITED_ROLES
from models.session import tenant_transaction
from turns.slices import each_in_slices, in_slices

CHUNK_ROWS: Final = 500
CHUNKS_PER_RUN: Final = 20
"""Maximum chunks of one operation before the next tenant's turn."""
AT_ONCE: Final = 2
"""Concurrent chunks: one is planned while another is written. Never two with the same customer's rows."""
BEFORE_ALL: Final = -1
"""A number before the first row's."""


async def run_bulk(ledger: Ledger, tenant_id: UUID) -> int:
    """Resume the oldest unclaimed bulk. Returns the number of rows settled, 0 if none.

    Raises Busy.
    """
    bulk = await claim_next(ledger, tenant_id)
    if bulk is None:
        return 0
    try:
        return await (_run if bulk.reverses_id is None else run_reversal)(ledger, tenant_id, bulk)
    except ClaimLost:
        return 1
    finally:
        await release(tenant_id, bulk)


async def _run(ledger: Ledger, tenant_id: UUID, bulk: RunningBulk) -> int:
    if (bulk.dry_run or bulk.error_policy == BulkErrorPolicy.REJECT_ALL) and bulk.validated_at is None:
        found = await validate(ledger, tenant_id, bulk, _marker(ledger, tenant_id, bulk))
        if found is None:  # it was cancelled meanwhile
            return await finish(ledger, tenant_id, bulk, BulkStatus.CANCELLED)
        if bulk.dry_run:
            return await finish(ledger, tenant_id, bulk, BulkStatus.COMPLETED)
        if found:
            return await finish(ledger, tenant_id, bulk, BulkStatus.FAILED)
        await note_validated(ledger, tenant_id, bulk)
    return await _post_all(ledger, tenant_id, bulk)


async def _post_all(ledger: Ledger, tenant_id: UUID, bulk: RunningBulk) -> int:
    """Post the rows, or as many as are a run's. Returns the number of rows settled."""
    whole = bulk.error_policy == BulkErrorPolicy.REJECT_ALL and bulk.total <= MOST_AT_ONCE
    chunks = _Chunks(ledger, tenant_id, bulk, whole=whole)
    after = bulk.settled_to(AT_ONCE * CHUNK_ROWS)
    try:
        for _ in range(CHUNKS_PER_RUN):
            if not await keep_claim(ledger, tenant_id, bulk):
                await chunks.end()
                return chunks.done + await finish(ledger, tenant_id, bulk, BulkStatus.CANCELLED)
            rows = await _pending(tenant_id, bulk, after, MOST_AT_ONCE if whole else CHUNK_ROWS)
            if not rows:
                await chunks.end()
                # Rows before: pending ones exist there only after interrupted runs.
                rows = await _pending(tenant_id, bulk, BEFORE_ALL, CHUNK_ROWS)
            if not rows:
                return chunks.done + await finish(ledger, tenant_id, bulk, BulkStatus.COMPLETED)
            after = rows[-1].row
            await chunks.post(rows)
        await chunks.end()
    except LedgerErrors as refused:  # bad since it was validated
        bad = [RowOutcome(error.row, None, error) for error in refused.errors if error.row is not None]
        await _marker(ledger, tenant_id, bulk)(bad)
        return chunks.done + await finish(ledger, tenant_id, bulk, BulkStatus.FAILED)
    finally:
        await chunks.settle()
    return chunks.done


class _Chunks:
    """A bulk's running chunks.

    Rows of the same customer, and all rows of an actor under limits, are posted in order: a chunk with such rows waits
    for the others. done: number of rows settled.
    """

    def __init__(self, ledger: Ledger, tenant_id: UUID, bulk: RunningBulk, *, whole: bool) -> None:
        self._ledger = ledger
        self._tenant_id = tenant_id
        self._bulk = bulk
        self._whole = whole
        self._most = 1 if bulk.actor.role in LIMITED_ROLES else AT_ONCE
        self._under_way: dict[asyncio.Task[int], set[UUID]] = {}
        self.done = 0

    async def post(self, rows: tuple[RowAdjustment, ...]) -> None:
        """Start posting these rows, once a slot is free. Raises the errors of other chunks."""
        customers = {row.adjustment.customer_id for row in rows}
        while len(self._under_way) >= self._most or any(customers & others for others in self._under_way.values()):
            await self._next()
        self._under_way[asyncio.create_task(self._post(rows))] = customers

    async def end(self) -> None:
        """Wait for all chunks. Raises their errors."""
        while self._under_way:
            await self._next()

    async def settle(self) -> None:
        """Wait for the remaining chunks after an error, and ignore their results."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _next(self) -> None:
        ended, _ = await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            del self._under_way[task]
        self.done += sum([task.result() for task in ended])

    async def _post(self, rows: tuple[RowAdjustment, ...]) -> int:
        command = PostRows(self._bulk.id, rows, all_or_nothing=self._whole)
        key = f"{row_key(self._bulk.id, rows[0].row)}+{self._bulk.command.get('retries', '')}"
        needed = await in_slices(needs(rows))
        await self._ledger.submit(self._tenant_id, self._bulk.actor, "postRows", command, needed, key)
        return len(rows)


async def _pending(tenant_id: UUID, bulk: RunningBulk, after: int, most: int) -> tuple[RowAdjustment, ...]:
    """The next pending rows after that one, in order of arrival."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        rows = await connection.raw.fetch(
            """SELECT "row", customer_id, amount, details::text FROM bulk_rows
            WHERE tenant_id = $1 AND operation_id = $2 AND "row" > $3 AND transaction_id IS NULL AND error IS NULL
                AND details->>'moved' IS NULL
            ORDER BY "row" LIMIT $4""",
            tenant_id,
            bulk.id,
            after,
            most,
        )
    return tuple(await each_in_slices(lambda row: adjustment(bulk, row), rows))


def _marker(ledger: Ledger, tenant_id: UUID, bulk: RunningBulk) -> MarkErrors:
    async def mark(outcomes: Sequence[RowOutcome]) -> bool:
        """Renew the claim; and record these rows' errors, and of those that set what is available, if it is a dry run, what
        they would move. False if it is to be cancelled. Raises ClaimLost, and records nothing."""
        goes_on = await keep_claim(ledger, tenant_id, bulk)
        errors = [outcome.error for outcome in outcomes if outcome.error is not None]
        moved = [(bulk.id, each.row, each.moved) for each in outcomes if each.moved is not None] if bulk.dry_run else []
        if moved:
            async with tenant_transaction(tenant_id) as connection:
                await note_moved(connection, moved)
        if errors:
            async with tenant_transaction(tenant_id) as connection:
                await connection.raw.execute(
                    f"""UPDATE bulk_rows r SET error = u.error FROM {each('"row" int', "error jsonb", first=3)} u
                    WHERE r.tenant_id = $1 AND r.operation_id = $2 AND r."row" = u."row" AND r.error IS NULL
                        AND r.transaction_id IS NULL""",
                    tenant_id,
                    bulk.id,
                    [error.row for error in errors],
                    [to_json(error_report(error)) for error in errors],
                )
        return goes_on

    return mark
