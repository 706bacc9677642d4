"""Customers' day counters: held with the account where there must be one, and no row before there is something to count."""

import asyncio
import contextlib
from dataclasses import replace
from uuid import UUID

import pytest

from models.errors import LimitExceeded
from models.operations.create_tenant import CUSTOMER_DAY_TIMES
from models.planning.columns import ActorIds
from models.planning.state import Books
from models.session import TenantConnection
from models.writing import write
from tests.support.citus import given_cluster
from tests.support.mutating import statements_sent
from tests.support.tenants import STAFF, Tenant


@pytest.fixture
async def anna(tenant: Tenant) -> UUID:
    return await tenant.customer("anna")


async def counters(tenant: Tenant, scope: str) -> list[int]:
    rows = await tenant.rows(
        "SELECT used_minor FROM limit_counters WHERE tenant_id = $1 AND scope = $2 ORDER BY used_minor", scope
    )
    return [row[0] for row in rows]


async def test_the_first_addition_of_a_day_writes_the_counter_once(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, "1.00", actor=STAFF)
    ben = await tenant.customer("ben")
    with statements_sent() as sent:
        await tenant.adjust(ben, "2.00", actor=STAFF)
    # One that reads, and one that writes all; nodes get one for each part.
    assert sum("limit_counters" in sql for sql, _ in sent) == (2 if given_cluster() is None else 3)
    assert await counters(tenant, "PER_CUSTOMER_DAY") == [100, 200]
    assert await counters(tenant, "PER_ACTOR_DAY") == [300]


async def test_what_is_refused_leaves_no_counter(tenant: Tenant, anna: UUID) -> None:
    with pytest.raises(LimitExceeded):
        await tenant.adjust(anna, "100000.00", actor=STAFF)
    assert await counters(tenant, "PER_CUSTOMER_DAY") == []


async def test_additions_at_once_to_one_customer_are_all_counted(tenant: Tenant, other: Tenant, anna: UUID) -> None:
    """From two servers: whoever reads the counter holds the account."""
    results = await asyncio.gather(
        *(each.adjust(anna, "7.00", actor=STAFF) for _ in range(25) for each in (tenant, other)), return_exceptions=True
    )
    refused = [each for each in results if isinstance(each, BaseException)]
    assert refused
    assert all(isinstance(each, LimitExceeded) for each in refused), refused
    added = 700 * (len(results) - len(refused))
    assert 0 < added <= 100_00 * CUSTOMER_DAY_TIMES
    assert await counters(tenant, "PER_CUSTOMER_DAY") == await counters(tenant, "PER_ACTOR_DAY") == [added]
    rows = await tenant.rows("SELECT balance_minor FROM accounts WHERE tenant_id = $1")
    assert [row[0] for row in rows] == [added]


async def test_free_rewards_at_once_count_though_there_is_no_account(
    tenant: Tenant, other: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From two servers that have both loaded what they need before either writes."""
    rewards = [await tenant.reward(100) for _ in range(2)]
    await tenant.give(anna, rewards[0], deduct_points=False, actor=STAFF)  # the day's counter is there
    both = asyncio.Barrier(2)

    async def together(connection: TenantConnection, books: Books, actors: ActorIds) -> None:
        with contextlib.suppress(TimeoutError, asyncio.BrokenBarrierError):
            async with asyncio.timeout(0.5):
                await both.wait()
        await write(connection, books, actors)

    monkeypatch.setattr("models.posting.write", together)
    await asyncio.gather(
        tenant.give(anna, rewards[0], deduct_points=False, actor=STAFF),
        other.give(anna, rewards[1], deduct_points=False, actor=replace(STAFF, subject="another")),
    )
    assert await counters(tenant, "PER_CUSTOMER_DAY") == [300]
    assert await counters(tenant, "PER_ACTOR_DAY") == [100, 200]
