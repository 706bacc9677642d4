"""Adjusting customers' points, from the first heading of that product's guide to the last. See docs/sources."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from auth.roles import Role
from tests.api.conftest import Api
from tests.sources.pages import queries
from tests.support.clock import Clock
from tests.support.tenants import Tenant

PAGE = queries("003-loyalty.md")


class Program:
    """A shop's loyalty program: each step is one of the page's queries, made by staff unless told."""

    def __init__(self, api: Api, customer: str) -> None:
        self.api = api
        self.customer = customer

    async def ask(self, operation: str, role: Role = Role.STAFF, **given: Any) -> Any:
        """The answer to one of the page's operations, refused or not."""
        answer = await self.api(PAGE[operation], given, role=role)
        assert answer.data is not None
        (root,) = answer.data
        return answer[root]

    async def do(self, operation: str, role: Role = Role.STAFF, **given: Any) -> Any:
        """The payload of a mutation that must not be refused."""
        payload = await self.ask(operation, role, input=given)
        assert payload["userErrors"] == []
        return payload

    async def adjust(self, amount: str, reason: str, role: Role = Role.MANAGER, **more: Any) -> Any:
        given = {"customerId": self.customer, "asset": "POINTS", "amount": amount, "reason": reason, **more}
        return await self.do("AdjustPoints", role, **given, idempotencyKey=uuid4().hex)

    async def give(self, reward: str, *, deduct: bool, **more: Any) -> Any:
        given = {"customerId": self.customer, "rewardId": reward, "deductPoints": deduct, **more}
        return await self.do("GiveReward", **given, idempotencyKey=uuid4().hex)

    async def order(self) -> str:
        """A new order of a mug for ten pounds."""
        made = "mutation($input: CreateProductInput!) { createProduct(input: $input) { product { id } } }"
        given = {"name": f"Mug {uuid4()}", "kind": "GOODS", "currency": "GBP", "price": "10"}
        product = (await self.api(made, {"input": given}, role=Role.ADMIN))["createProduct"]["product"]["id"]
        ordered = "mutation($input: CreateOrderInput!) { createOrder(input: $input) { order { id } } }"
        order = {"customerId": self.customer, "number": uuid4().hex, "currency": "GBP", "idempotencyKey": uuid4().hex}
        items = [{"productId": product, "quantity": 1}]
        answer = await self.api(ordered, {"input": {**order, "items": items}}, role=Role.MANAGER)
        order_id: str = answer["createOrder"]["order"]["id"]
        return order_id

    async def standing(self) -> tuple[str, str, str | None]:
        """Current points, total points and VIP tier."""
        account = (await self.ask("Standing", id=self.customer))["account"]
        return account["available"], account["lifetime"], account["tier"] and account["tier"]["name"]

    async def rewards(self) -> dict[str, str]:
        return {edge["node"]["name"]: edge["node"]["id"] for edge in (await self.ask("Rewards"))["edges"]}


@pytest.fixture
async def program(api: Api) -> Program:
    """Three tiers, four coupons to redeem points for, and a customer who has earned 1,000 points and is Gold."""
    new = "mutation($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { id } } }"
    joined = (await api(new, {"input": {"externalId": "vip-1", "name": "Vi Page"}}))["upsertCustomer"]
    program = Program(api, joined["customer"]["id"])
    for name, threshold in (("Bronze", "0"), ("Silver", "500"), ("Gold", "1000")):
        made = await program.do("AddTier", Role.ADMIN, name=name, threshold=threshold)
        assert (made["tier"]["name"], made["customersMoved"]) == (name, 0)
    for reward in (
        {"name": "£5 off", "kind": "FIXED", "value": "5", "currency": "GBP", "pointsCost": "300"},
        {"name": "Tenth off", "kind": "PERCENT", "value": "10", "pointsCost": "200", "validityDays": 30},
        {"name": "Mug", "kind": "FREE_PRODUCT", "product": "Mug", "pointsCost": "400", "stock": 1},
        {"name": "Delivery", "kind": "FREE_DELIVERY", "pointsCost": "0"},
    ):
        await program.do("AddReward", Role.ADMIN, **reward)
    earned = await program.adjust("1000", "PROMOTION")
    assert earned["account"] == {"available": "1000", "lifetime": "1000", "tier": {"name": "Gold"}}
    return program


async def test_correcting_a_mistake(program: Program) -> None:
    """Affects both the current and the total point balance, and the VIP tier with it."""
    mistake = {"customerId": program.customer, "asset": "POINTS", "amount": "-501", "reason": "CORRECTION"}
    preview = await program.ask("PreviewPoints", Role.MANAGER, input=mistake)
    assert preview == {
        "availableAfter": "499",
        "lifetimeAfter": "499",
        "tierAfter": {"name": "Bronze"},
        "userErrors": [],
    }
    assert await program.standing() == ("1000", "1000", "Gold")

    corrected = await program.adjust("-501", "CORRECTION", note="The campaign was not paused on time")
    assert corrected["account"] == {"available": "499", "lifetime": "499", "tier": {"name": "Bronze"}}
    back = await program.adjust("1", "CORRECTION")
    assert back["account"] == {"available": "500", "lifetime": "500", "tier": {"name": "Silver"}}
    account = (await program.ask("Standing", id=program.customer))["account"]
    changes = [edge["node"] for edge in account["tierChanges"]["edges"]]
    assert [(c["old"], c["new"], c["transaction"]["reason"]) for c in changes] == [
        ("Bronze", "Gold", "PROMOTION"),
        ("Gold", "Bronze", "CORRECTION"),
        ("Bronze", "Silver", "CORRECTION"),
    ]


async def test_a_correction_that_drops_a_tier_and_the_reward_given_before_it(program: Program, tenant: Tenant) -> None:
    coupon = (await program.give((await program.rewards())["£5 off"], deduct=True))["coupon"]
    mistake = {"customerId": program.customer, "asset": "POINTS", "amount": "-1000", "reason": "CORRECTION"}
    async with tenant.nothing_moves():
        refused = await program.ask("AdjustPoints", Role.MANAGER, input={**mistake, "idempotencyKey": "all"})
    assert [(e["code"], e["available"]) for e in refused["userErrors"]] == [("INSUFFICIENT_BALANCE", "700")]

    await program.adjust("-700", "CORRECTION")
    assert await program.standing() == ("0", "300", "Bronze")
    assert (await program.ask("LookUpCoupon", code=coupon["code"]))["status"] == "ISSUED"
    await program.do("UseCoupon", couponId=coupon["id"], idempotencyKey="till")
    assert await program.standing() == ("0", "300", "Bronze")


async def test_give_customer_points_as_a_reward(program: Program) -> None:
    given = await program.adjust("500", "GOODWILL", Role.STAFF, note="For the review")
    assert given["account"] == {"available": "1500", "lifetime": "1500", "tier": {"name": "Gold"}}


async def test_how_to_deduct_points_without_affecting_their_vip_status(program: Program) -> None:
    # 1. Create or use an existing coupon under Rewards -> Redeeming Points.
    reward = (await program.rewards())["£5 off"]
    # 2. and 3. "Give Reward", and "Yes" to deduct the points.
    given = await program.give(reward, deduct=True, note="Used SUMMER5 without redeeming points")
    assert given["coupon"]["terms"] == {
        "name": "£5 off",
        "kind": "FIXED",
        "value": "5.00",
        "currency": "GBP",
        "product": None,
    }
    assert given["account"] == {"available": "700", "lifetime": "1000", "tier": {"name": "Gold"}}
    # 4. Disable the coupon.
    disabled = await program.do(
        "DisableCoupon", Role.MANAGER, couponId=given["coupon"]["id"], note="Was used already", idempotencyKey="d"
    )
    assert (disabled["coupon"]["status"], disabled["transaction"]) == ("DISABLED", None)
    assert await program.standing() == ("700", "1000", "Gold")
    # The button would have cost them the tier.
    assert (await program.adjust("-300", "CORRECTION"))["account"]["tier"] == {"name": "Silver"}


async def test_rewarding_the_customer_with_a_discount_for_points(program: Program) -> None:
    given = await program.give((await program.rewards())["Tenth off"], deduct=True)
    assert (given["coupon"]["pointsSpent"], given["coupon"]["status"]) == ("200", "ISSUED")
    assert await program.standing() == ("800", "1000", "Gold")

    found = await program.ask("LookUpCoupon", code=given["coupon"]["code"].lower())
    assert (found["customer"]["name"], found["terms"]["value"]) == ("Vi Page", "10")
    used = await program.do("UseCoupon", couponId=found["id"], idempotencyKey="till")
    assert used["coupon"]["status"] == "USED"
    again = await program.ask("UseCoupon", input={"couponId": found["id"], "idempotencyKey": "other till"})
    assert [error["code"] for error in again["userErrors"]] == ["COUPON_NOT_ISSUED"]


async def test_rewarding_the_customer_with_a_free_coupon(program: Program, tenant: Tenant) -> None:
    rewards = await program.rewards()
    given = await program.give(rewards["£5 off"], deduct=False)
    assert given["coupon"]["pointsSpent"] == "0"
    assert await program.standing() == ("1000", "1000", "Gold")
    # Within the limits of staff: 1,000 points each, and twice that for a customer in a day.
    sofa = {"name": "Sofa", "kind": "FREE_PRODUCT", "product": "Sofa", "pointsCost": "1001"}
    dear = await program.do("AddReward", Role.ADMIN, **sofa)
    free = {"customerId": program.customer, "rewardId": dear["reward"]["id"], "deductPoints": False}
    async with tenant.nothing_moves():
        refused = await program.ask("GiveReward", input={**free, "idempotencyKey": "sofa"})
    assert [error["code"] for error in refused["userErrors"]] == ["LIMIT_EXCEEDED"]
    await program.do("GiveReward", Role.MANAGER, **free, idempotencyKey="sofa")


async def test_points_back_for_a_coupon_that_was_a_mistake(program: Program, clock: Clock) -> None:
    reward = (await program.rewards())["£5 off"]
    soon = await program.adjust("100", "GOODWILL", Role.STAFF, expiresInDays=1)
    assert soon["account"]["available"] == "1100"
    coupon = (await program.give(reward, deduct=True))["coupon"]["id"]
    clock.advance(timedelta(days=3))
    # The hundred that expired meanwhile come back and expire, both visible; the rest is there again.
    asked: dict[str, Any] = {"couponId": coupon, "refundPoints": True, "idempotencyKey": "back"}
    disabled = await program.do("DisableCoupon", Role.MANAGER, **asked)
    assert disabled["account"] == {"available": "1000", "lifetime": "1100"}
    amounts = [edge["node"]["amount"] for edge in disabled["transaction"]["entries"]["edges"]]
    assert amounts == ["200", "100", "-100"]
    assert (await program.do("DisableCoupon", Role.MANAGER, **asked)) == {**disabled, "replayed": True}


async def test_an_order_is_cancelled_that_a_coupon_was_used_on(program: Program, tenant: Tenant) -> None:
    """The coupon is good again, or the points are back: one or the other, once."""
    reward = (await program.rewards())["Tenth off"]
    again, points = [(await program.give(reward, deduct=True))["coupon"] for _ in range(2)]
    orders = {}
    for coupon in (again, points):
        orders[coupon["id"]] = order = await program.order()
        used = await program.do("UseCoupon", couponId=coupon["id"], invoiceId=order, idempotencyKey=uuid4().hex)
        assert used["coupon"]["usedOn"]["number"]
        cancelled = await program.do("CancelOrder", Role.MANAGER, invoiceId=order, idempotencyKey=uuid4().hex)
        (edge,) = cancelled["invoice"]["coupons"]["edges"]
        assert (cancelled["invoice"]["status"], edge["node"]["id"]) == ("VOID", coupon["id"])

    opened = (await program.do("ReopenCoupon", Role.MANAGER, couponId=again["id"], idempotencyKey="r"))["coupon"]
    assert (opened["status"], opened["usedOn"], opened["expiresAt"]) == ("ISSUED", None, again["expiresAt"])
    asked: dict[str, Any] = {"refundPoints": True, "restock": True}
    given = await program.do("DisableCoupon", Role.MANAGER, couponId=points["id"], **asked, idempotencyKey="d")
    assert (given["coupon"]["status"], given["account"]) == ("DISABLED", {"available": "800", "lifetime": "1000"})

    for operation, more, code in (
        ("ReopenCoupon", {"couponId": again["id"]}, "COUPON_NOT_USED"),
        ("ReopenCoupon", {"couponId": points["id"]}, "COUPON_NOT_USED"),
        ("DisableCoupon", {"couponId": again["id"], "refundPoints": True}, "COUPON_REOPENED"),
        ("DisableCoupon", {"couponId": points["id"], "refundPoints": True}, "COUPON_NOT_ISSUED"),
    ):
        async with tenant.nothing_moves():
            refused = await program.ask(operation, Role.MANAGER, input={**more, "idempotencyKey": uuid4().hex})
        assert [error["code"] for error in refused["userErrors"]] == [code]
    await program.do("UseCoupon", couponId=again["id"], idempotencyKey="another order")
    refused = await program.ask("ReopenCoupon", Role.MANAGER, input={"couponId": again["id"], "idempotencyKey": "2"})
    assert [error["code"] for error in refused["userErrors"]] == ["COUPON_REOPENED"]
    assert await program.standing() == ("800", "1000", "Gold")


async def test_a_campaign_that_was_a_mistake(program: Program, api: Api) -> None:
    new = "mutation($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { id } } }"
    other = (await api(new, {"input": {"externalId": "vip-2", "name": "Al Page"}}))["upsertCustomer"]["customer"]["id"]
    al = Program(api, other)
    items = [{"customerId": program.customer, "amount": "100"}, {"customerId": other, "amount": "600"}]
    given = {"items": items, "asset": "POINTS", "reason": "PROMOTION", "idempotencyKey": "campaign"}
    campaign = (await program.do("AdjustMany", Role.MANAGER, **given))["operation"]["id"]
    await al.give((await program.rewards())["Tenth off"], deduct=True)
    told = [
        {"taken": "100", "used": "0", "tierBefore": None, "tierAfter": None, "customer": {"name": "Vi Page"}},
        {"taken": "400", "used": "200", "tierBefore": "Silver", "tierAfter": "Bronze", "customer": {"name": "Al Page"}},
    ]
    for dry_run in (True, False):
        back = await program.do(
            "TakeCampaignBack", Role.MANAGER, operationId=campaign, dryRun=dry_run, idempotencyKey="back"
        )
        assert [edge["node"] for edge in back["operation"]["rows"]["edges"]] == told
    assert (await program.standing(), await al.standing()) == (("1000", "1000", "Gold"), ("0", "200", "Bronze"))


async def test_rewards_run_out_and_are_edited_and_retired(program: Program, tenant: Tenant) -> None:
    mug = (await program.rewards())["Mug"]
    kept = (await program.give(mug, deduct=True))["coupon"]
    asked: dict[str, Any] = {"customerId": program.customer, "rewardId": mug, "deductPoints": True}
    asked["idempotencyKey"] = "second"
    async with tenant.nothing_moves():
        refused = await program.ask("GiveReward", input=asked)
    assert [error["code"] for error in refused["userErrors"]] == ["REWARD_INACTIVE"]
    changed = await program.do("ChangeReward", Role.ADMIN, rewardId=mug, pointsCost="500", stock=10)
    assert (changed["reward"]["pointsCost"], changed["reward"]["stock"]) == ("500", 10)
    assert (await program.do("GiveReward", **asked))["account"]["available"] == "100"

    await program.do("ChangeReward", Role.ADMIN, rewardId=mug, active=False)
    assert "Mug" not in await program.rewards()
    async with tenant.nothing_moves():
        refused = await program.ask("GiveReward", input={**asked, "deductPoints": False, "idempotencyKey": "third"})
    assert [error["code"] for error in refused["userErrors"]] == ["REWARD_INACTIVE"]
    assert (await program.do("UseCoupon", couponId=kept["id"], idempotencyKey="till"))["coupon"]["status"] == "USED"


async def test_a_coupon_expires(program: Program, clock: Clock) -> None:
    coupon = (await program.give((await program.rewards())["Tenth off"], deduct=True))["coupon"]
    clock.advance(timedelta(days=32))
    assert (await program.ask("LookUpCoupon", code=coupon["code"]))["status"] == "EXPIRED"
    refused = await program.ask("UseCoupon", input={"couponId": coupon["id"], "idempotencyKey": "late"})
    assert [error["code"] for error in refused["userErrors"]] == ["COUPON_NOT_ISSUED"]


async def test_adjust_points_action_button(program: Program) -> None:
    """A positive number (5) adds, a negative one (-5) deducts, and a reason is always entered."""
    assert (await program.adjust("5", "OTHER", note="Birthday"))["account"]["available"] == "1005"
    deducted = await program.adjust("-5", "OTHER", note="Not their birthday")
    assert (deducted["account"]["available"], deducted["transaction"]["note"]) == ("1000", "Not their birthday")
    refused = await program.ask(
        "AdjustPoints",
        Role.MANAGER,
        input={
            "customerId": program.customer,
            "asset": "POINTS",
            "amount": "5",
            "reason": "OTHER",
            "idempotencyKey": "none",
        },
    )
    assert [error["code"] for error in refused["userErrors"]] == ["NOTE_REQUIRED"]
    ledger = (await program.ask("Standing", id=program.customer))["account"]["ledger"]["edges"]
    assert [(edge["node"]["amount"], edge["node"]["transaction"]["note"]) for edge in ledger[1:]] == [
        ("5", "Birthday"),
        ("-5", "Not their birthday"),
    ]


async def test_thresholds_that_move(program: Program) -> None:
    tiers = (await program.api("{ tiers { id name } }"))["tiers"]
    gold = {tier["name"]: tier["id"] for tier in tiers}["Gold"]
    moved = await program.do("MoveTier", Role.ADMIN, tierId=gold, threshold="1001")
    assert (moved["customersMoved"], (await program.standing())[2]) == (1, "Silver")
    assert (await program.do("MoveTier", Role.ADMIN, tierId=gold, threshold="900"))["customersMoved"] == 1
    assert (await program.do("RemoveTier", Role.ADMIN, tierId=gold))["deletedTierId"] == gold
    account = (await program.ask("Standing", id=program.customer))["account"]
    changes = [(e["node"]["old"], e["node"]["new"]) for e in account["tierChanges"]["edges"]]
    assert changes[1:] == [("Gold", "Silver"), ("Silver", "Gold"), ("Gold", "Silver")]


async def test_adjusting_points_for_multiple_customers_at_once(program: Program, api: Api) -> None:
    new = "mutation($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { id } } }"
    other = (await api(new, {"input": {"externalId": "vip-2", "name": "Al Page"}}))["upsertCustomer"]["customer"]["id"]
    items = [{"customerId": program.customer, "amount": "-600"}, {"customerId": other, "amount": "600"}]
    given = {"items": items, "asset": "POINTS", "reason": "CORRECTION", "idempotencyKey": "file"}
    done = await program.do("AdjustMany", Role.MANAGER, **given)
    assert (done["operation"]["status"], done["operation"]["succeeded"]) == ("COMPLETED", 2)
    assert await program.standing() == ("400", "400", "Bronze")
    assert await Program(api, other).standing() == ("600", "600", "Silver")
