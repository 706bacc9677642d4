"""recordPayment."""

from datetime import date
from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import RecordPayment
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import NOTHING, OutcomeOf, loaded
from schema.types.base import resolved
from schema.types.enums import PaymentMethod
from schema.types.errors import UserError
from schema.types.invoice import Invoice, Payment


@strawberry.input
class RecordPaymentInput:
    invoice_id: strawberry.ID
    amount: Decimal
    method: PaymentMethod
    received_on: date | None = strawberry.field(default=None, description="Blank: today, in the tenant's zone.")
    idempotency_key: str

    def command(self) -> RecordPayment:
        """Raises NotFound."""
        return RecordPayment(
            invoice_id=input_id(self.invoice_id, "Invoice", "invoiceId"),
            amount=self.amount,
            method=self.method.value,
            received_on=self.received_on,
        )


@strawberry.type
class RecordPaymentPayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(Payment | None)
    def payment(self, info: Info) -> Pending[Any]:
        return loaded(info, "payments", self.outcome.payment_id)

    @resolved(Invoice | None)
    def invoice(self, info: Info) -> Pending[Any]:
        return loaded(info, "invoices", self.outcome.invoice_id)
