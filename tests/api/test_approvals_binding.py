"""Approvals that bind, proposals, limits on selling credit and listed currencies, as clients meet them."""

from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

STAFF: Final[dict[str, Any]] = {"role": Role.STAFF, "subject": "sam"}
MANAGER: Final[dict[str, Any]] = {"role": Role.MANAGER, "subject": "maria"}
SECOND: Final[dict[str, Any]] = {"role": Role.MANAGER, "subject": "mike"}
ADMIN: Final[dict[str, Any]] = {"role": Role.ADMIN, "subject": "ada"}
CHANGES: Final = "changes { field before after } version"
ERRORS: Final = f"""userErrors {{ code field currencies {CHANGES}
    remaining {{ scope asset remaining kind }} }}"""
REQUEST: Final = f"""id status operation asset amount orderNumber deductPoints {CHANGES} credit {{ id }}
    items {{ quantity unitPrice product {{ name }} }} order {{ number }} transaction {{ id }}"""
ASKED: Final = {
    "adjustCredit": "transaction { id }",
    "giveReward": "coupon { id }",
    "createOrder": "order { number total }",
}


@pytest.fixture
async def carol(tenant: Tenant) -> UUID:
    return await tenant.customer("carol")


async def mutate(api: Api, field: str, selection: str, given: dict[str, Any], **token: Any) -> dict[str, Any]:
    kind = field[0].upper() + field[1:]
    query = f"mutation($input: {kind}Input!) {{ {field}(input: $input) {{ {selection} {ERRORS} }} }}"
    answer = await api(query, {"input": given}, **token)
    assert answer.errors == []
    payload: dict[str, Any] = answer[field]
    return payload


async def ask(api: Api, field: str, given: dict[str, Any], **token: Any) -> dict[str, Any]:
    """The request that it becomes; nothing else does."""
    given = {"idempotencyKey": uuid4().hex, **given}
    payload = await mutate(api, field, f"approvalRequest {{ {REQUEST} }} {ASKED[field]}", given, **(token or STAFF))
    assert (
        payload["userErrors"],
        *(value for name, value in payload.items() if name in ("transaction", "coupon")),
    ) in (([],), ([], None))
    request: dict[str, Any] = payload["approvalRequest"]
    assert (request["status"], request["changes"]) == ("PENDING", [])
    return request


async def approve(api: Api, request: str, version: str | None = None, **token: Any) -> dict[str, Any]:
    given = {"requestId": request, "version": version, "idempotencyKey": uuid4().hex}
    selection = f"approvalRequest {{ {REQUEST} }} transaction {{ id }} coupon {{ id }} order {{ number total }}"
    return await mutate(api, "approveRequest", selection, given, **(token or MANAGER))


async def test_a_reward_whose_price_went_up(api: Api, tenant: Tenant, carol: UUID) -> None:
    reward = gid("Reward", await tenant.reward(1_500, name="Mug"))
    asked = await ask(
        api,
        "giveReward",
        {"customerId": gid("Customer", carol), "rewardId": reward, "deductPoints": False, "requestApproval": True},
    )
    assert asked["deductPoints"] is False
    await mutate(api, "updateReward", "reward { id }", {"rewardId": reward, "pointsCost": "1600"}, **ADMIN)

    change = {"field": "reward.pointsCost", "before": "1500", "after": "1600"}
    shown = await api(f"{{ approvalRequests {{ edges {{ node {{ {REQUEST} }} }} }} }}", **MANAGER)
    (node,) = [edge["node"] for edge in shown["approvalRequests"]["edges"]]
    assert (node["changes"], node["version"] != asked["version"]) == ([change], True)
    async with tenant.nothing_moves():
        refused = await approve(api, asked["id"])
    (error,) = refused["userErrors"]
    assert (error["code"], error["field"], error["changes"], error["version"]) == (
        "REQUEST_CHANGED",
        ["requestId"],
        [change],
        node["version"],
    )
    done = await approve(api, asked["id"], error["version"])
    assert (done["userErrors"], done["coupon"] is not None) == ([], True)
    assert (done["approvalRequest"]["status"], done["approvalRequest"]["version"]) == ("APPROVED", None)


async def test_the_version_that_was_shown_approves_what_has_not_changed(api: Api, carol: UUID) -> None:
    given = {"customerId": gid("Customer", carol), "asset": "GBP", "amount": "5", "reason": "GOODWILL"}
    asked = await ask(api, "adjustCredit", {**given, "proposeOnly": True})
    done = await approve(api, asked["id"], asked["version"])
    assert (done["userErrors"], done["transaction"] is not None) == ([], True)


async def test_a_manager_proposes_a_removal(api: Api, tenant: Tenant, carol: UUID) -> None:
    """Whoever approves needs the right to remove."""
    credit = gid("Credit", (await tenant.adjust(carol, "10")).credit_id)
    asked = await ask(
        api,
        "adjustCredit",
        {
            "customerId": gid("Customer", carol),
            "asset": "GBP",
            "amount": "-5",
            "reason": "POLICY",
            "creditId": credit,
            "proposeOnly": True,
        },
        **MANAGER,
    )
    assert (asked["amount"], asked["credit"]) == ("-5.00", {"id": credit})
    given = {"requestId": asked["id"], "idempotencyKey": "k"}
    query = "mutation($input: ApproveRequestInput!) { approveRequest(input: $input) { replayed } }"
    answer = await api(query, {"input": given}, **SECOND, scopes=frozenset({Scope.CREDITS_ADD}))
    assert answer.codes == ["FORBIDDEN"]
    done = await approve(
        api,
        asked["id"],
        **SECOND,
        scopes=frozenset(
            {
                Scope.CREDITS_ADD,
                Scope.CREDITS_REMOVE,
                Scope.LEDGER_READ,
                Scope.INVOICES_READ,
                Scope.REWARDS_READ,
                Scope.INVOICES_WRITE,
            }
        ),
    )
    assert done["userErrors"] == []


async def test_an_order_over_the_limit_on_selling_credit(api: Api, tenant: Tenant, carol: UUID) -> None:
    rule = {"role": "STAFF", "asset": "GBP", "kind": "SELLING_CREDIT", "perAdjustment": "50", "perActorDay": "70"}
    set_to = await mutate(api, "setLimit", "rule { kind perAdjustment perActorDay perCustomerDay }", rule, **ADMIN)
    assert set_to["rule"] == {
        "kind": "SELLING_CREDIT",
        "perAdjustment": "50.00",
        "perActorDay": "70.00",
        "perCustomerDay": None,
    }
    listed = await api("{ limitRules(role: STAFF) { asset kind } }", **ADMIN)
    assert {"asset": "GBP", "kind": "SELLING_CREDIT"} in listed["limitRules"]
    product = gid("Product", await tenant.product("1.00", "CREDIT", name="Voucher"))
    order: dict[str, Any] = {
        "customerId": gid("Customer", carol),
        "number": "A-1",
        "currency": "GBP",
        "items": [{"productId": product, "quantity": 51}],
    }
    async with tenant.nothing_moves():
        refused = await mutate(api, "createOrder", "order { id }", {**order, "idempotencyKey": "k"}, **STAFF)
    (error,) = refused["userErrors"]
    assert (error["code"], error["field"]) == ("LIMIT_EXCEEDED", ["items"])
    assert error["remaining"] == [
        {"scope": scope, "asset": "GBP", "remaining": left, "kind": "SELLING_CREDIT"}
        for scope, left in (("PER_ADJUSTMENT", "50.00"), ("PER_ACTOR_DAY", "70.00"))
    ]
    asked = await ask(api, "createOrder", {**order, "requestApproval": True})
    assert (asked["operation"], asked["asset"], asked["amount"], asked["orderNumber"]) == (
        "CREATE_ORDER",
        "GBP",
        "51.00",
        "A-1",
    )
    assert asked["items"] == [{"quantity": 51, "unitPrice": None, "product": {"name": "Voucher"}}]
    done = await approve(api, asked["id"])
    assert (done["userErrors"], done["order"]) == ([], {"number": "A-1", "total": "51.00"})
    assert done["approvalRequest"]["order"] == {"number": "A-1"}
    left = await api("{ viewer { limits { scope asset remaining kind } } }", **STAFF)
    # What was approved has used up nothing.
    assert [one["remaining"] for one in left["viewer"]["limits"] if one["kind"] == "SELLING_CREDIT"] == [
        "50.00",
        "70.00",
    ]


async def test_the_preview_of_a_proposal(api: Api, carol: UUID) -> None:
    query = """query($input: AdjustCreditInput!) { adjustmentPreview(input: $input) {
        availableAfter limit { allowed approvalRequired } userErrors { code } } }"""
    given = {
        "customerId": gid("Customer", carol),
        "asset": "GBP",
        "amount": "5",
        "reason": "GOODWILL",
        "proposeOnly": True,
        "idempotencyKey": "k",
    }
    answer = await api(query, {"input": given}, **STAFF)
    assert answer["adjustmentPreview"] == {
        "availableAfter": "0.00",
        "limit": {"allowed": True, "approvalRequired": True},
        "userErrors": [],
    }


async def test_listed_currencies(api: Api, carol: UUID) -> None:
    tenant = "tenant { limitedCurrencies }"
    changed = await mutate(api, "updateTenant", tenant, {"limitedCurrencies": ["GBP", "EUR"]}, **ADMIN)
    assert changed["tenant"] == {"limitedCurrencies": ["EUR", "GBP"]}
    kept = await mutate(api, "updateTenant", tenant, {"limitedCurrencies": None, "graceDays": 3}, **ADMIN)
    assert kept["tenant"] == {"limitedCurrencies": ["EUR", "GBP"]}
    given = {
        "customerId": gid("Customer", carol),
        "asset": "JPY",
        "amount": "5",
        "reason": "GOODWILL",
        "idempotencyKey": "k",
    }
    refused = await mutate(api, "adjustCredit", "transaction { id }", given, **STAFF)
    assert [(e["code"], e["field"], e["currencies"]) for e in refused["userErrors"]] == [
        ("CURRENCY_NOT_ALLOWED", ["asset"], ["EUR", "GBP"])
    ]
    all_again = await mutate(api, "updateTenant", tenant, {"limitedCurrencies": []}, **ADMIN)
    assert all_again["tenant"] == {"limitedCurrencies": []}
    assert (await mutate(api, "adjustCredit", "transaction { id }", given, **STAFF))["userErrors"] == []
