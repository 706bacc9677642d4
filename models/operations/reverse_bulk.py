"""Queue the reversal of a bulk, to be processed by models/operations/run_reversals.py (domain: spending and holding).

A small one is processed at once, in the request that asks for it; if that dies, a worker goes on.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

from models.commands import Actor, Outcome
from models.errors import Busy, DatabaseAway, NotFound, Unavailable
from models.idempotency import check_key
from models.kinds import BulkErrorPolicy, BulkStatus
from models.ledger import Ledger
from models.operations.auditing import Doer, doer_of, record_event
from models.operations.bulk_claims import ClaimLost, claim_next, release
from models.operations.bulk_keys import claim_for
from models.operations.run_reversals import CHUNK_ROWS, run_reversal
from models.planning.columns import to_json
from models.session import TenantConnection, tenant_transaction
from models.texts import Texts
from models.undoing_errors import BulkNotReversible

OPERATION: Final = "reverseBulkOperation"
LOCK_WAIT: Final = "SET LOCAL lock_timeout = '10s'"
"""Longest wait for a key, or for the bulk's row, locked by others."""
AT_ONCE: Final = CHUNK_ROWS
"""Maximum rows of a reversal that is processed in its request."""
_STILL_RUNNING: Final = (BulkStatus.QUEUED, BulkStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class ReverseBulk:
    """Take a bulk back. dry_run: report only. note, texts: on each transaction."""

    operation_id: UUID
    dry_run: bool = False
    note: str | None = None
    texts: Texts | None = None


async def reverse_bulk(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: ReverseBulk, idempotency_key: str
) -> Outcome:
    """Queue the reversal, once for the key (a dry run stores none). Raises NotFound, BulkNotReversible,
    IdempotencyKeyReused, Busy."""
    check_key(idempotency_key)
    doer = await doer_of(ledger, tenant_id, actor)
    operation_id = ledger.source.new_id()
    try:
        known, rows = await _queue(ledger, tenant_id, doer, command, idempotency_key, operation_id)
    except asyncpg.LockNotAvailableError:
        raise Busy from None
    if known is not None:
        return Outcome(bulk_operation_id=known, replayed=True)
    if rows <= AT_ONCE:
        with suppress(Busy, Unavailable, DatabaseAway, ClaimLost):  # it is queued: a worker goes on
            await _process(ledger, tenant_id, operation_id)
    return Outcome(bulk_operation_id=operation_id)


async def _queue(
    ledger: Ledger, tenant_id: UUID, doer: Doer, command: ReverseBulk, key: str, operation_id: UUID
) -> tuple[UUID | None, int]:
    """The operation that the key was used for before, or None; and the number of rows to take back."""
    async with tenant_transaction(tenant_id, settings=LOCK_WAIT) as connection:
        if not command.dry_run:
            known = await claim_for(connection, ledger, doer.actor, OPERATION, command, key, operation_id)
            if known is not None:
                return known, 0
        asset, rows = await _reversible(connection, command)
        await connection.raw.execute(
            """INSERT INTO bulk_operations (tenant_id, id, status, asset, error_policy, dry_run, total, processed,
                succeeded, failed, actor_id, command, idempotency_key, cancel_requested, created_at, reverses_id)
            VALUES ($1, $2, 'QUEUED', $3, $4, $5, $6, 0, 0, 0, $7, $8, $9, false, $10, $11)""",
            tenant_id,
            operation_id,
            asset,
            BulkErrorPolicy.SKIP_FAILED,
            command.dry_run,
            rows,
            doer.id,
            to_json({"note": command.note, "texts": None if command.texts is None else command.texts.as_json()}),
            key,
            await ledger.stamp(connection),
            command.operation_id,
        )
        details = {"rows": rows, "dryRun": command.dry_run}
        await record_event(connection, ledger, doer, "bulk.reversed", operation_id, details=details, note=command.note)
    return None, rows


async def _reversible(connection: TenantConnection, command: ReverseBulk) -> tuple[str, int]:
    """The bulk's asset, and how many of its rows are not taken back; its row is locked against another reversal. Raises
    NotFound, BulkNotReversible."""
    bulk: Any = await connection.raw.fetchrow(
        """SELECT status, asset, dry_run, reverses_id, CASE WHEN command->>'mode' = 'SET' THEN (
                SELECT count(*) FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $2 AND transaction_id IS NOT NULL
            ) ELSE succeeded END AS succeeded
        FROM bulk_operations WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE""",
        connection.tenant_id,
        command.operation_id,
    )
    if bulk is None:
        raise NotFound("There is no such bulk operation.", field=("operationId",))
    if bulk["reverses_id"] is not None:
        raise BulkNotReversible("It is a reversal itself.")
    if bulk["status"] in _STILL_RUNNING:
        raise BulkNotReversible("It has not ended. Cancel it first, or wait.")
    if bulk["dry_run"] or not bulk["succeeded"] or bulk["status"] == BulkStatus.FAILED:
        raise BulkNotReversible("It has posted nothing.")
    reversals = await connection.raw.fetch(
        "SELECT status, succeeded FROM bulk_operations WHERE tenant_id = $1 AND reverses_id = $2 AND NOT dry_run",
        connection.tenant_id,
        command.operation_id,
    )
    if any(reversal["status"] in _STILL_RUNNING for reversal in reversals):
        raise BulkNotReversible("A reversal of it is under way.")
    left: int = bulk["succeeded"] - sum(reversal["succeeded"] for reversal in reversals)
    if left <= 0:
        raise BulkNotReversible("It was taken back before.")
    return bulk["asset"], left


async def _process(ledger: Ledger, tenant_id: UUID, operation_id: UUID) -> None:
    """Process a small reversal to its end, unless a worker has it already."""
    bulk = await claim_next(ledger, tenant_id, operation_id)
    if bulk is None:
        return
    try:
        await run_reversal(ledger, tenant_id, bulk)
    finally:
        await release(tenant_id, bulk)
