"""approveRequest, rejectRequest and withdrawRequest."""

from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.commands import ApproveRequest
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import NOTHING, OutcomeOf, loaded
from schema.types.account import Account, Credit
from schema.types.base import resolved
from schema.types.errors import UserError
from schema.types.invoice import Invoice
from schema.types.ledger import Transaction
from schema.types.requests import ApprovalRequest
from schema.types.reward import Coupon


@strawberry.input
class ApproveRequestInput:
    request_id: strawberry.ID
    note: str | None = strawberry.field(default=None, description="Stays with the request.")
    version: str | None = strawberry.field(
        default=None,
        description="As REQUEST_CHANGED or the request tells it: approve that. Blank: only if nothing has changed.",
    )
    idempotency_key: str

    def command(self) -> ApproveRequest:
        """Raises NotFound, Invalid."""
        version = texts.optional(self.version, texts.MAX_NAME, "version")
        return ApproveRequest(
            _request(self.request_id), texts.optional(self.note, texts.MAX_NOTE, "note"), version or None
        )


@strawberry.input
class Decision:
    """What rejecting and withdrawing say alike."""

    request_id: strawberry.ID
    note: str | None = strawberry.field(default=None, description="Why. Stays with the request.")

    def decision(self) -> tuple[UUID, str | None]:
        """Raises NotFound, Invalid."""
        return _request(self.request_id), texts.optional(self.note, texts.MAX_NOTE, "note")


@strawberry.input
class RejectRequestInput(Decision):
    pass


@strawberry.input
class WithdrawRequestInput(Decision):
    pass


def _request(text: str) -> UUID:
    return input_id(text, "ApprovalRequest", "requestId")


@strawberry.type
class ApproveRequestPayload:
    replayed: bool = strawberry.field(
        default=False, description="Whether it had been approved before: nothing was posted by this."
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(ApprovalRequest | None)
    def approval_request(self, info: Info) -> Pending[Any]:
        return loaded(info, "approval_requests", self.outcome.approval_request_id)

    @resolved(Transaction | None, "Of whoever asked, on the approval of whoever approved.")
    def transaction(self, info: Info) -> Pending[Any]:
        return loaded(info, "transactions", self.outcome.transaction_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        return loaded(info, "accounts", self.outcome.account_id)

    @resolved(Credit | None, "Of an adjustment.")
    def credit(self, info: Info) -> Pending[Any]:
        return loaded(info, "credits", self.outcome.credit_id)

    @resolved(Coupon | None, "Of a reward.")
    def coupon(self, info: Info) -> Pending[Any]:
        return loaded(info, "coupons", self.outcome.coupon_id)

    @resolved(Invoice | None, "Of an order.")
    def order(self, info: Info) -> Pending[Any]:
        return loaded(info, "invoices", self.outcome.invoice_id)


@strawberry.type
class DecidedPayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    request_id: strawberry.Private[UUID | None] = None

    @resolved(ApprovalRequest | None)
    def approval_request(self, info: Info) -> Pending[Any]:
        return loaded(info, "approval_requests", self.request_id)


@strawberry.type
class RejectRequestPayload(DecidedPayload):
    pass


@strawberry.type
class WithdrawRequestPayload(DecidedPayload):
    pass
