"""giveReward: coupons for points and free of them, as a client meets it."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.headline import GIVE, ask, denied, document, done, refusal, refused, replayed
from tests.support.tenants import Tenant


@pytest.fixture
async def carol(tenant: Tenant) -> UUID:
    return await tenant.customer("carol")


@pytest.fixture
async def mug(tenant: Tenant) -> UUID:
    return await tenant.reward(300, name="Mug")


def giving(customer: UUID, reward: UUID, *, deduct_points: bool = True, **more: Any) -> dict[str, Any]:
    """The input, with a key of its own."""
    return {
        "customerId": gid("Customer", customer),
        "rewardId": gid("Reward", reward),
        "deductPoints": deduct_points,
        "idempotencyKey": uuid4().hex,
        **more,
    }


async def test_for_points_it_takes_them_and_leaves_the_tier(
    api: Api, tenant: Tenant, carol: UUID, mug: UUID, clock: Clock
) -> None:
    await tenant.tier("Silver", 400)
    await tenant.adjust(carol, "450", "POINTS")

    payload = await done(api, GIVE, giving(carol, mug, note="happy birthday"))

    coupon = payload["coupon"]
    assert abs(datetime.fromisoformat(coupon.pop("issuedAt")) - clock()) < timedelta(minutes=5)
    assert coupon == {
        "id": coupon["id"],
        "code": coupon["code"],
        "customer": {"externalId": "carol"},
        "pointsSpent": "300",
        "reward": {"id": gid("Reward", mug), "name": "Mug", "pointsCost": "300"},
        "status": "ISSUED",
        "expiresAt": None,
    }
    account, transaction = payload["account"], payload["transaction"]
    assert (account["available"], account["lifetime"], account["tier"]) == ("150", "450", {"name": "Silver"})
    assert (transaction["kind"], transaction["note"]) == ("REWARD", "happy birthday")
    assert [edge["node"]["amount"] for edge in transaction["entries"]["edges"]] == ["-300"]


@pytest.mark.parametrize("points", [None, "450"])
async def test_free_of_points_it_takes_none(
    api: Api, tenant: Tenant, carol: UUID, mug: UUID, points: str | None
) -> None:
    if points:
        await tenant.adjust(carol, points, "POINTS")
    given = giving(carol, mug, deduct_points=False)
    payload = await done(api, GIVE, given)
    assert payload["coupon"]["pointsSpent"] == "0"
    assert payload["transaction"]["entries"] == {"edges": []}
    assert (payload["account"] and payload["account"]["available"]) == points
    await replayed(api, tenant, GIVE, given, payload)


async def test_points_are_taken_in_burn_order(api: Api, tenant: Tenant, carol: UUID, mug: UUID, clock: Clock) -> None:
    never = gid("Credit", (await tenant.adjust(carol, "200", "POINTS")).credit_id)
    soon = gid("Credit", (await tenant.adjust(carol, "200", "POINTS", expires_in_days=9)).credit_id)
    payload = await done(api, GIVE, giving(carol, mug))
    entries = [edge["node"] for edge in payload["transaction"]["entries"]["edges"]]
    assert [(e["credit"]["id"], e["amount"]) for e in entries] == [(soon, "-200"), (never, "-100")]


async def test_too_few_points_are_told(api: Api, tenant: Tenant, carol: UUID, mug: UUID, clock: Clock) -> None:
    assert await refusal(api, tenant, GIVE, giving(carol, mug)) == ["INSUFFICIENT_BALANCE", "rewardId", "0"]
    await tenant.adjust(carol, "299", "POINTS")
    await tenant.adjust(carol, "50", "POINTS", effective_on=clock().date() + timedelta(days=9))
    await tenant.adjust(carol, "50", "POINTS", expires_in_days=1)
    clock.advance(timedelta(days=3))
    assert await refusal(api, tenant, GIVE, giving(carol, mug)) == ["INSUFFICIENT_BALANCE", "rewardId", "299"]
    await tenant.adjust(carol, "1", "POINTS")
    assert (await done(api, GIVE, giving(carol, mug)))["account"]["available"] == "0"


async def test_a_reward_that_costs_nothing_needs_no_points(api: Api, tenant: Tenant, carol: UUID) -> None:
    free = await tenant.reward(0, name="Smile")
    for deduct_points in (True, False):
        given = giving(carol, free, deduct_points=deduct_points)
        payload = await done(api, GIVE, given, role=Role.STAFF)
        assert payload["coupon"]["pointsSpent"] == "0"


async def test_stock_runs_out_and_a_retired_reward_is_not_given(api: Api, tenant: Tenant, carol: UUID) -> None:
    last, retired = await tenant.reward(1, name="Last", stock=1), await tenant.reward(1, name="Old", active=False)
    await tenant.adjust(carol, "9", "POINTS")
    assert await refusal(api, tenant, GIVE, giving(carol, retired)) == ["REWARD_INACTIVE", "rewardId"]
    given = giving(carol, last)
    first = await done(api, GIVE, given)
    for deduct_points in (True, False):
        again = giving(carol, last, deduct_points=deduct_points)
        assert await refusal(api, tenant, GIVE, again) == ["REWARD_INACTIVE", "rewardId"]
    await replayed(api, tenant, GIVE, given, first)


async def test_twenty_at_once_share_out_a_stock_of_seven(api: Api, tenant: Tenant, carol: UUID) -> None:
    few = await tenant.reward(10, name="Few", stock=7)
    await tenant.adjust(carol, "1000", "POINTS")
    payloads = await asyncio.gather(*(ask(api, GIVE, giving(carol, few)) for _ in range(20)))
    codes = [payload["coupon"]["code"] for payload in payloads if payload["coupon"]]
    assert len(set(codes)) == len(codes) == 7
    assert {e["code"] for payload in payloads for e in payload["userErrors"]} == {"REWARD_INACTIVE"}
    (stock,) = await tenant.fetch("select stock from rewards where tenant_id = $1")
    (balance,) = await tenant.fetch("select balance_minor from accounts where tenant_id = $1")
    assert (stock[0], balance[0]) == (0, 930)


async def test_a_coupon_is_good_for_as_long_as_the_reward_says(
    api: Api, tenant: Tenant, carol: UUID, clock: Clock
) -> None:
    brief = await tenant.reward(1, name="Brief", validity_days=2)
    coupon = (await done(api, GIVE, giving(carol, brief, deduct_points=False)))["coupon"]
    assert timedelta(days=2) <= datetime.fromisoformat(coupon["expiresAt"]) - clock() < timedelta(days=3, hours=1)
    clock.advance(timedelta(days=4))
    query = "{ customers { edges { node { coupons { edges { node { id status } } } } } }"
    (customer,) = (await api(f"{query} }}"))["customers"]["edges"]
    (edge,) = customer["node"]["coupons"]["edges"]
    assert edge["node"] == {"id": coupon["id"], "status": "EXPIRED"}


async def test_it_is_replayed_and_its_key_is_good_for_nothing_else(
    api: Api, tenant: Tenant, carol: UUID, mug: UUID
) -> None:
    await tenant.adjust(carol, "900", "POINTS")
    other = gid("Reward", await tenant.reward(1, name="Cup"))
    given = giving(carol, mug, note="so long")
    await replayed(api, tenant, GIVE, given, await done(api, GIVE, given))
    for change in ({"rewardId": other}, {"deductPoints": False}, {"note": None}):
        again = {**given, **change}
        assert await refusal(api, tenant, GIVE, again) == ["IDEMPOTENCY_KEY_REUSED", "idempotencyKey"]


async def test_a_key_of_another_mutation_is_used(api: Api, tenant: Tenant, carol: UUID, mug: UUID) -> None:
    await done(api, GIVE, giving(carol, mug, deduct_points=False, idempotencyKey="k"))
    adjusting = {
        "customerId": gid("Customer", carol),
        "asset": "POINTS",
        "amount": "1",
        "reason": "GOODWILL",
        "idempotencyKey": "k",
    }
    expected = ["IDEMPOTENCY_KEY_REUSED", "idempotencyKey"]
    assert await refusal(api, tenant, "adjustCredit", adjusting) == expected


async def test_who_is_not_there_gets_none(api: Api, tenant: Tenant, carol: UUID, mug: UUID) -> None:
    assert await refusal(api, tenant, GIVE, giving(uuid4(), mug)) == ["NOT_FOUND", "customerId"]
    assert await refusal(api, tenant, GIVE, giving(carol, uuid4())) == ["NOT_FOUND", "rewardId"]


async def test_staff_give_for_points_without_a_limit_and_free_within_it(
    api: Api, tenant: Tenant, carol: UUID, mug: UUID
) -> None:
    dear = await tenant.reward(1001, name="Car")
    await tenant.adjust(carol, "9000", "POINTS")
    await done(api, GIVE, giving(carol, dear), role=Role.STAFF)
    (error,) = await refused(api, tenant, GIVE, giving(carol, dear, deduct_points=False), role=Role.STAFF)
    assert (error["code"], error["field"]) == ("LIMIT_EXCEEDED", ["rewardId"])
    assert error["remaining"][0] == {"scope": "PER_ADJUSTMENT", "asset": "POINTS", "remaining": "1000"}
    for _ in range(6):  # 1,800 of the 2,000 that a customer may be given in a day
        await done(api, GIVE, giving(carol, mug, deduct_points=False), role=Role.STAFF)
    (error,) = await refused(api, tenant, GIVE, giving(carol, mug, deduct_points=False), role=Role.STAFF)
    assert error["remaining"][2] == {"scope": "PER_CUSTOMER_DAY", "asset": "POINTS", "remaining": "200"}
    await done(api, GIVE, giving(carol, dear, deduct_points=False), role=Role.MANAGER)


async def test_who_may(api: Api, tenant: Tenant, carol: UUID, mug: UUID) -> None:
    await tenant.adjust(carol, "900", "POINTS")
    for deduct_points in (True, False):
        given = giving(carol, mug, deduct_points=deduct_points)
        await denied(api, tenant, GIVE, given, role=Role.CUSTOMER, customer="carol")
        await denied(api, tenant, GIVE, given, role=Role.PARTNER, scopes=set(Scope) - {Scope.REWARDS_GIVE})
        small = document(GIVE, "userErrors { code } coupon { code }")
        answer = await api(small, {"input": given}, role=Role.PARTNER, scopes=[Scope.REWARDS_GIVE], client_id="app")
        assert answer[GIVE]["userErrors"] == []
        await denied(api, tenant, GIVE, given, role=Role.PARTNER, scopes=[Scope.CREDITS_ADD])  # a replay, too
