"""Invoices and orders, their lines, the payments and credit notes on them, and the credit set against them."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final
from uuid import UUID

from models.kinds import InvoiceStatus
from models.lookups import each
from models.names import clean_name
from models.reads.branches import LOTS, RECORDS
from models.reads.columns import columns, rows
from models.reads.keys import day_key, id_key, instant_key, integer_key, text_key, time_key
from models.reads.paging import Condition, Listing, Looked, Unserved
from models.reads.references import Reference
from models.reads.session import ReadSession
from models.views import (
    AssignmentView,
    CreditNoteView,
    InvoiceLineView,
    InvoiceTextView,
    InvoiceView,
    NotedLineView,
    PaymentView,
)

_INVOICE: Final = columns(InvoiceView)
_invoice: Final = rows(InvoiceView)
_CURRENCY: Final = "(select i.currency from invoices i where i.tenant_id = $1 and i.id = t.invoice_id)"
_ASSIGNMENT: Final = columns(AssignmentView, currency=_CURRENCY)
_assignment: Final = rows(AssignmentView)
_PAYMENT: Final = columns(PaymentView, currency=_CURRENCY)
_payment: Final = rows(PaymentView)
_NOTE: Final = columns(CreditNoteView, currency=_CURRENCY)
_note: Final = rows(CreditNoteView)
_NOTED_LINE: Final = columns(
    NotedLineView,
    currency="""(select i.currency from credit_notes n join invoices i on i.tenant_id = $1 and i.id = n.invoice_id
                  where n.tenant_id = $1 and n.id = t.note_id)""",
)
_noted_line: Final = rows(NotedLineView)
_LINE: Final = columns(
    InvoiceLineView,
    currency=_CURRENCY,
    exact_quantity="d.quantity",
    exact_price_minor="d.unit_price_minor",
    discount_percent="d.discount_percent",
    discount_minor="d.discount_minor",
    tax_minor="d.tax_minor",
)
_line: Final = rows(InvoiceLineView)
_DETAILS: Final = """left join lateral (
    select * from invoice_line_details where tenant_id = $1 and id = t.id offset 0) d on true"""
_LINES_BY_ID: Final = f"""
    select {_LINE} from {each("id uuid")} k join invoice_lines t on t.tenant_id = $1 and t.id = k.id {_DETAILS}"""
_TEXTS: Final = f"""
    select {columns(InvoiceTextView)} from {each("id uuid")} k cross join lateral (
        select * from invoice_texts where tenant_id = $1 and id = k.id offset 0) t"""
_text: Final = rows(InvoiceTextView)


_BY_CREATION: Final = (time_key("t.created_at"), id_key("t.id"))
_BY_ASSIGNMENT: Final = (time_key("t.assigned_at"), id_key("t.id"))

INVOICES: Final = Listing("invoices", _INVOICE, "invoices t", "t.tenant_id", _BY_CREATION, _invoice)
"""All of a tenant's invoices: the parent is the tenant."""

_REFERENCED: Final = """(
    select x.tenant_id as text_tenant_id, x.id as text_id, x.reference as found_reference, x.referenced_at, i.*
      from invoice_texts x cross join lateral (
          select * from invoices where tenant_id = $1 and id = x.id offset 0) i
     where x.tenant_id = $1) t"""

OF_REFERENCE: Final = Listing(
    "invoices-of-reference",
    _INVOICE,
    _REFERENCED,
    "t.text_tenant_id",
    (time_key("t.referenced_at"), id_key("t.text_id")),
    _invoice,
)
"""All of a tenant's invoices that have one reference."""

BY_REFERENCE: Final = Listing(
    "invoices-by-reference",
    _INVOICE,
    _REFERENCED,
    "t.text_tenant_id",
    (text_key("t.found_reference"), instant_key("t.referenced_at"), id_key("t.text_id")),
    _invoice,
)
"""All of a tenant's invoices that have references, by these."""

CUSTOMER_INVOICES: Final = Listing(
    "customer-invoices", _INVOICE, "invoices t", "t.customer_id", _BY_CREATION, _invoice, RECORDS
)
"""Invoices of all records of a person; those brought by a merge are placed at the time of the merge."""

BY_DUE_DAY: Final = replace(
    INVOICES,
    name="invoices|DUE_ON",
    keys=(day_key("t.due_on"), id_key("t.id")),
    alone="t.status in ('OPEN', 'PART_PAID') and t.due_on is not null",
)
"""A tenant's invoices with something due on a day, by that."""
BY_ANY_DUE_DAY: Final = replace(BY_DUE_DAY, name="invoices|DUE_ON|ALL", alone="t.due_on is not null")
"""The same with those that are paid or void."""

CUSTOMER_BY_DUE_DAY: Final = replace(
    CUSTOMER_INVOICES,
    name="customer-invoices|DUE_ON",
    keys=BY_DUE_DAY.keys,
    through=replace(RECORDS, joined=None),
    alone="t.due_on is not null",
)
"""Invoices of all records of a person that have a day on which they are due, by that: those of a merged record among
them."""

CREDIT_ASSIGNMENTS: Final = Listing(
    "credit-assignments", _ASSIGNMENT, "assignments t", "t.credit_id", _BY_ASSIGNMENT, _assignment, through=LOTS
)
"""Assignments of a credit and of those that preceded it before merges."""
INVOICE_ASSIGNMENTS: Final = Listing(
    "invoice-assignments", _ASSIGNMENT, "assignments t", "t.invoice_id", _BY_ASSIGNMENT, _assignment
)
INVOICE_PAYMENTS: Final = Listing("invoice-payments", _PAYMENT, "payments t", "t.invoice_id", _BY_CREATION, _payment)
INVOICE_NOTES: Final = Listing("invoice-notes", _NOTE, "credit_notes t", "t.invoice_id", _BY_CREATION, _note)
NOTED_LINES: Final = Listing(
    "noted-lines", _NOTED_LINE, "credit_note_lines t", "t.note_id", (id_key("t.id"),), _noted_line
)
INVOICE_LINES: Final = Listing(
    "invoice-lines", _LINE, f"invoice_lines t {_DETAILS}", "t.invoice_id", (integer_key("t.position", bits=32),), _line
)

ORDERS_ALONE: Final = Unserved("t.kind = 'ORDER'")
DUE: Final = """(case when t.status = 'VOID' then 0
    else t.total_minor - t.noted_minor - t.paid_minor - t.credited_minor end)"""
UNPAID: Final = frozenset({InvoiceStatus.OPEN, InvoiceStatus.PART_PAID})


def referenced(reference: Reference) -> Condition:
    """In the two lists above: that it has the reference."""
    return reference.of("t.found_reference")


def of_customer_referenced(reference: Reference) -> Condition:
    """The same in the other lists."""
    has = reference.of("x.reference")
    return Condition(
        f"exists (select 1 from invoice_texts x where x.tenant_id = $1 and x.id = t.id and {has.sql})", has.values
    )


def with_status(statuses: Collection[str]) -> Condition:
    return Unserved("t.status = any({0}::text[])", (tuple(sorted(set(statuses))),))


def filtered_by_status(listing: Listing[InvoiceView], statuses: Collection[str]) -> Condition:
    """The same as a filter. Unpaid and void ones of a tenant are found by indexes on them, for which the status is written
    into the SQL."""
    wanted = set(statuses)
    names = ", ".join(f"'{status}'" for status in InvoiceStatus if status in wanted)
    if not names:
        return Condition("false")
    served = listing is INVOICES and (wanted <= UNPAID or wanted == {InvoiceStatus.VOID})
    return Condition(f"t.status in ({names})") if served else Looked(f"t.status in ({names})", named="status")


async def by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[InvoiceView]:
    return [_invoice(row) for row in await session.fetch_by_ids("invoices", _INVOICE, ids)]


async def by_number(session: ReadSession, number: str) -> InvoiceView | None:
    """The invoice or order with this number."""
    rows_ = await session.fetch(
        f"select {_INVOICE} from invoices t where t.tenant_id = $1 and t.number = $2", clean_name(number)
    )
    return _invoice(rows_[0]) if rows_ else None


async def texts_by_ids(session: ReadSession, ids: Iterable[UUID]) -> dict[UUID, InvoiceTextView]:
    """The tenant's own texts of the invoices that have any."""
    found = [_text(row) for row in await session.look_up(_TEXTS, ids)]
    return {view.id: view for view in found}


async def assignments_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[AssignmentView]:
    return [_assignment(row) for row in await session.fetch_by_ids("assignments", _ASSIGNMENT, ids)]


async def payments_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[PaymentView]:
    return [_payment(row) for row in await session.fetch_by_ids("payments", _PAYMENT, ids)]


async def notes_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[CreditNoteView]:
    return [_note(row) for row in await session.fetch_by_ids("credit_notes", _NOTE, ids)]


async def noted_lines_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[NotedLineView]:
    return [_noted_line(row) for row in await session.fetch_by_ids("credit_note_lines", _NOTED_LINE, ids)]


async def lines_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[InvoiceLineView]:
    return [_line(row) for row in await session.look_up(_LINES_BY_ID, ids)]
