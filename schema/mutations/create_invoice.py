"""createInvoice."""

from datetime import date
from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import CreateInvoice, InvoiceLineItem
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import NOTHING, OutcomeOf, loaded
from schema.scalars import AssetCode
from schema.types.base import resolved
from schema.types.errors import UserError
from schema.types.invoice import Invoice


@strawberry.input
class InvoiceLineInput:
    description: str
    quantity: int
    unit_price: Decimal

    def line(self, place: int) -> InvoiceLineItem:
        field = ("lines", str(place), "description")
        return InvoiceLineItem(
            texts.text(self.description, texts.MAX_DESCRIPTION, *field), self.quantity, self.unit_price
        )


@strawberry.input
class CreateInvoiceInput:
    customer_id: strawberry.ID
    number: str
    currency: AssetCode
    lines: list[InvoiceLineInput]
    issued_on: date | None = strawberry.field(default=None, description="Blank: today, in the tenant's zone.")
    due_on: date | None = None
    auto_apply_credit: bool | None = strawberry.field(
        default=True,
        description=(
            "Set the customer's open credit against it, in burn order: what is effective on its day or before, and has "
            "not expired when that day begins."
        ),
    )
    idempotency_key: str

    def command(self) -> CreateInvoice:
        """Raises NotFound, Invalid."""
        return CreateInvoice(
            customer_id=input_id(self.customer_id, "Customer", "customerId"),
            number=texts.name_as_sent(self.number, texts.MAX_NUMBER, "number"),
            currency=self.currency,
            lines=tuple(line.line(place) for place, line in enumerate(self.lines)),
            issued_on=self.issued_on,
            due_on=self.due_on,
            auto_apply=self.auto_apply_credit is not False,
        )


@strawberry.type
class CreateInvoicePayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(Invoice | None)
    def invoice(self, info: Info) -> Pending[Any]:
        return loaded(info, "invoices", self.outcome.invoice_id)
