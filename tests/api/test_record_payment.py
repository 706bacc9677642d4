"""recordPayment, by money and by account credit."""

from typing import Any
from uuid import UUID

import pytest

from auth.roles import Role, Scope
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


# What is paid too much

KEEP = """mutation($input: RecordPaymentInput!) { recordPayment(input: $input) {
  payment { id amount kept credit { id } } invoice { status paid due } replayed
  credit { id amount remaining effectiveOn payment { id kept } transaction { kind note actor { subject } } }
  approvalRequest { id operation status asset amount payment { amount method receivedOn invoice { number } } }
  userErrors { code field remaining { scope } } } }"""
APPROVE = """mutation($input: ApproveRequestInput!) { approveRequest(input: $input) {
  payment { amount kept } credit { amount } order { id } account { available }
  transaction { kind actor { subject } approvedBy { subject } } userErrors { code } } }"""
VOID = """mutation($input: VoidPaymentInput!) { voidPayment(input: $input) {
  payment { kept voidedAt } transaction { kind entries { edges { node { amount counter } } } }
  userErrors { code message } } }"""
PREVIEW = """query($input: PreviewPaymentInput!) { previewPayment(input: $input) {
  dueAfter kept availableAfter credits { credit { id } amount remainingAfter }
  limit { allowed approvalRequired remaining { scope kind remaining } } userErrors { code field } } }"""
STAFF: dict[str, Any] = {"role": Role.STAFF, "subject": "sam"}
MANAGER: dict[str, Any] = {"role": Role.MANAGER, "subject": "maria"}


async def test_the_rest_is_kept(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    invoice = await tenant.invoice(carol, "100.00", auto_apply=False)
    given = paying(invoice, "120.00", keepExcess=True, receivedOn="2026-01-31")
    payload = (await api(KEEP, given))["recordPayment"]
    assert payload["userErrors"] == []
    payment, credit = payload["payment"]["id"], payload["credit"]["id"]
    assert payload["payment"] == {"id": payment, "amount": "120.00", "kept": "20.00", "credit": {"id": credit}}
    assert payload["invoice"] == {"status": "PAID", "paid": "100.00", "due": "0.00"}
    assert payload["credit"] == {
        "id": credit,
        "amount": "20.00",
        "remaining": "20.00",
        "effectiveOn": "2026-01-31",
        "payment": {"id": payment, "kept": "20.00"},
        "transaction": {"kind": "OVERPAYMENT", "note": None, "actor": {"subject": "admin@test"}},
    }
    again = (await api(KEEP, given))["recordPayment"]
    assert again == payload | {"replayed": True}

    voided = (await api(VOID, {"input": {"paymentId": payment, "idempotencyKey": "v"}}))["voidPayment"]
    assert (voided["userErrors"], voided["payment"]["kept"]) == ([], "20.00")
    taken = {"node": {"amount": "-20.00", "counter": "ORDERS"}}
    assert voided["transaction"] == {"kind": "REVERSAL", "entries": {"edges": [taken]}}


async def test_what_is_used_is_not_taken_back(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    kept = await tenant.overpay(await tenant.invoice(carol, 100), 120)
    await tenant.spend(carol, 5)
    given = {"paymentId": gid("Payment", kept.payment_id), "idempotencyKey": "v"}
    async with tenant.nothing_moves():
        (error,) = (await api(VOID, {"input": given}))["voidPayment"]["userErrors"]
    assert error == {
        "code": "CREDIT_SPENT",
        "message": "5.00 GBP of the 20.00 GBP that was kept of the payment has been used. Give that back first.",
    }


async def test_over_the_limit_it_waits(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    invoice = await tenant.invoice(carol, "100.00", number="I-1", auto_apply=False)
    given = paying(invoice, "250.00", keepExcess=True)
    async with tenant.nothing_moves():
        (error,) = (await api(KEEP, given, **STAFF))["recordPayment"]["userErrors"]
    assert (error["code"], error["field"]) == ("LIMIT_EXCEEDED", ["amount"])
    given["input"] |= {"requestApproval": True}
    asked = (await api(KEEP, given, **STAFF))["recordPayment"]
    request = asked["approvalRequest"]
    assert (asked["payment"], asked["invoice"], asked["credit"], asked["userErrors"]) == (None, None, None, [])
    assert request == {
        "id": request["id"],
        "operation": "RECORD_PAYMENT",
        "status": "PENDING",
        "asset": "GBP",
        "amount": "150.00",
        "payment": {"amount": "250.00", "method": "CASH", "receivedOn": None, "invoice": {"number": "I-1"}},
    }
    narrowed = MANAGER | {"scopes": [Scope.CREDITS_REFUND]}
    approving = {"input": {"requestId": request["id"], "idempotencyKey": "a"}}
    assert (await api(APPROVE, approving, **narrowed)).errors[0]["extensions"]["missing"] == ["payments:write"]
    approved = (await api(APPROVE, approving, **MANAGER))["approveRequest"]
    assert approved == {
        "payment": {"amount": "250.00", "kept": "150.00"},
        "credit": {"amount": "150.00"},
        "order": None,
        "account": {"available": "150.00"},
        "transaction": {"kind": "OVERPAYMENT", "actor": {"subject": "sam"}, "approvedBy": {"subject": "maria"}},
        "userErrors": [],
    }


async def test_a_request_tells_no_figure_of_an_invoice_to_who_may_not_read_it(api: Api, tenant: Tenant) -> None:
    invoice = await tenant.invoice(await tenant.customer("carol"), "73.00", auto_apply=False)
    query = """mutation($input: RecordPaymentInput!) { recordPayment(input: $input) {
      userErrors { code } approvalRequest { operation amount } } }"""
    given = paying(invoice, "100.00", keepExcess=True, proposeOnly=True)
    may = [Scope.PAYMENTS_WRITE, Scope.CREDITS_REFUND]
    answer = await api(query, given, role=Role.STAFF, scopes=may)
    assert answer.data is not None
    assert answer.data["recordPayment"]["approvalRequest"] == {"operation": "RECORD_PAYMENT", "amount": None}
    assert [error["extensions"]["missing"] for error in answer.errors] == [["invoices:read"]]


async def test_an_approval_tells_no_figure_of_an_invoice_to_who_may_not_read_it(api: Api, tenant: Tenant) -> None:
    """What would be kept says what is due: neither the refusal nor the request tells it, nor the invoice's currency."""
    invoice = await tenant.invoice(await tenant.customer("carol"), "70.00", auto_apply=False)
    given = paying(invoice, "100.00", keepExcess=True, proposeOnly=True)
    request = (await api(KEEP, given, **STAFF))["recordPayment"]["approvalRequest"]["id"]
    await tenant.pay(invoice, "20.00")
    narrowed = MANAGER | {"scopes": [Scope.PAYMENTS_WRITE, Scope.CREDITS_REFUND]}
    approve = """mutation($input: ApproveRequestInput!) { approveRequest(input: $input) {
      userErrors { code message field } approvalRequest { id } } }"""
    approving = {"input": {"requestId": request, "idempotencyKey": "a"}}
    told = []
    async with tenant.nothing_moves():
        for token in (narrowed, MANAGER):
            (error,) = (await api(approve, approving, **token))["approveRequest"]["userErrors"]
            assert (error["code"], error["field"]) == ("INVALID", ["requestId"])
            told.append(error["message"])
    assert told == [
        "More would be kept now than was asked for.",
        "50.00 GBP would be kept now, and 30.00 were asked for.",
    ]
    seen = """query($id: ID!) { node(id: $id) { ... on ApprovalRequest {
      status payment { amount amountMoney { amount asset } } } } }"""
    answer = await api(seen, {"id": request}, **narrowed)
    assert answer.data is not None
    assert answer.data["node"] == {"status": "PENDING", "payment": {"amount": "100.00", "amountMoney": None}}
    assert [error["extensions"]["missing"] for error in answer.errors] == [["invoices:read"]]
    money = (await api(seen, {"id": request}, **MANAGER))["node"]["payment"]["amountMoney"]
    assert money == {"amount": "100.00", "asset": "GBP"}


async def test_a_preview_and_what_it_foresaw(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    invoice = await tenant.invoice(carol, "100.00", auto_apply=False)
    given = {"invoiceId": gid("Invoice", invoice), "amount": "120.00", "method": "CASH", "keepExcess": True}
    async with tenant.nothing_moves():
        seen = (await api(PREVIEW, {"input": given}, **STAFF))["previewPayment"]
        over = (await api(PREVIEW, {"input": given | {"amount": "250.00"}}, **STAFF))["previewPayment"]
        plain = (await api(PREVIEW, {"input": given | {"keepExcess": False}}, **STAFF))["previewPayment"]
        none = (await api(PREVIEW, {"input": given | {"invoiceId": "x"}}, **STAFF))["previewPayment"]
    assert (seen["dueAfter"], seen["kept"], seen["availableAfter"], seen["userErrors"]) == (
        "0.00",
        "20.00",
        "20.00",
        [],
    )
    assert seen["credits"] == [{"credit": None, "amount": "20.00", "remainingAfter": "20.00"}]
    assert seen["limit"]["remaining"][0] == {"scope": "PER_ADJUSTMENT", "kind": "ADDING", "remaining": "100.00"}
    assert (over["dueAfter"], over["limit"]["allowed"], over["limit"]["approvalRequired"]) == (None, False, True)
    assert over["userErrors"] == [{"code": "LIMIT_EXCEEDED", "field": ["amount"]}]
    assert plain["userErrors"] == [{"code": "EXCEEDS_DUE", "field": ["amount"]}]
    assert none["userErrors"] == [{"code": "NOT_FOUND", "field": ["invoiceId"]}]


async def test_a_customer_sees_what_was_kept(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    invoice = await tenant.invoice(carol, "100.00", auto_apply=False)
    await tenant.overpay(invoice, 120)
    query = """query($id: ID!) { invoice(id: $id) { payments { edges { node { amount kept credit { amount payment {
      amount } transaction { kind note actor { subject } } } } } } } }"""
    (edge,) = (await api.as_customer("carol", query, {"id": gid("Invoice", invoice)}))["invoice"]["payments"]["edges"]
    assert edge["node"] == {
        "amount": "120.00",
        "kept": "20.00",
        "credit": {
            "amount": "20.00",
            "payment": {"amount": "120.00"},
            "transaction": {"kind": "OVERPAYMENT", "note": None, "actor": None},
        },
    }
