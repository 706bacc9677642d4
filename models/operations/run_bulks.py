"""Process the bulks that models/operations/import_credits.py has queued: validate each as a whole, then post it in chunks.

Each chunk is one unit: its postings, the result of each of its rows and the operation's progress are one transaction.
So a run that died is resumed from its last chunk, and ends exactly as if it had not died.

A worker claims an operation for a while and renews the claim after every chunk. If a claim runs out under a worker that
is merely slow, nothing is posted twice: a row that has its result gets no other (models/writing.py), and a chunk has an
idempotency key.
"""

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
from models.session import TenantConnection, tenant_transaction
from turns.slices import each_in_slices, in_slices

CHUNK_ROWS: Final = 500
CHUNKS_PER_RUN: Final = 20
"""After so many of one operation it is another tenant's turn."""
CLAIM: Final = timedelta(minutes=2)
"""Longer than any chunk takes; and as long as a bulk stands still if its worker has died."""


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
    at_once = bulk.error_policy == BulkErrorPolicy.REJECT_ALL and bulk.total <= MOST_AT_ONCE
    done = 0
    for _ in range(CHUNKS_PER_RUN):
        if not await _keep_claim(ledger, tenant_id, bulk.id):
            return done + await _finish(ledger, tenant_id, bulk.id, BulkStatus.CANCELLED)
        rows = await _pending(tenant_id, bulk, MOST_AT_ONCE if at_once else CHUNK_ROWS)
        if not rows:
            return done + await _finish(ledger, tenant_id, bulk.id, BulkStatus.COMPLETED)
        command = PostRows(bulk.id, rows, all_or_nothing=at_once)
        key = f"{row_key(bulk.id, rows[0].row)}+"
        try:
            await ledger.submit(tenant_id, bulk.actor, "postRows", command, await in_slices(needs(rows)), key)
        except LedgerErrors as refused:  # bad since it was validated
            await _marker(ledger, tenant_id, bulk.id)(refused.errors)
            return done + await _finish(ledger, tenant_id, bulk.id, BulkStatus.FAILED)
        done += len(rows)
    return done


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
            RETURNING o.id, o.asset, o.error_policy, o.dry_run, o.total, o.validated_at, o.command::text,
                a.subject, a.role, a.client, a.name""",
            tenant_id,
            now,
            now + CLAIM,
        )
    if row is None:
        return None
    return RunningBulk(
        id=row["id"],
        asset=row["asset"],
        error_policy=row["error_policy"],
        dry_run=row["dry_run"],
        total=row["total"],
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


async def _pending(tenant_id: UUID, bulk: RunningBulk, most: int) -> tuple[RowAdjustment, ...]:
    """The next rows that have no result yet, in the order they came in."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        rows = await connection.raw.fetch(
            """SELECT "row", customer_id, amount, details::text FROM bulk_rows
            WHERE tenant_id = $1 AND operation_id = $2 AND transaction_id IS NULL AND error IS NULL
            ORDER BY "row" LIMIT $3""",
            tenant_id,
            bulk.id,
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
    """Finish the operation, and send its event. One that failed posted nothing, and frees its key."""
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
