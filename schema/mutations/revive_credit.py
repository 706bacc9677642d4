"""reviveCredit, and previewRevival, whose input is the same without a key."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import NewExpiry, ReviveCredit
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.types.account import Account, Credit
from schema.types.base import resolved
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput
from schema.types.requests import ApprovalRequest, requested


@strawberry.input
class PreviewRevivalInput(TextsInput):
    """A revival of what has expired to preview. Give the new expiry in one of three ways."""

    credit_id: strawberry.ID
    """Credit of which something has expired."""
    reason: str
    """Code of an adjustment reason that serves additions, such as GOODWILL."""
    amount: Decimal | None = None
    """Amount to put back, above zero, such as "4.50". Null: all that has expired and was not put back."""
    expires_in_days: int | None = None
    """New expiry of the whole credit: days from today. 0: never."""
    expires_at: datetime | None = None
    """New instant of expiry, in place of expiresInDays."""
    never_expires: bool | None = False
    """Whether the credit is never to expire, in place of expiresInDays."""
    note: str | None = None
    """Free text of up to 10,000 characters, hidden from customers."""
    request_approval: bool | None = False
    """Whether to ask for approval instead of failing if a limit is exceeded."""
    propose_only: bool | None = False
    """Whether to ask for approval in any case, even within the limits."""

    def command(self) -> ReviveCredit:
        """Raises NotFound, Invalid."""
        return ReviveCredit(
            credit_id=input_id(self.credit_id, "Credit", "creditId"),
            reason=texts.code(self.reason, texts.MAX_REASON, "reason"),
            new_expiry=NewExpiry(self.expires_in_days, self.expires_at, bool(self.never_expires)),
            amount=self.amount,
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
            request_approval=bool(self.request_approval),
            propose_only=bool(self.propose_only),
        )


@strawberry.input
class ReviveCreditInput(KeyedInput, PreviewRevivalInput):
    """A revival of what has expired to post. Give the new expiry in one of three ways."""


@strawberry.type
class ReviveCreditPayload(PostingPayload):
    """Result of reviveCredit."""

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        """Credit after the revival; null if approval was requested."""
        return loaded(info, "Credit", self.outcome.credit_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that was posted; null if approval was requested."""
        return loaded(info, "Transaction", self.outcome.transaction_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account after the revival."""
        return loaded(info, "Account", self.outcome.account_id)

    @resolved(ApprovalRequest | None)
    def approval_request(self, info: Info) -> Pending[Any]:
        """Approval request that was made instead of posting; null if the revival was posted."""
        return requested(info, self.outcome.approval_request_id)
