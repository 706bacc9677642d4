"""Reaching a database and migrating it: two at once, and everything that can be wrong with it."""

import asyncio
import struct
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.postgres.connecting import place
from app.postgres.database import MIGRATION_LOCK, check_database, check_role, migrate
from app.postgres.embedded import DATABASE, OWNER, Urls
from app.problems import SetupProblem

NEWER = "99_20990101000000_newer.py"
"""A step that this version does not know."""


@pytest.fixture
async def empty(server: Urls, worker_id: str) -> AsyncIterator[Urls]:
    """A database with nothing in it."""
    admin = await asyncpg.connect(server.admin.replace(f"/{DATABASE}?", "/postgres?"))
    name = f"empty_{worker_id}"
    await admin.execute(f'CREATE DATABASE "{name}" OWNER {OWNER} TEMPLATE template0')
    yield Urls(*(url.replace(f"/{DATABASE}?", f"/{name}?") for url in (server.app, server.owner, server.admin)))
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


def keep_quiet(_: str) -> None:
    """For what is told along the way."""


async def test_two_at_once_apply_each_migration_once(empty: Urls) -> None:
    said: list[str] = []
    answers = await asyncio.gather(*(migrate(empty.owner, empty.app, said.append) for _ in range(4)))
    applied = [name for names in answers for name in names]
    assert applied
    assert len(applied) == len(set(applied))
    assert said == ["Another Scrip is migrating this database; waiting for it"] * 3
    assert await migrate(empty.owner, empty.app, keep_quiet) == []
    await check_database(empty.app)


async def test_rights_that_a_newer_release_has_given_are_left_alone(empty: Urls) -> None:
    await migrate(empty.owner, empty.app, keep_quiet)
    owner = await asyncpg.connect(empty.owner)
    try:
        await owner.execute("INSERT INTO aerich (version, app, content) VALUES ($1, 'models', '{}')", NEWER)
        await owner.execute("GRANT UPDATE (content) ON aerich TO scrip_app")
        said: list[str] = []
        assert await migrate(empty.owner, empty.app, said.append) == []
        assert await owner.fetchval("SELECT has_column_privilege('scrip_app', 'aerich', 'content', 'UPDATE')")
    finally:
        await owner.close()
    assert said == [f"A newer version has migrated this database ({NEWER}): the rights of scrip_app stay as they are"]


async def test_one_that_is_not_migrated_is_not_served(empty: Urls) -> None:
    with pytest.raises(SetupProblem, match=r"is not up to date: it lacks 0_\d+_init\.py.* Run `scrip migrate`"):
        await check_database(empty.app)


async def test_the_lock_is_let_go_when_a_migration_fails(empty: Urls) -> None:
    with pytest.raises(SetupProblem, match="The role scrip_app may not migrate the database"):
        await migrate(empty.app, empty.app, keep_quiet)
    connection = await asyncpg.connect(empty.owner)
    assert await connection.fetchval("SELECT pg_try_advisory_lock($1)", MIGRATION_LOCK)
    await connection.close()


async def test_two_databases_where_one_is_meant(empty: Urls, database_urls: Urls) -> None:
    with pytest.raises(SetupProblem, match="Two databases are set where one is meant"):
        await migrate(empty.owner, database_urls.app, keep_quiet)
    with pytest.raises(SetupProblem, match="is not up to date"):
        await check_database(empty.app)


async def test_a_role_past_row_level_security_does_not_serve(database_urls: Urls) -> None:
    said: list[str] = []
    with pytest.raises(SetupProblem, match="The role postgres is not bound by row-level security"):
        await check_role(database_urls.admin, said.append)
    await check_role(database_urls.app, said.append)
    assert said == []
    await check_role(database_urls.owner, said.append)
    assert said[0].startswith("Warning: the app runs as scrip_owner, the owner of its tables")


async def test_an_app_that_owns_its_tables_is_warned_about(empty: Urls) -> None:
    said: list[str] = []
    await migrate(empty.owner, empty.owner, said.append)
    assert len(said) == 1
    assert said[0].startswith("Warning: the app runs as scrip_owner, the owner of its tables")


async def test_an_app_that_does_not_own_its_tables_needs_nobody_else_once_they_are_there(empty: Urls) -> None:
    await migrate(empty.owner, empty.app, keep_quiet)
    said: list[str] = []
    assert await migrate(empty.app, empty.app, said.append) == []
    assert said == []


async def test_an_app_above_row_security_is_warned_about(empty: Urls) -> None:
    said: list[str] = []
    await migrate(empty.owner, empty.admin, said.append)
    assert said[0].startswith("Warning: the role postgres is not bound by row-level security")


async def test_an_app_role_that_is_not_there_is_named(empty: Urls) -> None:
    with pytest.raises(SetupProblem, match="There is no role missing at"):
        await migrate(empty.owner, empty.app.replace("scrip_app:", "missing:"), keep_quiet)


async def test_a_wrong_password_is_told_from_a_missing_database(server: Urls) -> None:
    with pytest.raises(SetupProblem, match="refuses the role scrip_app: ") as wrong:
        await check_database(server.app.replace("scrip_app:", "scrip_app:x"))
    with pytest.raises(SetupProblem, match="There is no such database"):
        await check_database(server.app.replace(f"/{DATABASE}?", "/nowhere?"))
    password = server.app.partition("scrip_app:")[2].partition("@")[0]
    assert password not in str(wrong.value)


async def test_a_database_out_of_reach(unused_tcp_port: int) -> None:
    with pytest.raises(SetupProblem, match=rf"The database at 127\.0\.0\.1:{unused_tcp_port}/x is out of reach"):
        await check_database(f"postgresql://u:secret@127.0.0.1:{unused_tcp_port}/x")


async def test_an_url_that_is_none() -> None:
    with pytest.raises(SetupProblem):
        await check_database("postgresql://u:secret@127.0.0.1:notaport/x")


async def test_a_server_that_is_too_old() -> None:
    async with await asyncio.start_server(_old_server, "127.0.0.1") as listener:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(SetupProblem, match=r"is PostgreSQL 14, and Scrip needs 15 or newer"):
            await check_database(f"postgresql://u@127.0.0.1:{port}/x?sslmode=disable")


async def _old_server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Lets everybody in, says that it is 14.9, and goes."""
    (length,) = struct.unpack("!I", await reader.readexactly(4))
    await reader.readexactly(length - 4)
    writer.write(_message(b"R", struct.pack("!I", 0)))
    writer.write(_message(b"S", b"server_version\x0014.9\x00"))
    writer.write(_message(b"K", struct.pack("!II", 1, 1)))
    writer.write(_message(b"Z", b"I"))
    await writer.drain()
    await reader.readexactly(5)  # the end of it
    writer.close()


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def test_where_a_url_leads_is_told_without_the_password() -> None:
    assert place("postgresql://u:p%40ss@db.example:5433/scrip?sslmode=require") == "db.example:5433/scrip"
    assert place("postgresql://u:pass@/scrip?host=/run/pg") == "the socket/scrip"
