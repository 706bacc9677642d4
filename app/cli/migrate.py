"""`scrip migrate`: bring one's own database up to date, before a new version of the app is started on it."""

import asyncio
from typing import Annotated

import typer

from app.cli.output import say
from app.postgres.connecting import place
from app.postgres.database import migrate
from app.problems import SetupProblem
from app.settings import load_settings


def migrate_command(
    distributed: Annotated[
        bool,
        typer.Option(
            "--distributed",
            help="Spread the tenants over the nodes of Citus (docs/scaling.md). Stop the servers first.",
        ),
    ] = False,
) -> None:
    """Migrate the database that DATABASE_URL names, and grant the app's role its rights."""
    settings = load_settings()
    if settings.app_url is None or settings.owner_url is None:
        raise SetupProblem("There is nothing to migrate: DATABASE_URL is not set, and `scrip run` migrates its own.")
    applied = asyncio.run(migrate(settings.owner_url, settings.app_url, say, distributed=distributed))
    print(f"{place(settings.owner_url)}: " + (f"applied {', '.join(applied)}" if applied else "up to date"))
