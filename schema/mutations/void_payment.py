"""voidPayment."""

from typing import Any

import strawberry

from gateway.reading import Pending
from models.planning.payments import VoidPayment
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.types.base import resolved
from schema.types.invoice import Invoice, Payment
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput


@strawberry.input
class PreviewVoidPaymentInput(TextsInput):
    """A payment whose voiding to preview."""

    payment_id: strawberry.ID
    """Payment to void."""
    note: str | None = None
    """Free text of up to 10,000 characters, hidden from customers."""

    def command(self) -> VoidPayment:
        """Raises NotFound, Invalid."""
        return VoidPayment(
            payment_id=input_id(self.payment_id, "Payment", "paymentId"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
        )


@strawberry.input
class VoidPaymentInput(KeyedInput, PreviewVoidPaymentInput):
    """A payment to void. Its reference and metadata are the transaction's, if account credit or what was kept moves."""


@strawberry.type
class VoidPaymentPayload(PostingPayload):
    """Result of voidPayment."""

    @resolved(Payment | None)
    def payment(self, info: Info) -> Pending[Any]:
        """Payment after it was voided."""
        return loaded(info, "Payment", self.outcome.payment_id)

    @resolved(Invoice | None)
    def invoice(self, info: Info) -> Pending[Any]:
        """Invoice after it, due again by the amount."""
        return loaded(info, "Invoice", self.outcome.invoice_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that returned account credit; null if the payment was made in money."""
        return loaded(info, "Transaction", self.outcome.transaction_id)
