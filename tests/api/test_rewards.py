"""createReward and updateReward."""

from typing import Any, Final

import pytest

from auth.roles import Role
from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

REWARD: Final = "reward { id name kind value currency product pointsCost validityDays stock active }"
PLAIN: Final = {"value": None, "currency": None, "product": None, "validityDays": None, "stock": None, "active": True}


async def ask(api: Api, field: str, given: dict[str, Any], **token: Any) -> dict[str, Any]:
    kind = field[0].upper() + field[1:]
    query = f"mutation($input: {kind}Input!) {{ {field}(input: $input) {{ {REWARD} userErrors {{ code field }} }} }}"
    payload: dict[str, Any] = (await api(query, {"input": given}, **token))[field]
    return payload


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"kind": "FIXED", "value": "5", "currency": "GBP"}, {"value": "5.00"}),
        ({"kind": "FIXED", "value": "500", "currency": "JPY"}, {"value": "500"}),
        ({"kind": "PERCENT", "value": "12.5"}, {"value": "12.5"}),
        ({"kind": "PERCENT", "value": "100.00"}, {"value": "100"}),
        ({"kind": "FREE_PRODUCT", "product": "Mug"}, {}),
        ({"kind": "FREE_DELIVERY", "validityDays": 30, "stock": 5}, {}),
    ],
    ids=str,
)
async def test_one_of_each_kind(api: Api, given: dict[str, Any], shown: dict[str, str]) -> None:
    payload = await ask(api, "createReward", {"name": "Treat", "pointsCost": "250", **given})
    assert payload["userErrors"] == []
    reward = payload["reward"]
    assert reward == {**PLAIN, "id": reward["id"], "name": "Treat", "pointsCost": "250", **given, **shown}
    listed = (await api(f"{{ rewards {{ edges {{ node {{ {REWARD[8:-1]} }} }} }} }}"))["rewards"]["edges"]
    assert listed == [{"node": reward}]


async def test_an_edit_leaves_what_was_given_alone(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    reward = (
        await ask(
            api,
            "createReward",
            {"name": "Five", "kind": "FIXED", "value": "5.00", "currency": "GBP", "pointsCost": "0", "stock": 1},
        )
    )["reward"]["id"]
    give = """mutation($input: GiveRewardInput!) { giveReward(input: $input) {
      coupon { terms { name kind value currency product } reward { name value stock } } userErrors { code } } }"""
    asked = {"customerId": gid("Customer", carol), "rewardId": reward, "deductPoints": True}
    first = (await api(give, {"input": {**asked, "idempotencyKey": "1"}}))["giveReward"]["coupon"]
    assert first["reward"] == {"name": "Five", "value": "5.00", "stock": 0}
    none_left = (await api(give, {"input": {**asked, "idempotencyKey": "2"}}))["giveReward"]
    assert none_left == {"coupon": None, "userErrors": [{"code": "REWARD_INACTIVE"}]}

    edited = await ask(
        api,
        "updateReward",
        {"rewardId": reward, "name": "Ten", "value": "10.00", "pointsCost": "10", "unlimitedStock": True},
    )
    assert (edited["reward"]["name"], edited["reward"]["stock"], edited["userErrors"]) == ("Ten", None, [])
    coupons = """{ customer(by: {externalId: "carol"}) { coupons { edges { node {
      terms { name kind value currency product } reward { name value } } } } } }"""
    (kept,) = (await api(coupons))["customer"]["coupons"]["edges"]
    terms = {"name": "Five", "kind": "FIXED", "value": "5.00", "currency": "GBP", "product": None}
    assert kept["node"] == {"terms": terms, "reward": {"name": "Ten", "value": "10.00"}}


async def test_a_retired_reward_is_for_the_configuration_alone(api: Api, tenant: Tenant) -> None:
    reward = gid("Reward", await tenant.reward(10, name="Mug"))
    retired = await ask(api, "updateReward", {"rewardId": reward, "active": False})
    assert retired["reward"]["active"] is False
    query = "query($only: Boolean) { rewards(activeOnly: $only) { edges { node { id } } } }"
    assert (await api(query))["rewards"]["edges"] == []
    assert (await api(query, {"only": False}, role=Role.MANAGER))["rewards"]["edges"] == [{"node": {"id": reward}}]


async def test_what_cannot_be_moves_nothing(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    await tenant.reward(10, name="Mug")
    cup = gid("Reward", await tenant.reward(10, name="Cup"))
    theirs = gid("Reward", await other_tenant.reward(10, name="Bowl"))
    new = {"name": "New", "kind": "FREE_DELIVERY", "pointsCost": "10"}
    bad: list[tuple[str, dict[str, Any], list[str]]] = [
        ("createReward", {**new, "name": "Mug"}, ["DUPLICATE", "name"]),
        ("createReward", {**new, "name": "\x00"}, ["INVALID", "name"]),
        ("createReward", {**new, "pointsCost": "0.5"}, ["AMOUNT_PRECISION", "pointsCost"]),
        ("createReward", {**new, "kind": "FREE_PRODUCT", "product": "\x00"}, ["INVALID", "product"]),
        ("createReward", {**new, "kind": "PERCENT"}, ["INVALID", "value"]),
        ("createReward", {**new, "kind": "FIXED", "value": "5.001", "currency": "GBP"}, ["AMOUNT_PRECISION", "value"]),
        ("createReward", {**new, "validityDays": -1}, ["INVALID", "validityDays"]),
        ("updateReward", {"rewardId": cup, "name": "Mug"}, ["DUPLICATE", "name"]),
        ("updateReward", {"rewardId": cup, "name": " "}, ["INVALID", "name"]),
        ("updateReward", {"rewardId": cup, "value": "1"}, ["INVALID", "value"]),
        ("updateReward", {"rewardId": cup, "stock": 1, "unlimitedStock": True}, ["INVALID", "stock"]),
        ("updateReward", {"rewardId": theirs, "active": False}, ["NOT_FOUND", "rewardId"]),
        ("updateReward", {"rewardId": "x"}, ["NOT_FOUND", "rewardId"]),
    ]
    async with tenant.nothing_moves(), other_tenant.nothing_moves():
        for field, given, expected in bad:
            payload = await ask(api, field, given)
            assert [[error["code"], *error["field"]] for error in payload["userErrors"]] == [expected], given
            assert payload["reward"] is None
