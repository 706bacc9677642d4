"""voidPayment."""

from typing import Any
from uuid import UUID

import pytest

from auth.roles import Role
from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

VOID = """mutation($input: VoidPaymentInput!) { voidPayment(input: $input) {
  payment { id amount voidedAt }
  invoice { status paid credited due payments { edges { node { amount method voidedAt } } }
    granted { edges { node { status remaining } } } }
  transaction { kind note entries { edges { node { amount } } } } replayed userErrors { code field message used } } }"""


def voiding(payment: UUID | None, **more: Any) -> dict[str, Any]:
    return {"input": {"paymentId": gid("Payment", payment), "idempotencyKey": "k", **more}}


async def test_what_was_paid_with_money_is_due_again(api: Api, tenant: Tenant) -> None:
    invoice = await tenant.invoice(await tenant.customer(), "100.00", auto_apply=False)
    payment = (await tenant.pay(invoice, "60.00", "CHECK")).payment_id
    await tenant.pay(invoice, "40.00")

    payload = (await api(VOID, voiding(payment, note="It bounced")))["voidPayment"]

    voided_at = payload["payment"]["voidedAt"]
    assert voided_at is not None
    assert payload == {
        "payment": {"id": gid("Payment", payment), "amount": "60.00", "voidedAt": voided_at},
        "invoice": {
            "status": "PART_PAID",
            "paid": "40.00",
            "credited": "0.00",
            "due": "60.00",
            "payments": {
                "edges": [
                    {"node": {"amount": "60.00", "method": "CHECK", "voidedAt": voided_at}},
                    {"node": {"amount": "40.00", "method": "CARD", "voidedAt": None}},
                ]
            },
            "granted": {"edges": []},
        },
        "transaction": None,
        "replayed": False,
        "userErrors": [],
    }
    again = (await api(VOID, voiding(payment, note="It bounced")))["voidPayment"]
    assert again == {**payload, "replayed": True}


async def test_account_credit_goes_back_to_the_credits_it_came_from(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    first, second = await tenant.adjust(carol, "30.00", expires_in_days=3), await tenant.adjust(carol, "30.00")
    invoice = await tenant.invoice(carol, "40.00", auto_apply=False)
    payment = (await tenant.pay(invoice, "40.00", "ACCOUNT_CREDIT")).payment_id

    payload = (await api(VOID, voiding(payment, note="Pays in cash")))["voidPayment"]

    assert payload["transaction"] == {
        "kind": "REVERSAL",
        "note": "Pays in cash",
        "entries": {"edges": [{"node": {"amount": "10.00"}}, {"node": {"amount": "30.00"}}]},
    }
    assert (payload["invoice"]["status"], payload["invoice"]["due"]) == ("OPEN", "40.00")
    for credit in (first, second):
        query = "query($id: ID!) { node(id: $id) { ... on Credit { remaining } } }"
        assert (await api(query, {"id": gid("Credit", credit.credit_id)}))["node"] == {"remaining": "30.00"}
    again = (await api(VOID, voiding(payment, note="Pays in cash")))["voidPayment"]
    assert again == {**payload, "replayed": True}


async def test_what_an_order_granted_is_taken_back(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    order = await tenant.order(carol, (await tenant.product("1.00", "CREDIT", name="Credit"), 50))
    payment = (await tenant.pay(order, "50.00")).payment_id
    invoice = (await api(VOID, voiding(payment)))["voidPayment"]["invoice"]
    assert (invoice["status"], invoice["due"]) == ("OPEN", "50.00")
    assert invoice["granted"]["edges"] == [{"node": {"status": "VOIDED", "remaining": "0.00"}}]


async def test_spent_credit_keeps_the_payment(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    order = await tenant.order(carol, (await tenant.product("1.00", "CREDIT", name="Credit"), 50))
    payment = (await tenant.pay(order, "50.00")).payment_id
    await tenant.invoice(carol, "0.01", auto_apply=True)
    async with tenant.nothing_moves():
        payload = (await api(VOID, voiding(payment)))["voidPayment"]
    assert [(e["code"], e["used"], e["message"]) for e in payload["userErrors"]] == [
        (
            "CREDIT_SPENT",
            "0.01",
            "0.01 GBP of the 50.00 GBP that the order granted has been used. Give that back first.",
        )
    ]
    assert (payload["payment"], payload["invoice"], payload["transaction"]) == (None, None, None)


async def test_a_payment_is_voided_once(api: Api, tenant: Tenant) -> None:
    invoice = await tenant.invoice(await tenant.customer(), "100.00", auto_apply=False)
    payment = (await tenant.pay(invoice, "60.00")).payment_id
    await api(VOID, voiding(payment, idempotencyKey="first"))
    async with tenant.nothing_moves():
        payload = (await api(VOID, voiding(payment)))["voidPayment"]
        reused = (await api(VOID, voiding(payment, idempotencyKey="first", note="more")))["voidPayment"]
    assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [("PAYMENT_VOIDED", ["paymentId"])]
    assert [e["code"] for e in reused["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"paymentId": "x"}, ["NOT_FOUND", "paymentId"]),
        ({"note": "\x00"}, ["INVALID", "note"]),
        ({"note": "x" * 10_001}, ["INVALID", "note"]),
        ({"idempotencyKey": " "}, ["INVALID", "idempotencyKey"]),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_bad_input(api: Api, tenant: Tenant, change: dict[str, Any], expected: list[str]) -> None:
    payment = (
        await tenant.pay(await tenant.invoice(await tenant.customer(), "9.00", auto_apply=False), "1.00")
    ).payment_id
    async with tenant.nothing_moves():
        payload = (await api(VOID, voiding(payment, **change)))["voidPayment"]
    assert [[error["code"], *error["field"]] for error in payload["userErrors"]] == [expected]


async def test_another_tenants_payment_is_not_there(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    invoice = await other_tenant.invoice(await other_tenant.customer(), "9.00", auto_apply=False)
    payment = (await other_tenant.pay(invoice, "1.00")).payment_id
    async with tenant.nothing_moves(), other_tenant.nothing_moves():
        payload = (await api(VOID, voiding(payment)))["voidPayment"]
    assert [e["code"] for e in payload["userErrors"]] == ["NOT_FOUND"]


async def test_staff_may_not(api: Api, tenant: Tenant) -> None:
    invoice = await tenant.invoice(await tenant.customer(), "9.00", auto_apply=False)
    payment = (await tenant.pay(invoice, "1.00")).payment_id
    async with tenant.nothing_moves():
        assert (await api(VOID, voiding(payment), role=Role.STAFF)).codes == ["FORBIDDEN"]
