"""refundSpend, and previewRefund, whose input is the same without a key."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import NewExpiry, RefundSpend
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.types.account import Account
from schema.types.base import resolved
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput
from schema.types.requests import ApprovalRequest, requested


@strawberry.input
class PreviewRefundInput(TextsInput):
    """A refund of a spend to preview."""

    transaction_id: strawberry.ID
    """Transaction of spendCredit or useCredit that is given back."""
    amount: Decimal | None = None
    """Amount to give back, above zero, such as "4.50". Null: all that has not been given back yet."""
    expires_in_days: int | None = None
    """New expiry, for managers: days from today, for credits that have expired since; what comes back to them is kept
    then, and does not expire at once. 0: never."""
    expires_at: datetime | None = None
    """New instant of expiry, in place of expiresInDays."""
    never_expires: bool | None = False
    """Whether those credits are never to expire, in place of expiresInDays."""
    note: str | None = None
    """Free text of up to 10,000 characters, hidden from customers."""
    request_approval: bool | None = False
    """Whether to ask for approval instead of failing if a limit is exceeded."""
    propose_only: bool | None = False
    """Whether to ask for approval in any case, even within the limits."""

    def new_expiry(self) -> NewExpiry:
        """Of what comes back to credits that have expired."""
        return NewExpiry(self.expires_in_days, self.expires_at, bool(self.never_expires))

    def command(self) -> RefundSpend:
        """Raises NotFound, Invalid."""
        return RefundSpend(
            transaction_id=input_id(self.transaction_id, "Transaction", "transactionId"),
            amount=self.amount,
            new_expiry=self.new_expiry(),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
            request_approval=bool(self.request_approval),
            propose_only=bool(self.propose_only),
        )


@strawberry.input
class RefundSpendInput(KeyedInput, PreviewRefundInput):
    """A refund of a spend to post."""


@strawberry.type
class RefundSpendPayload(PostingPayload):
    """Result of refundSpend."""

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that was posted; null if approval was requested. Its entries list the credits that value went back to;
        what has expired since comes back and expires."""
        return loaded(info, "Transaction", self.outcome.transaction_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account after the refund."""
        return loaded(info, "Account", self.outcome.account_id)

    @resolved(ApprovalRequest | None)
    def approval_request(self, info: Info) -> Pending[Any]:
        """Approval request that was made instead of posting; null if the refund was posted."""
        return requested(info, self.outcome.approval_request_id)
