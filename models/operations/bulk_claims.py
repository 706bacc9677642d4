"""A queued bulk as one worker's: claimed, kept while it works on it, released, and finished.

A worker claims an operation for a limited time and renews the claim after every chunk. One that was away for longer, as a
machine that was stopped, has lost it: it keeps, releases and finishes nothing that another has by then.
"""

import json
from datetime import timedelta
from typing import Final
from uuid import UUID

from models.commands import Actor
from models.kinds import BulkStatus
from models.ledger import Ledger
from models.operations.bulk_row import Claim, RunningBulk
from models.patience import patiently
from models.session import TenantConnection, tenant_transaction

JOB: Final = "bulks"
"""The job whose lag is the age of the oldest bulk that is not completed."""
CLAIM: Final = timedelta(minutes=2)
"""Longer than any chunk takes. If a worker dies, its bulk pauses for as long."""


class ClaimLost(Exception):
    """Another worker has the operation, it is over, or its tenant is suspended."""


@patiently
async def claim_next(ledger: Ledger, tenant_id: UUID, operation_id: UUID | None = None) -> RunningBulk | None:
    """Claim the oldest bulk that nobody has, or this one. None if there is none, or the tenant is suspended."""
    async with tenant_transaction(tenant_id) as connection:
        now = await ledger.stamp(connection)
        until = now + CLAIM
        row = await connection.raw.fetchrow(
            """WITH k AS MATERIALIZED (  -- looked for once: a join could do so again, and find another
                SELECT id FROM bulk_operations WHERE tenant_id = $1 AND status IN ('QUEUED', 'RUNNING')
                    AND (claimed_until IS NULL OR claimed_until <= $2) AND ($4::uuid IS NULL OR id = $4)
                    AND ($5::boolean OR (SELECT suspended_at IS NULL FROM tenants WHERE id = $1))
                ORDER BY created_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
            UPDATE bulk_operations o SET status = 'RUNNING', claimed_until = $3 FROM k, actors a
            WHERE o.tenant_id = $1 AND o.id = k.id AND a.tenant_id = $1 AND a.id = o.actor_id
            RETURNING o.id, o.asset, o.error_policy, o.dry_run, o.total, o.succeeded, o.validated_at, o.command::text,
                o.created_at, o.reverses_id, a.subject, a.role, a.client, a.name""",
            tenant_id,
            now,
            until,
            operation_id,
            ledger.fills_suspended,
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
        claim=Claim(until),
        reverses_id=row["reverses_id"],
    )


@patiently
async def keep_claim(ledger: Ledger, tenant_id: UUID, bulk: RunningBulk) -> bool:
    """Renew the claim. False if it is to be cancelled. Raises ClaimLost if it is over, another worker's, or its
    tenant is suspended."""
    async with tenant_transaction(tenant_id) as connection:
        until = await ledger.stamp(connection) + CLAIM
        cancelled = await connection.raw.fetchval(
            """UPDATE bulk_operations SET claimed_until = $3
            WHERE tenant_id = $1 AND id = $2 AND status = 'RUNNING' AND claimed_until = $4
                AND ($5::boolean OR (SELECT suspended_at IS NULL FROM tenants WHERE id = $1))
            RETURNING cancel_requested""",
            tenant_id,
            bulk.id,
            until,
            bulk.claim.until,
            ledger.fills_suspended,
        )
    if cancelled is None:
        raise ClaimLost
    bulk.claim.until = until
    return not cancelled


@patiently
async def note_validated(ledger: Ledger, tenant_id: UUID, bulk: RunningBulk) -> None:
    """Note that all rows were found good. Raises ClaimLost."""
    async with tenant_transaction(tenant_id) as connection:
        noted = await connection.raw.fetchval(
            """UPDATE bulk_operations SET validated_at = $3
            WHERE tenant_id = $1 AND id = $2 AND claimed_until = $4 RETURNING true""",
            tenant_id,
            bulk.id,
            await ledger.stamp(connection),
            bulk.claim.until,
        )
    if not noted:
        raise ClaimLost


@patiently
async def release(tenant_id: UUID, bulk: RunningBulk) -> None:
    """Let others claim it, unless one has already."""
    async with tenant_transaction(tenant_id) as connection:
        await connection.raw.execute(
            "UPDATE bulk_operations SET claimed_until = NULL WHERE tenant_id = $1 AND id = $2 AND claimed_until = $3",
            tenant_id,
            bulk.id,
            bulk.claim.until,
        )


@patiently
async def finish(ledger: Ledger, tenant_id: UUID, bulk: RunningBulk, status: str) -> int:
    """Finish the operation, and send its event. A failed one has posted nothing, and its key is freed. Raises ClaimLost."""
    async with tenant_transaction(tenant_id) as connection:
        row = await connection.raw.fetchrow(
            """UPDATE bulk_operations o SET status = $3::text, finished_at = $4, failed = n.bad,
                processed = CASE WHEN $3::text = 'FAILED' OR o.dry_run AND $3::text = 'COMPLETED' THEN o.total
                    ELSE o.succeeded + n.bad END,
                succeeded = CASE WHEN o.dry_run AND $3::text = 'COMPLETED' THEN o.total - n.bad ELSE o.succeeded END
            FROM (SELECT count(*) AS bad FROM bulk_rows
                WHERE tenant_id = $1 AND operation_id = $2 AND error IS NOT NULL) AS n
            WHERE o.tenant_id = $1 AND o.id = $2 AND o.status = 'RUNNING' AND o.claimed_until = $5
            RETURNING o.idempotency_key""",
            tenant_id,
            bulk.id,
            status,
            await ledger.stamp(connection),
            bulk.claim.until,
        )
        if row is None:
            raise ClaimLost
        await _tell(connection, ledger, bulk.id, status)
        if status == BulkStatus.FAILED:
            await connection.raw.execute(
                "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND key = $2 AND result_id = $3",
                tenant_id,
                row["idempotency_key"],
                bulk.id,
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
