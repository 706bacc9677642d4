"""Invoices and orders, their lines, the payments on them, and the credit set against them."""

from collections.abc import Collection, Iterable
from typing import Any, Final
from uuid import UUID

from models.reads.paging import LOTS, RECORDS, Condition, Listing, id_key, integer_key, time_key
from models.reads.session import ReadSession
from models.views import AssignmentView, InvoiceLineView, InvoiceView, PaymentView

_INVOICE: Final = """
    t.id, t.number, t.customer_id, t.currency, t.status, t.total_minor, t.paid_minor, t.credited_minor,
    t.creditable_minor, t.kind, t.issued_on, t.due_on"""
_CURRENCY: Final = "(select i.currency from invoices i where i.tenant_id = $1 and i.id = t.invoice_id) as currency"
_ASSIGNMENT: Final = (
    f"t.id, t.credit_id, t.invoice_id, t.amount_minor, t.origin, t.assigned_at, t.released_at, {_CURRENCY}"
)
_PAYMENT: Final = (
    f"t.id, t.invoice_id, t.amount_minor, t.method, t.received_on, t.voided_at, t.transaction_id, {_CURRENCY}"
)
_LINE: Final = f"t.description, t.quantity, t.unit_price_minor, t.kind, t.product_id, {_CURRENCY}"


def _invoice(row: Any) -> InvoiceView:
    return InvoiceView(
        id=row["id"],
        number=row["number"],
        customer_id=row["customer_id"],
        currency=row["currency"],
        status=row["status"],
        total_minor=row["total_minor"],
        paid_minor=row["paid_minor"],
        credited_minor=row["credited_minor"],
        creditable_minor=row["creditable_minor"],
        kind=row["kind"],
        issued_on=row["issued_on"],
        due_on=row["due_on"],
    )


def _assignment(row: Any) -> AssignmentView:
    return AssignmentView(
        id=row["id"],
        credit_id=row["credit_id"],
        invoice_id=row["invoice_id"],
        currency=row["currency"],
        amount_minor=row["amount_minor"],
        origin=row["origin"],
        assigned_at=row["assigned_at"],
        released_at=row["released_at"],
    )


def _payment(row: Any) -> PaymentView:
    return PaymentView(
        id=row["id"],
        invoice_id=row["invoice_id"],
        currency=row["currency"],
        amount_minor=row["amount_minor"],
        method=row["method"],
        received_on=row["received_on"],
        voided_at=row["voided_at"],
        transaction_id=row["transaction_id"],
    )


def _line(row: Any) -> InvoiceLineView:
    return InvoiceLineView(
        currency=row["currency"],
        description=row["description"],
        quantity=row["quantity"],
        unit_price_minor=row["unit_price_minor"],
        kind=row["kind"],
        product_id=row["product_id"],
    )


_BY_CREATION: Final = (time_key("t.created_at"), id_key("t.id"))
_BY_ASSIGNMENT: Final = (time_key("t.assigned_at"), id_key("t.id"))

INVOICES: Final = Listing("invoices", _INVOICE, "invoices t", "t.tenant_id", _BY_CREATION, _invoice)
"""All of a tenant's invoices: the parent is the tenant."""

CUSTOMER_INVOICES: Final = Listing(
    "customer-invoices", _INVOICE, "invoices t", "t.customer_id", _BY_CREATION, _invoice, RECORDS
)
"""Those of all records of a person; those that a merge brought along stand at the time of the merge."""

CREDIT_ASSIGNMENTS: Final = Listing(
    "credit-assignments", _ASSIGNMENT, "assignments t", "t.credit_id", _BY_ASSIGNMENT, _assignment, through=LOTS
)
"""Assignments of a credit, also of the lots it was before merges."""
INVOICE_ASSIGNMENTS: Final = Listing(
    "invoice-assignments", _ASSIGNMENT, "assignments t", "t.invoice_id", _BY_ASSIGNMENT, _assignment
)
INVOICE_PAYMENTS: Final = Listing("invoice-payments", _PAYMENT, "payments t", "t.invoice_id", _BY_CREATION, _payment)
INVOICE_LINES: Final = Listing(
    "invoice-lines", _LINE, "invoice_lines t", "t.invoice_id", (integer_key("t.position", bits=32),), _line
)

ORDERS_ALONE: Final = Condition("t.kind = 'ORDER'")


def with_status(statuses: Collection[str]) -> Condition:
    return Condition("t.status = any({0}::text[])", (tuple(sorted(set(statuses))),))


async def by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[InvoiceView]:
    return [_invoice(row) for row in await session.fetch_by_ids("invoices", _INVOICE, ids)]


async def assignments_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[AssignmentView]:
    return [_assignment(row) for row in await session.fetch_by_ids("assignments", _ASSIGNMENT, ids)]


async def payments_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[PaymentView]:
    return [_payment(row) for row in await session.fetch_by_ids("payments", _PAYMENT, ids)]
