"""Rewards: what coupons are made from, edited, retired, in stock."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from models.configuration_commands import CreateReward, UpdateReward
from models.errors import LedgerError
from models.operations.rewards import create_reward, update_reward
from tests.support.clock import NOON
from tests.support.tenants import ADMIN, Tenant


async def create(tenant: Tenant, kind: str = "FREE_DELIVERY", cost: int | str = 100, **more: Any) -> UUID:
    name = more.pop("name", f"{kind} {uuid4()}")
    value = more.pop("value", None)
    command = CreateReward(name, kind, Decimal(cost), None if value is None else Decimal(value), **more)
    return (await create_reward(tenant.ledger, tenant.id, ADMIN, command)).row_id


async def update(tenant: Tenant, reward_id: UUID, **more: Any) -> bool:
    more.update({name: Decimal(more[name]) for name in ("value", "points_cost") if name in more})
    return await update_reward(tenant.ledger, tenant.id, ADMIN, UpdateReward(reward_id, **more))


async def test_an_edited_reward_leaves_its_coupons_alone(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 1000, "POINTS")
    reward = await create(tenant, "FIXED", 100, name="Five", value="5.00", currency="GBP", validity_days=10)
    first = await tenant.give(anna, reward)
    assert await update(tenant, reward, name="Ten", value="10.00", points_cost=200, validity_days=0)
    second = await tenant.give(anna, reward)

    rows = await tenant.rows(
        """SELECT id, terms->>'name', (terms->>'value')::numeric, terms->>'currency', points_spent_minor, expires_at
        FROM coupons WHERE tenant_id = $1 ORDER BY id"""
    )
    assert rows == [
        (first.coupon_id, "Five", 5, "GBP", 100, datetime(2026, 6, 25, 23, tzinfo=UTC)),
        (second.coupon_id, "Ten", 10, "GBP", 200, None),
    ]
    # And points come back at the price that was paid.
    await tenant.disable(first.coupon_id, refund=True)
    assert await tenant.available(anna, "POINTS") == 800


async def test_a_retired_reward_is_given_no_more_and_its_coupons_stay_good(tenant: Tenant, anna: UUID) -> None:
    reward = await create(tenant, cost=0)
    given = await tenant.give(anna, reward)
    assert await update(tenant, reward, active=False)
    async with tenant.refused("REWARD_INACTIVE"):
        await tenant.give(anna, reward)
    await tenant.use_coupon(given.coupon_id)
    assert await update(tenant, reward, active=True)
    await tenant.give(anna, reward)


async def test_stock_is_set_and_taken_off(tenant: Tenant, anna: UUID) -> None:
    reward = await create(tenant, cost=0, stock=1)
    await tenant.give(anna, reward)
    async with tenant.refused("REWARD_INACTIVE"):
        await tenant.give(anna, reward)
    assert await update(tenant, reward, stock=2)
    await tenant.give(anna, reward)
    assert await update(tenant, reward, unlimited_stock=True)
    assert not await update(tenant, reward, unlimited_stock=True)
    for _ in range(3):
        await tenant.give(anna, reward)
    rows = await tenant.rows(
        "SELECT details::text FROM audit_events WHERE tenant_id = $1 AND action = 'reward.updated' ORDER BY id"
    )
    assert rows == [('{"stock": [0, 2]}',), ('{"stock": [1, null]}',)]


async def test_a_price_that_goes_up_meanwhile_asks_for_more_credits_than_were_loaded(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.loading.credits.CREDITS_PER_LOAD", (2, 64))
    for _ in range(9):
        await tenant.adjust(anna, 1, "POINTS")
    reward = await create(tenant, cost=1)
    original = tenant.ledger.submit

    async def dearer(*arguments: Any) -> Any:
        await update(tenant, reward, points_cost=9)
        return await original(*arguments)

    monkeypatch.setattr(tenant.ledger, "submit", dearer)
    with pytest.raises(LedgerError) as caught:
        await tenant.give(anna, reward)
    assert caught.value.code == "BUSY"
    assert await tenant.count("coupons") == 0
    await tenant.give(anna, reward)
    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.balance_minor, account.available_minor, account.lifetime_minor) == (0, 0, 9)


@pytest.mark.parametrize(
    ("field", "code", "given"),
    [
        ("name", "INVALID", {"name": " "}),
        ("name", "INVALID", {"name": "x" * 201}),
        ("name", "DUPLICATE", {"name": "Taken"}),
        ("kind", "INVALID", {"kind": "NONE"}),
        ("pointsCost", "INVALID", {"cost": -1}),
        ("pointsCost", "AMOUNT_PRECISION", {"cost": "0.5"}),
        ("validityDays", "INVALID", {"validity_days": -1}),
        ("validityDays", "INVALID", {"validity_days": 36_501}),
        ("stock", "INVALID", {"stock": -1}),
        ("value", "INVALID", {"kind": "FIXED", "currency": "GBP"}),
        ("value", "INVALID", {"kind": "FIXED", "currency": "GBP", "value": "0"}),
        ("value", "INVALID", {"kind": "FIXED", "currency": "GBP", "value": "-5"}),
        ("value", "AMOUNT_PRECISION", {"kind": "FIXED", "currency": "GBP", "value": "5.001"}),
        ("value", "AMOUNT_OUT_OF_RANGE", {"kind": "FIXED", "currency": "GBP", "value": "1000000000000000"}),
        ("currency", "INVALID", {"kind": "FIXED", "value": "5"}),
        ("currency", "INVALID", {"kind": "FIXED", "value": "5", "currency": "XYZ"}),
        ("currency", "CURRENCY_MISMATCH", {"kind": "FIXED", "value": "5", "currency": "POINTS"}),
        ("product", "INVALID", {"kind": "FIXED", "value": "5", "currency": "GBP", "product": "Mug"}),
        ("value", "INVALID", {"kind": "PERCENT"}),
        ("value", "INVALID", {"kind": "PERCENT", "value": "100.01"}),
        ("currency", "INVALID", {"kind": "PERCENT", "value": "10", "currency": "GBP"}),
        ("product", "INVALID", {"kind": "FREE_PRODUCT"}),
        ("product", "INVALID", {"kind": "FREE_PRODUCT", "product": " "}),
        ("product", "INVALID", {"kind": "FREE_PRODUCT", "product": "x" * 201}),
        ("value", "INVALID", {"kind": "FREE_PRODUCT", "product": "Mug", "value": "1"}),
        ("value", "INVALID", {"value": "1"}),
    ],
    ids=str,
)
async def test_a_reward_says_what_its_kind_does(tenant: Tenant, field: str, code: str, given: dict[str, Any]) -> None:
    await create(tenant, name="Taken")
    async with tenant.refused(code) as caught:
        await create(tenant, **given)
    assert caught.value.field == (field,)


async def test_an_update_says_what_the_kind_does(tenant: Tenant) -> None:
    fixed = await create(tenant, "FIXED", value="5", currency="GBP")
    percent = await create(tenant, "PERCENT", value="12.5")
    product = await create(tenant, "FREE_PRODUCT", product="Mug")
    delivery = await create(tenant, name="Delivery")
    for reward, field, given in (
        (fixed, "value", {"value": "0.001"}),
        (fixed, "product", {"product": "Mug"}),
        (percent, "value", {"value": "101"}),
        (percent, "value", {"value": "0"}),
        (product, "product", {"product": " "}),
        (product, "value", {"value": "1"}),
        (delivery, "name", {"name": ""}),
        (delivery, "stock", {"stock": 1, "unlimited_stock": True}),
        (delivery, "stock", {"stock": -1}),
        (delivery, "pointsCost", {"points_cost": -1}),
        (fixed, "name", {"name": "Delivery"}),
        (uuid4(), "rewardId", {"active": False}),
    ):
        before = await tenant.fingerprint()
        with pytest.raises(LedgerError) as caught:
            await update(tenant, reward, **given)
        assert caught.value.field == (field,), caught.value
        assert await tenant.fingerprint() == before
    assert await update(tenant, percent, value="100")
    assert await update(tenant, product, product="Cup")
    assert not await update(tenant, product, product="Cup")


async def test_a_reward_of_each_kind_is_in_the_audit(tenant: Tenant) -> None:
    reward = await create(tenant, "FIXED", 250, name="Five", value="5.00", currency="GBP", stock=3)
    rows = await tenant.rows(
        """SELECT action, subject_id, details->>'name', details->>'value', created_at FROM audit_events
        WHERE tenant_id = $1"""
    )
    assert rows == [("reward.created", reward, "Five", "5.00", NOON)]
