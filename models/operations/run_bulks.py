"""Process the bulks that models/operations/import_credits.py has queued: validate each as a whole, then post it in chunks.

Each chunk is one unit: its postings, the result of each of its rows and the operation's progress are one transaction.
So a run that died is resumed after its last chunk, and ends exactly as if it had not died.

A worker claims an operation for a limited time and renews the claim after every chunk. If the claim of a slow worker
expires, nothing is posted twice: a row gets its result only once (models/writing.py), and a chunk has an idempotency
key.
"""

import asyncio
import json
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from models.commands import Actor, PostRows, RowAdjustment
from models.errors import LedgerErrors
from models.kinds import BulkErrorPolicy, BulkStatus
from models.ledger import Ledger
from models.lookups import each
from models.operations.bulk_row import RunningBulk, adjustment
from models.operations.validate_bulk import MarkErrors, validate
from models.patience import patiently
from models.planning.bulk import MAX_ROWS as MOST_AT_ONCE
from models.planning.bulk import error_report
from models.planning.bulk_rows import needs, row_key
from models.planning.columns import to_json
from models.planning.limits import LIMITED_ROLES
from models.session import TenantConnection, tenant_transaction
from turns.slices import each_in_slices, in_slices

CHUNK_ROWS: Final = 500
CHUNKS_PER_RUN: Final = 20
"""Maximum chunks of one operation before the next tenant's turn."""
AT_ONCE: Final = 2
"""Concurrent chunks: one is planned while another is written. Never two with the same customer's rows."""
JOB: Final = "bulks"
"""The job whose lag is the age of the oldest bulk that is not completed."""
CLAIM: Final = timedelta(minutes=2)
"""Longer than any chunk takes. If a worker dies, its bulk pauses for as long."""


BEFORE_ALL: Final = -1
"""A number before the first row's."""


class ClaimLost(Exception):
    """Another worker has the operation, or it is over."""


async def run_bulk(ledger: Ledger, tenant_id: UUID) -> int:
    """Resume the oldest unclaimed bulk. Returns the number of rows settled, 0 if none.

    Raises Busy.
    """
    bulk = await _claim_next(ledger, tenant_id)
    if bulk is None:
        return 0
    try:
        return await _run(ledger, tenant_id, bulk)
    except ClaimLost:
        return 1
    finally:
        await _release(tenant_id, bulk.id)


async def _run(ledger: Ledger, tenant_id: UUID, bulk: RunningBulk) -> int:
    if (bulk.dry_run or bulk.error_policy == BulkErrorPolicy.REJECT_ALL) and bulk.validated_at is None:
        found = await validate(ledger, tenant_id, bulk, _marker(ledger, tenant_id, bulk.id))
        if found is None:  # it was cancelled meanwhile
            return await _finish(ledger, tenant_id, bulk.id, BulkStatus.CANCELLED)
        if bulk.dry_run:
            return await _finish(ledger, tenant_id, bulk.id, BulkStatus.COMPLETED)
        if found:
            return await _finish(ledger, tenant_id, bulk.id, BulkStatus.FAILED)
        await _note_validated(ledger, tenant_id, bulk.id)
    return await _post_all(ledger, tenant_id, bulk)


async def _post_all(ledger: Ledger, tenant_id: UUID, bulk: RunningBulk) -> int:
    """Post the rows, or as many as are a run's. Returns the number of rows settled."""
    whole = bulk.error_policy == BulkErrorPolicy.REJECT_ALL and bulk.total <= MOST_AT_ONCE
    chunks = _Chunks(ledger, tenant_id, bulk, whole=whole)
    after = bulk.settled_to(AT_ONCE * CHUNK_ROWS)
    try:
        for _ in range(CHUNKS_PER_RUN):
            if not await _keep_claim(ledger, tenant_id, bulk.id):
                await chunks.end()
                return chunks.done + await _finish(ledger, tenant_id, bulk.id, BulkStatus.CANCELLED)
            rows = await _pending(tenant_id, bulk, after, MOST_AT_ONCE if whole else CHUNK_ROWS)
            if not rows:
                await chunks.end()
                # Rows before: pending ones exist there only after interrupted runs.
                rows = await _pending(tenant_id, bulk, BEFORE_ALL, CHUNK_ROWS)
            if not rows:
                return chunks.done + await _finish(ledger, tenant_id, bulk.id, BulkStatus.COMPLETED)
            after = rows[-1].row
            await chunks.post(rows)
        await chunks.end()
    except LedgerErrors as refused:  # bad since it was validated
        await _marker(ledger, tenant_id, bulk.id)(refused.errors)
        return chunks.done + await _finish(ledger, tenant_id, bulk.id, BulkStatus.FAILED)
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
        key = f"{row_key(self._bulk.id, rows[0].row)}+"
        needed = await in_slices(needs(rows))
        await self._ledger.submit(self._tenant_id, self._bulk.actor, "postRows", command, needed, key)
        return len(rows)


@patiently
async def _claim_next(ledger: Ledger, tenant_id: UUID) -> RunningBulk | None:
    async with tenant_transaction(tenant_id) as connection:
        now = await ledger.stamp(connection)
        row = await connection.raw.fetchrow(
            """WITH k AS MATERIALIZED (  -- looked for once: a join could do so again, and find another
                SELECT id FROM bulk_operations WHERE tenant_id = $1 AND status IN ('QUEUED', 'RUNNING')
                    AND (claimed_until IS NULL OR claimed_until <= $2)
                ORDER BY created_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
            UPDATE bulk_operations o SET status = 'RUNNING', claimed_until = $3 FROM k, actors a
            WHERE o.tenant_id = $1 AND o.id = k.id AND a.tenant_id = $1 AND a.id = o.actor_id
            RETURNING o.id, o.asset, o.error_policy, o.dry_run, o.total, o.succeeded, o.validated_at, o.command::text,
                o.created_at, a.subject, a.role, a.client, a.name""",
            tenant_id,
            now,
            now + CLAIM,
        )
    if row is None:
        return None
    ledger.metrics.job(JOB).found((now - row["created_at"]).total_seconds())
    return RunningBulk(
        id=row["id"],
        asset=row["asset"],
        error_policy=row["error_policy"],
        dry_run=row["dry_run"],
        total=row["total"],
        succeeded=row["succeeded"],
        validated_at=row["validated_at"],
        command=json.loads(row["command"]),
        actor=Actor(row["subject"], row["role"], row["client"] or None, row["name"]),
    )


@patiently
async def _keep_claim(ledger: Ledger, tenant_id: UUID, operation_id: UUID) -> bool:
    """Renew the claim. False if it is to be cancelled. Raises ClaimLost if it is over."""
    async with tenant_transaction(tenant_id) as connection:
        cancelled = await connection.raw.fetchval(
            """UPDATE bulk_operations SET claimed_until = $3 WHERE tenant_id = $1 AND id = $2 AND status = 'RUNNING'
            RETURNING cancel_requested""",
            tenant_id,
            operation_id,
            await ledger.stamp(connection) + CLAIM,
        )
    if cancelled is None:
        raise ClaimLost
    return not cancelled


@patiently
async def _note_validated(ledger: Ledger, tenant_id: UUID, operation_id: UUID) -> None:
    async with tenant_transaction(tenant_id) as connection:
        await connection.raw.execute(
            "UPDATE bulk_operations SET validated_at = $3 WHERE tenant_id = $1 AND id = $2",
            tenant_id,
            operation_id,
            await ledger.stamp(connection),
        )


@patiently
async def _release(tenant_id: UUID, operation_id: UUID) -> None:
    async with tenant_transaction(tenant_id) as connection:
        await connection.raw.execute(
            "UPDATE bulk_operations SET claimed_until = NULL WHERE tenant_id = $1 AND id = $2", tenant_id, operation_id
        )


async def _pending(tenant_id: UUID, bulk: RunningBulk, after: int, most: int) -> tuple[RowAdjustment, ...]:
    """The next pending rows after that one, in order of arrival."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        rows = await connection.raw.fetch(
            """SELECT "row", customer_id, amount, details::text FROM bulk_rows
            WHERE tenant_id = $1 AND operation_id = $2 AND "row" > $3 AND transaction_id IS NULL AND error IS NULL
            ORDER BY "row" LIMIT $4""",
            tenant_id,
            bulk.id,
            after,
            most,
        )
    return tuple(await each_in_slices(lambda row: adjustment(bulk, row), rows))


def _marker(ledger: Ledger, tenant_id: UUID, operation_id: UUID) -> MarkErrors:
    async def mark(errors: "tuple[Any, ...]") -> bool:
        """Record these rows' errors, and renew the claim. False if it is to be cancelled."""
        if errors:
            async with tenant_transaction(tenant_id) as connection:
                await connection.raw.execute(
                    f"""UPDATE bulk_rows r SET error = u.error FROM {each('"row" int', "error jsonb", first=3)} u
                    WHERE r.tenant_id = $1 AND r.operation_id = $2 AND r."row" = u."row" AND r.error IS NULL
                        AND r.transaction_id IS NULL""",
                    tenant_id,
                    operation_id,
                    [error.row for error in errors],
                    [to_json(error_report(error)) for error in errors],
                )
        return await _keep_claim(ledger, tenant_id, operation_id)

    return mark


@patiently
async def _finish(ledger: Ledger, tenant_id: UUID, operation_id: UUID, status: str) -> int:
    """Finish the operation, and send its event. A failed one has posted nothing, and its key is freed."""
    async with tenant_transaction(tenant_id) as connection:
        row = await connection.raw.fetchrow(
            """UPDATE bulk_operations o SET status = $3::text, finished_at = $4, failed = n.bad,
                processed = CASE WHEN $3::text = 'FAILED' OR o.dry_run AND $3::text = 'COMPLETED' THEN o.total
                    ELSE o.succeeded + n.bad END,
                succeeded = CASE WHEN o.dry_run AND $3::text = 'COMPLETED' THEN o.total - n.bad ELSE o.succeeded END
            FROM (SELECT count(*) AS bad FROM bulk_rows
                WHERE tenant_id = $1 AND operation_id = $2 AND error IS NOT NULL) AS n
            WHERE o.tenant_id = $1 AND o.id = $2 AND o.status = 'RUNNING'
            RETURNING o.idempotency_key""",
            tenant_id,
            operation_id,
            status,
            await ledger.stamp(connection),
        )
        if row is None:
            raise ClaimLost
        await _tell(connection, ledger, operation_id, status)
        if status == BulkStatus.FAILED:
            await connection.raw.execute(
                "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND key = $2 AND result_id = $3",
                tenant_id,
                row["idempotency_key"],
                operation_id,
            )
    return 1


async def _tell(connection: TenantConnection, ledger: Ledger, operation_id: UUID, status: str) -> None:
    await connection.raw.execute(
        "INSERT INTO outbox (tenant_id, id, topic, subject_id, created_at) VALUES ($1, $2, $3, $4, $5)",
        connection.tenant_id,
        ledger.source.new_id(),
        f"bulk.{status.lower()}",
        operation_id,
        await ledger.stamp(connection),
    )
