"""From an empty database to the newest, once, however many start at the same moment."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
import time
from asyncio.subprocess import PIPE
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import asyncpg

from app.postgres import database
from app.postgres.database import LOCATION, migrate
from app.postgres.embedded import DATABASE, OWNER
from app.problems import SetupProblem
from scripts.step_runners import write_missing
from tests.migrations.conftest import ID, ROWS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.postgres.embedded import Urls

import pytest

ROOT = Path(__file__).parents[2]
BEFORE_ACCESS = 2
"""So many steps there were before the one on access."""
ASKED: dict[str, object] = {
    "customer_id": str(ID),
    "asset": "GBP",
    "amount": "101",
    "reason": "GOODWILL",
    "note": "Sorry",
    "expires_in_days": None,
    "expires_at": "2126-02-01T00:00:00+00:00",
    "effective_on": None,
    "service_ids": [],
    "credit_id": None,
    "request_approval": True,
    "auto_apply": True,
}
"""A request as it was kept then."""


@pytest.fixture
async def empty(server: Urls) -> AsyncIterator[tuple[str, str]]:
    """An empty database: the owner's URL and the app's."""
    name = f"empty_{uuid4().hex}"
    admin = await asyncpg.connect(server.admin.replace(f"/{DATABASE}?", "/postgres?"))
    try:
        await admin.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
        yield server.owner.replace(f"/{DATABASE}?", f"/{name}?"), server.app.replace(f"/{DATABASE}?", f"/{name}?")
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


async def test_two_at_once_migrate_once(empty: tuple[str, str]) -> None:
    said: list[str] = []

    applied = await asyncio.gather(*(migrate(*empty, said.append) for _ in range(2)))

    assert sorted(map(len, applied)) == [0, len(list((LOCATION / "models").glob("[0-9]*_*.py")))]
    app = await asyncpg.connect(empty[1])
    try:
        versions = [row["version"] for row in await app.fetch("SELECT version FROM aerich")]
        assert versions == max(applied)
        assert await app.fetch("SELECT FROM entries") == []
    finally:
        await app.close()
    assert await migrate(*empty, said.append) == []


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for steps beside those that there are, which `migrate` takes its steps from."""
    for name in ("models", "sql"):
        shutil.copytree(LOCATION / name, tmp_path / name)
    monkeypatch.setattr(database, "LOCATION", tmp_path)
    monkeypatch.setattr("migrations.steps._FOLDER", tmp_path / "sql")
    return tmp_path


async def test_an_index_is_made_while_others_write(empty: tuple[str, str], steps: Path) -> None:
    """The step waits for a transaction that has written, for longer than other steps wait for a lock; and when it was broken
    off before, what it left half done is done again."""
    await migrate(*empty, lambda _: None)
    folder = steps / "sql" / f"{len(list((steps / 'sql').iterdir()))}_found_by_name"
    folder.mkdir()
    (folder / "1_drop.sql").write_text("DROP INDEX CONCURRENTLY IF EXISTS actors_name;")
    (folder / "2_create.sql").write_text("CREATE INDEX CONCURRENTLY actors_name ON actors (tenant_id, name);")
    write_missing(steps, datetime(2026, 12, 1, tzinfo=UTC))
    owner = await asyncpg.connect(empty[0])
    try:
        await owner.execute("CREATE INDEX actors_name ON actors (tenant_id)")
        writing = owner.transaction()
        await writing.start()
        await owner.execute("LOCK TABLE actors IN ROW EXCLUSIVE MODE")
        migrating = asyncio.create_task(migrate(*empty, lambda _: None))
        await asyncio.sleep(1.5)
        assert not migrating.done()
        await writing.commit()
        (applied,) = await migrating
        assert applied.endswith("_found_by_name.py")
        found = await owner.fetchval("SELECT pg_get_indexdef('actors_name'::regclass)")
        assert found.endswith("(tenant_id, name)")
        assert await owner.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = 'actors_name'::regclass")
    finally:
        await owner.close()


async def test_a_step_that_gets_no_lock_lets_others_pass_and_is_tried_again(
    empty: tuple[str, str], steps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_PAUSE_S", 0.5)
    await migrate(*empty, lambda _: None)
    number = len(list((steps / "sql").iterdir()))
    (steps / "sql" / f"{number}_nicknames.sql").write_text("ALTER TABLE actors ADD COLUMN nickname text;")
    write_missing(steps, datetime(2026, 12, 1, tzinfo=UTC))
    said: list[str] = []
    reading, other = await asyncpg.connect(empty[1]), await asyncpg.connect(empty[1])
    try:
        report = reading.transaction()
        await report.start()
        await reading.execute("SELECT FROM actors")
        migrating = asyncio.create_task(migrate(*empty, said.append))
        waits = []
        for _ in range(30):  # for longer than it waits for the lock
            began = time.monotonic()
            await other.execute("SELECT FROM actors")
            waits.append(time.monotonic() - began)
            await asyncio.sleep(0.05)
        assert not migrating.done()
        assert max(waits) < 1.5
        await report.commit()
        assert len(await migrating) == 1
        assert [line for line in said if line.startswith("Others hold locks")] != []

        (steps / "sql" / f"{number + 1}_ages.sql").write_text("ALTER TABLE actors ADD COLUMN age int;")
        write_missing(steps, datetime(2026, 12, 2, tzinfo=UTC))
        monkeypatch.setattr(database, "MAX_LOCK_TRIES", 1)
        report = reading.transaction()
        await report.start()
        await reading.execute("SELECT FROM actors")
        with pytest.raises(SetupProblem, match="Others have held locks"):
            await migrate(*empty, said.append)
        await report.commit()
    finally:
        await reading.close()
        await other.close()


async def test_what_waited_before_the_step_on_access_can_be_approved_after_it(
    empty: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two tenants with a row in every table that there was, and the same ids."""
    steps = sorted((LOCATION / "models").glob("[0-9]*_*.py"))
    (tmp_path / "models").mkdir()
    for step in steps[:BEFORE_ACCESS]:
        shutil.copy(step, tmp_path / "models")
    monkeypatch.setattr(database, "LOCATION", tmp_path)
    assert len(await database._upgrade(empty[0])) == BEFORE_ACCESS
    monkeypatch.undo()
    tenants = (uuid4(), uuid4())
    owner = await asyncpg.connect(empty[0])
    try:
        for tenant_id in tenants:
            await _fill_as_it_was(owner, tenant_id)
        said: list[str] = []
        assert len(await migrate(*empty, said.append)) == len(steps) - BEFORE_ACCESS

        open_tables = "SELECT relname FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity"
        assert await owner.fetch(open_tables) == []
        for tenant_id in tenants:
            async with owner.transaction():
                await owner.execute(f"SET LOCAL scrip.tenant = '{tenant_id}'")
                assert [tuple(row) for row in await owner.fetch(WAITING)] == [("PENDING", "sam", None, 168)]
        assert await _approved(empty[1], tenants[0]) == "posted"
        async with owner.transaction():
            await owner.execute(f"SET LOCAL scrip.tenant = '{tenants[0]}'")
            assert [tuple(row) for row in await owner.fetch(WAITING)] == [("APPROVED", "sam", "maria", 168)]
            rows = await owner.fetch(POSTED)
            assert [tuple(row) for row in rows] == [(10_100, "sam", "maria", "Sorry")]
    finally:
        await owner.close()


WAITING = """SELECT r.status, r.requested_subject, r.decided_subject, t.approval_hours
    FROM approval_requests r JOIN tenants t ON t.id = r.tenant_id"""
POSTED = """SELECT e.amount_minor, a.subject, b.subject, x.note FROM approval_requests r
    JOIN transactions t USING (tenant_id) JOIN entries e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id
    JOIN actors a ON a.tenant_id = t.tenant_id AND a.id = t.actor_id
    JOIN actors b ON b.tenant_id = t.tenant_id AND b.id = t.approved_by_id
    JOIN transaction_texts x ON x.tenant_id = t.tenant_id AND x.id = t.id WHERE t.id = r.transaction_id"""


async def _fill_as_it_was(owner: asyncpg.Connection[Any], tenant_id: UUID) -> None:
    """The rows that tests of the newest step have, without what that step has brought."""
    rows = ROWS.replace(", counts, gone_minor, opened_sequence)", ")").replace(
        ", '2026-01-01Z', true, 0, 1);", ", '2026-01-01Z');"
    )
    rows = rows.replace("sha256('input'), :id, now(), '', false, false, true);", "sha256('input'), :id, now());")
    rows = re.sub(r"INSERT INTO (invoice_line_details|invoice_texts|overpayments) .*\n", "", rows)
    rows = rows.split("INSERT INTO partner_tokens")[0].replace(", 'ann'", "")
    rows += "INSERT INTO bulk_operations" + ROWS.split("INSERT INTO bulk_operations")[1]
    for line in (
        "currencies VALUES (:id, :tenant, 'GBP', 2, now());",
        "reversed_rows VALUES (:id, :tenant, :id, -5, 3);",
    ):
        rows = rows.replace(f"INSERT INTO {line}", "")
    rows = re.sub(r"INSERT INTO invoice_texts[^;]*;", "", rows)
    rows = rows.replace("'adjustCredit', '{}'", f"'adjustCredit', '{json.dumps(ASKED)}'").replace(":id", f"'{ID}'")
    async with owner.transaction():
        await owner.execute(f"SET LOCAL scrip.tenant = '{tenant_id}'")
        sql = "INSERT INTO tenants VALUES ($1, $2, 'Tea shop', 'Europe/London', 60, 1, now())"
        await owner.execute(sql, tenant_id, f"t-{tenant_id}")
        await owner.execute(rows.replace(":tenant", f"'{tenant_id}'"))


async def _approved(app_url: str, tenant_id: UUID) -> str:
    """What a process of its own is answered that approves the tenant's request."""
    ids = {kind: [str(ID)] for kind in ("customers", "invoices", "credits", "requests")}
    orders = {
        "url": app_url,
        "tenant": str(tenant_id),
        "there": ids,
        "kinds": {"approve": 1},
        "seed": 1,
        "number": 1,
        "order": 1,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.storm", stdin=PIPE, stdout=PIPE, cwd=ROOT
    )
    answer, _ = await process.communicate(json.dumps(orders).encode() + b"\ngo\n")
    ((result, _),) = json.loads(answer.splitlines()[-1]).values()
    return str(result)
