"""spendCredit, and previewSpend with the same input but its key."""

from typing import Any
from uuid import UUID

import pytest

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

SPEND = """mutation($input: SpendCreditInput!) { spendCredit(input: $input) {
  replayed userErrors { code message field available remaining { scope kind remaining } }
  account { asset available lifetime }
  transaction { id kind reason note refunded refundOf { id } actor { subject role }
    entries { edges { node { amount counter credit { id remaining } } } } } } }"""
PREVIEW = """query($input: PreviewSpendInput!) { previewSpend(input: $input) {
  account { available } availableAfter credits { credit { id } amount remainingAfter expiresAt }
  limit { allowed approvalRequired remaining { scope kind remaining } } userErrors { code field available } } }"""
TRAIL = (
    "{ auditTrail(kind: [SPEND]) { edges { node { kind asset amount note actor { subject } transaction { id } } } } }"
)


def an_input(customer: UUID, amount: str, asset: str = "GBP", **more: Any) -> dict[str, Any]:
    return {"customerId": gid("Customer", customer), "asset": asset, "amount": amount, "note": "Two coffees", **more}


async def ask(api: Api, given: dict[str, Any], **token: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await api(SPEND, {"input": {"idempotencyKey": "k", **given}}, **token))["spendCredit"]
    return payload


async def test_staff_spend_at_the_till(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    soon = await tenant.adjust(carol, "3.00", expires_in_days=5)
    never = await tenant.adjust(carol, "5.00")

    payload = await ask(api, an_input(carol, "4.50"), role=Role.STAFF, subject="sam")
    assert (payload["replayed"], payload["userErrors"]) == (False, [])
    assert payload["account"] == {"asset": "GBP", "available": "3.50", "lifetime": "8.00"}
    spent = payload["transaction"]
    assert (spent["kind"], spent["reason"], spent["note"]) == ("SPEND", None, "Two coffees")
    assert (spent["refunded"], spent["refundOf"]) == ("0.00", None)
    assert spent["actor"] == {"subject": "sam", "role": "STAFF"}
    assert [edge["node"] for edge in spent["entries"]["edges"]] == [
        {"amount": "-3.00", "counter": "SPENT", "credit": {"id": gid("Credit", soon.credit_id), "remaining": "0.00"}},
        {"amount": "-1.50", "counter": "SPENT", "credit": {"id": gid("Credit", never.credit_id), "remaining": "3.50"}},
    ]
    (row,) = (await api(TRAIL))["auditTrail"]["edges"]
    assert row["node"] == {
        "kind": "SPEND",
        "asset": "GBP",
        "amount": "-4.50",
        "note": "Two coffees",
        "actor": {"subject": "sam"},
        "transaction": {"id": spent["id"]},
    }
    async with tenant.nothing_moves():
        again = await ask(api, an_input(carol, "4.50"), role=Role.STAFF, subject="sam")
        other = await ask(api, an_input(carol, "4.51"))
        short = await ask(api, an_input(carol, "3.51", idempotencyKey="k2"))
    assert again == {**payload, "replayed": True}
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    (error,) = short["userErrors"]
    assert (error["code"], error["field"], error["available"]) == ("INSUFFICIENT_BALANCE", ["amount"], "3.50")


@pytest.mark.parametrize(("asset", "amount"), [("POINTS", "70"), ("SERVICE_CREDITS", "7")])
async def test_points_and_service_credits_too(api: Api, tenant: Tenant, asset: str, amount: str) -> None:
    carol = await tenant.customer("carol")
    await tenant.adjust(carol, "100", asset)
    payload = await ask(api, an_input(carol, amount, asset))
    assert payload["userErrors"] == []
    assert payload["account"] == {"asset": asset, "available": str(100 - int(amount)), "lifetime": "100"}


async def test_what_cannot_be_moves_nothing(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    carol = await tenant.customer()
    await tenant.adjust(carol, "5.00")
    await tenant.adjust(carol, "5", "SERVICE_CREDITS")
    theirs = gid("Service", await other_tenant.service("Massage"))
    bad: list[tuple[dict[str, Any], list[str]]] = [
        ({"customerId": "x"}, ["NOT_FOUND", "customerId"]),
        ({"customerId": gid("Customer", await other_tenant.customer())}, ["NOT_FOUND", "customerId"]),
        ({"asset": "XYZ"}, ["INVALID", "asset"]),
        ({"amount": "0"}, ["AMOUNT_ZERO", "amount"]),
        ({"amount": "-1"}, ["INVALID", "amount"]),
        ({"amount": "1.005"}, ["AMOUNT_PRECISION", "amount"]),
        ({"amount": "5.01"}, ["INSUFFICIENT_BALANCE", "amount"]),
        ({"note": None}, ["NOTE_REQUIRED", "note"]),
        ({"note": "  "}, ["NOTE_REQUIRED", "note"]),
        ({"note": "\x00"}, ["INVALID", "note"]),
        ({"serviceIds": [theirs]}, ["INVALID", "serviceIds"]),
        ({"serviceIds": [theirs], "asset": "SERVICE_CREDITS"}, ["NOT_FOUND", "serviceIds"]),
        ({"serviceIds": ["x"], "asset": "SERVICE_CREDITS"}, ["NOT_FOUND", "serviceIds", "0"]),
        ({"idempotencyKey": " "}, ["INVALID", "idempotencyKey"]),
    ]
    async with tenant.nothing_moves():
        for change, expected in bad:
            errors = (await ask(api, {**an_input(carol, "1.00"), **change}))["userErrors"]
            assert [[error["code"], *error["field"]] for error in errors] == [expected], change


TILL: dict[str, Any] = {"role": Role.PARTNER, "client_id": "till", "scopes": [Scope.CREDITS_SPEND]}


async def test_a_partner_spends_by_its_scope_and_within_limits(api: Api, tenant: Tenant) -> None:
    """And its answer shows no more of the customer than the token may read."""
    carol = await tenant.customer("carol")
    await tenant.adjust(carol, "500.00")
    async with tenant.nothing_moves():
        over = (await ask(api, an_input(carol, "100.01"), **TILL))["userErrors"]
        refused = await api(
            SPEND, {"input": an_input(carol, "1.00", idempotencyKey="k")}, **TILL | {"scopes": [Scope.CREDITS_ASSIGN]}
        )
    (error,) = over
    assert error["code"] == "LIMIT_EXCEEDED"
    assert error["remaining"] == [
        {"scope": "PER_ADJUSTMENT", "kind": "SPENDING", "remaining": "100.00"},
        {"scope": "PER_ACTOR_DAY", "kind": "SPENDING", "remaining": "500.00"},
        {"scope": "PER_CUSTOMER_DAY", "kind": "SPENDING", "remaining": "200.00"},
    ]
    assert (refused.codes, refused.errors[0]["extensions"]["missing"]) == (["FORBIDDEN"], ["credits:spend"])

    query = """mutation($input: SpendCreditInput!) { spendCredit(input: $input) {
      transaction { id note } userErrors { code } } }"""
    done = (await api(query, {"input": an_input(carol, "100.00", idempotencyKey="k")}, **TILL))["spendCredit"]
    assert (done["transaction"]["note"], done["userErrors"]) == ("Two coffees", [])
    hidden = await api(SPEND, {"input": an_input(carol, "1.00", idempotencyKey="k2")}, **TILL)
    assert set(hidden.codes) == {"FORBIDDEN"}
    assert await tenant.available(carol) == 39_900

    left = (await api("{ viewer { limits { scope asset kind remaining } } }", **TILL))["viewer"]["limits"]
    assert {"scope": "PER_ACTOR_DAY", "asset": "GBP", "kind": "SPENDING", "remaining": "399.00"} in left


async def test_an_admin_sets_how_much_staff_may_spend(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    await tenant.adjust(carol, "50.00")
    rule = {"role": "STAFF", "asset": "GBP", "kind": "SPENDING", "perAdjustment": "5.00", "perCustomerDay": "8.00"}
    query = """mutation($input: SetLimitInput!) { setLimit(input: $input) {
      rule { kind perAdjustment perActorDay perCustomerDay } userErrors { code } } }"""
    made = (await api(query, {"input": rule}))["setLimit"]
    assert made["rule"] == {"kind": "SPENDING", "perAdjustment": "5.00", "perActorDay": None, "perCustomerDay": "8.00"}
    staff = {"role": Role.STAFF, "subject": "sam"}
    assert (await ask(api, an_input(carol, "5.00"), **staff))["userErrors"] == []
    (error,) = (await ask(api, an_input(carol, "5.00", idempotencyKey="k2"), **staff))["userErrors"]
    assert error["message"] == (
        "Over your limit: you can spend 5.00 GBP at a time, 3.00 GBP more of this customer's today."
        " Ask a manager to do it."
    )


async def test_a_preview_and_what_it_foresaw(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    first = await tenant.adjust(carol, "3.00", expires_in_days=5)
    async with tenant.nothing_moves():
        seen = (await api(PREVIEW, {"input": an_input(carol, "2.00")}, role=Role.STAFF))["previewSpend"]
        short = (await api(PREVIEW, {"input": an_input(carol, "4.00")}, role=Role.STAFF))["previewSpend"]
        nobody = (await api(PREVIEW, {"input": {**an_input(carol, "4.00"), "customerId": "x"}}))["previewSpend"]
        blind = await api(PREVIEW, {"input": an_input(carol, "2.00")}, **TILL)
    (effect,) = seen["credits"]
    assert effect.pop("expiresAt") is not None
    assert effect == {"credit": {"id": gid("Credit", first.credit_id)}, "amount": "-2.00", "remainingAfter": "1.00"}
    assert (seen["account"], seen["availableAfter"], seen["userErrors"]) == ({"available": "3.00"}, "1.00", [])
    assert seen["limit"] == {"allowed": True, "approvalRequired": False, "remaining": []}
    assert short["userErrors"] == [{"code": "INSUFFICIENT_BALANCE", "field": ["amount"], "available": "3.00"}]
    assert (short["credits"], short["availableAfter"]) == ([], "3.00")
    assert nobody["userErrors"] == [{"code": "NOT_FOUND", "field": ["customerId"], "available": None}]
    assert set(blind.codes) == {"FORBIDDEN"}
    assert blind.data is not None
    assert blind.data["previewSpend"]["availableAfter"] is None
    await ask(api, an_input(carol, "2.00"))
    assert await tenant.available(carol) == 100
