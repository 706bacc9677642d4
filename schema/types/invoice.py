"""Invoices and orders, their lines, payments, and the credit set against them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.kinds import AssignmentOrigin, InvoiceKind, InvoiceStatus, PaymentMethod, ProductKind
from models.money import decimal_text, to_decimal, to_price, trimmed
from models.planning.lines import MAX_WHOLE_QUANTITY
from models.reads import credits as credit_reads
from models.reads import invoices, rewards
from models.reads.overpayments import OverpaymentView
from models.views import AssignmentView, InvoiceLineView, InvoiceTextView, InvoiceView, PaymentView
from schema.cells import amount, computed, day, member, node_id, or_null, text
from schema.context import Info
from schema.ids import global_id
from schema.nodes import by_ids, node
from schema.scalars import AssetCode
from schema.types.account import Credit
from schema.types.base import Connection, Node, Reader, resolved
from schema.types.customer import Customer
from schema.types.metadata import MetadataPair, shown_metadata
from schema.types.money import by_invoice, money
from schema.types.pages import paged
from schema.types.product import Product
from schema.types.refs import AssignmentRef, CouponRef, CreditNoteRef, PaymentRef, TransactionRef
from schema.written import plain


@node(InvoiceLineView, by_ids(invoices.lines_by_ids), Permission.READ_INVOICES, owner="invoice_id")
@strawberry.type
@money(by_invoice, "unit_price", "discount_amount", "amount", "tax")
class InvoiceLine(Node):
    """One line of an invoice or order; an order's line keeps the product as it was sold."""

    description: str
    """Text of the line; for orders the product's name at the time."""
    quantity: int = strawberry.field(deprecation_reason="Use units: a quantity may have a fraction.")
    """Number of units, if that is a whole number up to 2,147,483,647; else 0."""
    quantity_decimal: Decimal = strawberry.field(deprecation_reason="Use units, which is the same.")
    """Number of units, such as "2.5"."""
    units: Decimal
    """Number of units, such as "3" or "2.5"."""
    unit_price: Decimal
    """Price of one unit, in the invoice's currency, and possibly finer, such as "0.0125"."""
    discount_percent: Decimal | None
    """Percentage taken off, such as "7.5"; null if none was given."""
    discount_amount: Decimal | None
    """Amount taken off after the percentage; null if none was given."""
    amount: Decimal
    """Total of the line, without its tax: units × unitPrice less its discount, rounded once, half away from zero, to the
    currency's minor unit."""
    tax: Decimal
    """Tax given for the line, which is added to its total."""
    kind: ProductKind | None
    """Kind of the product sold; null on a plain invoice."""
    view: strawberry.Private[InvoiceLineView]

    @classmethod
    def of(cls, view: InvoiceLineView, _reader: Reader) -> "InvoiceLine":
        currency = view.currency
        exact = Decimal(view.quantity) if view.exact_quantity is None else trimmed(view.exact_quantity)
        price_minor = view.unit_price_minor if view.exact_price_minor is None else view.exact_price_minor
        return cls(
            id=global_id("InvoiceLine", view.id),
            description=view.description,
            quantity=int(exact) if exact == int(exact) and exact <= MAX_WHOLE_QUANTITY else 0,
            quantity_decimal=exact,
            units=exact,
            unit_price=to_price(price_minor, currency),
            discount_percent=trimmed(view.discount_percent) if view.discount_percent else None,
            discount_amount=to_decimal(view.discount_minor, currency) if view.discount_minor else None,
            amount=to_decimal(view.amount_minor, currency),
            tax=to_decimal(view.tax_minor or 0, currency),
            kind=None if view.kind is None else ProductKind(view.kind),
            view=view,
        )

    @resolved(Product | None)
    def product(self, info: Info) -> Pending[Any]:
        """Product as it is now; null on a plain invoice."""
        product_id = self.view.product_id
        return None if product_id is None else info.context.loaders.products.get(product_id)


@node(InvoiceView, by_ids(invoices.by_ids), Permission.READ_INVOICES, owner="customer_id")
@plain(
    id=node_id("Invoice"),
    number=text("number"),
    kind=member(InvoiceKind, "kind"),
    currency=text("currency"),
    status=member(InvoiceStatus, "status"),
    total=amount("total_minor", "currency"),
    tax=amount("tax_minor", "currency"),
    paid=amount("paid_minor", "currency"),
    credited=amount("credited_minor", "currency"),
    noted=amount("noted_minor", "currency"),
    due=computed(lambda view, _: decimal_text(view.due_minor, view.currency)),
    creditable=amount("creditable_minor", "currency"),
    issued_on=day("issued_on"),
    due_on=or_null(day, "due_on"),
)
@strawberry.type
class Invoice(Node):
    """A request for payment. An order is an invoice whose lines are products."""

    number: str
    """Number that the tenant gave it, such as "INV-2026-0042"; unique in the tenant."""
    kind: InvoiceKind
    """Whether it is a plain invoice or an order."""
    currency: AssetCode
    """Currency of all its amounts, an ISO 4217 code."""
    status: InvoiceStatus
    """State by how much of it is paid."""
    total: Decimal
    """Sum of all lines, with their tax."""
    tax: Decimal
    """Part of the total that its lines give as tax."""
    paid: Decimal
    """Amount paid in money: cash, card and the like, net of voided payments and of what credit notes gave back."""
    credited: Decimal
    """Amount covered by account credit: assignments, and payments made with credit, net of what credit notes gave back."""
    noted: Decimal
    """Amount that credit notes have taken back, net of voided ones. `total` stays as it was."""
    due: Decimal
    """Amount still to pay: total - noted - paid - credited; nothing of a void one."""
    creditable: Decimal
    """Part of the total that account credit may cover, and credit notes may take back: all lines but those of credit
    products."""
    issued_on: date
    """Day of issue, in the tenant's time zone."""
    due_on: date | None
    """Day by which it is to be paid; null if none was set."""
    view: strawberry.Private[InvoiceView]

    @classmethod
    def of(cls, view: InvoiceView, _reader: Reader) -> "Invoice":
        currency = view.currency
        return cls(
            id=global_id("Invoice", view.id),
            number=view.number,
            currency=AssetCode(currency),
            status=InvoiceStatus(view.status),
            total=to_decimal(view.total_minor, currency),
            tax=to_decimal(view.tax_minor, currency),
            paid=to_decimal(view.paid_minor, currency),
            credited=to_decimal(view.credited_minor, currency),
            noted=to_decimal(view.noted_minor, currency),
            due=to_decimal(view.due_minor, currency),
            creditable=to_decimal(view.creditable_minor, currency),
            kind=InvoiceKind(view.kind),
            issued_on=view.issued_on,
            due_on=view.due_on,
            view=view,
        )

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        """Customer who is to pay."""
        info.context.require(Permission.READ_CUSTOMERS)
        return info.context.loaders.customers.get(self.view.customer_id)

    @resolved(str | None)
    async def reference(self, info: Info) -> str | None:
        """Reference that the tenant's own system gave it; null if there is none."""
        found = await self._texts(info)
        return None if found is None else found.reference

    @resolved(list[MetadataPair] | None)
    async def metadata(self, info: Info) -> list[MetadataPair] | None:
        """Pairs that the tenant's own system attached to it, by key; null to customers."""
        found = await self._texts(info)
        return shown_metadata(None if found is None else found.metadata, to_customer=info.context.is_customer)

    async def _texts(self, info: Info) -> InvoiceTextView | None:
        info.context.require(Permission.READ_INVOICES)
        found: InvoiceTextView | None = await info.context.loaders.invoice_texts.load(self.view.id)
        return found

    @resolved(Connection[AssignmentRef])
    def assignments(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
    ) -> Pending[Any]:
        """Amounts of credit set against it, oldest first, released ones included."""
        info.context.require(Permission.READ_INVOICES)
        return paged(info, invoices.INVOICE_ASSIGNMENTS, self.view.id, (first, after, last, before, reverse))

    @resolved(Connection[InvoiceLine])
    def lines(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
    ) -> Pending[Any]:
        """Lines in the order in which they were entered."""
        info.context.require(Permission.READ_INVOICES)
        return paged(info, invoices.INVOICE_LINES, self.view.id, (first, after, last, before, reverse))

    @resolved(Connection[PaymentRef])
    def payments(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
    ) -> Pending[Any]:
        """Payments received, oldest first, voided ones included."""
        info.context.require(Permission.READ_INVOICES)
        return paged(info, invoices.INVOICE_PAYMENTS, self.view.id, (first, after, last, before, reverse))

    @resolved(Connection[CreditNoteRef])
    def credit_notes(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
    ) -> Pending[Any]:
        """Credit notes on it, oldest first, voided ones included."""
        info.context.require(Permission.READ_INVOICES)
        return paged(info, invoices.INVOICE_NOTES, self.view.id, (first, after, last, before, reverse))

    @resolved(Connection[Credit] | None)
    def granted(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
    ) -> Pending[Any]:
        """Credits that its credit products opened when it was paid in full, oldest first, taken-back ones included."""
        info.context.require(Permission.READ_LEDGER)
        return paged(info, credit_reads.GRANTED, self.view.id, (first, after, last, before, reverse))

    @resolved(Connection[CouponRef] | None)
    def coupons(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
    ) -> Pending[Any]:
        """Coupons used on it, oldest first: also those whose points were given back since, and none that was reopened."""
        info.context.require(Permission.READ_REWARDS)
        return paged(info, rewards.INVOICE_COUPONS, self.view.id, (first, after, last, before, reverse))


@node(AssignmentView, by_ids(invoices.assignments_by_ids), Permission.READ_INVOICES, owner="invoice_id")
@strawberry.type
@money(by_invoice, "amount", "noted")
class Assignment(Node):
    """An amount of one credit set against one invoice."""

    amount: Decimal
    """Amount set against the invoice, in the invoice's currency."""
    noted: Decimal
    """Part of the amount that credit notes gave back to the credit."""
    origin: AssignmentOrigin
    """Whether a user made the assignment or Scrip did."""
    assigned_at: datetime
    """Instant at which it was made."""
    released_at: datetime | None
    """Instant at which the amount went back to its credit; null while it stands."""
    view: strawberry.Private[AssignmentView]

    @classmethod
    def of(cls, view: AssignmentView, _reader: Reader) -> "Assignment":
        return cls(
            id=global_id("Assignment", view.id),
            amount=to_decimal(view.amount_minor, view.currency),
            noted=to_decimal(view.noted_minor, view.currency),
            origin=AssignmentOrigin(view.origin),
            assigned_at=view.assigned_at,
            released_at=view.released_at,
            view=view,
        )

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        """Credit that the amount comes from."""
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.credits.get(self.view.credit_id)

    @resolved(Invoice)
    def invoice(self, info: Info) -> Pending[Any]:
        """Invoice that the amount pays."""
        info.context.require(Permission.READ_INVOICES)
        return info.context.loaders.invoices.get(self.view.invoice_id)


@node(PaymentView, by_ids(invoices.payments_by_ids), Permission.READ_INVOICES, owner="invoice_id")
@strawberry.type
@money(by_invoice, "amount", "noted", "kept")
class Payment(Node):
    """A payment on an invoice, in money or with account credit."""

    amount: Decimal
    """Amount paid, in the invoice's currency, with what was kept of it."""
    noted: Decimal
    """With money: part of the amount that credit notes gave back as credit."""
    method: PaymentMethod
    """Means of payment."""
    received_on: date
    """Day on which it was received, in the tenant's time zone."""
    voided_at: datetime | None
    """Instant at which it was voided; null while it stands."""
    view: strawberry.Private[PaymentView]

    @classmethod
    def of(cls, view: PaymentView, _reader: Reader) -> "Payment":
        return cls(
            id=global_id("Payment", view.id),
            amount=to_decimal(view.amount_minor, view.currency),
            noted=to_decimal(view.noted_minor, view.currency),
            method=PaymentMethod(view.method),
            received_on=view.received_on,
            voided_at=view.voided_at,
            view=view,
        )

    @resolved(Invoice)
    def invoice(self, info: Info) -> Pending[Any]:
        """Invoice that it pays."""
        info.context.require(Permission.READ_INVOICES)
        return info.context.loaders.invoices.get(self.view.invoice_id)

    @resolved(Decimal)
    async def kept(self, info: Info) -> Decimal:
        """Part of the amount beyond what was due, which was kept as credit and pays nothing of the invoice."""
        info.context.require(Permission.READ_INVOICES)
        found = await self._overpayment(info)
        return to_decimal(0 if found is None else found.amount_minor, self.view.currency)

    @resolved(Credit | None)
    async def credit(self, info: Info) -> Any:
        """Credit that was kept of it; null if nothing was."""
        info.context.require(Permission.READ_LEDGER)
        found = await self._overpayment(info)
        return None if found is None else await info.context.loaders.credits.load(found.credit_id)

    async def _overpayment(self, info: Info) -> OverpaymentView | None:
        """None for what was paid with account credit, which need not be read."""
        if self.view.transaction_id is not None:
            return None
        found: OverpaymentView | None = await info.context.loaders.overpayments.load(self.view.id)
        return found

    @resolved(TransactionRef | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """With ACCOUNT_CREDIT: transaction that took the credit. Null for money."""
        info.context.require(Permission.READ_LEDGER)
        transaction_id = self.view.transaction_id
        return None if transaction_id is None else info.context.loaders.transactions.get(transaction_id)
