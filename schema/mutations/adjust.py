"""adjustCredit, and adjustmentPreview, which takes the same input."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import AdjustCredit
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import NOTHING, OutcomeOf, ids, loaded
from schema.scalars import AssetCode
from schema.types.account import Account, Credit
from schema.types.base import resolved
from schema.types.errors import UserError
from schema.types.ledger import Transaction
from schema.types.requests import ApprovalRequest, requested


@strawberry.input
class AdjustCreditInput:
    customer_id: strawberry.ID
    asset: AssetCode
    amount: Decimal = strawberry.field(description="Signed: positive adds, negative removes.")
    reason: str = strawberry.field(description="A code of the tenant's list.")
    note: str | None = strawberry.field(default=None, description="Required with OTHER.")
    expires_in_days: int | None = strawberry.field(
        default=None, description="At the end of the Nth day from today, in the tenant's zone. Blank or 0: never."
    )
    expires_at: datetime | None = None
    effective_on: date | None = strawberry.field(default=None, description="In the future: not to be spent until then.")
    service_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Blank: any service.")
    credit_id: strawberry.ID | None = strawberry.field(default=None, description="A removal from this one credit.")
    auto_apply: bool | None = strawberry.field(
        default=True,
        description="Whether what is left goes to the next invoice by itself; false: paused from the start.",
    )
    request_approval: bool | None = strawberry.field(
        default=False, description="Over a limit: ask a manager, rather than be refused."
    )
    propose_only: bool | None = strawberry.field(
        default=False, description="Wait for a second person in any case, also within the limits."
    )
    idempotency_key: str

    def command(self) -> AdjustCredit:
        """Raises NotFound, Invalid."""
        return AdjustCredit(
            customer_id=input_id(self.customer_id, "Customer", "customerId"),
            asset=self.asset,
            amount=self.amount,
            reason=texts.code(self.reason, texts.MAX_REASON, "reason"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            expires_in_days=self.expires_in_days,
            expires_at=self.expires_at,
            effective_on=self.effective_on,
            service_ids=ids(self.service_ids, "Service", "serviceIds"),
            credit_id=None if self.credit_id is None else input_id(self.credit_id, "Credit", "creditId"),
            request_approval=bool(self.request_approval),
            propose_only=bool(self.propose_only),
            auto_apply=self.auto_apply is not False,
        )


@strawberry.type
class AdjustCreditPayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        return loaded(info, "transactions", self.outcome.transaction_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        return loaded(info, "accounts", self.outcome.account_id)

    @resolved(Credit | None, "The one that was opened, or taken from if it was just one.")
    def credit(self, info: Info) -> Pending[Any]:
        return loaded(info, "credits", self.outcome.credit_id)

    @resolved(ApprovalRequest | None, "Nothing has moved: a manager has to approve first.")
    def approval_request(self, info: Info) -> Pending[Any]:
        return requested(info, self.outcome.approval_request_id)
