"""createCreditNote, previewCreditNote with the same input but its key, and voidCreditNote."""

from typing import Any
from uuid import UUID

import pytest

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

NOTE = """mutation($input: CreateCreditNoteInput!) { createCreditNote(input: $input) {
  replayed userErrors { code message field } account { asset available }
  invoice { status total noted paid credited due creditNotes { edges { node { id amount voidedAt } } } }
  approvalRequest { id status operation asset amount note noted: notedInvoice { number } customer { externalId } }
  creditNote { id amount lowered givenBack voidedAt credit { remaining transaction { kind } }
    lines { edges { node { lineId quantity amount } } } }
  transaction { id kind note creditNote { amount } actor { subject }
    entries { edges { node { amount counter credit { id remaining } } } } } } }"""
PREVIEW = """query($input: PreviewCreditNoteInput!) { previewCreditNote(input: $input) {
  amount lowered givenBack dueAfter availableAfter credits { credit { id } amount remainingAfter }
  limit { allowed approvalRequired remaining { scope kind remaining } } userErrors { code field } } }"""
NOTE_ERRORS = """mutation($input: CreateCreditNoteInput!) { createCreditNote(input: $input) {
  userErrors { code message } } }"""
VOID = """mutation($input: VoidCreditNoteInput!) { voidCreditNote(input: $input) {
  replayed userErrors { code message field used } account { available } invoice { status noted due }
  creditNote { id voidedAt voidedBy { kind note } } transaction { kind } } }"""
APPROVE = """mutation($input: ApproveRequestInput!) { approveRequest(input: $input) {
  transaction { kind creditNote { amount } actor { subject } approvedBy { subject } } order { id } replayed
  userErrors { code } } }"""
OWN = """{ invoices { edges { node { noted creditNotes { edges { node { amount lowered givenBack credit { remaining }
  transaction { kind note actor { subject } } } } } payments { edges { node { amount noted } } } } } } }"""
LIABILITY = "{ liability { asset bySource { kind outstanding } } }"
TRAIL = "{ auditTrail(kind: [CREDIT_NOTE]) { edges { node { kind asset amount } } } }"
LINES = "query($id: ID!) { invoice(id: $id) { lines { edges { node { id description } } } } }"
STAFF: dict[str, Any] = {"role": Role.STAFF, "subject": "sam"}
MANAGER: dict[str, Any] = {"role": Role.MANAGER, "subject": "maria"}


async def ask(api: Api, invoice: UUID, **given: Any) -> dict[str, Any]:
    token = given.pop("token", MANAGER)
    asked = {"invoiceId": gid("Invoice", invoice), "idempotencyKey": "k", **given}
    payload: dict[str, Any] = (await api(NOTE, {"input": asked}, **token))["createCreditNote"]
    return payload


async def void(api: Api, note_id: str, **given: Any) -> dict[str, Any]:
    asked = {"creditNoteId": note_id, "idempotencyKey": "v", **given}
    payload: dict[str, Any] = (await api(VOID, {"input": asked}, **MANAGER))["voidCreditNote"]
    return payload


@pytest.fixture
async def carol(tenant: Tenant) -> UUID:
    return await tenant.customer("carol")


async def test_by_an_amount_and_voided(api: Api, tenant: Tenant, carol: UUID) -> None:
    invoice = await tenant.invoice(carol, 100, auto_apply=False)
    credit = await tenant.credit(carol, 30)
    await tenant.assign(credit, (invoice, 30))
    await tenant.pay(invoice, 50)

    made = await ask(api, invoice, amount="75.00", note="Half of it was broken")
    assert (made["replayed"], made["userErrors"], made["approvalRequest"]) == (False, [], None)
    note = made["creditNote"]
    assert (note["amount"], note["lowered"], note["givenBack"], note["voidedAt"]) == ("75.00", "20.00", "55.00", None)
    assert note["credit"] == {"remaining": "50.00", "transaction": {"kind": "CREDIT_NOTE"}}
    assert note["lines"] == {"edges": []}
    assert made["account"] == {"asset": "GBP", "available": "55.00"}
    sums = {"status": "PAID", "total": "100.00", "noted": "75.00", "paid": "0.00", "credited": "25.00", "due": "0.00"}
    listed = {"creditNotes": {"edges": [{"node": {"id": note["id"], "amount": "75.00", "voidedAt": None}}]}}
    assert made["invoice"] == sums | listed
    transaction = made["transaction"]
    assert (transaction["kind"], transaction["note"]) == ("CREDIT_NOTE", "Half of it was broken")
    assert transaction["creditNote"] == {"amount": "75.00"}
    entries = [edge["node"] for edge in transaction["entries"]["edges"]]
    assert [(entry["amount"], entry["counter"]) for entry in entries] == [("5.00", "INVOICES"), ("50.00", "NOTES")]
    assert entries[0]["credit"] == {"id": gid("Credit", credit), "remaining": "5.00"}
    (gbp,) = (await api(LIABILITY))["liability"]
    assert {part["kind"]: part["outstanding"] for part in gbp["bySource"]} == {
        "ADJUSTMENT": "5.00",
        "CREDIT_NOTE": "50.00",
    }
    edges = (await api(TRAIL))["auditTrail"]["edges"]
    assert [edge["node"]["amount"] for edge in edges] == ["55.00"]

    async with tenant.nothing_moves():
        again = await ask(api, invoice, amount="75.00", note="Half of it was broken")
        more = await ask(api, invoice, amount="25.01", idempotencyKey="k2")
    assert (again["replayed"], again["creditNote"]["id"]) == (True, note["id"])
    (error,) = more["userErrors"]
    assert (error["code"], error["field"]) == ("EXCEEDS_REMAINING", ["amount"])
    assert error["message"] == "Only 25.00 GBP of the invoice can still be noted."

    undone = await void(api, note["id"], note="They were whole")
    assert undone["invoice"] == {"status": "PART_PAID", "noted": "0.00", "due": "20.00"}
    assert (undone["account"], undone["transaction"]) == ({"available": "0.00"}, {"kind": "REVERSAL"})
    assert undone["creditNote"]["voidedBy"] == {"kind": "REVERSAL", "note": "They were whole"}
    assert undone["creditNote"]["voidedAt"]
    async with tenant.nothing_moves():
        assert (await void(api, note["id"], note="They were whole"))["replayed"]
        (error,) = (await void(api, note["id"], idempotencyKey="v2"))["userErrors"]
    assert (error["code"], error["field"]) == ("CREDIT_NOTE_VOIDED", ["creditNoteId"])


async def test_by_lines_of_an_order(api: Api, tenant: Tenant, carol: UUID) -> None:
    chair, gift = await tenant.product("30.00", name="Chair"), await tenant.product(1, "CREDIT", name="Gift card")
    order = await tenant.order(carol, (chair, 2), (gift, 10))
    await tenant.pay(order, 70)
    lines = (await api(LINES, {"id": gid("Invoice", order)}))["invoice"]["lines"]["edges"]
    chairs, gifts = (edge["node"]["id"] for edge in lines)
    async with tenant.nothing_moves():
        (error,) = (await ask(api, order, lines=[{"lineId": gifts}]))["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID", ["lines", "0", "lineId"])
    made = await ask(api, order, lines=[{"lineId": chairs, "quantity": "1"}])
    assert [edge["node"] for edge in made["creditNote"]["lines"]["edges"]] == [
        {"lineId": chairs, "quantity": "1", "amount": "30.00"}
    ]
    assert (made["invoice"]["noted"], made["invoice"]["paid"], made["invoice"]["due"]) == ("30.00", "40.00", "0.00")
    assert made["account"]["available"] == "40.00"  # the gift card is left alone


async def test_a_line_of_which_nothing_is_left_says_so(api: Api, tenant: Tenant, carol: UUID) -> None:
    """And not what is left of the invoice's other lines."""
    chair, table = await tenant.product("30.00", name="Chair"), await tenant.product("80.00", name="Table")
    order = await tenant.order(carol, (chair, 1), (table, 1))
    lines = (await api(LINES, {"id": gid("Invoice", order)}))["invoice"]["lines"]["edges"]
    chairs = {"lineId": lines[0]["node"]["id"]}
    await ask(api, order, lines=[chairs])
    (error,) = (await ask(api, order, lines=[chairs], idempotencyKey="again"))["userErrors"]
    assert (error["code"], error["field"]) == ("EXCEEDS_REMAINING", ["lines"])
    assert error["message"] == "Only 0.00 GBP of the lines can still be noted."


async def test_what_cannot_be_moves_nothing(api: Api, tenant: Tenant, other_tenant: Tenant, carol: UUID) -> None:
    invoice, line = await tenant.invoice_with_line(carol, 10)
    void_one = await tenant.invoice(carol, 10, auto_apply=False)
    await tenant.void_invoice(void_one)
    theirs = await other_tenant.invoice(await other_tenant.customer(), 10)
    named = {"lineId": gid("InvoiceLine", line)}
    bad: list[tuple[dict[str, Any], list[str]]] = [
        ({"invoiceId": "x"}, ["NOT_FOUND", "invoiceId"]),
        ({"invoiceId": gid("Invoice", theirs)}, ["NOT_FOUND", "invoiceId"]),
        ({"invoiceId": gid("Invoice", void_one)}, ["INVOICE_NOT_OPEN", "invoiceId"]),
        ({"amount": "0"}, ["AMOUNT_ZERO", "amount"]),
        ({"amount": "-1"}, ["INVALID", "amount"]),
        ({"amount": "1.005"}, ["AMOUNT_PRECISION", "amount"]),
        ({"amount": "10.01"}, ["EXCEEDS_REMAINING", "amount"]),
        ({"lines": [{"lineId": "x"}]}, ["NOT_FOUND", "lines", "0", "lineId"]),
        ({"lines": [named, named]}, ["DUPLICATE", "lines"]),
        ({"lines": [{**named, "quantity": "2"}]}, ["INVALID", "lines", "0", "quantity"]),
        ({"lines": [{**named, "amount": "11"}]}, ["EXCEEDS_REMAINING", "lines", "0", "amount"]),
        ({"lines": [named], "amount": "9"}, ["INVALID", "amount"]),
        ({"note": "\x00"}, ["INVALID", "note"]),
        ({"idempotencyKey": " "}, ["INVALID", "idempotencyKey"]),
    ]
    async with tenant.nothing_moves():
        for change, expected in bad:
            errors = (await ask(api, invoice, **change))["userErrors"]
            assert [[error["code"], *error["field"]] for error in errors] == [expected], change


async def test_over_a_limit_a_manager_approves_it(api: Api, tenant: Tenant, carol: UUID) -> None:
    invoice = await tenant.invoice(carol, 150, number="I-1", auto_apply=False)
    async with tenant.nothing_moves():
        (error,) = (await ask(api, invoice, token=STAFF))["userErrors"]
    assert error["code"] == "LIMIT_EXCEEDED"
    waits = await ask(api, invoice, token=STAFF, requestApproval=True, note="Please")
    assert (waits["transaction"], waits["creditNote"], waits["userErrors"]) == (None, None, [])
    request = waits["approvalRequest"]
    assert request == {
        "id": request["id"],
        "status": "PENDING",
        "operation": "CREATE_CREDIT_NOTE",
        "asset": "GBP",
        "amount": "150.00",
        "note": "Please",
        "noted": {"number": "I-1"},
        "customer": {"externalId": "carol"},
    }
    given = {"requestId": request["id"], "idempotencyKey": "a"}
    narrowed = await api(APPROVE, {"input": given}, **MANAGER, scopes=[Scope.CREDITS_ADD])
    assert (narrowed.codes, narrowed.errors[0]["extensions"]["missing"]) == (["FORBIDDEN"], ["credits:refund"])
    approved = (await api(APPROVE, {"input": given}, **MANAGER))["approveRequest"]
    assert approved == {
        "transaction": {
            "kind": "CREDIT_NOTE",
            "creditNote": {"amount": "150.00"},
            "actor": {"subject": "sam"},
            "approvedBy": {"subject": "maria"},
        },
        "order": None,
        "replayed": False,
        "userErrors": [],
    }
    assert (await api(APPROVE, {"input": given}, **MANAGER))["approveRequest"] == approved | {"replayed": True}


async def test_the_preview_tells_what_would_be(api: Api, tenant: Tenant, carol: UUID) -> None:
    invoice = await tenant.invoice(carol, 100, auto_apply=False)
    credit = await tenant.credit(carol, 30)
    await tenant.assign(credit, (invoice, 30))
    await tenant.pay(invoice, 50)
    asked = {"invoiceId": gid("Invoice", invoice), "amount": "90.00", "giveBack": "IN_PROPORTION"}
    async with tenant.nothing_moves():
        seen = (await api(PREVIEW, {"input": asked}, **STAFF))["previewCreditNote"]
        over = (await api(PREVIEW, {"input": asked | {"amount": "101"}}, **STAFF))["previewCreditNote"]
        nothing = (await api(PREVIEW, {"input": {"invoiceId": "x"}}, **STAFF))["previewCreditNote"]
    assert (seen["amount"], seen["lowered"], seen["givenBack"]) == ("90.00", "20.00", "70.00")
    assert (seen["dueAfter"], seen["availableAfter"], seen["userErrors"]) == ("0.00", "70.00", [])
    assert seen["credits"] == [
        {"credit": {"id": gid("Credit", credit)}, "amount": "26.25", "remainingAfter": "26.25"},
        {"credit": None, "amount": "43.75", "remainingAfter": "43.75"},
    ]
    assert seen["limit"]["allowed"]
    assert (over["amount"], over["availableAfter"]) == (None, None)
    assert over["userErrors"] == [{"code": "EXCEEDS_REMAINING", "field": ["amount"]}]
    assert nothing["userErrors"] == [{"code": "NOT_FOUND", "field": ["invoiceId"]}]


async def test_customers_see_their_notes_without_what_is_internal(api: Api, tenant: Tenant, carol: UUID) -> None:
    invoice = await tenant.invoice(carol, 10, auto_apply=False)
    await tenant.pay(invoice, 10)
    await tenant.note(invoice, 4, note="between ourselves")
    (edge,) = (await api.as_customer("carol", OWN))["invoices"]["edges"]
    (note,) = edge["node"]["creditNotes"]["edges"]
    assert (edge["node"]["noted"], note["node"]["amount"], note["node"]["givenBack"]) == ("4.00", "4.00", "4.00")
    assert note["node"]["transaction"] == {"kind": "CREDIT_NOTE", "note": None, "actor": None}
    assert edge["node"]["payments"]["edges"] == [{"node": {"amount": "10.00", "noted": "4.00"}}]


async def test_figures_take_the_right_to_read_them(api: Api, tenant: Tenant, carol: UUID) -> None:
    invoice = await tenant.invoice(carol, 10, auto_apply=False)
    await tenant.pay(invoice, 10)
    note = await tenant.note(invoice, 4)
    await tenant.spend(carol, 1)
    given = {"input": {"creditNoteId": gid("CreditNote", note.credit_note_id), "idempotencyKey": "v"}}
    query = "mutation($input: VoidCreditNoteInput!) { voidCreditNote(input: $input) { userErrors { code message } } }"
    token: dict[str, Any] = {"role": Role.PARTNER, "scopes": [Scope.CREDITS_REFUND], "client_id": "shop"}
    (told,) = (await api(query, given, **MANAGER))["voidCreditNote"]["userErrors"]
    (untold,) = (await api(query, given, **token))["voidCreditNote"]["userErrors"]
    assert told["message"] == "1.00 GBP of the 4.00 GBP that the credit note gave back is no longer there."
    assert untold == {
        "code": "CREDIT_SPENT",
        "message": "Credit that must be taken back has been used. Give that back first.",
    }


async def test_an_invoices_figures_take_the_right_to_read_invoices(api: Api, tenant: Tenant, carol: UUID) -> None:
    invoice, line = await tenant.invoice_with_line(carol, 12, 3)
    named = gid("InvoiceLine", line)
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"amount": "13.00"}, "Only 12.00 GBP of the invoice can still be noted.", "12.00"),
        ({"lines": [{"lineId": named, "quantity": "4"}]}, "Only 3 of the line's quantity can still be noted.", "3"),
        ({"lines": [{"lineId": named, "amount": "12.01"}]}, "Only 12.00 GBP of the line can still be noted.", "12.00"),
        (
            {"lines": [{"lineId": named}], "amount": "1.00"},
            "The lines come to 12.00. Leave the amount out, or correct it.",
            "12.00",
        ),
    ]
    token: dict[str, Any] = {
        "role": Role.PARTNER,
        "scopes": [Scope.CREDITS_REFUND, Scope.LEDGER_READ],
        "client_id": "shop",
    }
    async with tenant.nothing_moves():
        for given, message, figure in cases:
            (told,) = (await ask(api, invoice, **given))["userErrors"]
            asked = {"invoiceId": gid("Invoice", invoice), "idempotencyKey": "k", **given}
            answer = await api(NOTE_ERRORS, {"input": asked}, **token)
            (untold,) = answer["createCreditNote"]["userErrors"]
            assert told["message"] == message
            assert figure not in untold["message"]
            assert untold["code"] == told["code"]
