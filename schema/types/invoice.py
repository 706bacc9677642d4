"""Invoices, payments, and the credit set against invoices."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry

from auth.roles import Permission
from models.money import to_decimal
from models.reads import invoices
from models.views import AssignmentView, InvoiceView, PaymentView
from schema.context import Info
from schema.ids import global_id
from schema.scalars import AssetCode
from schema.types.account import AssignmentRef, Credit
from schema.types.base import Connection, Node, Pending, Reader, paged, resolved
from schema.types.customer import Customer
from schema.types.enums import AssignmentOrigin, InvoiceStatus, PaymentMethod


@strawberry.type(description="What a customer is asked to pay.")
class Invoice(Node):
    number: str
    currency: AssetCode
    status: InvoiceStatus
    total: Decimal
    paid: Decimal = strawberry.field(description="By payments.")
    credited: Decimal = strawberry.field(description="By assignments of credit.")
    due: Decimal
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
            due=to_decimal(view.due_minor, currency), issued_on=view.issued_on, due_on=view.due_on, view=view,
        )  # fmt: skip

    @resolved(Customer)
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

    @resolved(Credit)
    def credit(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.credits.get(self.view.credit_id)

    @resolved(Invoice)
    def invoice(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_INVOICES)
        return info.context.loaders.invoices.get(self.view.invoice_id)


@strawberry.type(description="Money that came in for an invoice.")
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
