"""Credits against invoices, from the first heading of that product's guide to the last. See docs/sources."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from auth.roles import Role
from tests.api.conftest import Api
from tests.sources.pages import queries
from tests.support.clock import Clock
from tests.support.tenants import Tenant

PAGE = queries("002-billing.md")


class Office:
    """The billing office of a school, and a customer of it."""

    def __init__(self, api: Api, tenant: Tenant, customer: str) -> None:
        self.api = api
        self.tenant = tenant
        self.customer = customer

    async def do(self, name: str, role: Role = Role.MANAGER, **given: Any) -> dict[str, Any]:
        """The payload of one of the page's mutations that has to succeed; each has a key of its own."""
        answer = await self.api(PAGE[name], {"input": {"idempotencyKey": self.tenant.key(), **given}}, role=role)
        assert (answer.errors, answer.data is not None) == ([], True)
        ((_, payload),) = (answer.data or {}).items()
        assert payload.pop("userErrors") == []
        found: dict[str, Any] = payload
        return found

    async def refused(self, name: str, **given: Any) -> list[str]:
        """The codes that it was refused with; nothing has moved."""
        async with self.tenant.nothing_moves():
            answer = await self.api(
                PAGE[name], {"input": {"idempotencyKey": self.tenant.key(), **given}}, role=Role.MANAGER
            )
        ((_, payload),) = (answer.data or {}).items()
        return [error["code"] for error in payload["userErrors"]]

    async def credit(self, amount: str, **more: Any) -> str:
        given = {"customerId": self.customer, "asset": "GBP", "amount": amount, "reason": "GOODWILL", **more}
        made = await self.do("AddCredit", **given)
        credit_id: str = made["credit"]["id"]
        return credit_id

    async def invoice(self, number: str, total: str, **more: Any) -> dict[str, Any]:
        """Issued, with the edges of its assignments laid bare."""
        lines = [{"description": "Classes", "quantity": 1, "unitPrice": total}]
        payload = await self.do(
            "Issue", Role.STAFF, customerId=self.customer, number=number, currency="GBP", lines=lines, **more
        )
        invoice: dict[str, Any] = payload["invoice"]
        invoice["assignments"] = [edge["node"] for edge in invoice["assignments"]["edges"]]
        return invoice

    async def unpaid(self, number: str, total: str) -> str:
        """An invoice that no credit applies itself to."""
        invoice_id: str = (await self.invoice(number, total, autoApplyCredit=False))["id"]
        return invoice_id

    async def look(self, credit_id: str) -> dict[str, Any]:
        credit: dict[str, Any] = (await self.api(PAGE["Credit"], {"id": credit_id}, role=Role.STAFF))["node"]
        for name in ("assignments", "entries", "changes"):
            credit[name] = [edge["node"] for edge in credit[name]["edges"]]
        return credit

    async def due(self) -> dict[str, tuple[str, str]]:
        """Status and due of each unpaid or part-paid invoice on the Billing tab, by number."""
        tab = (await self.api(PAGE["BillingTab"], {"id": self.customer}, role=Role.STAFF))["customer"]
        nodes = [edge["node"] for edge in tab["invoices"]["edges"]]
        return {node["number"]: (node["status"], node["due"]) for node in nodes}


@pytest.fixture
async def office(api: Api, tenant: Tenant) -> Office:
    await tenant.customer("k-1", "Kit Marlowe")
    found = (await api(PAGE["FindCustomer"], {"search": "marlowe"}, role=Role.STAFF))["customers"]["edges"]
    return Office(api, tenant, found[0]["node"]["id"])


async def test_add_credit_enter_the_payment_date_and_amount(office: Office, clock: Clock) -> None:
    last_week = str((clock() - timedelta(days=7)).date())
    given = {
        "customerId": office.customer,
        "asset": "GBP",
        "amount": "75.00",
        "reason": "GOODWILL",
        "effectiveOn": last_week,
        "idempotencyKey": "create",
    }
    made = await office.do("AddCredit", Role.STAFF, **given)
    assert made["credit"] == {
        "id": made["credit"]["id"],
        "amount": "75.00",
        "remaining": "75.00",
        "status": "OPEN",
        "effectiveOn": last_week,
        "expiresAt": None,
        "autoApply": True,
    }
    assert made["account"] == {"available": "75.00", "scheduled": "0.00"}
    again = await office.do("AddCredit", Role.STAFF, **given)
    assert (again["replayed"], again["credit"]["id"]) == (True, made["credit"]["id"])


async def test_a_payment_date_in_the_future_makes_it_wait(office: Office, clock: Clock) -> None:
    await office.credit("75.00", effectiveOn=str((clock() + timedelta(days=7)).date()))
    assert (await office.invoice("I-1", "50.00"))["assignments"] == []
    clock.advance(timedelta(days=8))
    assert (await office.due())["I-1"] == ("OPEN", "50.00")  # its start triggers nothing by itself
    assert [part["amount"] for part in (await office.invoice("I-2", "50.00"))["assignments"]] == ["50.00"]


async def test_add_credits_in_bulk(office: Office, tenant: Tenant) -> None:
    await tenant.customer("b-1", "Ben Marlowe")
    found = (await office.api(PAGE["FindCustomer"], {"search": "marlowe"}))["customers"]["edges"]
    items = [{"customerId": edge["node"]["id"], "amount": "20.00"} for edge in found]
    made = await office.do("AddBulkCredits", items=items, asset="GBP", reason="GOODWILL")
    assert made["operation"] == {"status": "COMPLETED", "total": 2, "succeeded": 2, "failed": 0}
    listed = [edge["node"] for edge in (await office.api(PAGE["Credits"]))["credits"]["edges"]]
    assert [(node["account"]["customer"]["name"], node["amount"]) for node in listed] == [
        ("Kit Marlowe", "20.00"),
        ("Ben Marlowe", "20.00"),
    ]


async def test_view_it_under_billing_credits_and_on_the_customers_profile(office: Office, tenant: Tenant) -> None:
    mine, used = await office.credit("75.00"), await office.credit("5.00", expiresInDays=1)
    await tenant.adjust(await tenant.customer("b-1", "Ben"), "20.00")
    await office.do("Assign", creditId=used, assignments=[{"invoiceId": await office.unpaid("I-1", "50.00")}])

    async def listed(role: Role = Role.STAFF, **variables: Any) -> list[tuple[str, str]]:
        token = {"customer": "k-1"} if role is Role.CUSTOMER else {}
        answer = await office.api(PAGE["Credits"], variables, role=role, **token)
        return [(edge["node"]["amount"], edge["node"]["status"]) for edge in answer["credits"]["edges"]]

    ours = [("75.00", "OPEN"), ("5.00", "EXHAUSTED")]
    assert await listed() == [*ours, ("20.00", "OPEN")]
    assert await listed(customerId=office.customer) == ours
    assert await listed(customerId=office.customer, status=["OPEN"]) == ours[:1]
    assert await listed(Role.CUSTOMER) == ours
    assert (await office.look(mine))["remaining"] == "75.00"


async def test_250_pounds_are_100_to_one_invoice_and_150_to_another(office: Office) -> None:
    """If a customer has a credit of £250, you can allocate £100 to one invoice and £150 to another."""
    credit = await office.credit("250.00")
    first, second = await office.unpaid("I-1", "100.00"), await office.unpaid("I-2", "400.00")
    parts = [{"invoiceId": first, "amount": "100.00"}, {"invoiceId": second, "amount": "150.00"}]
    made = await office.do("Assign", Role.STAFF, creditId=credit, assignments=parts)
    assert made["credit"] == {"remaining": "0.00", "status": "EXHAUSTED"}
    assert [(part["amount"], part["invoice"]) for part in made["assignments"]] == [
        ("100.00", {"number": "I-1", "status": "PAID", "due": "0.00"}),
        ("150.00", {"number": "I-2", "status": "PART_PAID", "due": "250.00"}),
    ]
    assert await office.due() == {"I-2": ("PART_PAID", "250.00")}
    assert (await office.look(credit))["entries"] == [
        {"amount": "250.00", "counter": "ISSUED", "transaction": {"kind": "ADJUSTMENT"}},
        {"amount": "-100.00", "counter": "INVOICES", "transaction": {"kind": "ASSIGNMENT"}},
        {"amount": "-150.00", "counter": "INVOICES", "transaction": {"kind": "ASSIGNMENT"}},
    ]


async def test_no_more_than_the_outstanding_amounts(office: Office) -> None:
    credit, invoice = await office.credit("250.00"), await office.unpaid("I-1", "100.00")
    for parts, code in (
        ([{"invoiceId": invoice, "amount": "100.01"}], "EXCEEDS_DUE"),
        ([{"invoiceId": invoice, "amount": "250.01"}], "EXCEEDS_DUE"),
        ([], "INVALID"),
    ):
        assert await office.refused("Assign", creditId=credit, assignments=parts) == [code]


async def test_the_remaining_balance_is_applied_to_the_next_invoice(office: Office) -> None:
    """If you only assign part of the credit, the remaining balance is applied to the next invoice."""
    credit, invoice = await office.credit("250.00"), await office.unpaid("I-1", "100.00")
    await office.do("Assign", creditId=credit, assignments=[{"invoiceId": invoice, "amount": "100.00"}])
    following = await office.invoice("I-2", "120.00")
    assert (following["status"], following["due"]) == ("PAID", "0.00")
    assert [(part["amount"], part["origin"]) for part in following["assignments"]] == [("120.00", "AUTO")]
    after = await office.invoice("I-3", "120.00")
    assert (after["status"], after["due"]) == ("PART_PAID", "90.00")
    assert (await office.look(credit))["remaining"] == "0.00"


async def test_unless_it_is_paused(office: Office) -> None:
    credit = await office.credit("250.00", autoApply=False)
    assert (await office.invoice("I-1", "10.00"))["assignments"] == []
    await office.do("Modify", creditId=credit, autoApply=True)
    assert (await office.invoice("I-2", "10.00", autoApplyCredit=False))["assignments"] == []
    assert [part["amount"] for part in (await office.invoice("I-3", "10.00"))["assignments"]] == ["10.00"]


async def test_unless_reassigned_manually(office: Office) -> None:
    credit, wanted = await office.credit("100.00"), await office.unpaid("I-1", "80.00")
    following = await office.invoice("I-2", "70.00")
    moved = await office.do(
        "Reassign",
        assignmentId=following["assignments"][0]["id"],
        assignments=[{"invoiceId": wanted}, {"invoiceId": following["id"], "amount": "10.00"}],
    )
    assert [(part["amount"], part["invoice"]["number"]) for part in moved["assignments"]] == [
        ("80.00", "I-1"),
        ("10.00", "I-2"),
    ]
    assert moved["credit"] == {"remaining": "10.00"}
    assert await office.due() == {"I-2": ("PART_PAID", "60.00")}
    parts = (await office.look(credit))["assignments"]
    assert [(part["amount"], part["releasedAt"] is None) for part in parts] == [
        ("70.00", False),
        ("80.00", True),
        ("10.00", True),
    ]


async def test_release_it(office: Office, clock: Clock) -> None:
    brief, invoice = await office.credit("30.00", expiresInDays=1), await office.unpaid("I-1", "50.00")
    made = await office.do("Assign", creditId=brief, assignments=[{"invoiceId": invoice}])
    clock.advance(timedelta(days=3))
    released = await office.do("Release", assignmentIds=[made["assignments"][0]["id"]])
    assert released["assignments"][0]["credit"] == {"remaining": "0.00", "status": "EXPIRED"}
    assert [edge["node"]["amount"] for edge in released["transaction"]["entries"]["edges"]] == ["30.00", "-30.00"]
    assert await office.due() == {"I-1": ("OPEN", "50.00")}


async def test_modify_it(office: Office) -> None:
    credit = await office.credit("30.00")
    changed = await office.do("Modify", creditId=credit, expiresInDays=30, autoApply=False, note="Until the summer")
    assert (changed["credit"]["autoApply"], changed["transaction"]["kind"]) == (False, "UPDATE")
    (change,) = (await office.look(credit))["changes"]
    assert (change["oldExpiresAt"], change["newExpiresAt"]) == (None, changed["credit"]["expiresAt"])
    assert change["transaction"] == {"note": "Until the summer", "actor": {"subject": "manager@test"}}
    assert await office.refused("Modify", creditId=credit, expiresAt="2020-01-01T00:00:00Z") == ["EXPIRY_IN_PAST"]


async def test_delete_it(office: Office) -> None:
    credit, invoice = await office.credit("30.00"), await office.unpaid("I-1", "50.00")
    await office.do("Assign", creditId=credit, assignments=[{"invoiceId": invoice, "amount": "20.00"}])
    assert await office.refused("Delete", creditId=credit) == ["CREDIT_ASSIGNED"]
    deleted = await office.do("Delete", creditId=credit, releaseAssignments=True)
    assert deleted["credit"] == {"status": "VOIDED", "remaining": "0.00"}
    assert deleted["account"] == {"available": "0.00"}
    assert deleted["assignments"] == [{"invoice": {"number": "I-1", "status": "OPEN", "due": "50.00"}}]
    assert (await office.look(credit))["status"] == "VOIDED"


async def test_void_the_invoice(office: Office) -> None:
    credit = await office.credit("30.00")
    invoice = (await office.invoice("I-1", "20.00"))["id"]
    voided = await office.do("VoidInvoice", invoiceId=invoice)
    assert voided == {
        "invoice": {"status": "VOID", "credited": "0.00"},
        "assignments": [{"amount": "20.00", "credit": {"remaining": "30.00", "status": "OPEN"}}],
    }
    following = await office.invoice("I-2", "40.00")
    assert [part["amount"] for part in following["assignments"]] == ["30.00"]
    assert (await office.look(credit))["status"] == "EXHAUSTED"


async def test_refund_a_class(office: Office, tenant: Tenant) -> None:
    """Two classes, paid half with credit: one was cancelled, and then was not."""
    await office.credit("30.00")
    lines = [{"description": name, "quantity": 1, "unitPrice": "30.00"} for name in ("Painting", "Pottery")]
    given = {"customerId": office.customer, "number": "I-1", "currency": "GBP", "lines": lines}
    invoice = (await office.do("Issue", Role.STAFF, **given))["invoice"]["id"]
    seen = (await office.api(PAGE["InvoiceLines"], {"id": invoice}, role=Role.STAFF))["invoice"]
    pottery = [edge["node"]["id"] for edge in seen["lines"]["edges"]][1]
    key = tenant.key()
    asked = {"invoiceId": invoice, "lines": [{"lineId": pottery}], "idempotencyKey": key}
    made = await office.do("RefundClass", Role.STAFF, **asked)
    assert made["invoice"] == {
        "status": "PAID",
        "total": "60.00",
        "noted": "30.00",
        "paid": "0.00",
        "credited": "30.00",
        "due": "0.00",
    }
    assert (made["creditNote"]["lowered"], made["creditNote"]["givenBack"]) == ("30.00", "0.00")
    more = await office.do("RefundClass", Role.STAFF, invoiceId=invoice, amount="10.00")
    assert (more["creditNote"]["givenBack"], more["account"]["available"]) == ("10.00", "10.00")
    assert await office.refused("RefundClass", invoiceId=invoice, amount="20.01") == ["EXCEEDS_REMAINING"]
    undone = await office.do("VoidRefund", creditNoteId=more["creditNote"]["id"])
    assert (undone["account"]["available"], undone["invoice"]["noted"]) == ("0.00", "30.00")
    async with tenant.nothing_moves():
        denied = await office.api(
            PAGE["VoidRefund"],
            {"input": {"creditNoteId": made["creditNote"]["id"], "idempotencyKey": "k"}},
            role=Role.STAFF,
        )
    assert denied.codes == ["FORBIDDEN"]
    seen = (await office.api(PAGE["InvoiceLines"], {"id": invoice}, role=Role.STAFF))["invoice"]
    assert [edge["node"]["amount"] for edge in seen["creditNotes"]["edges"]] == ["30.00", "10.00"]


async def test_who_may(office: Office, tenant: Tenant) -> None:
    """Staff add and assign; whatever takes away or undoes is for managers; customers see their own and do nothing."""
    credit, invoice = await office.credit("30.00"), await office.unpaid("I-1", "50.00")
    parts = [{"invoiceId": invoice, "amount": "1.00"}]
    made = await office.do("Assign", Role.STAFF, creditId=credit, assignments=parts)
    part = made["assignments"][0]["id"]
    async with tenant.nothing_moves():
        for name, given in (
            ("Release", {"assignmentIds": [part]}),
            ("Reassign", {"assignmentId": part, "assignments": [{"invoiceId": invoice}]}),
            ("Modify", {"creditId": credit, "autoApply": False}),
            ("Delete", {"creditId": credit}),
            ("VoidInvoice", {"invoiceId": invoice}),
        ):
            for role, token in ((Role.STAFF, {}), (Role.CUSTOMER, {"customer": "k-1"})):
                answer = await office.api(PAGE[name], {"input": {**given, "idempotencyKey": "k"}}, role=role, **token)
                assert answer.codes == ["FORBIDDEN"], (name, role)


def test_every_query_of_the_page_is_sent() -> None:
    """By one of the tests above: the page shows nothing that was not tried."""
    text = Path(__file__).read_text()
    assert [name for name in PAGE if f'"{name}"' not in text] == []
