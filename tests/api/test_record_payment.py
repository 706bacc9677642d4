"""recordPayment, by money and by account credit."""

from typing import Any
from uuid import UUID

import pytest

from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

PAY = """mutation($input: RecordPaymentInput!) { recordPayment(input: $input) {
  payment { id amount method receivedOn voidedAt invoice { number } transaction { kind entries { edges { node {
    amount } } } } }
  invoice { id status paid credited due assignments { edges { node { amount origin } } } }
  replayed userErrors { code field message available } } }"""


def paying(invoice: UUID | None, amount: str, method: str = "CASH", **more: Any) -> dict[str, Any]:
    return {
        "input": {
            "invoiceId": gid("Invoice", invoice),
            "amount": amount,
            "method": method,
            "idempotencyKey": "k",
            **more,
        }
    }


@pytest.mark.parametrize("method", ["CASH", "CHECK", "CARD", "TRANSFER", "OTHER"])
async def test_money_is_noted(api: Api, tenant: Tenant, method: str) -> None:
    invoice = await tenant.invoice(await tenant.customer(), "100.00", number="I-1", auto_apply=False)
    payload = (await api(PAY, paying(invoice, "40.00", method, receivedOn="2026-01-31")))["recordPayment"]
    assert payload == {
        "payment": {
            "id": payload["payment"]["id"],
            "amount": "40.00",
            "method": method,
            "receivedOn": "2026-01-31",
            "voidedAt": None,
            "invoice": {"number": "I-1"},
            "transaction": None,
        },
        "invoice": {
            "id": gid("Invoice", invoice),
            "status": "PART_PAID",
            "paid": "40.00",
            "credited": "0.00",
            "due": "60.00",
            "assignments": {"edges": []},
        },
        "replayed": False,
        "userErrors": [],
    }


async def test_account_credit_pays_too(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    await tenant.adjust(carol, "30.00")
    await tenant.adjust(carol, "30.00", expires_in_days=5)
    invoice = await tenant.invoice(carol, "100.00", number="I-1", auto_apply=False)

    payload = (await api(PAY, paying(invoice, "40.00", "ACCOUNT_CREDIT")))["recordPayment"]

    assert (payload["userErrors"], payload["replayed"]) == ([], False)
    moved = [{"node": {"amount": "-30.00"}}, {"node": {"amount": "-10.00"}}]
    assert payload["payment"]["transaction"] == {"kind": "ASSIGNMENT", "entries": {"edges": moved}}
    assert payload["invoice"]["assignments"]["edges"] == [
        {"node": {"amount": "30.00", "origin": "MANUAL"}},
        {"node": {"amount": "10.00", "origin": "MANUAL"}},
    ]
    assert (payload["invoice"]["paid"], payload["invoice"]["credited"], payload["invoice"]["due"]) == (
        "0.00",
        "40.00",
        "60.00",
    )
    again = (await api(PAY, paying(invoice, "40.00", "ACCOUNT_CREDIT")))["recordPayment"]
    assert again == {**payload, "replayed": True}


async def test_the_credit_that_an_order_grants_is_there_once_it_is_paid(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    credit = await tenant.product("1.00", "CREDIT", name="Account credit")
    order = await tenant.order(carol, (credit, 50))
    query = """query($id: ID!) { invoice(id: $id) { status granted { edges { node { amount status transaction {
      kind } } } } customer { account(asset: "GBP") { available lifetime } } } }"""
    await api(PAY, paying(order, "49.99", idempotencyKey="1"))
    before = (await api(query, {"id": gid("Invoice", order)}))["invoice"]
    assert before == {"status": "PART_PAID", "granted": {"edges": []}, "customer": {"account": None}}

    await api(PAY, paying(order, "0.01", idempotencyKey="2"))

    after = (await api.as_customer("carol", query, {"id": gid("Invoice", order)}))["invoice"]
    granted = {"amount": "50.00", "status": "OPEN", "transaction": {"kind": "ORDER"}}
    assert after == {
        "status": "PAID",
        "granted": {"edges": [{"node": granted}]},
        "customer": {"account": {"available": "50.00", "lifetime": "50.00"}},
    }


@pytest.mark.parametrize(
    ("amount", "method", "error"),
    [
        ("100.01", "CASH", ("EXCEEDS_DUE", None)),
        ("60.01", "ACCOUNT_CREDIT", ("EXCEEDS_DUE", None)),
        ("50.00", "ACCOUNT_CREDIT", ("INSUFFICIENT_BALANCE", "20.00")),
        ("-1.00", "ACCOUNT_CREDIT", ("INVALID", None)),
        ("0", "ACCOUNT_CREDIT", ("AMOUNT_ZERO", None)),
        ("0.001", "CASH", ("AMOUNT_PRECISION", None)),
    ],
)
async def test_payments_that_are_refused(
    api: Api, tenant: Tenant, amount: str, method: str, error: tuple[str, str | None]
) -> None:
    carol = await tenant.customer()
    await tenant.adjust(carol, "20.00")
    products = await tenant.product("1.00", "CREDIT", name="Credit"), await tenant.product("60.00", name="Chair")
    order = await tenant.order(carol, (products[0], 40), (products[1], 1))
    async with tenant.nothing_moves():
        payload = (await api(PAY, paying(order, amount, method)))["recordPayment"]
    assert (payload["payment"], payload["invoice"]) == (None, None)
    assert [(e["code"], e["available"], e["field"]) for e in payload["userErrors"]] == [(*error, ["amount"])]


async def test_another_tenants_invoice_is_not_there(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    theirs = await other_tenant.invoice(await other_tenant.customer(), "9.00", auto_apply=False)
    async with tenant.nothing_moves(), other_tenant.nothing_moves():
        payload = (await api(PAY, paying(theirs, "1.00")))["recordPayment"]
    assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [("NOT_FOUND", ["invoiceId"])]
