"""One request's reads: one moment of the books, one connection, given back."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tortoise import connections

from models.errors import Busy
from models.reads import accounts
from models.reads import session as reading
from models.reads.session import ReadSession, ReadsOver
from models.session import CONNECTION_NAME, TenantConnection, pool_size
from tests.support.citus import given_cluster
from tests.support.tenants import Tenant


def in_use() -> int:
    pool: Any = connections.get(CONNECTION_NAME)
    used: int = pool._pool.get_size() - pool._pool.get_idle_size()
    return used


async def available(session: ReadSession, tenant: Tenant, customer: UUID) -> int:
    (account,) = await accounts.of_customers(session, [customer], tenant.ledger.clock())
    return account.available_minor


async def mode(session: ReadSession) -> str:
    (row,) = await session.fetch("select current_setting('plan_cache_mode') as mode where $1::uuid is not null")
    found: str = row["mode"]
    # A cluster plans each statement for its values: they lead it to a node.
    return {"force_generic_plan": "kept", "auto": "own"}[found] if given_cluster() is None else found


@pytest.mark.parametrize("searches", [False, True])
async def test_only_statements_that_ask_for_it_are_planned_for_their_values(tenant: Tenant, *, searches: bool) -> None:
    kept, own = ("kept", "own") if given_cluster() is None else ("force_custom_plan", "force_custom_plan")
    session = ReadSession(tenant.id, searches=searches)
    assert await mode(session) == kept
    with session.own_plans():
        assert await mode(session) == own
        with session.own_plans():  # another field beside it
            assert await mode(session) == own
        assert await mode(session) == own
        await session.release()  # as waiting for a past instant does
        assert await mode(session) == own
    assert await mode(session) == kept
    with session.own_plans():
        pass  # nothing is asked, and nothing sent
    with pytest.raises(ZeroDivisionError), session.own_plans():
        raise ZeroDivisionError
    assert await mode(session) == kept
    await session.release()


async def test_what_asks_for_own_plans_survives_a_release_meanwhile(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where another field of the request waits for a past instant."""
    session, began, go_on = ReadSession(tenant.id, searches=True), asyncio.Event(), asyncio.Event()

    async def slowly(setting: str, connection: TenantConnection) -> None:
        began.set()
        await go_on.wait()
        await plan(setting, connection)

    plan: Any = getattr(reading, "_plan")  # noqa: B009 - it is private
    monkeypatch.setattr(reading, "_plan", slowly)
    kept = await mode(session)

    async def own() -> str:
        with session.own_plans():
            return await mode(session)

    asked = asyncio.create_task(own())
    await began.wait()
    releasing = asyncio.create_task(session.release())
    for _ in range(3):
        await asyncio.sleep(0)
    go_on.set()
    async with asyncio.timeout(10):
        assert await asked == ("own" if given_cluster() is None else kept)
        await releasing
    assert await mode(session) == kept
    await session.release()


async def test_sees_one_moment_until_it_is_released(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, "1.00")
    session = ReadSession(tenant.id)
    assert await available(session, tenant, anna) == 100
    await tenant.adjust(anna, "1.00")

    assert await available(session, tenant, anna) == 100
    await session.release()
    assert await available(session, tenant, anna) == 200
    await session.release()
    await session.release()


async def test_is_shared_by_whoever_reads_at_once(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, "1.00")
    busy = in_use()
    session = ReadSession(tenant.id)
    assert await asyncio.gather(*(available(session, tenant, anna) for _ in range(5))) == [100] * 5
    assert in_use() == busy + 1
    await session.release()
    assert in_use() == busy


async def test_a_failed_read_gives_the_connection_back_and_the_next_one_works(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, "1.00")
    busy = in_use()
    session = ReadSession(tenant.id)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await session.fetch("select 1 / 0 where $1::uuid is not null")
    assert in_use() == busy
    assert await available(session, tenant, anna) == 100
    await session.release()


async def test_is_over_when_it_is_closed(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, "1.00")
    busy = in_use()
    session = ReadSession(tenant.id)
    first = asyncio.create_task(available(session, tenant, anna))
    second = asyncio.create_task(available(session, tenant, anna))
    await asyncio.sleep(0)
    await session.close()
    with pytest.raises(ReadsOver):
        await available(session, tenant, anna)
    await asyncio.wait([first, second])
    assert in_use() == busy
    assert {task.exception().__class__ for task in (first, second)} <= {ReadsOver, type(None)}


async def test_cannot_write(tenant: Tenant) -> None:
    session = ReadSession(tenant.id)
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await session.fetch("delete from outbox where tenant_id = $1")


async def test_reads_that_search_much_leave_most_connections_to_others(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, "1.00")
    busy, most = in_use(), max(pool_size() // reading.CONNECTIONS_TO_ONE_SEARCH, 1)
    sessions = [ReadSession(tenant.id, searches=True) for _ in range(most + 3)]
    reads = [asyncio.create_task(available(session, tenant, anna)) for session in sessions]
    async with asyncio.timeout(20):
        assert await asyncio.gather(*reads[:most]) == [100] * most
        other = ReadSession(tenant.id)
        assert await available(other, tenant, anna) == 100
        await other.release()
        assert in_use() == busy + most
        assert not any(read.done() for read in reads[most:])
        reads[most].cancel()
        for session in sessions:  # each makes room for the next
            await session.release()
            await asyncio.sleep(0)
        assert await asyncio.gather(*reads[most + 1 :]) == [100] * 2
        for session in sessions:
            await session.close()
    assert in_use() == busy


async def test_who_waits_too_long_to_search_is_told(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SEARCHING_SECONDS", 0.05)
    busy, most = in_use(), max(pool_size() // reading.CONNECTIONS_TO_ONE_SEARCH, 1)
    sessions = [ReadSession(tenant.id, searches=True) for _ in range(most)]
    for session in sessions:
        await session.fetch("select 1 where $1::uuid is not null")
    late = ReadSession(tenant.id, searches=True)
    with pytest.raises(Busy, match="Too many reports"):
        await late.fetch("select 1 where $1::uuid is not null")
    for session in sessions:
        await session.close()
    assert in_use() == busy
    assert len(await late.fetch("select 1 where $1::uuid is not null")) == 1
    await late.close()


async def test_a_search_that_fails_makes_room_for_others(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SEARCHING_SECONDS", 5)
    for _ in range(pool_size() + 1):
        session = ReadSession(tenant.id, searches=True)
        with pytest.raises(asyncpg.DivisionByZeroError):
            await session.fetch("select 1 / 0 where $1::uuid is not null")
