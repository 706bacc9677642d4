"""One PostgreSQL for the whole run, and in it a database for each worker, cloned from one that the migrations built.

A test keeps apart from the others by making a tenant of its own.
"""

import asyncio
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import asyncpg
import hypothesis
import pytest

from app.postgres.account import installed_programs
from app.postgres.database import migrate, open_database
from app.postgres.embedded import DATABASE, OWNER, EmbeddedPostgres, Urls, stop_leftover
from models.outages import Outages
from models.pool import _POOLS
from tests.support.citus import distributed_database, given_cluster, urls_of
from tests.support.pooler import pooled
from tests.support.postgres import given_programs, version_of

pytest_plugins = ["tests.support.out_of_time", "tests.support.suite_statements"]
ROOT = Path(__file__).parents[1]
SERVERS = ROOT / ".cache" / "tests"
OPERATIONS = ROOT / "tests" / "operations"
POOL_MAX = 10

hypothesis.settings.register_profile("scrip", deadline=None, database=None)
hypothesis.settings.load_profile("scrip")

_server: EmbeddedPostgres | None = None


def start_server() -> Urls:
    """A new server with a migrated database to clone from. First it clears up after runs that were killed."""
    global _server
    if (cluster := given_cluster()) is not None:
        return urls_of(cluster, "postgres")
    with _one_at_a_time():
        for folder in SERVERS.iterdir():
            if folder.is_dir():
                _remove_if_left(folder)
        # More connections than workers need at rest: tests of clashes take many.
        settings = {"max_connections": "300"}
        folder = SERVERS / str(os.getpid())
        _server = EmbeddedPostgres(folder, durable=False, settings=settings, programs=given_programs())
        urls = _server.start()
    asyncio.run(migrate(urls.owner, urls.app, lambda _: None))
    return urls


def stop_server() -> None:
    """Stop the server if one was started, and remove its data."""
    global _server
    if _server is not None:
        # From when it lets go of its folder until the folder is gone, a run that starts would take it for a killed one's.
        with _one_at_a_time():
            _server.stop()
            _server = None
            shutil.rmtree(SERVERS / str(os.getpid()))


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Between two runs that start or end at once: neither may take the other's folder for a killed run's."""
    SERVERS.mkdir(parents=True, exist_ok=True)
    with (SERVERS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_if_left(folder: Path) -> None:
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # a run is using it
        stop_leftover(folder / "postgres", lambda _: None)
        note = folder / "socket"
        if note.exists():
            shutil.rmtree(note.read_text(), ignore_errors=True)
        shutil.rmtree(folder)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What needs more than Python runs only where it is named, as `make test-operations` does."""
    named = [Path(argument.partition("::")[0]).absolute() for argument in config.args]
    wanted = any(path.is_relative_to(OPERATIONS) for path in named)
    return True if collection_path == OPERATIONS and not wanted else None


def pytest_report_header() -> str:
    """What the tests run on."""
    return given_cluster() or version_of(given_programs() or installed_programs())


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Where workers share the tests, the process that controls them starts the server for all."""
    if not hasattr(node.config, "scrip_urls"):
        node.config.scrip_urls = start_server()
    node.workerinput["postgres"] = asdict(node.config.scrip_urls)


def pytest_unconfigure() -> None:
    """The server goes when the run ends; a run that is killed takes it along."""
    stop_server()


@pytest.fixture(autouse=True)
def no_outage_is_left() -> Iterator[None]:
    """A pool of all tests does not tell the next one that an outage has ended, nor that a write has failed."""
    yield
    for pool in _POOLS.values():
        pool.outages = Outages()


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Urls:
    """The server of this run, with the database `scrip`, which nobody may stay connected to: it is cloned from."""
    given = getattr(request.config, "workerinput", {}).get("postgres")
    return start_server() if given is None else Urls(**given)


@pytest.fixture(scope="session")
async def database_urls(server: Urls, worker_id: str) -> AsyncIterator[Urls]:
    """This worker's own database: migrated, empty."""
    async with cloned_database(server, f"test_{worker_id}") as urls:
        yield urls


@asynccontextmanager
async def cloned_database(server: Urls, name: str) -> AsyncIterator[Urls]:
    """One more database, migrated and empty, until the block ends."""
    if (cluster := given_cluster()) is not None:
        async with distributed_database(cluster, name) as distributed:
            yield distributed
        return
    admin = await asyncpg.connect(server.admin.replace(f"/{DATABASE}?", "/postgres?"))
    try:
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE {DATABASE} OWNER {OWNER}')
        urls = {role: url.replace(f"/{DATABASE}?", f"/{name}?") for role, url in asdict(server).items()}
        try:
            yield Urls(**urls)
        finally:
            await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await admin.close()


@pytest.fixture(scope="session")
async def database(database_urls: Urls) -> AsyncIterator[Urls]:
    """The models' pool on this worker's database, as the app's role. SCRIP_TEST_PGBOUNCER names a pooler to lead through."""
    with ExitStack() as stack:
        url, more = database_urls.app, dict[str, int]()
        if given := os.environ.get("SCRIP_TEST_PGBOUNCER"):
            pooler = stack.enter_context(pooled(Path(given), database_urls))
            url, more = pooler.url(url), {} if pooler.prepares else {"statement_cache": 0}
        async with open_database(url, pool_min=2, pool_max=POOL_MAX, **more):
            yield database_urls


@pytest.fixture
async def owner_connection(database_urls: Urls) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A connection of the owner's: to look at the catalogue, and past what the app's role may do."""
    connection = await asyncpg.connect(database_urls.owner)
    try:
        yield connection
    finally:
        await connection.close()
