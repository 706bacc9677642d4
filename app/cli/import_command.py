"""`scrip import`: data from files, into one tenant."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli.database import app_database
from app.cli.import_credits import credits_command
from app.cli.output import say
from app.cli.tenants import check_slug, check_time_zone, tenant_at_work
from app.files.importing.figures import Figures, figures_of
from app.files.importing.online_retail import BadFile, Contents, read
from app.files.importing.posting import ImportStopped, key_of, post_documents
from app.postgres.clock import new_ledger
from app.postgres.database import open_database
from app.problems import SetupProblem
from app.settings import Settings, load_settings
from models.errors import Duplicate, Unavailable
from models.ledger import Ledger
from models.operations.create_tenant import create_tenant
from models.session import tenant_id_of

TIME_ZONE: Final = "Europe/London"

import_commands = typer.Typer(help="Import data from files.", no_args_is_help=True)
import_commands.command("credits")(credits_command)


@import_commands.callback()
def import_command() -> None:
    """Import data from files."""


@import_commands.command("online-retail")
def online_retail_command(
    file: Annotated[Path, typer.Argument(help="CSV file, plain or packed with gzip.")],
    tenant: Annotated[str, typer.Option(help="Short name of the tenant.")],
    create: Annotated[bool, typer.Option("--create-tenant", help="Create the tenant if there is none.")] = False,
    time_zone: Annotated[str, typer.Option(help="IANA time zone of a created tenant.")] = TIME_ZONE,
) -> None:
    """Import invoices and credit notes from the Online Retail file. Running it again imports the rest."""
    check_slug(tenant)
    check_time_zone(time_zone)
    try:
        contents = read(file)
    except BadFile as bad:
        told = "\n  ".join(bad.problems)
        raise SetupProblem(f"{file} was not loaded, not even in part:\n  {told}") from bad
    settings = load_settings()
    with app_database(settings) as url:
        figures, new = asyncio.run(_load(settings, url, tenant, time_zone if create else None, contents))
    say(f"{new:,} were new" if new else "All of it was there already; nothing was changed")
    for row in summary(figures, contents.left_out):
        print(row)


async def _load(
    settings: Settings, url: str, slug: str, time_zone_of_new: str | None, contents: Contents
) -> tuple[Figures, int]:
    """Load the missing documents. Returns the figures of all in the file, and the number of new ones."""
    ledger, cache = new_ledger(settings), settings.database_statement_cache
    async with open_database(url, pool_min=1, pool_max=10, statement_cache=cache):
        try:
            tenant_id = await _tenant(ledger, slug, time_zone_of_new)
            with _progress(len(contents.documents)) as step:
                new = await post_documents(ledger, tenant_id, contents.documents, step)
        except ImportStopped as stopped:
            raise SetupProblem(f"{stopped}\nDocuments loaded before it stay; run this again to resume.") from stopped
        except Unavailable as error:
            raise SetupProblem(error.message) from error
        finally:
            await ledger.close()
        return await figures_of(tenant_id, [key_of(document.number) for document in contents.documents]), new


async def _tenant(ledger: Ledger, slug: str, time_zone_of_new: str | None) -> UUID:
    """The tenant's id; None as time zone: it has to exist."""
    if time_zone_of_new is None or await tenant_id_of(slug) is not None:
        return (await tenant_at_work(slug, hint=" Or make it with --create-tenant.")).id
    try:
        tenant_id = await create_tenant(ledger, slug, slug, time_zone_of_new)
    except Duplicate as error:
        raise SetupProblem(f"{error.message} It was made a moment ago: run this again.") from error
    say(f"Made the tenant {slug} ({time_zone_of_new})")
    return tenant_id


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error, for as long as the block runs; without a terminal, a line instead."""
    if not sys.stderr.isatty():
        say(f"Loading {total:,} invoices and credit notes")
        yield lambda: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("Invoices and credit notes", total=total)
        yield lambda: progress.advance(task)


def summary(figures: Figures, left_out: int) -> list[str]:
    """The figures in columns, a line each."""
    rows = [*figures.rows(), ("lines without a customer, left out", f"{left_out:,}", "")]
    return [f"{what:<34} {count:>8} {amount:>14}".rstrip() for what, count, amount in rows]
