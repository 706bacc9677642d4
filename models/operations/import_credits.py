"""Queue a file of adjustments, to be processed by models/operations/run_bulks.py (domain: bulk).

The file is stored as rows of `bulk_rows`, all or nothing, under one idempotency key. Obvious errors of a row (no
amount, no such customer, a repeated customer) are noted at once; the run finds the others.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from models.commands import LATER, Actor, Outcome
from models.currencies import hold_currencies
from models.errors import Busy, Duplicate, ExpiryConflict, Invalid, LedgerError, NotFound
from models.idempotency import check_key
from models.kinds import BulkErrorPolicy
from models.ledger import Ledger
from models.loading.config_locks import adding_nothing
from models.lookups import each
from models.money import exponent
from models.names import clean_name
from models.operations.auditing import Doer, doer_of, record_event
from models.operations.bulk_keys import claim_for
from models.planning.bulk import error_report
from models.planning.calendar import checked_date, start_of_day
from models.planning.columns import to_json
from models.session import TenantConnection, tenant_transaction
from models.texts import Texts
from turns.slices import each_in_slices

MAX_ROWS: Final = 1_000_000
ROWS_PER_INSERT: Final = 2_000
OPERATION: Final = "importCredits"
MAX_SHOWN_CHARACTERS: Final = 80
LOCK_WAIT: Final = "SET LOCAL lock_timeout = '10s'; "
"""Longest wait for a key or customer locked by others. The rows can be read only once, so a retry is impossible."""

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class ImportCredits:
    """A file of adjustments and its defaults; a row may have its own asset, reason, texts and expiry instead.

    digest: SHA-256 of the file, in hex. The other fields are as in BulkCredit.
    """

    digest: str
    asset: str | None = None
    reason: str | None = None
    note: str | None = None
    expires_in_days: int | None = None
    expires_at: datetime | None = None
    error_policy: str = BulkErrorPolicy.REJECT_ALL
    dry_run: bool = False
    allow_duplicate_customers: bool = False
    texts: Texts | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One row of a file. customer: the tenant's own id for them. expires_on: the last day it can be spent.

    error: its error, if it has one already; the other fields then hold as much as was understood.
    """

    customer: str | None
    amount: Decimal | None
    asset: str | None = None
    reason: str | None = None
    note: str | None = None
    expires_in_days: int | None = None
    expires_on: date | None = None
    texts: Texts | None = None
    error: LedgerError | None = None


async def import_credits(
    ledger: Ledger,
    tenant_id: UUID,
    actor: Actor,
    command: ImportCredits,
    rows: Iterable[ImportRow],
    idempotency_key: str,
) -> Outcome:
    """Queue the file, once for the key (a dry run stores none).

    Raises Invalid, IdempotencyKeyReused, Busy, or the errors of `rows`.
    """
    check_key(idempotency_key)
    _check(command)
    doer = await doer_of(ledger, tenant_id, actor)
    operation_id = ledger.source.new_id()
    try:
        return await _queue(ledger, tenant_id, doer, command, rows, idempotency_key, operation_id)
    except asyncpg.LockNotAvailableError:
        raise Busy from None


async def _queue(
    ledger: Ledger,
    tenant_id: UUID,
    doer: Doer,
    command: ImportCredits,
    rows: Iterable[ImportRow],
    idempotency_key: str,
    operation_id: UUID,
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
            to_json(_kept(command)),
            idempotency_key,
            await ledger.stamp(connection),
        )
        await hold_currencies(connection, ledger.source, ledger.clock(), [command.asset])
        total = await _insert_rows(connection, ledger, command, rows, operation_id)
        if not command.allow_duplicate_customers:
            await _refuse_duplicates(connection, operation_id)
        await connection.raw.execute(
            """UPDATE bulk_operations SET total = $3, (processed, failed) = (SELECT count(*), count(*) FROM bulk_rows
                WHERE tenant_id = $1 AND operation_id = $2 AND error IS NOT NULL),
                command = command || jsonb_build_object('sums', coalesce((
                    SELECT jsonb_object_agg(asset, amount::text) FROM (
                        SELECT coalesce(details->>'asset', $4) AS asset, sum(amount) AS amount FROM bulk_rows
                        WHERE tenant_id = $1 AND operation_id = $2 GROUP BY 1
                    ) AS s WHERE asset IS NOT NULL AND amount IS NOT NULL), '{}'))
            WHERE tenant_id = $1 AND id = $2""",
            tenant_id,
            operation_id,
            total,
            command.asset,
        )
        details = {"rows": total, "dryRun": command.dry_run, "errorPolicy": command.error_policy}
        await record_event(connection, ledger, doer, "bulk.queued", operation_id, details=details)
    return Outcome(bulk_operation_id=operation_id)


def _check(command: ImportCredits) -> None:
    if command.asset is not None:
        exponent(command.asset)
    if command.expires_in_days and command.expires_at is not None:
        raise ExpiryConflict("Give either expiresInDays or expiresAt, not both.", field=("expiresAt",))


def _kept(command: ImportCredits) -> dict[str, Any]:
    """The values stored for the run, and what tells the file; instants as text."""
    return {
        "digest": command.digest,
        "reason": _name(command.reason),
        "note": command.note,
        "expires_in_days": command.expires_in_days,
        "expires_at": None if command.expires_at is None else command.expires_at.astimezone(UTC).isoformat(),
        "texts": None if command.texts is None else command.texts.as_json(),
    }


async def _insert_rows(
    connection: TenantConnection, ledger: Ledger, command: ImportCredits, rows: Iterable[ImportRow], operation_id: UUID
) -> int:
    """Insert the rows and return their number. Raises Invalid for none, or more than MAX_ROWS."""
    slug = await connection.raw.fetchval("SELECT time_zone FROM tenants WHERE id = $1", connection.tenant_id)
    zone, total, coming = ZoneInfo(slug), 0, iter(rows)
    while chunk := await each_in_slices(_as_it_is, islice(coming, ROWS_PER_INSERT)):
        if total + len(chunk) > MAX_ROWS:
            raise Invalid(f"A file has at most {MAX_ROWS:,} rows.", field=("file",))
        understood = await each_in_slices(lambda row: _understood(command, row, zone), chunk)
        stored = [
            (ledger.source.new_id(), total + n, _name(row.customer), *understood[n]) for n, row in enumerate(chunk)
        ]
        await _keep_whom_notes_are_about(connection, chunk)
        await connection.raw.execute(
            """INSERT INTO bulk_rows (tenant_id, id, operation_id, row, customer_id, amount, details, error)
            SELECT t.id, u.id, $2, u.row, coalesce(c.merged_into_id, c.id), u.amount,
                -- Texts about somebody who is not there may be about somebody who has just been erased.
                CASE WHEN c.id IS NULL THEN u.details::jsonb - ARRAY['note', 'texts'] ELSE u.details::jsonb END, CASE
                WHEN u.error IS NOT NULL THEN u.error::jsonb
                WHEN c.id IS NULL THEN jsonb_set($3::jsonb, '{message}', to_jsonb(
                    coalesce('There is no customer ' || left(u.customer, $10) || '.', 'The row names no customer.')
                )) END
            FROM tenants t CROSS JOIN unnest($4::uuid[], $5::int[], $6::text[], $7::numeric[], $8::text[], $9::text[])
                AS u(id, row, customer, amount, details, error)
            LEFT JOIN LATERAL (
                SELECT id, merged_into_id FROM customers WHERE tenant_id = $1 AND external_id = u.customer OFFSET 0
            ) AS c ON true
            WHERE t.id = $1""",
            connection.tenant_id,
            operation_id,
            to_json(error_report(NotFound("", field=("customer",)))),
            *zip(*stored, strict=True),
            MAX_SHOWN_CHARACTERS,
        )
        total += len(chunk)
    if total == 0:
        raise Invalid("The file has no rows.", field=("file",))
    return total


async def _keep_whom_notes_are_about(connection: TenantConnection, rows: list[ImportRow]) -> None:
    """Lock the customers, so that none is erased before the rows are there for the erasure to find."""
    if noted := {clean_name(row.customer) for row in rows if (row.note or row.texts) and row.customer}:
        # Of a person's records the one they name will do: an erasure locks all of them.
        await connection.raw.execute(
            f"""SELECT FROM {each("external_id text")} k
            JOIN customers c ON c.tenant_id = $1 AND c.external_id = k.external_id ORDER BY c.id FOR KEY SHARE OF c""",
            connection.tenant_id,
            sorted(noted),
        )


def _as_it_is(row: ImportRow) -> ImportRow:
    """The row unchanged: reading it from the file is what takes time."""
    return row


def _name(text: str | None) -> str | None:
    return None if text is None else clean_name(text)


def _understood(command: ImportCredits, row: ImportRow, zone: ZoneInfo) -> tuple[Any, str | None, str | None]:
    """Amount, details and error, as stored."""
    details: dict[str, Any] = {
        name: value
        for name, value in (("reason", _name(row.reason)), ("note", row.note), ("expires_in_days", row.expires_in_days))
        if value is not None
    }
    if row.texts is not None:
        details["texts"] = row.texts.as_json()
    error = row.error
    try:
        if row.asset is not None:
            exponent(row.asset)
            details["asset"] = row.asset
        elif command.asset is None and error is None:
            raise Invalid("Neither the row nor the request names an asset.", field=("asset",))
        if row.reason is None and command.reason is None and error is None:
            raise Invalid("Neither the row nor the request names a reason.", field=("reason",))
        if row.expires_on is not None:
            day = checked_date(row.expires_on, "expires") + timedelta(days=1)
            details["expires_at"] = start_of_day(day, zone).isoformat()
    except LedgerError as problem:
        error = error or problem
    return (row.amount, to_json(details) if details else None, None if error is None else to_json(error_report(error)))


async def _refuse_duplicates(connection: TenantConnection, operation_id: UUID) -> None:
    """Mark a customer's rows after the first as bad.

    They are found in one pass and then marked by key: joined in one statement, the planner may scan all rows for each.
    """
    found = await connection.raw.fetch(
        """SELECT "row" FROM (
            SELECT "row", error, row_number() OVER (PARTITION BY customer_id ORDER BY "row") AS nth FROM bulk_rows
            WHERE tenant_id = $1 AND operation_id = $2 AND customer_id IS NOT NULL) AS d
        WHERE nth > 1 AND error IS NULL""",
        connection.tenant_id,
        operation_id,
    )
    report = to_json(error_report(Duplicate("The customer is listed twice.", field=("customer",))))
    for some in _chunks([row["row"] for row in found], ROWS_PER_INSERT):
        await connection.raw.execute(
            f"""UPDATE bulk_rows r SET error = $3::jsonb FROM {each('"row" int', first=4)} u
            WHERE r.tenant_id = $1 AND r.operation_id = $2 AND r."row" = u."row" """,
            connection.tenant_id,
            operation_id,
            report,
            some,
        )


def _chunks(rows: Iterable[Row], most: int) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, most)):
        yield chunk
