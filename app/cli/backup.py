"""`scrip backup` and `scrip restore`: all tenants, to one file and back, with the proof of the books at the end."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.cli.output import say
from app.cli.verify import verify_all
from app.postgres.backup import MAKE_ROLE, back_up, restore
from app.postgres.connecting import check_same, place
from app.problems import SetupProblem
from app.settings import load_settings

_File = Annotated[Path, typer.Argument(help="The backup's file.")]


def backup_command(file: _File) -> None:
    """Write the whole database to a file, beside servers that run, as the role of SCRIP_BACKUP_DATABASE_URL."""
    url = load_settings().backup_url
    if url is None:
        raise SetupProblem(
            f"SCRIP_BACKUP_DATABASE_URL is not set. A backup takes a role that reads all and writes nothing: {MAKE_ROLE}"
        )
    back_up(url, file)
    say(f"Wrote {file.stat().st_size:,} bytes of {place(url)} to {file}")


def restore_command(file: _File) -> None:
    """Restore a backup into an empty database, migrate it, and prove the books. Exit status 1 if they are wrong."""
    settings = load_settings()
    if settings.app_url is None or settings.owner_url is None:
        raise SetupProblem("DATABASE_URL is not set: name the empty database to restore into.")
    asyncio.run(check_same(settings.owner_url, settings.app_url))
    restore(settings.owner_url, settings.app_url, file, say)
    say(f"Restored {file} to {place(settings.owner_url)}; now its books are proven")
    if not asyncio.run(verify_all(settings.app_url, None, settings.database_statement_cache)):
        raise typer.Exit(1)
