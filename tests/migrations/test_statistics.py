"""What the planner is told, where its own count would mislead it."""

from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.ledger import Ledger
from tests.support.tenants import make_tenant

TENANTS = 60
ROWS = 3_000


async def test_every_table_says_that_a_tenant_may_have_all_of_it(owner_connection: "asyncpg.Connection[Any]") -> None:
    rows = await owner_connection.fetch(
        """SELECT attrelid::regclass::text AS name, attoptions FROM pg_attribute
        JOIN pg_class c ON c.oid = attrelid AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
        WHERE attname = 'tenant_id' AND NOT attisdropped"""
    )
    assert len(rows) > 30
    assert {row["name"] for row in rows if row["attoptions"] != ["n_distinct=1"]} == set()


async def test_one_large_tenant_among_small_ones_is_searched_by_primary_key(
    database: Urls, owner_connection: "asyncpg.Connection[Any]"
) -> None:
    """Counted while each tenant had one customer, and asked as foreign keys ask."""
    ledger = Ledger()
    for _ in range(TENANTS):
        await (await make_tenant(ledger)).customer()
    await owner_connection.execute("ANALYZE customers")
    large = await make_tenant(ledger)
    await large.execute(
        """insert into customers (tenant_id, id, external_id, name, created_at, updated_at)
        select $1, gen_random_uuid(), 'm-' || n, 'Many', now(), now() from generate_series(1, $2) n""",
        ROWS,
    )
    await owner_connection.execute("SET plan_cache_mode = force_generic_plan")
    await owner_connection.execute(
        "PREPARE check_key(uuid, uuid) AS SELECT 1 FROM ONLY customers WHERE tenant_id = $1 AND id = $2 FOR KEY SHARE"
    )
    plan = await owner_connection.fetch(f"EXPLAIN EXECUTE check_key('{large.id}', '{uuid4()}')")
    assert "customers_pkey" in "".join(row[0] for row in plan)
    await ledger.close()


@pytest.mark.parametrize(
    ("condition", "found_by"),
    [("expires_at <= $3", "(expires_at <= $3)"), ("starts_at > $3 AND starts_at > created_at", "(starts_at > $3)")],
)
async def test_what_cannot_be_spent_is_found_without_reading_all_that_can(
    database: Urls, owner_connection: "asyncpg.Connection[Any]", condition: str, found_by: str
) -> None:
    """Asked as a posting asks, of an account with many open credits among such with one."""
    ledger = Ledger()
    tenant = await make_tenant(ledger)
    busy = await tenant.customer()
    for _ in range(TENANTS):
        await tenant.adjust(await tenant.customer(), "1.00")
        await tenant.adjust(busy, "1.00")
    account = (await tenant.fetch("select id from accounts where tenant_id = $1 and customer_id = $2", busy))[0][0]
    await owner_connection.execute("ANALYZE credits")
    await owner_connection.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")
    await owner_connection.execute(
        f"""PREPARE waiting(uuid, uuid, timestamptz) AS SELECT sum(remaining_minor) FROM credits
        WHERE tenant_id = $1 AND account_id = $2 AND open AND {condition}"""
    )
    plan = await owner_connection.fetch(f"EXPLAIN EXECUTE waiting('{tenant.id}', '{account}', now())")
    assert [row[0] for row in plan if "Index Cond" in row[0] and found_by in row[0]]
    await ledger.close()
