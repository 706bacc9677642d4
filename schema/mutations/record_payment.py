"""recordPayment."""

from datetime import date
from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import RecordPayment
from models.kinds import PaymentMethod
from schema.context import Info
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.naming import InvoiceBy, one
from schema.types.account import Credit
from schema.types.base import resolved
from schema.types.invoice import Invoice, Payment
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput
from schema.types.requests import ApprovalRequest, requested


@strawberry.input
class PreviewPaymentInput(TextsInput):
    """A payment to preview. Its reference and metadata are the transaction's that takes account credit, or keeps what is too
    much: of no other payment."""

    invoice_id: strawberry.ID | None = None
    """Open invoice or order that is paid."""
    invoice_by: InvoiceBy | None = None
    """In place of invoiceId: the invoice or order by number or id. One of the two is needed."""
    amount: Decimal
    """Amount paid, in the invoice's currency, no more than is due unless keepExcess is true."""
    method: PaymentMethod
    """Means of payment. ACCOUNT_CREDIT takes the customer's open credit."""
    received_on: date | None = None
    """Day on which it was received, not in the future. Null: today in the tenant's time zone."""
    keep_excess: bool | None = False
    """Whether what is paid beyond what is due is kept as a credit of the customer's. Not with ACCOUNT_CREDIT. What is kept
    counts as an addition under the limits."""
    request_approval: bool | None = False
    """Whether to ask for approval instead of failing if what is kept exceeds a limit."""
    propose_only: bool | None = False
    """Whether to ask for approval of what is kept in any case, even within the limits."""

    def command(self) -> RecordPayment:
        """Raises NotFound, Invalid."""
        return RecordPayment(
            invoice_id=one(self.invoice_id, self.invoice_by, "Invoice", "invoiceId"),
            amount=self.amount,
            method=self.method.value,
            received_on=self.received_on,
            texts=self.texts(),
            keep_excess=bool(self.keep_excess),
            request_approval=bool(self.request_approval),
            propose_only=bool(self.propose_only),
        )


@strawberry.input
class RecordPaymentInput(KeyedInput, PreviewPaymentInput):
    """A payment to record. Its reference and metadata are the transaction's that takes account credit, or keeps what is too
    much: of no other payment."""


@strawberry.type
class RecordPaymentPayload(PostingPayload):
    """Result of recordPayment."""

    @resolved(Payment | None)
    def payment(self, info: Info) -> Pending[Any]:
        """Payment that was recorded; null if approval was requested."""
        return loaded(info, "Payment", self.outcome.payment_id)

    @resolved(Invoice | None)
    def invoice(self, info: Info) -> Pending[Any]:
        """Invoice after the payment."""
        return loaded(info, "Invoice", self.outcome.invoice_id)

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        """Credit that was kept of it; null if nothing was."""
        return loaded(info, "Credit", self.outcome.credit_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that took account credit, or kept what was too much; null of any other payment."""
        return loaded(info, "Transaction", self.outcome.transaction_id)

    @resolved(ApprovalRequest | None)
    def approval_request(self, info: Info) -> Pending[Any]:
        """Approval request that was made instead of recording; null if the payment was recorded."""
        return requested(info, self.outcome.approval_request_id)
