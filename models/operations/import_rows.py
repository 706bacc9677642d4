"""The rows of a file of adjustments as they are stored to be worked off: understood, in chunks, each with its errors."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, Final
from uuid import UUID

from models.commands import AdjustCredit
from models.errors import AmountPrecision, Invalid, LedgerError, NotFound
from models.kinds import BulkMode
from models.ledger import Ledger
from models.loading.accounts import load_facts
from models.lookups import each, rows_of_bulk
from models.money import exponent
from models.names import clean_name
from models.operations.import_files import ImportCredits, ImportRow
from models.planning.adjust import MAX_SERVICES
from models.planning.bulk import error_report
from models.planning.calendar import checked_date, start_of_day
from models.planning.columns import to_json
from models.planning.faults import faults, others
from models.planning.state import Books
from models.session import TenantConnection
from turns.slices import each_in_slices

MAX_ROWS: Final = 1_000_000
ROWS_PER_INSERT: Final = 2_000
MAX_SHOWN_CHARACTERS: Final = 80
_NOBODY: Final = UUID(int=0)


@dataclass(slots=True)
class Kept:
    """The stored rows. total: their number; first_line: of the first one; sums: of the amounts asked for, by asset; removes:
    whether any of them is below zero; keys: of the metadata that any row has."""

    total: int = 0
    first_line: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    removes: bool = False
    keys: set[str] = field(default_factory=set)

    def count(self, asset: str, amount: Decimal) -> None:
        self.sums[asset] = self.sums.get(asset, Decimal(0)) + amount
        self.removes = self.removes or amount < 0

    def as_json(self) -> dict[str, Any]:
        return {
            "first_line": self.first_line or None,
            "sums": self.sums,
            "removes": self.removes,
            "metadata": sorted(self.keys),
        }


class Understanding:
    """Makes rows what is stored of them, by the request's own values and the tenant's configuration."""

    def __init__(self, command: ImportCredits, books: Books, kept: Kept) -> None:
        self._command = command
        self._books = books
        self._kept = kept
        self._sets = command.mode == BulkMode.SET
        names = books.config.service_names
        self._services = {name: service_id for service_id, name in names.items()}
        self.whole_services = self.services(command.services)

    def services(self, names: tuple[str, ...]) -> tuple[UUID, ...]:
        """The ids of services by their names. Raises Invalid for more than an adjustment may name, and NotFound."""
        if len(names) > MAX_SERVICES:
            raise Invalid(f"At most {MAX_SERVICES} services can be named.", field=("services",))
        for name in names:
            if clean_name(name) not in self._services:
                raise NotFound(f"There is no service {name[:MAX_SHOWN_CHARACTERS]!r}.", field=("services",))
        return tuple([self._services[clean_name(name)] for name in names])

    def __call__(self, numbered: tuple[int, ImportRow]) -> "tuple[Any, ...]":
        """Row, customer's name, amount, details and error, as stored."""
        number, row = numbered
        details = dict[str, Any]()
        if row.reason is not None:
            details["reason"] = clean_name(row.reason)
        if row.note is not None:
            details["note"] = row.note
        if row.expires_in_days is not None:
            details["expires_in_days"] = row.expires_in_days
        if row.texts is not None:
            details["texts"] = row.texts.as_json()
            self._kept.keys.update(key for key, _ in row.texts.metadata)
        if row.line and row.line != self._kept.first_line + number:
            details["line"] = row.line
        errors = [*row.errors]
        for understand in (self._asset, self._reason, self._expiry, self._effective_on, self._of_services):
            try:
                understand(row, details)
            except LedgerError as problem:
                errors.append(problem)
        asset = self._known_asset(row, details)
        if row.amount is not None and asset is not None:
            self._kept.count(asset, row.amount)
        error = None
        if errors:
            error = errors[0]
            error.others = (*error.others, *errors[1:], *others(self._faults(row, details), *errors))
            details["unread"] = _as_sent(row) | dict(row.unread)
        report = None if error is None else to_json(error_report(error))
        name = None if row.customer is None else clean_name(row.customer)
        return number, name, row.amount, to_json(details) if details else None, report

    def _asset(self, row: ImportRow, details: dict[str, Any]) -> None:
        """The asset is there, and the amount has no more decimal places than it, not even zeros."""
        asset = row.asset if row.asset is not None else self._command.asset
        if asset is None:
            raise Invalid("Neither the row nor the request names an asset.", field=("asset",))
        places = exponent(asset)
        if row.asset is not None:
            details["asset"] = asset
        if row.amount is not None:
            written = row.amount.as_tuple().exponent
            if isinstance(written, int) and -written > places:
                raise AmountPrecision(amount=row.amount, asset=asset, places=places)

    def _reason(self, row: ImportRow, _details: dict[str, Any]) -> None:
        if row.reason is None and self._command.reason is None:
            raise Invalid("Neither the row nor the request names a reason.", field=("reason",))

    def _expiry(self, row: ImportRow, details: dict[str, Any]) -> None:
        if row.expires_on is not None:
            day = checked_date(row.expires_on, "expires")
            details["expires_on"] = day.isoformat()  # for the report: the zone may be another by then
            details["expires_at"] = start_of_day(day + timedelta(days=1), self._books.config.zone).isoformat()

    def _effective_on(self, row: ImportRow, details: dict[str, Any]) -> None:
        if row.effective_on is not None:
            details["effective_on"] = checked_date(row.effective_on, "effectiveOn").isoformat()

    def _of_services(self, row: ImportRow, details: dict[str, Any]) -> None:
        if row.services:
            details["service_ids"] = [str(service_id) for service_id in self.services(row.services)]

    def _faults(self, row: ImportRow, details: dict[str, Any]) -> Any:
        """All else that is wrong with a row that is not understood, as far as it is."""
        asset, reason = self._known_asset(row, details), details.get("reason", self._command.reason)
        if reason is None:
            return iter(())
        amount = None if asset is None else row.amount
        return faults(self._books, self.asked(row, asset or "", reason), amount, sets=self._sets)

    def _known_asset(self, row: ImportRow, details: dict[str, Any]) -> str | None:
        """The row's asset; None if there is none, or no such one: its amount is not one of the request's asset."""
        return self._command.asset if row.asset is None else details.get("asset")

    def asked(self, row: ImportRow, asset: str, reason: str) -> AdjustCredit:
        """The row's adjustment, of nobody."""
        return AdjustCredit(
            customer_id=_NOBODY,
            asset=asset,
            amount=row.amount or Decimal(0),
            reason=reason,
            note=row.note if row.note is not None else self._command.note,
            expires_in_days=row.expires_in_days,
            effective_on=row.effective_on,
        )

    def not_found(self, row: ImportRow, error: LedgerError) -> str | None:
        """The error of a row whose customer is not there, if there are more; else None."""
        asset, reason = row.asset or self._command.asset, row.reason or self._command.reason
        if asset is None or reason is None:
            return None
        found = others(faults(self._books, self.asked(row, asset, clean_name(reason)), row.amount, sets=self._sets))
        error.others = found
        return to_json(error_report(error)) if found else None


async def insert_rows(
    connection: TenantConnection,
    ledger: Ledger,
    command: ImportCredits,
    rows: Iterable[ImportRow | None],
    operation_id: UUID,
) -> tuple[Kept, tuple[UUID, ...]]:
    """Insert the rows; return what was kept, and the services that the request names. While some are inserted the next ones
    are read. Raises Invalid for none, or more than MAX_ROWS, and NotFound for a service."""
    version, now = await load_facts(connection, {}, ledger.clock())
    config = await ledger.configurations.at_version(connection, version)
    kept = Kept()
    books = Books(config=config, now=now, source=ledger.source, customers={}, accounts={}, accounts_by_id={})
    understand, coming = Understanding(command, books, kept), iter(rows)
    keeping = asyncio.create_task(asyncio.sleep(0))
    try:
        while some := await each_in_slices(_as_it_is, islice(coming, ROWS_PER_INSERT)):
            chunk = [row for row in some if row is not None]
            if not chunk:
                continue
            if kept.total + len(chunk) > MAX_ROWS:
                raise Invalid(f"A file has at most {MAX_ROWS:,} rows.", field=("file",))
            if not kept.total:
                kept.first_line = chunk[0].line
            stored = await each_in_slices(understand, list(enumerate(chunk, kept.total)))
            await keeping
            keeping = asyncio.create_task(_keep(connection, ledger, operation_id, understand, chunk, stored))
            kept.total += len(chunk)
        await keeping
    finally:  # the transaction must not end before what is done in it
        await asyncio.gather(keeping, return_exceptions=True)
    if kept.total == 0:
        raise Invalid("The file has no rows.", field=("file",))
    return kept, understand.whole_services


async def _keep(
    connection: TenantConnection,
    ledger: Ledger,
    operation_id: UUID,
    understand: Understanding,
    chunk: list[ImportRow],
    stored: list[tuple[Any, ...]],
) -> None:
    """Insert some rows, as they are stored."""
    first = stored[0][0]
    await _keep_whom_notes_are_about(connection, chunk)
    missing = await _insert(connection, ledger, operation_id, stored)
    unknown = [(n, chunk[n - first], stored[n - first][-1]) for n in missing]
    await _tell_all(connection, operation_id, understand, unknown)


async def _insert(
    connection: TenantConnection, ledger: Ledger, operation_id: UUID, stored: list[tuple[Any, ...]]
) -> list[int]:
    """Insert some rows; return the numbers of those whose customer is not there. Their names are kept, to be looked for
    again."""
    rows = await connection.raw.fetch(
        """INSERT INTO bulk_rows AS b (tenant_id, id, operation_id, row, customer_id, amount, details, error)
        SELECT t.id, u.id, $2, u.row, coalesce(c.merged_into_id, c.id), u.amount,
            -- Texts about somebody who is not there may be about somebody who has just been erased.
            CASE WHEN u.customer IS NULL THEN u.details::jsonb
                -- The customer's record has the name, where an erasure finds it.
                WHEN c.id IS NOT NULL THEN u.details::jsonb #- '{unread,customer}'
                ELSE coalesce(u.details::jsonb, '{}') - ARRAY['note', 'texts'] || jsonb_build_object('customer', u.customer)
                END, CASE
            WHEN u.error IS NOT NULL THEN u.error::jsonb
            WHEN c.id IS NULL THEN jsonb_set($3::jsonb, '{message}', to_jsonb(
                coalesce('There is no customer ' || left(u.customer, $10) || '.', 'The row names no customer.')
            )) END
        FROM tenants t CROSS JOIN unnest($4::uuid[], $5::int[], $6::text[], $7::numeric[], $8::text[], $9::text[])
            AS u(id, row, customer, amount, details, error)
        LEFT JOIN LATERAL (
            SELECT id, merged_into_id FROM customers WHERE tenant_id = $1 AND external_id = u.customer OFFSET 0
        ) AS c ON true
        WHERE t.id = $1
        RETURNING CASE WHEN b.customer_id IS NULL THEN b."row" END""",
        connection.tenant_id,
        operation_id,
        to_json(error_report(NotFound("", field=("customer",)))),
        [ledger.source.new_id() for _ in stored],
        *zip(*stored, strict=True),
        MAX_SHOWN_CHARACTERS,
    )
    return [row[0] for row in rows if row[0] is not None]


async def _tell_all(
    connection: TenantConnection,
    operation_id: UUID,
    understand: Understanding,
    missing: list[tuple[int, ImportRow, str | None]],
) -> None:
    """Tell both of rows whose customer is not there: that, and what else is wrong."""
    told = []
    for number, row, report in missing:
        if row.customer is None:
            continue  # what is wrong with its name is told
        error = NotFound(f"There is no customer {row.customer[:MAX_SHOWN_CHARACTERS]}.", field=("customer",))
        both = understand.not_found(row, error) if report is None else _with(report, error)
        if both is not None:
            told.append((number, both))
    if told:
        await connection.raw.execute(
            f"""UPDATE bulk_rows r SET error = u.error::jsonb
            FROM {rows_of_bulk('"row" int', "error text", first=3)} u WHERE r.tenant_id = $1 AND r.id = u.id""",
            connection.tenant_id,
            operation_id,
            *zip(*told, strict=True),
        )


def _with(report: str, error: LedgerError) -> str:
    """A row's stored error, with another one."""
    kept = json.loads(report)
    kept.setdefault("more", []).append(error_report(error))
    return to_json(kept)


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


def _as_sent(row: ImportRow) -> dict[str, str]:
    """The cells that are only kept as far as they were understood, by column."""
    sent = {
        "asset": row.asset,
        "expires": None if row.expires_on is None else row.expires_on.isoformat(),
        "effectiveOn": None if row.effective_on is None else row.effective_on.isoformat(),
        "services": "; ".join(row.services) or None,
    }
    return {column: cell for column, cell in sent.items() if cell is not None}


def _as_it_is(row: ImportRow | None) -> ImportRow | None:
    """The row unchanged: reading it from the file is what takes time."""
    return row
