"""A distributed database for each worker of a run, where SCRIP_TEST_CITUS_URL names the coordinator of a cluster.

    SCRIP_TEST_CITUS_URL=postgresql://postgres@localhost:5432/postgres make test-citus

The URL is a superuser's, of a database with the extension in which two workers or more have been added. The nodes have to
let each other and the tests in as any role (trust, on a machine of one's own).
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import pytest

from app.postgres.database import migrate
from app.postgres.embedded import OWNER, Urls
from models.reads import verify as proofs
from models.reads.proof import Proof
from models.reads.verify_checks import Check

SETTING: Final = "SCRIP_TEST_CITUS_URL"
APP: Final = "scrip_app"
WORKERS: Final = 2
MAKING: Final = 0x5C_71_75
"""Key of the advisory lock that whoever makes a database holds: nodes do not bear two who set the same roles at once."""
SHARDS: Final = 4
"""Of each table: every one takes time to make."""

PLANNED_AT_ONCE: Final = 4
"""Tables whose order a planner weighs against each other. Both nodes that a statement passes plan it anew each time, and the
rows of a test are too few for the order to matter: this halves the CPU of a proof."""
PROVED_AT_ONCE: Final = 6
"""Comparisons in one statement: three processes take part in each statement, which is most of what a small one costs."""


def given_cluster() -> str | None:
    """The URL that the setting names; None where it is not set."""
    return os.environ.get(SETTING) or None


ACTIVITY: Final = "pg_stat_activity" if given_cluster() is None else "citus_stat_activity"
"""The view of what every session does: of several nodes, those that hold the rows know who waits for one."""
OF_ONE_PLAN: Final = pytest.mark.skipif(
    given_cluster() is not None, reason="looks at a plan, or at what it read, which several nodes do not tell of"
)
"""For tests of plans that stand beside what they are about. What nodes can plan is in tests/plans/test_sharding.py."""


async def proof_of(tenant_id: UUID) -> Proof:
    """The proof of a tenant's books after a test: on several nodes the same comparisons, in fewer statements."""
    if given_cluster() is None:
        return await proofs.verify(tenant_id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proofs, "_CHECKS", together(proofs._CHECKS))
        return await proofs.verify(tenant_id)


def together(checks: Sequence[Check]) -> list[Check]:
    """The comparisons, several in a statement: but for those that are read in an order of their own, or seldom. Each tells
    its name in its rows, as those without one do by themselves."""
    alone = [check for check in checks if check.merged or check.gate is not None]
    told = [check for check in checks if check not in alone]
    names = ["compared" if check.name is None else f"'{check.name}'::text" for check in told]
    named = [
        f"SELECT {name} AS compared, id, detail FROM ({check.sql}) AS q"
        for name, check in zip(names, told, strict=True)
    ]
    groups = (named[n : n + PROVED_AT_ONCE] for n in range(0, len(named), PROVED_AT_ONCE))
    return [*alone, *(Check(None, " UNION ALL ".join(group)) for group in groups)]


def _with(url: str, *, database: str, user: str | None = None, place: str | None = None) -> str:
    parts = urlsplit(url)
    before, _, host = parts.netloc.rpartition("@")
    who = before if user is None else user
    return urlunsplit(parts._replace(netloc=f"{who}@{place or host}" if who else place or host, path=f"/{database}"))


def urls_of(url: str, database: str) -> Urls:
    """Of a database of the cluster, for each role."""
    return Urls(
        app=_with(url, database=database, user=APP),
        owner=_with(url, database=database, user=OWNER),
        admin=_with(url, database=database),
    )


def at_node(url: str, host: str, port: int) -> str:
    """The same database as the same role, on that node alone."""
    return _with(url, database=urlsplit(url).path.removeprefix("/"), place=f"{host}:{port}")


async def _workers(url: str) -> list[tuple[str, int]]:
    try:
        admin = await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError) as error:
        raise pytest.UsageError(f"{SETTING}: the coordinator cannot be reached: {error}") from error
    try:
        rows = await admin.fetch(
            "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0 AND isactive ORDER BY 1, 2"
        )
    except asyncpg.UndefinedTableError:
        raise pytest.UsageError(f"{SETTING}: the database that it names has no extension citus.") from None
    finally:
        await admin.close()
    if len(rows) < WORKERS:
        raise pytest.UsageError(f"{SETTING}: its coordinator has {len(rows)} workers, and the tests need {WORKERS}.")
    return [(row["nodename"], row["nodeport"]) for row in rows]


@asynccontextmanager
async def distributed_database(url: str, name: str) -> AsyncIterator[Urls]:
    """A database on every node, migrated, distributed and empty, until the block ends."""
    workers = await _workers(url)
    places = [None, *(f"{host}:{port}" for host, port in workers)]
    urls = urls_of(url, name)
    try:
        async with _one_at_a_time(url):
            await asyncio.gather(*(_make(url, place, name) for place in places))
            await _join(url, urls.admin, workers, name)
        await migrate(urls.owner, urls.app, lambda _: None, distributed=True)
        yield urls
    finally:
        for place in reversed(places):
            await _drop(url, place, name)


@asynccontextmanager
async def _one_at_a_time(url: str) -> AsyncIterator[None]:
    raw = await asyncpg.connect(url)
    try:
        await raw.execute("SELECT pg_advisory_lock($1)", MAKING)
        yield
    finally:
        await raw.close()


async def _join(url: str, admins: str, workers: list[tuple[str, int]], name: str) -> None:
    """Have the database's coordinator know its nodes."""
    admin = await asyncpg.connect(admins)
    try:
        parts = urlsplit(url)
        await admin.execute(f"SELECT citus_set_coordinator_host('{parts.hostname}', {parts.port or 5432})")
        for host, port in workers:
            await admin.execute(f"SELECT citus_add_node('{host}', {port})")
        await admin.execute(f'ALTER DATABASE "{name}" SET citus.shard_count = {SHARDS}')
    finally:
        await admin.close()


async def _make(url: str, place: str | None, name: str) -> None:
    """On one node: the roles, the database, the extension."""
    raw = await asyncpg.connect(_with(url, database="postgres", place=place))
    try:
        for kind in ("role", "database"):
            await raw.execute(f"SET citus.enable_create_{kind}_propagation = off")
        for role in (OWNER, APP):
            with suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
                await raw.execute(f"CREATE ROLE {role} LOGIN")
        await raw.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')  # of a run that was killed
        await raw.execute(f'CREATE DATABASE "{name}" OWNER {OWNER}')
    finally:
        await raw.close()
    raw = await asyncpg.connect(_with(url, database=name, place=place))
    try:
        await raw.execute(f'ALTER DATABASE "{name}" SET join_collapse_limit = {PLANNED_AT_ONCE}')
        await raw.execute("CREATE EXTENSION citus")
    finally:
        await raw.close()


async def _drop(url: str, place: str | None, name: str) -> None:
    raw: Any = await asyncpg.connect(_with(url, database="postgres", place=place))
    try:
        await raw.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await raw.close()
