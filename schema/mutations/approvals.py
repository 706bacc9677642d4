"""approveRequest, rejectRequest and withdrawRequest."""

from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.planning.approving import ApproveRequest
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import KeyedInput, Payload, PostingPayload, loaded
from schema.types.account import Account, Credit
from schema.types.base import resolved
from schema.types.invoice import Invoice, Payment
from schema.types.ledger import Transaction
from schema.types.requests import ApprovalRequest
from schema.types.reward import Coupon


@strawberry.input
class ApproveRequestInput(KeyedInput):
    """An approval of another user's request."""

    request_id: strawberry.ID
    """Approval request to approve."""
    note: str | None = None
    """Free text kept with the request."""
    version: str | None = None
    """Version of the terms to approve, from the request or from REQUEST_CHANGED. Null: approve only if nothing has
    changed."""

    def command(self) -> ApproveRequest:
        """Raises NotFound, Invalid."""
        version = texts.optional(self.version, texts.MAX_NAME, "version")
        return ApproveRequest(
            _request(self.request_id), texts.optional(self.note, texts.MAX_NOTE, "note"), version or None
        )


@strawberry.input
class Decision:
    """An end to an approval request without approving it."""

    request_id: strawberry.ID
    """Approval request to decide."""
    note: str | None = None
    """Why, as free text kept with the request."""

    def decision(self) -> tuple[UUID, str | None]:
        """Raises NotFound, Invalid."""
        return _request(self.request_id), texts.optional(self.note, texts.MAX_NOTE, "note")


@strawberry.input
class RejectRequestInput(Decision):
    """A rejection of another user's request."""


@strawberry.input
class WithdrawRequestInput(Decision):
    """A withdrawal of one's own request."""


def _request(text: str) -> UUID:
    return input_id(text, "ApprovalRequest", "requestId")


@strawberry.type
class ApproveRequestPayload(PostingPayload):
    """Result of approveRequest."""

    replayed: bool = False
    """Whether the request had been approved before; nothing was posted this time."""

    @resolved(ApprovalRequest | None)
    def approval_request(self, info: Info) -> Pending[Any]:
        """Approval request after the decision."""
        return loaded(info, "ApprovalRequest", self.outcome.approval_request_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that was posted, with the requester as actor; null for an order."""
        return loaded(info, "Transaction", self.outcome.transaction_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account after the posting; null for an order, and if replayed."""
        return loaded(info, "Account", self.outcome.account_id)

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        """Credit that was opened or taken from; null unless the request was an adjustment or a payment, and if replayed."""
        return loaded(info, "Credit", self.outcome.credit_id)

    @resolved(Coupon | None)
    def coupon(self, info: Info) -> Pending[Any]:
        """Coupon that was issued; null unless the request was for a reward, and if replayed."""
        return loaded(info, "Coupon", self.outcome.coupon_id)

    @resolved(Payment | None)
    def payment(self, info: Info) -> Pending[Any]:
        """Payment that was recorded; null unless the request was for one."""
        return loaded(info, "Payment", self.outcome.payment_id)

    @resolved(Invoice | None)
    def order(self, info: Info) -> Pending[Any]:
        """Order that was made; null unless the request was for one."""
        done = self.outcome
        # That of a credit note is the invoice that it is for.
        return loaded(info, "Invoice", done.invoice_id if done.credit_note_id is None else None)


@strawberry.type
class DecidedPayload(Payload):
    """Result of ending an approval request."""

    request_id: strawberry.Private[UUID | None] = None

    @resolved(ApprovalRequest | None)
    def approval_request(self, info: Info) -> Pending[Any]:
        """Approval request after the decision."""
        return loaded(info, "ApprovalRequest", self.request_id)


@strawberry.type
class RejectRequestPayload(DecidedPayload):
    """Result of rejectRequest."""


@strawberry.type
class WithdrawRequestPayload(DecidedPayload):
    """Result of withdrawRequest."""
