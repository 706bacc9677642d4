"""`scrip tenant export`, `import` and `delete`: a whole tenant, out of a database and into another."""

import asyncio
import sys
from collections.abc import Awaitable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from app.cli.database import app_database, owner_database
from app.cli.output import say
from app.cli.tenants import tenant_named
from app.cli.verify import verify_all
from app.files.tenant_file import Manifest, TenantFile, write_tenant
from app.postgres.connecting import check_same, place
from app.postgres.database import applied_steps, open_database
from app.problems import SetupProblem
from app.settings import load_settings
from models.errors import LedgerError
from models.operations.delete_tenant import STEP_ROWS, begin_deletion, count_rows, delete_tenant
from models.operations.import_tenant import import_tenant
from models.reads.verify import TenantName
from models.tenant_rows import Told

T = TypeVar("T")

_Named = Annotated[str, typer.Argument(help="Short name or id of the tenant.", metavar="TENANT")]
_File = Annotated[Path, typer.Argument(help="The export's file.")]


def export_command(tenant: _Named, file: _File) -> None:
    """Write all of a tenant to a file, beside servers that run: as the role of SCRIP_BACKUP_DATABASE_URL, else the app's."""
    settings = load_settings()
    reading = app_database(settings) if settings.backup_url is None else nullcontext(settings.backup_url)

    async def write(url: str) -> TenantName:
        await check_same(url, settings.app_url or url)
        steps = await applied_steps(url)
        async with open_database(url, pool_min=1, pool_max=1, statement_cache=settings.database_statement_cache):
            named = await tenant_named(tenant)
            if named.deleting:
                raise SetupProblem(f"The tenant {named.slug} is being deleted, and some of its rows are gone.")
            await _told(write_tenant(file, named.id, steps, _say_rows))
            return named

    with reading as url:
        named = asyncio.run(write(url))
    say(f"Wrote {named.slug} to {file}: {file.stat().st_size:,} bytes")
    if not named.suspended:
        say("It is active, so the file is of this moment. To move it, suspend it first, and let it in again there.")


def import_command(file: _File) -> None:
    """Add the tenant of an export, all of it or nothing, and prove its books. Exit status 1 if they are wrong."""
    settings = load_settings()

    async def add(owner: str, app: str, opened: TenantFile) -> bool:
        _check_steps(file, opened.manifest, await applied_steps(owner), owner)
        async with open_database(owner, pool_min=1, pool_max=1, statement_cache=settings.database_statement_cache):
            await _told(import_tenant(opened.rows(), _say_rows))
        slug = opened.manifest.slug
        say(f"Added {slug}, every row as it was exported; now its books are proven")
        return await verify_all(app, slug, settings.database_statement_cache)

    with TenantFile(file) as opened:
        opened.check()
        with owner_database(settings) as urls:
            holds = asyncio.run(add(urls.owner, urls.app, opened))
    if not holds:
        raise typer.Exit(1)


def delete_command(
    tenant: _Named,
    confirm: Annotated[
        str | None, typer.Option(help="Its short name once more. Asked for unless said.", metavar="TENANT")
    ] = None,
) -> None:
    """Delete a suspended tenant with all of its rows, in small steps. What was interrupted goes on."""
    settings = load_settings()

    async def delete(url: str) -> None:
        async with open_database(url, pool_min=1, pool_max=2, statement_cache=settings.database_statement_cache):
            named = await tenant_named(tenant)
            rows = await count_rows(named.id)
            told = f"{sum(rows.values()):,} rows, {rows.get('entries', 0):,} of them entries"
            say(f"{named.slug}, {named.id}, in {place(url)}: {told}")
            _confirm(named.slug, confirm)
            await _told(begin_deletion(named.id))
            gone = await _told(delete_tenant(named.id, _say_gone))
            for table, count in sorted(gone.items()):
                print(f"{table:<20} {count:>12,}")
            if left := await count_rows(named.id):
                raise SetupProblem(f"Rows are left, which somebody wrote meanwhile: {left}. Run the command again.")
            say(f"Deleted {named.slug}, {named.id}: {sum(gone.values()):,} rows. None is left.")

    with owner_database(settings) as urls:
        asyncio.run(delete(urls.owner))


def _confirm(slug: str, given: str | None) -> None:
    if given is None:
        if not sys.stdin.isatty():
            raise SetupProblem(f"Nothing was deleted. Say that it is meant: --confirm {slug}")
        given = typer.prompt(f"There is no way back but an export or a backup. To delete it, type {slug}")
    if given != slug:
        raise SetupProblem(f"Nothing was deleted: {given[:80]!r} is not {slug!r}.")


def _check_steps(file: Path, manifest: Manifest, here: tuple[str, ...], url: str) -> None:
    """A row means what the steps say that built its table. Raises SetupProblem if these are others."""
    lacking, more = set(manifest.steps) - set(here), set(here) - set(manifest.steps)
    if lacking or more:
        told = [f"the database lacks {', '.join(sorted(lacking))}"] if lacking else []
        told += [f"the file lacks {', '.join(sorted(more))}"] if more else []
        raise SetupProblem(
            f"{file} is of another version of the tables than the database at {place(url)}: {'; '.join(told)}. "
            "Bring both to one version with scrip migrate, and export anew."
        )


async def _told(doing: Awaitable[T]) -> T:
    """Its result. Raises SetupProblem if the ledger refuses it."""
    try:
        return await doing
    except LedgerError as error:
        raise SetupProblem(error.message) from error


def _say_rows(table: str, told: Told) -> None:
    if told.rows:
        say(f"  {table}: {told.rows:,} rows")


def _say_gone(table: str, rows: int) -> None:
    if rows % (20 * STEP_ROWS) == 0:
        say(f"  {table}: {rows:,} rows so far")
