"""voidPayment."""

from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import VoidPayment
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import NOTHING, OutcomeOf, loaded
from schema.types.base import resolved
from schema.types.errors import UserError
from schema.types.invoice import Invoice, Payment
from schema.types.ledger import Transaction


@strawberry.input
class VoidPaymentInput:
    payment_id: strawberry.ID
    note: str | None = None
    idempotency_key: str

    def command(self) -> VoidPayment:
        """Raises NotFound, Invalid."""
        return VoidPayment(
            payment_id=input_id(self.payment_id, "Payment", "paymentId"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
        )


@strawberry.type
class VoidPaymentPayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(Payment | None)
    def payment(self, info: Info) -> Pending[Any]:
        return loaded(info, "payments", self.outcome.payment_id)

    @resolved(Invoice | None)
    def invoice(self, info: Info) -> Pending[Any]:
        return loaded(info, "invoices", self.outcome.invoice_id)

    @resolved(Transaction | None, "What put account credit back; null where the payment was made with money.")
    def transaction(self, info: Info) -> Pending[Any]:
        return loaded(info, "transactions", self.outcome.transaction_id)
