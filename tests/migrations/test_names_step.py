"""The step that brings names into one form: what it lists, and what it does to books that were kept before it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import PIPE
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.postgres import database
from app.postgres.database import LOCATION, migrate
from app.postgres.embedded import DATABASE, OWNER
from app.problems import SetupProblem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.postgres.embedded import Urls

ROOT = Path(__file__).parents[2]
STEPS = sorted((LOCATION / "models").glob("[0-9]*_*.py"))
BEFORE = 3
"""So many steps there were before this one."""
CUSTOMER = """INSERT INTO customers (id, tenant_id, external_id, name, created_at, updated_at, merged_into_id)
    VALUES ($2, $1, $3, $4, '2026-01-01Z', '2026-02-01Z', $5)"""


class Old:
    """A database as it was before the step, with one tenant."""

    def __init__(self, urls: tuple[str, str], owner: asyncpg.Connection[Any], tenant_id: UUID) -> None:
        self.urls = urls
        self.owner = owner
        self.tenant_id = tenant_id

    async def run(self, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        """As the tenant; $1 is its id."""
        async with self.owner.transaction():
            await self.owner.execute(f"SET LOCAL scrip.tenant = '{self.tenant_id}'")
            return [tuple(row) for row in await self.owner.fetch(sql, self.tenant_id, *arguments)]

    async def customer(self, external_id: str, name: str = "Anna", merged_into: UUID | None = None) -> UUID:
        customer_id = uuid4()
        await self.run(CUSTOMER, customer_id, external_id, name, merged_into)
        return customer_id

    async def migrate(self) -> list[str]:
        return await migrate(*self.urls, lambda _: None)

    async def listed(self) -> list[str]:
        """What stands in the way, line by line. Nothing has changed then."""
        with pytest.raises(SetupProblem) as problem:
            await self.migrate()
        versions = await self.owner.fetchval("SELECT count(*) FROM aerich")
        assert versions == BEFORE
        assert await self.owner.fetch("SELECT FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity") == []
        first, *lines = str(problem.value).splitlines()
        assert "have to be renamed or merged first" in first
        return [line.strip() for line in lines]


@pytest.fixture
async def old(server: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Old]:
    name = f"old_{uuid4().hex}"
    admin = await asyncpg.connect(server.admin.replace(f"/{DATABASE}?", "/postgres?"))
    try:
        await admin.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
        urls = tuple(url.replace(f"/{DATABASE}?", f"/{name}?") for url in (server.owner, server.app))
        (tmp_path / "models").mkdir()
        for step in STEPS[:BEFORE]:
            shutil.copy(step, tmp_path / "models")
        with monkeypatch.context() as patch:
            patch.setattr(database, "LOCATION", tmp_path)
            await database._upgrade(urls[0])
        owner, tenant_id = await asyncpg.connect(urls[0]), uuid4()
        try:
            made = Old((urls[0], urls[1]), owner, tenant_id)
            await made.run("INSERT INTO tenants VALUES ($1, 'shop', ' Tea shop', 'Europe/London', 60, 1, now(), 168)")
            yield made
        finally:
            await owner.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


async def test_two_customers_that_become_one_stop_it_until_one_is_renamed(old: Old) -> None:
    first, second = sorted([await old.customer("X"), await old.customer("X ")])
    names = dict(await old.run("SELECT id, external_id FROM customers WHERE tenant_id = $1"))
    shown = ", ".join(f"'{names[each]}' (id {each})" for each in (first, second))
    assert await old.listed() == [f"tenant shop: customers.external_id {shown} become one: 'X'"]
    assert dict(await old.run("SELECT id, external_id FROM customers WHERE tenant_id = $1")) == names

    await old.run("UPDATE customers SET external_id = ' Y' WHERE tenant_id = $1 AND external_id = 'X '")
    assert len(await old.migrate()) == len(STEPS) - BEFORE
    rows = await old.run(
        "SELECT external_id, external_id_since, external_id_reused FROM customers WHERE tenant_id = $1 ORDER BY 1"
    )
    assert rows == [("X", None, False), ("Y", None, False)]
    assert await old.run("SELECT name FROM tenants WHERE id = $1") == [("Tea shop",)]


async def test_records_of_one_person_are_no_clash(old: Old) -> None:
    last = await old.customer("X ")
    middle = await old.customer("\u00a0X", merged_into=last)
    first = await old.customer("X", merged_into=middle)
    assert len(await old.migrate()) == len(STEPS) - BEFORE
    found = dict(await old.run("SELECT id, external_id FROM customers WHERE tenant_id = $1"))
    assert found == {last: "X", middle: f"merged-{middle}", first: f"merged-{first}"}


async def test_all_that_stands_in_the_way_is_listed_at_once(old: Old) -> None:
    await old.customer("e\u0301")
    await old.customer("\u00e9")
    unseen = await old.customer("\u2060", name="\u3164")
    await old.customer("long", name="\u0958" * 200)
    for place, name in enumerate(("Yoga", "Yoga\u3000")):
        await old.run("INSERT INTO services (id, tenant_id, name, active) VALUES ($2, $1, $3, true)", uuid4(), name)
        await old.run(
            "INSERT INTO tiers (id, tenant_id, name, threshold_minor) VALUES ($2, $1, $3, $4)", uuid4(), name, place
        )
        await old.run("INSERT INTO products VALUES ($2, $1, $3, 'GOODS', 'GBP', 100, true)", uuid4(), name)
        await old.run(
            """INSERT INTO rewards (id, tenant_id, name, kind, points_cost_minor, active)
            VALUES ($2, $1, $3, 'FREE_DELIVERY', 300, true)""",
            uuid4(),
            name,
        )
    lines = await old.listed()
    assert [line.split(" (id")[0].split(" '")[0] for line in lines] == [
        "tenant shop: customers.external_id",
        "tenant shop: customers.external_id",
        "tenant shop: customers.name",
        "tenant shop: customers.name",
        "tenant shop: services.name",
        "tenant shop: tiers.name",
        "tenant shop: rewards.name",
        "tenant shop: products.name",
    ]
    assert f"'\\u2060' (id {unseen}) is no name" in lines[0]
    assert lines[1].endswith("become one: '\\xe9'")


async def test_invoices_that_become_one(old: Old) -> None:
    customer, actor = await old.customer("X"), uuid4()
    await old.run("INSERT INTO actors VALUES ($2, $1, 'sam', 'STAFF', '', NULL)", actor)
    for number in ("I-1", "I-1 "):
        await old.run(
            """INSERT INTO invoices (id, tenant_id, customer_id, number, kind, currency, total_minor, creditable_minor,
                paid_minor, credited_minor, status, auto_apply, issued_on, actor_id, created_at)
            VALUES ($2, $1, $3, $4, 'INVOICE', 'GBP', 100, 100, 0, 0, 'OPEN', true, '2026-01-01', $5, now())""",
            uuid4(),
            customer,
            number,
            actor,
        )
    (line,) = await old.listed()
    assert line.startswith("tenant shop: invoices.number 'I-1")
    assert line.endswith("become one: 'I-1'")
    await old.run("UPDATE invoices SET number = 'I-1b ' WHERE tenant_id = $1 AND number = 'I-1 '")
    await old.migrate()
    assert sorted(await old.run("SELECT number FROM invoices WHERE tenant_id = $1")) == [("I-1",), ("I-1b",)]


async def test_an_id_that_was_renamed_before_counts_as_somebody_s(old: Old) -> None:
    anna, ben, actor = await old.customer("A"), await old.customer("B"), uuid4()
    await old.run("INSERT INTO actors VALUES ($2, $1, 'sam', 'STAFF', '', NULL)", actor)
    event = """INSERT INTO audit_events (id, tenant_id, action, actor_id, customer_id, subject_id, details, created_at)
        VALUES ($2, $1, 'customer.updated', $3, $4, $4, $5, $6::text::timestamptz)"""
    for customer, changed, at in (
        (anna, '{"changed": ["external_id", "name"]}', "2026-03-01Z"),
        (anna, '{"changed": ["name"]}', "2026-04-01Z"),
        (ben, '{"changed": ["email"]}', "2026-03-02Z"),
    ):
        await old.run(event, uuid4(), actor, customer, changed, at)
    await old.migrate()
    rows = await old.run(
        "SELECT external_id, external_id_since, external_id_reused FROM customers WHERE tenant_id = $1 ORDER BY 1"
    )
    assert rows == [("A", datetime(2026, 3, 1, tzinfo=UTC), True), ("B", None, False)]


async def test_a_long_list_is_cut(old: Old) -> None:
    await old.run(
        """INSERT INTO customers (id, tenant_id, external_id, name, created_at, updated_at)
        SELECT gen_random_uuid(), $1, 'c-' || n % 210 || repeat(' ', n / 210), 'Many', now(), now()
        FROM generate_series(0, 419) n"""
    )
    lines = await old.listed()
    assert (len(lines), lines[-1]) == (201, "and more")


async def test_a_database_in_another_encoding_is_refused(server: Urls) -> None:
    name = f"latin_{uuid4().hex}"
    admin = await asyncpg.connect(server.admin.replace(f"/{DATABASE}?", "/postgres?"))
    try:
        await admin.execute(
            f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'"
        )
        owner, app = (url.replace(f"/{DATABASE}?", f"/{name}?") for url in (server.owner, server.app))
        with pytest.raises(SetupProblem, match="is in LATIN1, and Scrip needs one in UTF8"):
            await migrate(owner, app, lambda _: None)
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


async def test_the_command_lists_them_and_ends_with_status_1(old: Old) -> None:
    for external_id in ("X", "X "):
        await old.customer(external_id)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCRIP_", "DATABASE_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app.cli",
        "migrate",
        cwd=ROOT,
        stdout=PIPE,
        stderr=PIPE,
        env={**kept, "SCRIP_MIGRATION_DATABASE_URL": old.urls[0], "DATABASE_URL": old.urls[1]},
    )
    out, err = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert err.startswith(b"scrip: Nothing was migrated at ")
    assert err.endswith(b"become one: 'X'\n")
