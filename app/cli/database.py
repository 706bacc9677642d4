"""The database that a command works on beside the server: the one that is set, else the embedded one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from app.cli.output import say
from app.postgres.database import migrate
from app.postgres.embedded import EmbeddedPostgres, running_server
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
