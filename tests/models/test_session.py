"""A connection knows its tenant for one transaction, and nothing of it afterwards."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from tortoise import connections

from models import session
from models.session import CONNECTION_NAME, tenant_id_of, tenant_transaction
from tests.support.clock import Clock
from tests.support.tenants import Tenant

SEEN = "SELECT count(*) FROM customers"
PATIENCE_S = 20


async def every_connection(sql: str) -> list[Any]:
    """What each connection of the pool answers, outside of any tenant's transaction."""
    client: Any = connections.get(CONNECTION_NAME)
    pool = client._pool
    held = [await pool.acquire(timeout=PATIENCE_S) for _ in range(pool.get_max_size())]
    try:
        return [await connection.fetchval(sql) for connection in held]
    finally:
        for connection in held:
            await pool.release(connection)


async def nobody_is_seen() -> bool:
    tenants = await every_connection("SELECT coalesce(current_setting('scrip.tenant', true), '')")
    return set(tenants) == {""} and set(await every_connection(SEEN)) == {0}


async def test_outside_of_a_transaction_there_is_nobody(tenant: Tenant, anna: UUID) -> None:
    assert await tenant.count("customers") == 1
    assert await nobody_is_seen()


async def test_one_tenant_sees_nothing_of_another(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    other = await Tenant.open(clock)
    await other.adjust(await other.customer(), 5)
    await other.adjust(await other.customer(), 5)
    tables = ("customers", "accounts", "entries", "transactions", "credits", "outbox", "idempotency_keys", "reasons")
    async with tenant_transaction(tenant.id) as connection:
        mine = [await connection.raw.fetchval(f"SELECT count(*) FROM {table}") for table in tables]
        tenants = await connection.raw.fetch("SELECT id FROM tenants")
    await other.ledger.close()

    assert mine == [1, 0, 0, 0, 0, 0, 0, 6]
    assert [row["id"] for row in tenants] == [tenant.id]


async def test_nobody_writes_for_another_tenant(tenant: Tenant, anna: UUID) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with tenant_transaction(uuid4()) as connection:
            await connection.raw.execute(
                "INSERT INTO services (tenant_id, id, name, active) VALUES ($1, $2, 'Stolen', true)", tenant.id, uuid4()
            )


async def test_tenants_side_by_side_do_not_mix(clock: Clock, tenant: Tenant) -> None:
    tenants = [await Tenant.open(clock) for _ in range(4)]

    async def look(of: Tenant) -> None:
        for _ in range(20):
            async with tenant_transaction(of.id, read_only=True) as connection:
                await asyncio.sleep(0)
                assert await connection.raw.fetchval("SELECT id FROM tenants") == of.id

    await asyncio.gather(*(look(one) for one in tenants * 3))
    assert await nobody_is_seen()


async def test_a_block_that_raises_is_rolled_back(tenant: Tenant) -> None:
    async def fail() -> None:
        async with tenant_transaction(tenant.id) as connection:
            await connection.raw.execute("UPDATE tenants SET name = 'Changed'")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await tenant.rows("SELECT name FROM tenants WHERE id = $1") == [("Test & Co",)]
    assert await nobody_is_seen()


async def test_read_only_means_it(tenant: Tenant) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with tenant_transaction(tenant.id, read_only=True) as connection:
            await connection.raw.execute("UPDATE tenants SET name = 'Changed'")


async def test_the_app_cannot_rewrite_the_ledger(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 5)
    for statement in (
        "UPDATE entries SET amount_minor = 1",
        "DELETE FROM entries",
        "DELETE FROM transactions",
        "TRUNCATE entries",
        "UPDATE transactions SET reason = NULL",
        "ALTER TABLE entries DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE entries DISABLE TRIGGER ALL",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with tenant_transaction(tenant.id) as connection:
                await connection.raw.execute(statement)


@pytest.mark.parametrize("steps", range(1, 12))
async def test_one_that_is_cancelled_anywhere_leaves_nothing_behind(tenant: Tenant, steps: int) -> None:
    """In the middle of BEGIN, of a statement, of COMMIT: whoever gets the connection next is nobody."""

    async def work() -> None:
        for _ in range(3):
            async with tenant_transaction(tenant.id) as connection:
                await connection.raw.execute("UPDATE tenants SET name = 'Changed'")
                raise_at_the_end = await connection.raw.fetchval("SELECT 1")
                assert raise_at_the_end == 1

    task = asyncio.create_task(work())
    for _ in range(steps):
        await asyncio.sleep(0.0004)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await nobody_is_seen()
    states = await every_connection("SELECT pg_current_xact_id_if_assigned() IS NULL")
    assert set(states) == {True}


async def test_one_that_is_cancelled_twice_as_it_begins_gives_its_connection_back(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    undoing = asyncio.Event()

    async def slow(_: object) -> None:
        undoing.set()
        await asyncio.sleep(PATIENCE_S)

    def cancelled() -> None:
        task.cancel()

    async def work() -> None:
        async with tenant_transaction(tenant.id, begins=cancelled):
            raise AssertionError("it has begun")

    task = asyncio.create_task(work())
    with monkeypatch.context() as patch:
        patch.setattr(session, "_undo", slow)
        await undoing.wait()
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()
    assert await nobody_is_seen()


async def test_a_slug_finds_its_tenant_and_no_other(tenant: Tenant) -> None:
    assert await tenant_id_of(tenant.slug) == tenant.id
    assert await tenant_id_of(tenant.slug.upper()) is None
    assert await tenant_id_of("' OR true --") is None
    assert await nobody_is_seen()
