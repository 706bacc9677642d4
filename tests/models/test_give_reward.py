"""Points, tiers and rewards."""

import asyncio
import hashlib
from datetime import UTC, datetime
from uuid import UUID, uuid4

from models.commands import GiveReward
from models.idempotency import input_hash
from tests.support.shop import STAFF, Clock, Shop


async def test_points_pay_from_available_only(shop: Shop, anna: UUID) -> None:
    await shop.tier("Gold", 1000)
    await shop.adjust(anna, 1000, "POINTS")
    outcome = await shop.give(anna, await shop.reward(300))

    account = await shop.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (700, 1000)
    rows = await shop.rows("SELECT id, points_spent_minor, status, length(code) FROM coupons WHERE tenant_id = $1")
    assert rows == [(outcome.coupon_id, 300, "ISSUED", 12)]
    # The tier was reached by adjusting, and stays.
    assert await shop.rows("SELECT old_tier, new_tier FROM tier_changes WHERE tenant_id = $1") == [(None, "Gold")]


async def test_points_are_taken_in_burn_order(shop: Shop, anna: UUID) -> None:
    never = await shop.credit(anna, 100, "POINTS")
    soon = await shop.credit(anna, 100, "POINTS", expires_in_days=1)
    await shop.give(anna, await shop.reward(150))
    assert await shop.remainders(soon, never) == [0, 50]


async def test_without_deduction_the_coupon_is_free(shop: Shop, anna: UUID) -> None:
    await shop.adjust(anna, 10, "POINTS")
    await shop.give(anna, await shop.reward(300), deduct=False)

    assert await shop.available(anna, "POINTS") == 10
    assert await shop.rows("SELECT points_spent_minor FROM coupons WHERE tenant_id = $1") == [(0,)]


async def test_too_few_points_are_refused(shop: Shop, anna: UUID, clock: Clock) -> None:
    reward = await shop.reward(300)
    async with shop.refused("INSUFFICIENT_BALANCE"):
        await shop.give(anna, reward)
    await shop.adjust(anna, 299, "POINTS")
    await shop.adjust(anna, 100, "POINTS", expires_in_days=1)
    clock.advance(days=2)
    async with shop.refused("INSUFFICIENT_BALANCE"):
        await shop.give(anna, reward)


async def test_a_reward_that_costs_nothing_needs_no_points(shop: Shop, anna: UUID) -> None:
    reward = await shop.reward(0)
    await shop.give(anna, reward)
    await shop.give(anna, reward, deduct=False)
    assert (await shop.count("coupons"), await shop.count("accounts")) == (2, 0)


async def test_the_stock_runs_out(shop: Shop, anna: UUID) -> None:
    reward = await shop.reward(0, stock=3)
    results = await asyncio.gather(*(shop.give(anna, reward) for _ in range(8)), return_exceptions=True)

    assert sorted(getattr(result, "code", "given") for result in results) == ["REWARD_INACTIVE"] * 5 + ["given"] * 3
    assert await shop.rows("SELECT stock FROM rewards WHERE tenant_id = $1") == [(0,)]
    assert await shop.count("coupons") == 3


async def test_a_retired_or_unknown_reward_is_refused(shop: Shop, anna: UUID) -> None:
    async with shop.refused("NOT_FOUND"):
        await shop.give(anna, uuid4())
    retired = await shop.reward(0, active=False)
    async with shop.refused("REWARD_INACTIVE"):
        await shop.give(anna, retired)
    reward = await shop.reward(0)
    async with shop.refused("NOT_FOUND"):
        await shop.give(uuid4(), reward)
    async with shop.refused("INVALID"):
        await shop.give(anna, reward, note="x" * 10_001)


async def test_a_coupon_expires_at_the_end_of_its_last_day(shop: Shop, anna: UUID) -> None:
    await shop.give(anna, await shop.reward(0, validity_days=10))
    await shop.give(anna, await shop.reward(0, validity_days=0))

    rows = await shop.rows("SELECT expires_at FROM coupons WHERE tenant_id = $1 ORDER BY expires_at")
    assert rows == [(datetime(2026, 6, 25, 23, tzinfo=UTC),), (None,)]


async def test_codes_are_unique(shop: Shop, anna: UUID) -> None:
    reward = await shop.reward(0)
    await asyncio.gather(*(shop.give(anna, reward) for _ in range(50)))
    assert await shop.rows("SELECT count(DISTINCT code) FROM coupons WHERE tenant_id = $1") == [(50,)]


async def test_a_free_reward_counts_against_the_givers_limits(shop: Shop, anna: UUID) -> None:
    dear, reward = await shop.reward(1001), await shop.reward(900)
    async with shop.refused("LIMIT_EXCEEDED"):
        await shop.give(anna, dear, deduct=False, actor=STAFF)
    await shop.give(anna, reward, deduct=False, actor=STAFF)
    await shop.give(anna, reward, deduct=False, actor=STAFF)
    async with shop.refused("LIMIT_EXCEEDED"):  # 2,000 per customer and day
        await shop.give(anna, reward, deduct=False, actor=STAFF)
    await shop.give(anna, reward, deduct=False)  # a manager has none


async def test_a_repetition_answers_the_same_coupon(shop: Shop, anna: UUID) -> None:
    reward = await shop.reward(0, stock=9)
    once = await shop.give(anna, reward, key="k", note="Sorry")
    again = await shop.give(anna, reward, key="k", note="Sorry")

    assert (again.coupon_id, again.transaction_id, again.replayed) == (once.coupon_id, once.transaction_id, True)
    assert await shop.rows("SELECT stock FROM rewards WHERE tenant_id = $1") == [(8,)]


async def test_tiers_follow_the_lifetime_total_in_both_directions(shop: Shop, anna: UUID) -> None:
    for name, threshold in (("Bronze", 0), ("Silver", 100), ("Gold", 200)):
        await shop.tier(name, threshold)
    await shop.adjust(anna, 99, "POINTS")
    await shop.adjust(anna, 101, "POINTS")
    await shop.adjust(anna, -1, "POINTS")
    await shop.adjust(anna, -198, "POINTS")
    await shop.adjust(anna, 100, "GBP")

    rows = await shop.rows("SELECT old_tier, new_tier FROM tier_changes WHERE tenant_id = $1 ORDER BY id")
    assert rows == [("Bronze", "Gold"), ("Gold", "Silver"), ("Silver", "Bronze")]
    events = await shop.rows("SELECT count(*) FROM outbox WHERE tenant_id = $1 AND topic = 'tier.changed'")
    assert events == [(3,)]


def test_a_key_from_before_an_upgrade_stands_for_the_same_request() -> None:
    """The input is hashed as it was when a reward could not be asked for yet."""
    anna, reward = UUID(int=1), UUID(int=2)
    before = f'{{"customer_id":"{anna}","reward_id":"{reward}","deduct_points":true,"note":null}}'
    assert input_hash(GiveReward(anna, reward, deduct_points=True)) == hashlib.sha256(before.encode()).digest()
    asked = GiveReward(anna, reward, deduct_points=True, request_approval=True)
    assert input_hash(asked) != input_hash(GiveReward(anna, reward, deduct_points=True))
