"""captureHold, and previewCapture, whose input is the same without a key."""

from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.planning.capturing import CaptureHold
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.naming import InvoiceBy, one_or_none
from schema.types.account import Account
from schema.types.base import resolved
from schema.types.hold import Hold
from schema.types.invoice import Invoice, Payment
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput


@strawberry.input
class PreviewCaptureInput(TextsInput):
    """A capture of a hold, or of a part of it, to preview."""

    hold_id: strawberry.ID
    """Hold to take from."""
    amount: Decimal | None = None
    """Amount to take, above zero, no more than is held; the rest stays held. Null: all that is held, or of an invoice as
    much as is due on it."""
    invoice_id: strawberry.ID | None = None
    """Open invoice or order of the customer to pay. Null: the one that the hold is for; if it is for none, a spend."""
    invoice_by: InvoiceBy | None = None
    """In place of invoiceId: the invoice or order by number or id."""
    note: str | None = None
    """Free text of up to 10,000 characters, hidden from customers."""

    def command(self) -> CaptureHold:
        """Raises NotFound, Invalid."""
        return CaptureHold(
            hold_id=input_id(self.hold_id, "Hold", "holdId"),
            amount=self.amount,
            invoice_id=one_or_none(self.invoice_id, self.invoice_by, "Invoice", "invoiceId"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
        )


@strawberry.input
class CaptureHoldInput(KeyedInput, PreviewCaptureInput):
    """A hold to capture, or a part of it."""


@strawberry.type
class CaptureHoldPayload(PostingPayload):
    """Result of captureHold."""

    @resolved(Hold | None)
    def hold(self, info: Info) -> Pending[Any]:
        """Hold after the capture."""
        return loaded(info, "Hold", self.outcome.hold_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account after the capture."""
        return loaded(info, "Account", self.outcome.account_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that was posted: a spend, which refundSpend gives back, or what set the credit against the invoice.
        Its entries list the credits that were held."""
        return loaded(info, "Transaction", self.outcome.transaction_id)

    @resolved(Payment | None)
    def payment(self, info: Info) -> Pending[Any]:
        """Payment that was recorded, which voidPayment takes back; null for a spend."""
        return loaded(info, "Payment", self.outcome.payment_id)

    @resolved(Invoice | None)
    def invoice(self, info: Info) -> Pending[Any]:
        """Invoice after the payment; null for a spend."""
        return loaded(info, "Invoice", self.outcome.invoice_id)
