"""useCredit."""

from typing import Any

from auth.roles import Role
from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

USE = """mutation($input: UseCreditInput!) { useCredit(input: $input) {
  replayed userErrors { code field available } account { asset available lifetime }
  transaction { id kind reason note actor { subject role } entries { edges { node { amount credit { id remaining } } } }
  } } }"""


async def ask(api: Api, given: dict[str, Any], **token: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await api(USE, {"input": given}, **token))["useCredit"]
    return payload


async def test_staff_spend_a_customers_credits_on_a_service(api: Api, tenant: Tenant) -> None:
    carol, cut, colour = await tenant.customer("carol"), await tenant.service("Cut"), await tenant.service("Colour")
    for_cut = await tenant.adjust(carol, "3", "SERVICE_CREDITS", service_ids=(cut,))
    await tenant.adjust(carol, "5", "SERVICE_CREDITS", service_ids=(colour,))
    given = {
        "customerId": gid("Customer", carol),
        "serviceId": gid("Service", cut),
        "amount": "2",
        "note": "Friday",
        "idempotencyKey": "k",
    }

    payload = await ask(api, given, role=Role.STAFF, subject="sam")
    assert (payload["replayed"], payload["userErrors"]) == (False, [])
    assert payload["account"] == {"asset": "SERVICE_CREDITS", "available": "6", "lifetime": "8"}
    used = payload["transaction"]
    assert (used["kind"], used["reason"], used["note"]) == ("USE", None, "Friday")
    assert used["actor"] == {"subject": "sam", "role": "STAFF"}
    credit = {"id": gid("Credit", for_cut.credit_id), "remaining": "1"}
    assert used["entries"]["edges"] == [{"node": {"amount": "-2", "credit": credit}}]

    async with tenant.nothing_moves():
        again = await ask(api, given, role=Role.STAFF, subject="sam")
        other = await ask(api, {**given, "amount": "1"})
        short = await ask(api, {**given, "idempotencyKey": "k2"})
    assert again == {**payload, "replayed": True}
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    assert short["userErrors"] == [{"code": "INSUFFICIENT_BALANCE", "field": ["amount"], "available": "1"}]


async def test_what_cannot_be_moves_nothing(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    carol, cut = await tenant.customer(), await tenant.service("Cut")
    await tenant.adjust(carol, "5", "SERVICE_CREDITS")
    good = {
        "customerId": gid("Customer", carol),
        "serviceId": gid("Service", cut),
        "amount": "1",
        "idempotencyKey": "k",
    }
    theirs = gid("Service", await other_tenant.service("Massage"))
    bad: list[tuple[dict[str, Any], list[str]]] = [
        ({"customerId": "x"}, ["NOT_FOUND", "customerId"]),
        ({"customerId": gid("Customer", await other_tenant.customer())}, ["NOT_FOUND", "customerId"]),
        ({"serviceId": "x"}, ["NOT_FOUND", "serviceId"]),
        ({"serviceId": theirs}, ["NOT_FOUND", "serviceId"]),
        ({"amount": "0"}, ["AMOUNT_ZERO", "amount"]),
        ({"amount": "-1"}, ["INVALID", "amount"]),
        ({"amount": "1.5"}, ["AMOUNT_PRECISION", "amount"]),
        ({"amount": "6"}, ["INSUFFICIENT_BALANCE", "amount"]),
        ({"note": "\x00"}, ["INVALID", "note"]),
        ({"idempotencyKey": " "}, ["INVALID", "idempotencyKey"]),
    ]
    async with tenant.nothing_moves():
        for change, expected in bad:
            errors = (await ask(api, {**good, **change}))["userErrors"]
            assert [[error["code"], *error["field"]] for error in errors] == [expected], change
