"""Queue a file of adjustments, to be processed by models/operations/run_bulks.py (domain: bulk).

The file is stored as rows of `bulk_rows`, all or nothing, under one idempotency key. Obvious errors of a row (no
amount, no such customer, a repeated customer) are noted at once; the run finds the others.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC
from itertools import islice
from typing import Any, Final
from uuid import UUID

import asyncpg

from models.commands import Actor, Outcome
from models.currencies import hold_currencies
from models.errors import Busy, Duplicate, ExpiryConflict
from models.idempotency import check_key
from models.kinds import BulkMode
from models.ledger import Ledger
from models.loading.config_locks import adding_nothing
from models.lookups import rows_of_bulk
from models.money import exponent
from models.names import clean_name
from models.operations.auditing import Doer, doer_of, record_event
from models.operations.bulk_keys import claim_for
from models.operations.import_files import FileTold, ImportCredits, ImportRow
from models.operations.import_rows import ROWS_PER_INSERT, insert_rows
from models.planning.bulk import error_report
from models.planning.columns import to_json
from models.session import TenantConnection, tenant_transaction

OPERATION: Final = "importCredits"
LOCK_WAIT: Final = "SET LOCAL lock_timeout = '10s'; "
"""Longest wait for a key or customer locked by others. The rows can be read only once, so a retry is impossible."""


async def import_credits(
    ledger: Ledger,
    tenant_id: UUID,
    actor: Actor,
    command: ImportCredits,
    rows: Iterable[ImportRow | None],
    idempotency_key: str,
    file: FileTold | None = None,
) -> Outcome:
    """Queue the file, once for the key (a dry run stores none).

    Raises Invalid, IdempotencyKeyReused, Busy, or the errors of `rows`.
    """
    check_key(idempotency_key)
    _check(command)
    doer = await doer_of(ledger, tenant_id, actor)
    operation_id = ledger.source.new_id()
    try:
        return await _queue(ledger, tenant_id, doer, command, rows, idempotency_key, operation_id, file)
    except asyncpg.LockNotAvailableError:
        raise Busy from None


async def _queue(
    ledger: Ledger,
    tenant_id: UUID,
    doer: Doer,
    command: ImportCredits,
    rows: Iterable[ImportRow | None],
    idempotency_key: str,
    operation_id: UUID,
    file: FileTold | None,
) -> Outcome:
    async with tenant_transaction(tenant_id, settings=LOCK_WAIT + adding_nothing(tenant_id)) as connection:
        if not command.dry_run:
            known = await claim_for(connection, ledger, doer.actor, OPERATION, command, idempotency_key, operation_id)
            if known is not None:
                return Outcome(bulk_operation_id=known, replayed=True)
        await connection.raw.execute(
            """INSERT INTO bulk_operations (tenant_id, id, status, asset, error_policy, dry_run, total, processed,
                succeeded, failed, actor_id, command, idempotency_key, cancel_requested, created_at)
            VALUES ($1, $2, 'QUEUED', $3, $4, $5, 0, 0, 0, 0, $6, $7, $8, false, $9)""",
            tenant_id,
            operation_id,
            command.asset or "POINTS",
            command.error_policy,
            command.dry_run,
            doer.id,
            to_json(_kept(command, file)),
            idempotency_key,
            await ledger.stamp(connection),
        )
        kept, services = await insert_rows(connection, ledger, command, rows, operation_id)
        await hold_currencies(connection, ledger.source, ledger.clock(), [command.asset, *kept.sums])
        if not command.allow_duplicate_customers:
            await refuse_duplicates(connection, operation_id)
        await connection.raw.execute(
            """UPDATE bulk_operations SET total = $3, command = command || $4::jsonb,
                (processed, failed) = (SELECT count(*), count(*) FROM bulk_rows
                WHERE tenant_id = $1 AND operation_id = $2 AND error IS NOT NULL)
            WHERE tenant_id = $1 AND id = $2""",
            tenant_id,
            operation_id,
            kept.total,
            to_json(kept.as_json() | {"service_ids": services}),
        )
        details = {"rows": kept.total, "dryRun": command.dry_run, "errorPolicy": command.error_policy}
        if command.mode != BulkMode.ADJUST:
            details["mode"] = command.mode
        await record_event(connection, ledger, doer, "bulk.queued", operation_id, details=details)
    return Outcome(bulk_operation_id=operation_id)


def _check(command: ImportCredits) -> None:
    if command.asset is not None:
        exponent(command.asset)
    if command.expires_in_days and command.expires_at is not None:
        raise ExpiryConflict("Give either expiresInDays or expiresAt, not both.", field=("expiresAt",))


def _kept(command: ImportCredits, file: FileTold | None) -> dict[str, Any]:
    """The values stored for the run, and to be told; instants as text."""
    return {
        "digest": command.digest,
        "mode": command.mode,
        "file": (file or FileTold()).as_json(),
        "effective_on": None if command.effective_on is None else command.effective_on.isoformat(),
        "allow_duplicate_customers": command.allow_duplicate_customers,
        "reason": None if command.reason is None else clean_name(command.reason),
        "note": command.note,
        "expires_in_days": command.expires_in_days,
        "expires_at": None if command.expires_at is None else command.expires_at.astimezone(UTC).isoformat(),
        "texts": None if command.texts is None else command.texts.as_json(),
    }


async def refuse_duplicates(connection: TenantConnection, operation_id: UUID) -> None:
    """Mark a customer's rows after the first as bad, or all that are left if one was posted.

    They are found in one pass and then marked by key: joined in one statement, the planner may scan all rows for each.
    """
    found = await connection.raw.fetch(
        """SELECT "row" FROM (
            SELECT "row", error, transaction_id, row_number() OVER (PARTITION BY customer_id ORDER BY "row") AS nth,
                bool_or(transaction_id IS NOT NULL) OVER (PARTITION BY customer_id) AS posted
            FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $2 AND customer_id IS NOT NULL) AS d
        WHERE (nth > 1 OR posted) AND transaction_id IS NULL AND coalesce(error->>'code', '') <> 'DUPLICATE'""",
        connection.tenant_id,
        operation_id,
    )
    report = to_json(error_report(Duplicate("The customer is listed twice.", field=("customer",))))
    for some in _chunks([row["row"] for row in found], ROWS_PER_INSERT):
        await connection.raw.execute(
            f"""UPDATE bulk_rows r SET error = CASE WHEN r.error IS NULL THEN $3::jsonb
                ELSE jsonb_set(r.error, '{{more}}', coalesce(r.error->'more', '[]') || $3::jsonb) END
            FROM {rows_of_bulk('"row" int', first=4)} u WHERE r.tenant_id = $1 AND r.id = u.id""",
            connection.tenant_id,
            operation_id,
            report,
            some,
        )


def _chunks(rows: Iterable[int], most: int) -> Iterator[list[int]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, most)):
        yield chunk
