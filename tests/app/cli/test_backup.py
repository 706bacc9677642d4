"""`scrip backup` and `scrip restore` as processes: what was in the books is in the restored ones, and they are proven."""

import gzip
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
import pytest

from app.postgres.backup import program_for
from app.postgres.embedded import DATABASE, OWNER, Urls
from app.problems import SetupProblem
from app.sample.demo import SAMPLE
from tests.app.cli.test_work import output, scrip
from tests.conftest import cloned_database

LINES: Final = 120
FIGURES: Final = """SELECT (SELECT count(*) FROM entries), (SELECT count(*) FROM invoices), (SELECT count(*) FROM seals),
    (SELECT sum(amount_minor) FROM entries), (SELECT md5(string_agg(hash::text, '' ORDER BY id)) FROM entries)"""


@pytest.fixture
async def admin(server: Urls) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(server.admin.replace(f"/{DATABASE}?", "/postgres?"))
    yield connection
    await connection.close()


@pytest.fixture
async def books(server: Urls, worker_id: str, tmp_path: Path) -> AsyncIterator[Urls]:
    """A database of its own, with a part of the sample in it."""
    file = tmp_path / "some.csv"
    file.write_text("\n".join(gzip.decompress(SAMPLE.read_bytes()).decode().splitlines()[:LINES]))
    async with cloned_database(server, f"books_{worker_id}") as urls:
        arguments = ("import", "online-retail", str(file), "--tenant", "tea-shop", "--create-tenant")
        status, _, said = await output(await scrip(urls, *arguments))
        assert status == 0, said
        yield urls


@pytest.fixture
async def reader(admin: "asyncpg.Connection[Any]", books: Urls) -> AsyncIterator[str]:
    """The URL of a role as docs/running.md makes it."""
    role = f"backup_{uuid4().hex}"
    await admin.execute(f"CREATE ROLE {role} LOGIN BYPASSRLS PASSWORD 'th:rd'")
    await admin.execute(f"GRANT pg_read_all_data TO {role}")
    yield f"postgresql://{role}:th%3Ard@{books.app.partition('@')[2]}"
    await admin.execute(f"DROP ROLE {role}")


@pytest.fixture
async def empty(admin: "asyncpg.Connection[Any]", server: Urls, worker_id: str) -> AsyncIterator[Urls]:
    name = f"restored_{worker_id}"
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0 OWNER {OWNER}')
    app, owner, superuser = (
        url.replace(f"/{DATABASE}?", f"/{name}?") for url in (server.app, server.owner, server.admin)
    )
    yield Urls(app=app, owner=owner, admin=superuser)
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


async def figures(urls: Urls) -> tuple[Any, ...]:
    connection = await asyncpg.connect(urls.admin)
    try:
        return tuple(await connection.fetchrow(FIGURES))
    finally:
        await connection.close()


async def run(urls: Urls, *arguments: str, **variables: str) -> tuple[int | None, str, str]:
    return await output(await scrip(urls, *arguments, **variables))


async def test_all_of_it_comes_back_and_is_proven(books: Urls, reader: str, empty: Urls, tmp_path: Path) -> None:
    file = tmp_path / "scrip.dump"
    status, _, said = await run(books, "backup", str(file), SCRIP_BACKUP_DATABASE_URL=reader)
    assert status == 0, said
    assert file.stat().st_mode & 0o777 == 0o600
    assert "th:rd" not in said
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []  # noqa: PTH208

    status, out, said = await run(empty, "restore", str(file))
    assert status == 0, said
    assert "all agree" in out
    there = await figures(empty)
    assert there == await figures(books)
    assert there[0] > 0

    connection = await asyncpg.connect(empty.app)
    try:  # its rights are the app's, and no more
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DELETE FROM entries")
        assert await connection.fetchval("SELECT count(*) FROM entries") == 0
    finally:
        await connection.close()

    status, _, said = await run(empty, "restore", str(file))
    assert status == 1
    assert "a restore needs an empty one" in said
    status, _, said = await run(books, "backup", str(file), SCRIP_BACKUP_DATABASE_URL=reader)
    assert (status, said) == (1, f"scrip: {file} is there already, and is left as it is. Name another file.\n")


async def test_who_would_write_an_empty_backup_is_refused(books: Urls, tmp_path: Path) -> None:
    file = tmp_path / "scrip.dump"
    cases = {"": "SCRIP_BACKUP_DATABASE_URL is not set", books.app: "scrip_app is bound by row-level security"}
    for url, told in cases.items():
        status, _, said = await run(books, "backup", str(file), SCRIP_BACKUP_DATABASE_URL=url)
        assert status == 1
        assert told in said
        assert "CREATE ROLE scrip_backup LOGIN BYPASSRLS" in said
    assert not file.exists()


async def test_who_could_write_is_refused(
    admin: "asyncpg.Connection[Any]", books: Urls, reader: str, tmp_path: Path
) -> None:
    role = reader.partition("//")[2].partition(":")[0]
    await admin.execute(f"GRANT pg_write_all_data TO {role}")
    status, _, said = await run(books, "backup", str(tmp_path / "scrip.dump"), SCRIP_BACKUP_DATABASE_URL=reader)
    assert (status, "may write. Give backups a role that only reads" in said) == (1, True)
    status, _, said = await run(books, "backup", str(tmp_path / "scrip.dump"), SCRIP_BACKUP_DATABASE_URL=books.admin)
    assert (status, "may write. Give backups a role that only reads" in said) == (1, True)


async def test_into_one_database_with_the_proof_of_another_is_refused(books: Urls, empty: Urls, tmp_path: Path) -> None:
    mixed = Urls(app=books.app, owner=empty.owner, admin=empty.admin)
    status, _, said = await run(mixed, "restore", str(tmp_path / "any.dump"))
    assert (status, "Two databases are set where one is meant" in said) == (1, True)


async def test_what_is_no_backup_leaves_the_database_empty(empty: Urls, tmp_path: Path) -> None:
    file = tmp_path / "no.dump"
    status, _, said = await run(empty, "restore", str(file))
    assert (status, said) == (1, f"scrip: There is no file {file}.\n")
    file.write_text("nothing of the kind")
    status, _, said = await run(empty, "restore", str(file))
    assert status == 1
    assert "pg_restore failed, and nothing was done" in said
    connection = await asyncpg.connect(empty.owner)
    try:
        assert await connection.fetchval("SELECT to_regclass('aerich')") is None
    finally:
        await connection.close()


def test_programs_are_of_the_servers_version_or_newer(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, version in ((old, "15.9"), (new, "18.6")):
        folder.mkdir()
        program = folder / "pg_dump"
        program.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version} (Debian)'\n")
        program.chmod(0o755)
    assert subprocess.run([old / "pg_dump"], check=True, capture_output=True).stdout
    assert program_for("pg_dump", 15, [old, new]).parent == old
    assert program_for("pg_dump", 17, [old, new]).parent == new
    with pytest.raises(SetupProblem, match="apt install postgresql-client-19"):
        program_for("pg_dump", 19, [old, new])
