"""adjustCredit, and previewAdjustment, whose input is the same without a key."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import AdjustCredit
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.naming import CustomerBy, ServiceBy, one, some
from schema.scalars import AssetCode
from schema.types.account import Account, Credit
from schema.types.base import resolved
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput
from schema.types.requests import ApprovalRequest, requested


@strawberry.input
class PreviewAdjustmentInput(TextsInput):
    """An adjustment to preview."""

    customer_id: strawberry.ID | None = None
    """Customer to adjust."""
    customer_by: CustomerBy | None = None
    """In place of customerId: the customer by external id or id. One of the two is needed."""
    asset: AssetCode
    """Asset to adjust, such as GBP, POINTS or SERVICE_CREDITS."""
    amount: Decimal
    """Amount to add (positive) or remove (negative), such as "25.00" or "-2.50"."""
    reason: str
    """Code of an active reason, such as GOODWILL; see adjustmentReasons."""
    note: str | None = None
    """Free text of up to 10,000 characters, hidden from customers. Some reasons require it; OTHER always does."""
    expires_in_days: int | None = None
    """Days until the credit expires, up to the end of the last day in the tenant's time zone. Null or 0: never. For
    additions only."""
    expires_at: datetime | None = None
    """Instant at which the credit expires, in place of expiresInDays. For additions only."""
    effective_on: date | None = None
    """Day from which the credit can be spent. Null: now. For additions only."""
    service_ids: list[strawberry.ID] | None = None
    """Services to restrict the credit to, at most 100. Null or empty: any service. For SERVICE_CREDITS only."""
    services_by: list[ServiceBy] | None = None
    """In place of serviceIds: the same services by name or id."""
    credit_id: strawberry.ID | None = None
    """Credit to remove from. Null: open credits in burn order. For removals only."""
    auto_apply: bool | None = True
    """Whether the remainder is applied to the next invoice. false: paused."""
    request_approval: bool | None = False
    """Whether to ask for approval instead of failing if a limit is exceeded."""
    propose_only: bool | None = False
    """Whether to ask for approval in any case, even within the limits."""

    def command(self) -> AdjustCredit:
        """Raises NotFound, Invalid."""
        return AdjustCredit(
            customer_id=one(self.customer_id, self.customer_by, "Customer", "customerId"),
            asset=self.asset,
            amount=self.amount,
            reason=texts.code(self.reason, texts.MAX_REASON, "reason"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
            expires_in_days=self.expires_in_days,
            expires_at=self.expires_at,
            effective_on=self.effective_on,
            service_ids=some(self.service_ids, self.services_by, "Service", "serviceIds") or (),
            credit_id=None if self.credit_id is None else input_id(self.credit_id, "Credit", "creditId"),
            request_approval=bool(self.request_approval),
            propose_only=bool(self.propose_only),
            auto_apply=self.auto_apply is not False,
        )


@strawberry.input
class AdjustCreditInput(KeyedInput, PreviewAdjustmentInput):
    """An adjustment to post."""


@strawberry.type
class AdjustCreditPayload(PostingPayload):
    """Result of adjustCredit."""

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that was posted; null if approval was requested."""
        return loaded(info, "Transaction", self.outcome.transaction_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account after the adjustment."""
        return loaded(info, "Account", self.outcome.account_id)

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        """Credit that was opened or, if exactly one was, taken from."""
        return loaded(info, "Credit", self.outcome.credit_id)

    @resolved(ApprovalRequest | None)
    def approval_request(self, info: Info) -> Pending[Any]:
        """Approval request that was made instead of posting; null if the adjustment was posted."""
        return requested(info, self.outcome.approval_request_id)
