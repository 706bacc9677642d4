"""transferCredit, and previewTransfer, whose input is the same without a key."""

from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import TransferCredit
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.naming import CustomerBy, one
from schema.scalars import AssetCode
from schema.types.account import Account
from schema.types.base import resolved
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput
from schema.types.requests import ApprovalRequest, requested


@strawberry.input
class PreviewTransferInput(TextsInput):
    """A transfer to preview."""

    from_customer_id: strawberry.ID | None = None
    """Customer whose credit or points move."""
    from_customer_by: CustomerBy | None = None
    """In place of fromCustomerId: the customer by external id or id. One of the two is needed."""
    to_customer_id: strawberry.ID | None = None
    """Customer who receives them: another person."""
    to_customer_by: CustomerBy | None = None
    """In place of toCustomerId: the customer by external id or id. One of the two is needed."""
    asset: AssetCode
    """Asset to move, such as GBP, POINTS or SERVICE_CREDITS."""
    amount: Decimal
    """Amount to move, above zero, such as "4.50"."""
    credit_id: strawberry.ID | None = None
    """Open credit to take it from. Null: open credits in burn order."""
    note: str | None = None
    """Free text of up to 10,000 characters, kept with both transactions and hidden from customers."""
    request_approval: bool | None = False
    """Whether to ask for approval instead of failing if a limit is exceeded."""
    propose_only: bool | None = False
    """Whether to ask for approval in any case, even within the limits."""

    def command(self) -> TransferCredit:
        """Raises NotFound, Invalid."""
        return TransferCredit(
            customer_id=one(self.from_customer_id, self.from_customer_by, "Customer", "fromCustomerId"),
            to_customer_id=one(self.to_customer_id, self.to_customer_by, "Customer", "toCustomerId"),
            asset=self.asset,
            amount=self.amount,
            credit_id=None if self.credit_id is None else input_id(self.credit_id, "Credit", "creditId"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
            request_approval=bool(self.request_approval),
            propose_only=bool(self.propose_only),
        )


@strawberry.input
class TransferCreditInput(KeyedInput, PreviewTransferInput):
    """A transfer to post."""


@strawberry.type
class TransferCreditPayload(PostingPayload):
    """Result of transferCredit."""

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction of the customer who gave; null if approval was requested. Its entries list the credits taken, in burn
        order; its `counterpart` is the other customer's transaction."""
        return loaded(info, "Transaction", self.outcome.transaction_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account of the customer who gave, after the transfer."""
        return loaded(info, "Account", self.outcome.account_id)

    @resolved(ApprovalRequest | None)
    def approval_request(self, info: Info) -> Pending[Any]:
        """Approval request that was made instead of posting; null if the transfer was posted."""
        return requested(info, self.outcome.approval_request_id)
