"""`scrip run`: all of it in one go, to try it out or to work on it."""

import asyncio
import importlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager

from app.cli.output import say
from app.cli.serve import address, listen, serve
from app.database import migrate
from app.embedded import EmbeddedPostgres
from app.settings import Settings, load_settings
from app.token_keys import token_secret


def run_command() -> None:
    """Start a PostgreSQL unless DATABASE_URL names one, migrate it, load the sample if it is ours, and serve."""
    settings = load_settings()
    with listen(settings.host, settings.port) as listener, _database(settings) as ready:
        assert ready.owner_url is not None and ready.app_url is not None  # noqa: S101, PT018 (for the type checker)
        applied = asyncio.run(migrate(ready.owner_url, ready.app_url, say))
        if applied:
            say(f"Migrated the database: {', '.join(applied)}")
        if ready.sample:
            _load_sample(ready)
        say(f"Scrip is at {address(listener)}/graphql   (Ctrl-C stops it)")
        serve(ready, listener)
    say("Stopped")


@contextmanager
def _database(settings: Settings) -> Iterator[Settings]:
    """The settings with a database in them: the one that is set, or for the time being our own."""
    if settings.app_url is not None:
        yield settings
        return
    with EmbeddedPostgres(settings.data_dir, say=say) as embedded:
        urls = embedded.start()
        # The processes that serve read the settings from their environment.
        os.environ |= {"DATABASE_URL": urls.app, "SCRIP_MIGRATION_DATABASE_URL": urls.owner, "SCRIP_SAMPLE": "true"}
        if settings.jwks_file is None and settings.jwks_url is None:
            os.environ["SCRIP_JWT_SECRET"] = token_secret(settings)
        yield load_settings()


def _load_sample(settings: Settings) -> None:
    """The one place where the sample data comes in."""
    if importlib.util.find_spec("app.demo") is not None:
        importlib.import_module("app.demo").load(settings, say)
