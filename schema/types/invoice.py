"""Invoices and orders, their lines, payments, and the credit set against them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.money import to_decimal
from models.reads import credits as credit_reads
from models.reads import invoices
from models.views import AssignmentView, InvoiceLineView, InvoiceView, PaymentView
from schema.context import Info
from schema.ids import global_id
from schema.scalars import AssetCode
from schema.types.account import Credit
from schema.types.base import Connection, Node, Reader, resolved
from schema.types.customer import Customer
from schema.types.enums import AssignmentOrigin, InvoiceKind, InvoiceStatus, PaymentMethod, ProductKind
from schema.types.pages import paged
from schema.types.product import Product
from schema.types.refs import AssignmentRef, TransactionRef

PaymentRef = Annotated["Payment", strawberry.lazy("schema.types.invoice")]


@strawberry.type(description="One line of an invoice; of an order's, with the product as it was sold.")
class InvoiceLine:
    description: str
    quantity: int
    unit_price: Decimal
    amount: Decimal
    kind: ProductKind | None
    view: strawberry.Private[InvoiceLineView]

    @classmethod
    def of(cls, view: InvoiceLineView, _reader: Reader) -> "InvoiceLine":
        price = to_decimal(view.unit_price_minor, view.currency)
        return cls(
            description=view.description, quantity=view.quantity, unit_price=price, amount=view.quantity * price,
            kind=None if view.kind is None else ProductKind(view.kind), view=view,
        )  # fmt: skip

    @resolved(Product | None, "As it is now.")
    def product(self, info: Info) -> Pending[Any]:
        product_id = self.view.product_id
        return None if product_id is None else info.context.loaders.products.get(product_id)


@strawberry.type(description="What a customer is asked to pay. An order is an invoice whose lines are products.")
class Invoice(Node):
    number: str
    kind: InvoiceKind
    currency: AssetCode
    status: InvoiceStatus
    total: Decimal
    paid: Decimal = strawberry.field(description="By payments.")
    credited: Decimal = strawberry.field(description="By account credit: assignments, and payments made with it.")
    due: Decimal
    creditable: Decimal = strawberry.field(
        description="As much of the total as account credit may pay: what is not for credit products."
    )
    issued_on: date
    due_on: date | None
    view: strawberry.Private[InvoiceView]

    @classmethod
    def of(cls, view: InvoiceView, _reader: Reader) -> "Invoice":
        currency = view.currency
        return cls(
            id=global_id("Invoice", view.id), number=view.number, currency=AssetCode(currency),
            status=InvoiceStatus(view.status), total=to_decimal(view.total_minor, currency),
            paid=to_decimal(view.paid_minor, currency), credited=to_decimal(view.credited_minor, currency),
            due=to_decimal(view.due_minor, currency), creditable=to_decimal(view.creditable_minor, currency),
            kind=InvoiceKind(view.kind), issued_on=view.issued_on, due_on=view.due_on, view=view,
        )  # fmt: skip

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_CUSTOMERS)
        return info.context.loaders.customers.get(self.view.customer_id)

    @resolved(Connection[AssignmentRef], "Released ones too, oldest first.")
    def assignments(
        self, info: Info, first: int | None = None, after: str | None = None, last: int | None = None,
        before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_INVOICES)
        return paged(info, invoices.INVOICE_ASSIGNMENTS, self.view.id, (first, after, last, before))

    @resolved(Connection[InvoiceLine], "As they were written.")
    def lines(
        self, info: Info, first: int | None = None, after: str | None = None, last: int | None = None,
        before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_INVOICES)
        return paged(info, invoices.INVOICE_LINES, self.view.id, (first, after, last, before))

    @resolved(Connection[PaymentRef], "Voided ones too, oldest first.")
    def payments(
        self, info: Info, first: int | None = None, after: str | None = None, last: int | None = None,
        before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_INVOICES)
        return paged(info, invoices.INVOICE_PAYMENTS, self.view.id, (first, after, last, before))

    @resolved(
        Connection[Credit] | None,
        "What its credit products put on the account once it was paid in full, and what was taken back; oldest first.",
    )
    def granted(
        self, info: Info, first: int | None = None, after: str | None = None, last: int | None = None,
        before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_LEDGER)
        return paged(info, credit_reads.GRANTED, self.view.id, (first, after, last, before))


@strawberry.type(description="An amount of one credit set against one invoice.")
class Assignment(Node):
    amount: Decimal
    origin: AssignmentOrigin
    assigned_at: datetime
    released_at: datetime | None
    view: strawberry.Private[AssignmentView]

    @classmethod
    def of(cls, view: AssignmentView, _reader: Reader) -> "Assignment":
        return cls(
            id=global_id("Assignment", view.id), amount=to_decimal(view.amount_minor, view.currency),
            origin=AssignmentOrigin(view.origin), assigned_at=view.assigned_at, released_at=view.released_at, view=view,
        )  # fmt: skip

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.credits.get(self.view.credit_id)

    @resolved(Invoice)
    def invoice(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_INVOICES)
        return info.context.loaders.invoices.get(self.view.invoice_id)


@strawberry.type(description="What was paid on an invoice: money that came in, or account credit.")
class Payment(Node):
    amount: Decimal
    method: PaymentMethod
    received_on: date
    voided_at: datetime | None
    view: strawberry.Private[PaymentView]

    @classmethod
    def of(cls, view: PaymentView, _reader: Reader) -> "Payment":
        return cls(
            id=global_id("Payment", view.id), amount=to_decimal(view.amount_minor, view.currency),
            method=PaymentMethod(view.method), received_on=view.received_on, voided_at=view.voided_at, view=view,
        )  # fmt: skip

    @resolved(Invoice)
    def invoice(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_INVOICES)
        return info.context.loaders.invoices.get(self.view.invoice_id)

    @resolved(TransactionRef | None, "With ACCOUNT_CREDIT, what took the credit.")
    def transaction(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_LEDGER)
        transaction_id = self.view.transaction_id
        return None if transaction_id is None else info.context.loaders.transactions.get(transaction_id)
