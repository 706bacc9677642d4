"""Up to which instant a tenant's rows are settled, and who waits for that: docs/adr/0019."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.reads import session as reading
from models.reads.session import ReadSession, Unsettled
from models.session import SETTLING_LOCK, TenantConnection, lock_key, settled_instant, tenant_transaction
from tests.support.tenants import Tenant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def now(connection: TenantConnection) -> datetime:
    told: datetime = await connection.raw.fetchval("SELECT clock_timestamp()")
    return told


@asynccontextmanager
async def writing(tenant_id: UUID) -> AsyncIterator[datetime]:
    """A transaction under way, and an instant after it has begun."""
    async with tenant_transaction(tenant_id) as connection:
        yield await now(connection)


async def test_with_nobody_writing_it_is_now(tenant: Tenant) -> None:
    async with writing(tenant.id) as before:
        pass
    settled = await settled_instant(tenant.id)
    assert before < settled
    async with writing(tenant.id) as after:
        assert settled < after


async def test_it_stays_before_whoever_writes_until_they_are_seen(tenant: Tenant) -> None:
    async with writing(tenant.id) as first:
        async with writing(tenant.id) as second:
            assert await settled_instant(tenant.id) < first
            assert await settled_instant(tenant.id) < first
        assert await settled_instant(tenant.id) < first < second
    assert await settled_instant(tenant.id) > second


async def test_whoever_only_reads_and_other_tenants_do_not_keep_it_back(tenant: Tenant) -> None:
    other = UUID(int=tenant.id.int ^ 1)
    async with writing(other) as before, tenant_transaction(tenant.id, read_only=True):
        assert await settled_instant(tenant.id) > before
        assert await settled_instant(other) < before


async def test_it_is_not_what_a_transaction_saw_earlier(tenant: Tenant) -> None:
    """The view of who does what is remembered until the end of a transaction; the instant must not go by that."""
    async with tenant_transaction(tenant.id, read_only=True) as connection:
        await connection.raw.fetch("SELECT * FROM pg_stat_activity")
        async with writing(tenant.id) as begun:
            settled = await connection.raw.fetchval("SELECT settled_instant($1)", lock_key(tenant.id))
            assert settled < begun


async def test_of_a_writer_of_another_role_nothing_is_told_so_that_nothing_is_settled(
    tenant: Tenant, owner_connection: "asyncpg.Connection[Any]"
) -> None:
    async with owner_connection.transaction():
        lock = f"SELECT pg_advisory_xact_lock_shared({SETTLING_LOCK}, {lock_key(tenant.id)})"
        await owner_connection.execute(lock)
        assert await settled_instant(tenant.id) == EPOCH
    assert await settled_instant(tenant.id) > EPOCH


async def test_asking_keeps_nobody_waiting(tenant: Tenant) -> None:
    """Not even when many ask at once, each of whom takes the lock for a moment."""
    async with writing(tenant.id):
        pass
    began = monotonic()
    for _ in range(20):
        asked = [settled_instant(tenant.id) for _ in range(5)]
        async with asyncio.TaskGroup() as group:
            for one in asked:
                group.create_task(one)
            async with writing(tenant.id):
                pass
    assert monotonic() - began < 5
    assert await settled_instant(tenant.id) > EPOCH


async def test_a_past_instant_waits_for_those_who_write_at_it_and_not_for_those_who_come_later(tenant: Tenant) -> None:
    session = ReadSession(tenant.id, settling=True)
    async with AsyncExitStack() as later:
        async with writing(tenant.id) as at:
            waiting = asyncio.create_task(session.settle(at))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            assert await later.enter_async_context(writing(tenant.id)) > at
        await asyncio.wait_for(waiting, 5)
        assert session.settled is not None
        assert session.settled > at
    await session.close()


async def test_what_is_read_after_waiting_sees_what_was_waited_for(tenant: Tenant, anna: UUID) -> None:
    session = ReadSession(tenant.id, settling=True)
    count = "select count(*) from outbox where tenant_id = $1"
    (before,) = await session.fetch(count)
    async with tenant_transaction(tenant.id) as connection:
        at = await now(connection)
        waiting = asyncio.create_task(session.settle(at))
        await connection.raw.execute(
            "INSERT INTO outbox (tenant_id, id, topic, subject_id, created_at) VALUES ($1, $2, 'test', $2, $3)",
            tenant.id,
            anna,
            at,
        )
        await asyncio.sleep(0.05)
    await waiting
    (after,) = await session.fetch(count)
    await session.close()
    assert after["count"] == before["count"] + 1


async def test_nothing_begins_to_read_while_it_waits(tenant: Tenant, anna: UUID) -> None:
    """Or it would not see what is waited for, and who waited would read the same."""
    session = ReadSession(tenant.id, settling=True)
    count = "select count(*) from outbox where tenant_id = $1"
    async with tenant_transaction(tenant.id) as connection:
        at = await now(connection)
        waiting = [asyncio.create_task(session.settle(at)) for _ in range(2)]
        await connection.raw.execute(
            "INSERT INTO outbox (tenant_id, id, topic, subject_id, created_at) VALUES ($1, $2, 'test', $2, $3)",
            tenant.id,
            anna,
            at,
        )
        await asyncio.sleep(0.05)
        beside = asyncio.create_task(session.fetch(count))
        await asyncio.sleep(0.05)
        assert not beside.done()
    await asyncio.gather(*waiting)
    assert (await beside)[0]["count"] == 1
    assert (await session.fetch(count))[0]["count"] == 1
    assert session.settled is not None
    assert session.settled > at
    await session.close()


async def test_what_has_settled_already_is_read_at_once_in_the_same_moment(tenant: Tenant) -> None:
    async with writing(tenant.id) as earlier:
        pass
    session = ReadSession(tenant.id, settling=True)
    begun = "select pg_current_snapshot()::text as moment, pg_backend_pid() as backend where $1::uuid is not null"
    before = await session.fetch(begun)
    async with writing(tenant.id):
        await session.settle(earlier)
        assert await session.fetch(begun) == before
    await session.close()


async def test_a_posting_that_does_not_end_is_not_waited_for_for_ever(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_SETTLING_SECONDS", 0.05)
    session = ReadSession(tenant.id, settling=True)
    async with writing(tenant.id) as at:
        with pytest.raises(Unsettled):
            await session.settle(at)
        await session.settle(at - timedelta(hours=1))
    await session.close()


async def test_with_a_clock_of_one_s_own_everything_is_settled(tenant: Tenant) -> None:
    session = ReadSession(tenant.id)
    async with writing(tenant.id) as at:
        await asyncio.wait_for(session.settle(at + timedelta(days=1000)), 5)
    assert session.settled is None


async def test_another_process_s_writers_count(tenant: Tenant, database_urls: Urls) -> None:
    elsewhere = await asyncpg.connect(database_urls.app)
    try:
        await elsewhere.execute(f"BEGIN; SELECT pg_advisory_xact_lock_shared({SETTLING_LOCK}, {lock_key(tenant.id)})")
        at = await elsewhere.fetchval("SELECT clock_timestamp()")
        assert await settled_instant(tenant.id) < at
        await elsewhere.execute("COMMIT")
        assert await settled_instant(tenant.id) > at
    finally:
        await elsewhere.close()
