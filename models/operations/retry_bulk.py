"""Try the rows of an ended file again that were not posted (domain: bulk). The others stay as they are.

It is the same operation that goes on: a row that was posted has its result, and a row gets one only once. So however often
and by whomever it is asked for, nothing is posted twice.
"""

import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

from models.commands import Actor, Outcome
from models.errors import Busy, NotFound
from models.idempotency import check_key
from models.kinds import BulkStatus
from models.ledger import Ledger
from models.operations.auditing import Doer, doer_of, record_event
from models.operations.bulk_keys import claim_for
from models.operations.import_credits import LOCK_WAIT, refuse_duplicates
from models.planning.columns import to_json
from models.session import TenantConnection, tenant_transaction
from models.undoing_errors import BulkNotRetryable

OPERATION: Final = "retryBulkOperation"
ROWS_AT_ONCE: Final = 10_000
_ENDED: Final = (BulkStatus.COMPLETED, BulkStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class RetryBulk:
    """Try the rows of this operation again that were not posted."""

    operation_id: UUID


async def retry_bulk(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: RetryBulk, idempotency_key: str
) -> Outcome:
    """Queue the operation again, once for the key. Raises NotFound, BulkNotRetryable, IdempotencyKeyReused, Busy."""
    check_key(idempotency_key)
    doer = await doer_of(ledger, tenant_id, actor)
    try:
        return await _queue(ledger, tenant_id, doer, command, idempotency_key)
    except asyncpg.LockNotAvailableError:
        raise Busy from None


async def _queue(ledger: Ledger, tenant_id: UUID, doer: Doer, command: RetryBulk, key: str) -> Outcome:
    operation_id = command.operation_id
    async with tenant_transaction(tenant_id, settings=LOCK_WAIT) as connection:
        known = await claim_for(connection, ledger, doer.actor, OPERATION, command, key, operation_id)
        if known is not None:
            return Outcome(bulk_operation_id=known, replayed=True)
        bulk = await _retryable(connection, operation_id)
        for first in range(0, bulk["total"], ROWS_AT_ONCE):
            await _clear(connection, operation_id, first)
        if not bulk["allowed_duplicates"]:
            await refuse_duplicates(connection, operation_id)
        rows = await connection.raw.fetchval(
            """UPDATE bulk_operations o SET status = 'QUEUED', finished_at = NULL, cancel_requested = false,
                failed = n.bad, processed = o.succeeded + n.bad,
                command = o.command || $3::jsonb
            FROM (SELECT count(*) AS bad FROM bulk_rows
                WHERE tenant_id = $1 AND operation_id = $2 AND error IS NOT NULL) AS n
            WHERE o.tenant_id = $1 AND o.id = $2 RETURNING o.total - o.processed""",
            tenant_id,
            operation_id,
            to_json({"retries": bulk["retries"] + 1, "endings": [*json.loads(bulk["endings"]), _ending(bulk)]}),
        )
        if not rows:
            raise BulkNotRetryable(
                "No row can be tried as it is. Correct the failed ones in its report, and send that as a new file."
            )
        await record_event(connection, ledger, doer, "bulk.retried", operation_id, details={"rows": rows})
    return Outcome(bulk_operation_id=operation_id)


async def _retryable(connection: TenantConnection, operation_id: UUID) -> Any:
    """The file, locked against another retry, and a reversal. Raises NotFound, BulkNotRetryable."""
    bulk: Any = await connection.raw.fetchrow(
        """SELECT status, dry_run, total, command->'first_line' IS NOT NULL AS is_file,
            coalesce((command->>'allow_duplicate_customers')::boolean, false) AS allowed_duplicates,
            finished_at, succeeded, failed, coalesce((command->>'retries')::int, 0) AS retries,
            coalesce(command->'endings', '[]')::text AS endings
        FROM bulk_operations WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE""",
        connection.tenant_id,
        operation_id,
    )
    if bulk is None:
        raise NotFound("There is no such bulk operation.", field=("id",))
    if not bulk["is_file"]:
        raise BulkNotRetryable("It is no file, or from before retries. Send the failed rows under a new key.")
    if bulk["status"] == BulkStatus.FAILED:
        raise BulkNotRetryable("It has posted nothing. Send the corrected file again.")
    if bulk["status"] not in _ENDED:
        raise BulkNotRetryable("It has not ended.")
    if bulk["dry_run"]:
        raise BulkNotRetryable("It posts nothing.")
    # Asked once the file is locked: the statement that waits for the lock sees no reversal that it has waited for.
    if await connection.raw.fetchval(
        "SELECT true FROM bulk_operations WHERE tenant_id = $1 AND reverses_id = $2 AND NOT dry_run LIMIT 1",
        connection.tenant_id,
        operation_id,
    ):
        raise BulkNotRetryable("It was taken back, or is being taken back.")
    return bulk


def _ending(bulk: Any) -> list[Any]:
    """How it has ended, for the event that tells of that (models/reads/events.py)."""
    return [bulk["finished_at"].isoformat(), bulk["status"], bulk["succeeded"], bulk["failed"]]


async def _clear(connection: TenantConnection, operation_id: UUID, first: int) -> None:
    """Make rows that were refused pending again, if they were understood and their customer is there by now. A customer's
    second row stays refused."""
    await connection.raw.execute(
        """UPDATE bulk_rows r SET error = NULL, customer_id = coalesce(r.customer_id, f.customer_id),
            details = r.details - 'customer'  -- the record has the name, where an erasure finds it
        FROM (
            SELECT b.id, coalesce(c.merged_into_id, c.id) AS customer_id
            FROM bulk_rows b LEFT JOIN LATERAL (
                SELECT id, merged_into_id FROM customers
                WHERE tenant_id = $1 AND external_id = b.details->>'customer' OFFSET 0
            ) AS c ON true
            WHERE b.tenant_id = $1 AND b.operation_id = $2 AND b."row" >= $3 AND b."row" < $4
                AND b.error IS NOT NULL AND b.error->>'code' <> 'DUPLICATE' AND b.details->'unread' IS NULL
                AND (b.customer_id IS NOT NULL OR c.id IS NOT NULL)
        ) AS f
        WHERE r.tenant_id = $1 AND r.id = f.id""",
        connection.tenant_id,
        operation_id,
        first,
        first + ROWS_AT_ONCE,
    )
