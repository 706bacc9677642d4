"""`scrip import credits`: adjustments for many customers from a file, processed before the command ends."""

import asyncio
import hashlib
from contextlib import closing
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer

from app.cli.database import app_database
from app.cli.output import say
from app.cli.tenants import tenant_at_work
from app.files.importing.credit_rows import credit_rows
from app.files.importing.dialects import Said, said_of
from app.files.importing.opened import open_file
from app.files.importing.posting import ACTOR
from app.postgres.clock import new_ledger
from app.postgres.database import open_database
from app.problems import SetupProblem
from app.settings import Settings, load_settings
from models.errors import LedgerError
from models.kinds import BulkMode
from models.ledger import Ledger
from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits
from models.operations.run_bulks import run_bulk
from models.reads.requests import BulkRowView, failed_rows, operations_by_ids
from models.reads.session import reading
from models.views import BulkOperationView

MAX_SHOWN: Final = 100
"""Bad rows that are printed; the API has them all."""
WAIT_S: Final = 1.0
_READ_BYTES: Final = 1024 * 1024


def credits_command(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX file: customer, amount; docs/bulk.md has all columns.")],
    tenant: Annotated[str, typer.Option(help="Short name of the tenant.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report the results without posting anything.")] = False,
    asset: Annotated[str | None, typer.Option(help="Asset of rows without one, such as POINTS.")] = None,
    reason: Annotated[str | None, typer.Option(help="Reason of rows without one, such as PROMOTION.")] = None,
    note: Annotated[str | None, typer.Option(help="Note of rows without one.")] = None,
    expires_in_days: Annotated[
        int | None, typer.Option(min=0, help="Days to expiry of rows without one; 0: never.")
    ] = None,
    skip_failed: Annotated[bool, typer.Option("--skip-failed", help="Post good rows even if others are bad.")] = False,
    allow_duplicates: Annotated[bool, typer.Option(help="Allow a customer in more than one row.")] = False,
    mode: Annotated[BulkMode, typer.Option(help="SET: amounts are what is to be available.")] = BulkMode.ADJUST,
    encoding: Annotated[str | None, typer.Option(help="Encoding of a CSV file, such as windows-1252.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="comma, semicolon, tab or pipe.")] = None,
    decimal_mark: Annotated[str | None, typer.Option(help="Decimal mark of amounts: point or comma.")] = None,
    thousands_mark: Annotated[
        str | None, typer.Option(help="Mark between thousands: none, comma, point, space or apostrophe.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook, if several have content.")] = None,
    key: Annotated[str | None, typer.Option(help="Idempotency key. Default: the digest of the file.")] = None,
) -> None:
    """Adjust many customers from a file. Running it again resumes, and posts no row twice."""
    try:
        said = said_of(
            encoding=encoding,
            delimiter=delimiter,
            decimal_mark=decimal_mark,
            thousands_mark=thousands_mark,
            sheet=sheet,
        )
    except LedgerError as problem:
        raise SetupProblem(problem.message) from None
    command = ImportCredits(
        digest=_digest(file),
        asset=asset,
        reason=reason,
        note=note,
        expires_in_days=expires_in_days,
        error_policy="SKIP_FAILED" if skip_failed else "REJECT_ALL",
        dry_run=dry_run,
        allow_duplicate_customers=allow_duplicates,
        mode=mode.value,
        reading=said.hashed(),
    )
    settings = load_settings()
    key = key or f"file:{command.digest}"
    with app_database(settings) as url:
        operation, bad = asyncio.run(_import(settings, url, tenant, file, command, said, key))
    for row in bad:
        error = row.error or {}
        for told in (error, *error.get("more", ())):
            print(f"line {row.line}: {told.get('code')}: {told.get('message')}")
    if operation.failed > len(bad):
        print(f"and {operation.failed - len(bad):,} more")
    posted = "would be posted" if dry_run else "posted"
    print(f"{operation.status}: {operation.succeeded:,} of {operation.total:,} rows {posted}, {operation.failed:,} bad")
    if operation.status != "COMPLETED" or operation.failed:
        raise typer.Exit(1)


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(_READ_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise SetupProblem(f"{file} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()


async def _import(
    settings: Settings, url: str, slug: str, file: Path, command: ImportCredits, said: Said, key: str
) -> tuple[BulkOperationView, list[BulkRowView]]:
    """The operation as it ended, and its first bad rows."""
    ledger, cache = new_ledger(settings), settings.database_statement_cache
    async with open_database(url, pool_min=1, pool_max=4, statement_cache=cache):
        tenant_id = (await tenant_at_work(slug)).id
        try:
            with file.open("rb") as stream, closing(open_file(stream, said, file.name)) as opened:
                rows = credit_rows(opened.rows(), said.marks)
                outcome = await import_credits(ledger, tenant_id, ACTOR, command, rows, key, opened.told)
            assert outcome.bulk_operation_id is not None  # noqa: S101 - for the type checker
            if outcome.replayed:
                say("This file was imported before: resuming that import")
            return await _work(ledger, tenant_id, outcome.bulk_operation_id)
        except LedgerError as error:
            raise SetupProblem(f"{file} was not imported: {error.message}") from error
        finally:
            await ledger.close()


async def _work(ledger: Ledger, tenant_id: UUID, operation_id: UUID) -> tuple[BulkOperationView, list[BulkRowView]]:
    """Process queued bulks, as any worker does, until ours is over; others may be at it too."""
    while True:
        did = await run_bulk(ledger, tenant_id)
        async with reading(tenant_id) as session:
            (operation,) = await operations_by_ids(session, [operation_id])
            if operation.status not in ("QUEUED", "RUNNING"):
                return operation, await failed_rows(session, operation_id, MAX_SHOWN)
        say(f"{operation.processed:,} of {operation.total:,} rows")
        if not did:
            await asyncio.sleep(WAIT_S)
