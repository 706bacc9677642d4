"""Row-level security: a statement that forgets its tenant sees nothing and writes nothing, in any table."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import pytest
from tortoise import connections

from jobs.worker import JOBS, work_once
from models import tables
from models.ledger import Ledger
from models.privileges import APP_PRIVILEGES
from models.session import CONNECTION_NAME, tenant_transaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.postgres.embedded import Urls
    from tests.migrations.conftest import TwoTenants

ALL_TABLES = sorted(getattr(tables, name)._meta.db_table for name in tables.__all__)
UPDATED = [table for table in ALL_TABLES if APP_PRIVILEGES[table].updates]
DELETED = [table for table in ALL_TABLES if APP_PRIVILEGES[table].deletes]
ID = UUID(int=1)
REFUSED = "row-level security policy"


async def test_every_table_is_secured_from_its_owner_too(owner_connection: asyncpg.Connection[Any]) -> None:
    rows = await owner_connection.fetch(
        """SELECT relname FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            AND NOT (relrowsecurity AND relforcerowsecurity)"""
    )

    assert [row["relname"] for row in rows] == ["aerich"]


@pytest.mark.parametrize("table", ALL_TABLES)
async def test_a_tenant_sees_its_own_rows_alone(tenants: TwoTenants, table: str) -> None:
    column = "id" if table == "tenants" else "tenant_id"
    for tenant_id in (tenants.one, tenants.other):
        async with tenants.as_tenant(tenant_id) as connection:
            rows = await connection.fetch(f"SELECT {column} AS tenant FROM {table}")

        assert {row["tenant"] for row in rows} == {tenant_id}
        assert len(rows) == 1 or table == "seals"


async def test_no_job_finds_anything_to_do(tenants: TwoTenants, database: Urls) -> None:
    """Else a test of the jobs, which work for every tenant there is, would add to what the tests here count."""
    assert await work_once(Ledger(), f"t-{tenants.one}") == dict.fromkeys((job.name for job in JOBS), 0)


@pytest.mark.parametrize("table", ALL_TABLES)
async def test_nobody_s_connection_sees_nothing(
    tenants: TwoTenants, owner_connection: asyncpg.Connection[Any], table: str
) -> None:
    """Neither with the setting empty nor where it never was; neither the app nor the owner."""
    async with tenants.as_tenant(None) as connection:
        assert await connection.fetch(f"SELECT FROM {table}") == []
    assert await owner_connection.fetchval("SELECT current_setting('scrip.tenant', true)") is None
    assert await owner_connection.fetch(f"SELECT FROM {table}") == []


@pytest.mark.parametrize("table", ALL_TABLES)
@pytest.mark.parametrize("writer", ["nobody", "other"])
async def test_a_row_of_somebody_else_s_is_refused(tenants: TwoTenants, table: str, writer: str) -> None:
    async with tenants.as_tenant(tenants.one) as connection:
        row = await connection.fetchval(f"SELECT to_jsonb(t) FROM {table} t LIMIT 1")
    refused = REFUSED if APP_PRIVILEGES[table].inserts else "permission denied"
    columns = ", ".join(f'"{name}"' for name in await tenants.columns(table))

    async with tenants.as_tenant(None if writer == "nobody" else tenants.other) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=refused):
            await connection.execute(
                f"INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{table}, $1)", row
            )


@pytest.mark.parametrize("table", UPDATED)
async def test_nobody_changes_anything(tenants: TwoTenants, table: str) -> None:
    column = APP_PRIVILEGES[table].updates[0]

    async with tenants.as_tenant(None) as connection:
        assert await connection.execute(f"UPDATE {table} SET {column} = {column}") == "UPDATE 0"
        assert await connection.fetch(f"SELECT FROM {table} FOR NO KEY UPDATE") == []


@pytest.mark.parametrize("table", DELETED)
async def test_nobody_deletes_anything(tenants: TwoTenants, table: str) -> None:
    async with tenants.as_tenant(None) as connection:
        assert await connection.execute(f"DELETE FROM {table}") == "DELETE 0"


async def test_a_row_cannot_point_into_another_tenant(tenants: TwoTenants) -> None:
    """Even where the policies would let it: the foreign key itself names the tenant."""
    async with tenants.as_tenant(tenants.one) as connection:
        mine: UUID = await connection.fetchval(
            """INSERT INTO customers (id, tenant_id, external_id, name, created_at, updated_at)
            VALUES (gen_random_uuid(), $1, 'C2', 'Only here', now(), now()) RETURNING id""",
            tenants.one,
        )
        await connection.execute("SELECT set_config('scrip.tenant', $1, true)", str(tenants.other))

        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await connection.execute(
                "INSERT INTO accounts VALUES (gen_random_uuid(), $1, $2, 'JPY', 0, 0, 0, NULL, now(), NULL)",
                tenants.other,
                mine,
            )


async def test_a_token_s_tenant_is_found_by_its_slug_alone(tenants: TwoTenants) -> None:
    async with tenants.as_tenant(None) as connection:
        await connection.execute("SELECT set_config('scrip.tenant_slug', $1, true)", f"t-{tenants.one}")

        assert [row["id"] for row in await connection.fetch("SELECT id FROM tenants")] == [tenants.one]
        assert await connection.execute("UPDATE tenants SET name = 'Mine now'") == "UPDATE 0"


async def test_the_directory_is_to_be_read_only(tenants: TwoTenants) -> None:
    async with tenants.as_tenant(tenants.one) as connection:
        await connection.execute("SET LOCAL scrip.directory = 'on'")
        seen = {row["id"] for row in await connection.fetch("SELECT id FROM tenants")}

        assert {tenants.one, tenants.other} <= seen
        assert await connection.execute("UPDATE tenants SET name = 'Mine now'") == "UPDATE 1"  # one's own
        assert {row["tenant_id"] for row in await connection.fetch("SELECT tenant_id FROM customers")} == {tenants.one}


async def test_every_policy_is_the_same(owner_connection: asyncpg.Connection[Any]) -> None:
    rows = await owner_connection.fetch(
        "SELECT * FROM pg_policies WHERE policyname = 'own_tenant' AND tablename <> 'tenants'"
    )

    assert {row["tablename"] for row in rows} == {*ALL_TABLES} - {"tenants"}
    assert {(row["permissive"], row["cmd"], row["qual"] == row["with_check"]) for row in rows} == {
        ("PERMISSIVE", "ALL", True)
    }
    assert len({row["qual"] for row in rows}) == 1
    others = await owner_connection.fetch("SELECT tablename, cmd FROM pg_policies WHERE policyname <> 'own_tenant'")
    assert {tuple(row) for row in others} == {("tenants", "SELECT"), ("tenant_slugs", "SELECT")}


async def selecting(connection: asyncpg.Connection[Any]) -> list[str]:
    """The policies with a sub-select in them, by the tree that PostgreSQL has made of each."""
    rows = await connection.fetch(
        """SELECT polname || ' on ' || polrelid::regclass AS name FROM pg_policy
        WHERE concat(polqual, polwithcheck) LIKE '%{SUBLINK %' ORDER BY name"""
    )
    return [row["name"] for row in rows]


async def test_no_policy_has_a_sub_select(owner_connection: asyncpg.Connection[Any]) -> None:
    """Engines that distribute tables take none; and each is planned, begun and ended with every statement."""
    assert await owner_connection.fetchval("SELECT count(*) FROM pg_policy") > len(ALL_TABLES)
    assert await selecting(owner_connection) == []


@pytest.mark.parametrize(
    "planted",
    [
        "ALTER POLICY own_tenant ON tiers USING (tenant_id = (SELECT current_setting('scrip.tenant')::uuid))",
        "ALTER POLICY own_tenant ON tiers WITH CHECK (EXISTS (SELECT FROM tenants))",
        "ALTER POLICY own_tenant ON tiers USING (tenant_id IN (TABLE tiers_seen))",
    ],
)
async def test_a_sub_select_would_be_found(owner_connection: asyncpg.Connection[Any], planted: str) -> None:
    transaction = owner_connection.transaction()
    await transaction.start()
    try:
        await owner_connection.execute("CREATE TEMP TABLE tiers_seen (id uuid)")
        await owner_connection.execute(planted)
        assert await selecting(owner_connection) == ["own_tenant on tiers"]
    finally:
        await transaction.rollback()


@asynccontextmanager
async def many_customers(tenants: TwoTenants, owner: asyncpg.Connection[Any]) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Enough of them, and known to the planner, that it does better with an index than without."""
    async with tenants.as_tenant(tenants.one, owner) as connection:
        await connection.execute(
            """INSERT INTO customers (id, tenant_id, external_id, name, created_at, updated_at)
            SELECT gen_random_uuid(), $1, md5(n::text), md5(n::text), now(), now() FROM generate_series(1, 5000) n""",
            tenants.one,
        )
        await connection.execute("ANALYZE customers")
        yield connection


async def test_an_id_alone_is_found_by_the_key(tenants: TwoTenants, owner_connection: asyncpg.Connection[Any]) -> None:
    async with many_customers(tenants, owner_connection) as connection:
        plan = await connection.fetchval("EXPLAIN (FORMAT JSON) SELECT * FROM customers WHERE id = $1", ID)

    scan = json.loads(plan)[0]["Plan"]
    assert scan["Index Name"] == "customers_pkey"
    # The tenant is worked out once, before the scan, and not compared with row by row.
    assert re.match(r"\(\(tenant_id = \(NULLIF\(current_setting\(.*?\)\)::uuid\) AND \(id = ", scan["Index Cond"])
    assert "Filter" not in scan


async def test_customers_are_found_by_what_they_begin_with(
    tenants: TwoTenants, owner_connection: asyncpg.Connection[Any]
) -> None:
    names = ("name", "last_name", "email", "external_id")
    others = ("word_2", "word_3", "word_4", "word_5", "email_2", "email_3", "domain")
    ranges = " OR ".join(
        f"(search_{name} >= lower($1) AND search_{name} < lower($1) || U&'\\+10FFFF')" for name in names
    )
    query = f"SELECT name FROM customers WHERE {ranges}"
    found = {"ZOË": 1, "MÜL": 1, "zoe@": 1, "c1": 1, "oë": 0, "zoë müllers": 0, "%": 0}

    async with many_customers(tenants, owner_connection) as connection:
        for text, number in found.items():
            rows = [row["name"] for row in await connection.fetch(query, text)]
            assert rows.count("Zoë Müller") == number, text
        # Each by itself: of all together the planner, going by whatever other tests have left in the statistics,
        # may do one or another by the tenant alone.
        plans = {
            name: await connection.fetchval(
                f"""EXPLAIN (FORMAT JSON) SELECT name FROM customers
                WHERE search_{name} >= lower($1) AND search_{name} < lower($1) || U&'\\+10FFFF'""",
                "zo",
            )
            for name in (*names, *others)
        }

    assert {name: f'"customers_search_{name}"' in plan for name, plan in plans.items()} == dict.fromkeys(plans, True)


async def idle_tenants(database: Urls) -> set[str | None]:
    """The tenant that each connection of the pool has while nobody uses it: all are taken at once to see."""
    client: Any = connections.get(CONNECTION_NAME)
    async with AsyncExitStack() as stack:
        size = client._pool.get_size()
        raws = [await stack.enter_async_context(client.acquire_connection()) for _ in range(size)]
        for raw in raws:
            assert await raw.fetch("SELECT FROM customers") == []
        return {await raw.fetchval("SELECT nullif(current_setting('scrip.tenant', true), '')") for raw in raws}


async def test_a_tenant_does_not_outlive_its_transaction(tenants: TwoTenants, database: Urls) -> None:
    async def look() -> int:
        async with tenant_transaction(tenants.one) as connection:
            return len(await connection.raw.fetch("SELECT FROM customers"))

    assert await asyncio.gather(*(look() for _ in range(20))) == [1] * 20
    assert await idle_tenants(database) == {None}


async def test_nor_an_error_in_it(tenants: TwoTenants, database: Urls) -> None:
    async def fail() -> None:
        async with tenant_transaction(tenants.one) as connection:
            await connection.raw.execute("SELECT 1 / 0")

    async def be_cancelled() -> None:
        async with tenant_transaction(tenants.one) as connection:
            await connection.raw.execute("SELECT pg_sleep(60)")

    for _ in range(5):
        with pytest.raises(asyncpg.DivisionByZeroError):
            await fail()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(be_cancelled(), 0.05)

    assert await idle_tenants(database) == {None}
