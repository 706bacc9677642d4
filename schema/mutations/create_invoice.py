"""createInvoice, and previewInvoice, whose input is the same without a key."""

from datetime import date
from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.planning.invoices import MAX_LINES, CreateInvoice, InvoiceLineItem
from schema import texts
from schema.bounds import bounded
from schema.context import Info
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.mutations.quantities import USE_UNITS, quantities
from schema.naming import CustomerBy, one
from schema.scalars import AssetCode
from schema.types.base import resolved
from schema.types.invoice import Invoice
from schema.types.metadata import TextsInput


@strawberry.input
class InvoiceLineInput:
    """One line of an invoice. Its total is units × unitPrice less its discount, rounded once, half away from zero, to the
    currency's minor unit."""

    description: str
    """Text of the line, up to 500 characters."""
    quantity: int | None = strawberry.field(default=None, deprecation_reason=USE_UNITS)
    """Whole number of units, at least 1. Null or 0: `units` or quantityDecimal gives it."""
    unit_price: Decimal
    """Price of one unit in the invoice's currency, not negative, with up to four decimal places in any currency."""
    quantity_decimal: Decimal | None = strawberry.field(default=None, deprecation_reason=USE_UNITS)
    """Number of units that may have a fraction, such as "2.5", above zero and below 10,000,000,000. Null: `units` or
    quantity gives it."""
    units: Decimal | None = None
    """Number of units, such as "3" or "2.5", above zero and below 10,000,000,000, with up to four decimal places. Always
    given, but for those who still send quantity or quantityDecimal."""
    discount_percent: Decimal | None = None
    """Percentage to take off, from 0 to 100, such as "7.5"."""
    discount_amount: Decimal | None = None
    """Amount to take off after the percentage, not negative, and no more than what is left."""
    tax_amount: Decimal | None = None
    """Tax to add to the total of the line, not negative. It is never computed."""

    def line(self, place: int) -> InvoiceLineItem:
        """Raises Invalid."""
        field = ("lines", str(place))
        quantity, quantity_decimal = quantities(self.units, self.quantity, self.quantity_decimal, *field)
        return InvoiceLineItem(
            texts.text(self.description, texts.MAX_DESCRIPTION, *field, "description"),
            quantity,
            self.unit_price,
            quantity_decimal,
            self.discount_percent,
            self.discount_amount,
            self.tax_amount,
        )


@strawberry.input
class PreviewInvoiceInput(TextsInput):
    """An invoice to preview."""

    customer_id: strawberry.ID | None = None
    """Customer who is to pay."""
    customer_by: CustomerBy | None = None
    """In place of customerId: the customer by external id or id. One of the two is needed."""
    number: str
    """Number that is unique in the tenant, up to 64 characters, such as "INV-2026-0042"."""
    currency: AssetCode
    """Currency of all amounts, an ISO 4217 code."""
    lines: list[InvoiceLineInput]
    """Lines, between 1 and 1,000."""
    issued_on: date | None = None
    """Day of issue. Null: today in the tenant's time zone."""
    due_on: date | None = None
    """Day by which it is to be paid, not before issuedOn."""
    auto_apply_credit: bool | None = True
    """Whether to pay it from the customer's open credit at once, in burn order. Takes credits effective on issuedOn and
    not expired when that day begins."""

    def command(self) -> CreateInvoice:
        """Raises NotFound, Invalid."""
        lines = bounded(self.lines, MAX_LINES, f"An invoice has between 1 and {MAX_LINES:,} lines.", "lines")
        return CreateInvoice(
            customer_id=one(self.customer_id, self.customer_by, "Customer", "customerId"),
            number=texts.name_as_sent(self.number, texts.MAX_NUMBER, "number"),
            currency=self.currency,
            lines=tuple(line.line(place) for place, line in enumerate(lines)),
            issued_on=self.issued_on,
            due_on=self.due_on,
            auto_apply=self.auto_apply_credit is not False,
            invoice_texts=self.texts(),
        )


@strawberry.input
class CreateInvoiceInput(KeyedInput, PreviewInvoiceInput):
    """An invoice to issue."""


@strawberry.type
class CreateInvoicePayload(PostingPayload):
    """Result of createInvoice."""

    @resolved(Invoice | None)
    def invoice(self, info: Info) -> Pending[Any]:
        """Invoice that was issued."""
        return loaded(info, "Invoice", self.outcome.invoice_id)
