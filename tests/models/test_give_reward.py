"""Points, tiers and rewards."""

import asyncio
import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from models.commands import AdjustCredit, GiveReward
from models.errors import LimitExceeded
from models.idempotency import input_hash
from models.operations.adjust import adjust_credit
from models.operations.give_reward import give_reward
from models.views import AccountView
from tests.support.batch import Batch
from tests.support.clock import Clock
from tests.support.tenants import STAFF, Tenant


async def test_points_pay_from_available_only(tenant: Tenant, anna: UUID) -> None:
    await tenant.tier("Gold", 1000)
    await tenant.adjust(anna, 1000, "POINTS")
    outcome = await tenant.give(anna, await tenant.reward(300))

    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (700, 1000)
    rows = await tenant.rows("SELECT id, points_spent_minor, status, length(code) FROM coupons WHERE tenant_id = $1")
    assert rows == [(outcome.coupon_id, 300, "ISSUED", 12)]
    # The tier was reached by adjusting, and stays.
    assert await tenant.rows("SELECT old_tier, new_tier FROM tier_changes WHERE tenant_id = $1") == [(None, "Gold")]


async def test_points_are_taken_in_burn_order(tenant: Tenant, anna: UUID) -> None:
    never = await tenant.credit(anna, 100, "POINTS")
    soon = await tenant.credit(anna, 100, "POINTS", expires_in_days=1)
    await tenant.give(anna, await tenant.reward(150))
    assert await tenant.remainders(soon, never) == [0, 50]


async def test_without_deduction_the_coupon_is_free(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 10, "POINTS")
    await tenant.give(anna, await tenant.reward(300), deduct_points=False)

    assert await tenant.available(anna, "POINTS") == 10
    assert await tenant.rows("SELECT points_spent_minor FROM coupons WHERE tenant_id = $1") == [(0,)]


async def test_too_few_points_are_refused(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    reward = await tenant.reward(300)
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.give(anna, reward)
    await tenant.adjust(anna, 299, "POINTS")
    await tenant.adjust(anna, 100, "POINTS", expires_in_days=1)
    clock.advance(days=2)
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.give(anna, reward)


async def test_a_reward_that_costs_nothing_needs_no_points(tenant: Tenant, anna: UUID) -> None:
    reward = await tenant.reward(0)
    await tenant.give(anna, reward)
    await tenant.give(anna, reward, deduct_points=False)
    assert (await tenant.count("coupons"), await tenant.count("accounts")) == (2, 0)


async def test_the_stock_runs_out(tenant: Tenant, anna: UUID) -> None:
    reward = await tenant.reward(0, stock=3)
    results = await asyncio.gather(*(tenant.give(anna, reward) for _ in range(8)), return_exceptions=True)

    assert sorted(getattr(result, "code", "given") for result in results) == ["REWARD_INACTIVE"] * 5 + ["given"] * 3
    assert await tenant.rows("SELECT stock FROM rewards WHERE tenant_id = $1") == [(0,)]
    assert await tenant.count("coupons") == 3


async def test_a_retired_or_unknown_reward_is_refused(tenant: Tenant, anna: UUID) -> None:
    async with tenant.refused("NOT_FOUND"):
        await tenant.give(anna, uuid4())
    retired = await tenant.reward(0, active=False)
    async with tenant.refused("REWARD_INACTIVE"):
        await tenant.give(anna, retired)
    reward = await tenant.reward(0)
    async with tenant.refused("NOT_FOUND"):
        await tenant.give(uuid4(), reward)
    async with tenant.refused("INVALID"):
        await tenant.give(anna, reward, note="x" * 10_001)


async def test_a_coupon_expires_at_the_end_of_its_last_day(tenant: Tenant, anna: UUID) -> None:
    await tenant.give(anna, await tenant.reward(0, validity_days=10))
    await tenant.give(anna, await tenant.reward(0, validity_days=0))

    rows = await tenant.rows("SELECT expires_at FROM coupons WHERE tenant_id = $1 ORDER BY expires_at")
    assert rows == [(datetime(2026, 6, 25, 23, tzinfo=UTC),), (None,)]


async def test_codes_are_unique(tenant: Tenant, anna: UUID) -> None:
    reward = await tenant.reward(0)
    await asyncio.gather(*(tenant.give(anna, reward) for _ in range(50)))
    assert await tenant.rows("SELECT count(DISTINCT code) FROM coupons WHERE tenant_id = $1") == [(50,)]


async def test_a_free_reward_counts_against_the_givers_limits(tenant: Tenant, anna: UUID) -> None:
    dear, reward = await tenant.reward(1001), await tenant.reward(900)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.give(anna, dear, deduct_points=False, actor=STAFF)
    await tenant.give(anna, reward, deduct_points=False, actor=STAFF)
    await tenant.give(anna, reward, deduct_points=False, actor=STAFF)
    async with tenant.refused("LIMIT_EXCEEDED"):  # 2,000 per customer and day
        await tenant.give(anna, reward, deduct_points=False, actor=STAFF)
    await tenant.give(anna, reward, deduct_points=False)  # a manager has none


async def test_a_repetition_answers_the_same_coupon(tenant: Tenant, anna: UUID) -> None:
    reward = await tenant.reward(0, stock=9)
    once = await tenant.give(anna, reward, key="k", note="Sorry")
    again = await tenant.give(anna, reward, key="k", note="Sorry")

    assert (again.coupon_id, again.transaction_id, again.replayed) == (once.coupon_id, once.transaction_id, True)
    assert await tenant.rows("SELECT stock FROM rewards WHERE tenant_id = $1") == [(8,)]


async def test_a_free_one_answers_no_account_that_only_a_refused_neighbour_had_opened(
    tenant: Tenant, anna: UUID
) -> None:
    """In one batch: the account is deleted again before that is committed."""
    batch, reward = Batch(tenant.clock), await tenant.reward(300)
    too_much = AdjustCredit(anna, "POINTS", Decimal(1001), "GOODWILL")
    free = GiveReward(anna, reward, deduct_points=False)

    async def refused() -> None:
        with pytest.raises(LimitExceeded):
            await adjust_credit(batch.ledger, tenant.id, STAFF, too_much, "1")

    _, once = await batch.run(tenant.id, [refused(), give_reward(batch.ledger, tenant.id, STAFF, free, "2")])
    again = await give_reward(tenant.ledger, tenant.id, STAFF, free, "2")

    assert await tenant.count("accounts") == 0
    assert (once.account_id, again.account_id) == (None, None)
    assert [view for view in once.views if isinstance(view, AccountView)] == []
    assert (again.transaction_id, again.coupon_id, again.replayed) == (once.transaction_id, once.coupon_id, True)


async def test_tiers_follow_the_lifetime_total_in_both_directions(tenant: Tenant, anna: UUID) -> None:
    for name, threshold in (("Bronze", 0), ("Silver", 100), ("Gold", 200)):
        await tenant.tier(name, threshold)
    await tenant.adjust(anna, 99, "POINTS")
    await tenant.adjust(anna, 101, "POINTS")
    await tenant.adjust(anna, -1, "POINTS")
    await tenant.adjust(anna, -198, "POINTS")
    await tenant.adjust(anna, 100, "GBP")

    rows = await tenant.rows("SELECT old_tier, new_tier FROM tier_changes WHERE tenant_id = $1 ORDER BY id")
    assert rows == [("Bronze", "Gold"), ("Gold", "Silver"), ("Silver", "Bronze")]
    events = await tenant.rows("SELECT count(*) FROM outbox WHERE tenant_id = $1 AND topic = 'tier.changed'")
    assert events == [(3,)]


def test_a_key_from_before_an_upgrade_stands_for_the_same_request() -> None:
    """The input is hashed as it was when a reward could not be asked for yet."""
    anna, reward = UUID(int=1), UUID(int=2)
    before = f'{{"customer_id":"{anna}","reward_id":"{reward}","deduct_points":true,"note":null}}'
    assert input_hash(GiveReward(anna, reward, deduct_points=True)) == hashlib.sha256(before.encode()).digest()
    asked = GiveReward(anna, reward, deduct_points=True, request_approval=True)
    assert input_hash(asked) != input_hash(GiveReward(anna, reward, deduct_points=True))
