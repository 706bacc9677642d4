"""`scrip run`: all of it in one go, to try it out or to work on it."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from app.cli.output import say
from app.cli.serve import BACKLOG, address, serve, take_port
from app.cli.stopping import stop_is_success
from app.postgres.database import migrate
from app.postgres.embedded import EmbeddedPostgres
from app.sample.demo import TENANT
from app.sample.demo import load as load_sample
from app.sample.pages.render import curl_line
from app.sample.tokens import LIFETIME, demo_tokens
from app.settings import Settings, load_settings
from app.tokens.keys import made_secret, made_webhook_key, others_issue


def run_command() -> None:
    """Start a PostgreSQL unless DATABASE_URL names one, migrate it, load sample data if it is new, serve and run jobs."""
    stop_is_success()
    os.environ["SCRIP_RUN_JOBS"] = os.environ.get("SCRIP_RUN_JOBS") or "true"
    settings = load_settings()
    with take_port(settings.host, settings.port) as listener, _database(settings) as ready:
        listener.listen(BACKLOG)  # at once: a person with a browser waits rather than being refused
        assert ready.owner_url is not None and ready.app_url is not None  # noqa: S101, PT018 (for the type checker)
        applied = asyncio.run(migrate(ready.owner_url, ready.app_url, say))
        if applied:
            say(f"Migrated the database: {', '.join(applied)}")
        if ready.has_console:
            say(f"The console is at {address(listener)}/console")
        if ready.sample:
            load_sample(ready, say)
            _print_tokens(ready, address(listener))
        say(f"Scrip is at {address(listener)}/graphql   (Ctrl-C stops it)")
        serve(ready, listener)
    say("Stopped")


@contextmanager
def _database(settings: Settings) -> Iterator[Settings]:
    """The settings with a database in them, the configured one or for the time being our own, and with keys.

    The processes that serve read the settings from their environment.
    """
    if settings.app_url is not None:
        yield _with_keys(settings)
        return
    with EmbeddedPostgres(settings.data_dir, say=say) as embedded:
        urls = embedded.start()
        os.environ |= {"DATABASE_URL": urls.app, "SCRIP_MIGRATION_DATABASE_URL": urls.owner, "SCRIP_SAMPLE": "true"}
        yield _with_keys(settings)


def _with_keys(settings: Settings) -> Settings:
    """The settings as they are in the environment by now, with a secret made up if there are no keys."""
    if not others_issue(settings):
        os.environ["SCRIP_JWT_SECRET"] = made_secret(settings)
    if settings.webhook_key is None:
        os.environ["SCRIP_WEBHOOK_KEY"] = made_webhook_key(settings)
    return load_settings()


def _print_tokens(settings: Settings, url: str) -> None:
    """A line per role that queries the token's bearer, to copy into a shell."""
    tokens = demo_tokens(settings, datetime.now(UTC), uuid7)
    if tokens:
        hours = LIFETIME.total_seconds() / 3600
        say(f"Tokens for tenant {TENANT}, for {hours:.0f} hours; there are none in a deployment of your own:")
    elif not others_issue(settings):
        say(
            f"SCRIP_HOST is {settings.host}, not this machine alone, so that the sample's tokens are shown to nobody. "
            f"For yourself: scrip token --tenant {TENANT} --role staff"
        )
    for token in tokens:
        say(f"# as {token.role.value}\n{curl_line(url, token.text)}")
