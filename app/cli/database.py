"""The database that a command works on beside the server: the one that is set, else the embedded one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from app.cli.output import say
from app.postgres.connecting import check_same
from app.postgres.database import migrate
from app.postgres.embedded import EmbeddedPostgres, Urls, running_server
from app.problems import SetupProblem
from app.settings import Settings


@contextmanager
def app_database(settings: Settings) -> Iterator[str]:
    """Its URL for the app's role, until the block ends. The embedded server is started if `scrip run` does not run it.

    Raises SetupProblem if it cannot be reached.
    """
    if settings.app_url is not None:
        yield settings.app_url
        return
    running = running_server(settings.data_dir)
    if running is not None:
        yield running.app
        return
    with EmbeddedPostgres(settings.data_dir, say=say) as embedded:
        urls = embedded.start()
        asyncio.run(migrate(urls.owner, urls.app, say))
        yield urls.app


@contextmanager
def owner_database(settings: Settings) -> Iterator[Urls]:
    """Its URLs, for what takes the owner of the tables, until the block ends. `admin` is the owner's as well.

    Raises SetupProblem if it cannot be reached, or the two URLs that are set lead to different ones.
    """
    if settings.app_url is not None and settings.owner_url is not None:
        asyncio.run(check_same(settings.owner_url, settings.app_url))
        yield Urls(app=settings.app_url, owner=settings.owner_url, admin=settings.owner_url)
        return
    with app_database(settings):
        running = running_server(settings.data_dir)
        if running is None:
            raise SetupProblem("The database that was started has stopped.")
        yield running
