"""recordPayment."""

from datetime import date
from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.kinds import PaymentMethod
from models.planning.payments import RecordPayment
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.types.base import resolved
from schema.types.invoice import Invoice, Payment


@strawberry.input
class RecordPaymentInput(KeyedInput):
    """A payment to record."""

    invoice_id: strawberry.ID
    """Open invoice or order that is paid."""
    amount: Decimal
    """Amount paid, in the invoice's currency, no more than is due."""
    method: PaymentMethod
    """Means of payment. ACCOUNT_CREDIT takes the customer's open credit."""
    received_on: date | None = None
    """Day on which it was received, not in the future. Null: today in the tenant's time zone."""

    def command(self) -> RecordPayment:
        """Raises NotFound."""
        return RecordPayment(
            invoice_id=input_id(self.invoice_id, "Invoice", "invoiceId"),
            amount=self.amount,
            method=self.method.value,
            received_on=self.received_on,
        )


@strawberry.type
class RecordPaymentPayload(PostingPayload):
    """Result of recordPayment."""

    @resolved(Payment | None)
    def payment(self, info: Info) -> Pending[Any]:
        """Payment that was recorded."""
        return loaded(info, "Payment", self.outcome.payment_id)

    @resolved(Invoice | None)
    def invoice(self, info: Info) -> Pending[Any]:
        """Invoice after the payment."""
        return loaded(info, "Invoice", self.outcome.invoice_id)
