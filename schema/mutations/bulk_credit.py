"""bulkCredit."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from models.commands import BulkCredit, BulkItem
from models.errors import NotFound
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import NOTHING, OutcomeOf, loaded
from schema.scalars import AssetCode
from schema.types.base import Pending, resolved
from schema.types.enums import BulkErrorPolicy
from schema.types.errors import UserError
from schema.types.requests import BulkOperation
from turns.steps import Steps, each


@strawberry.input
class BulkCreditItemInput:
    customer_id: strawberry.ID
    amount: Decimal

    def item(self) -> BulkItem:
        """An id that is no customer's is a bad row, not a bad bulk."""
        try:
            return BulkItem(input_id(self.customer_id, "Customer"), self.amount)
        except NotFound:
            return BulkItem(None, self.amount)


@strawberry.input
class BulkCreditInput:
    items: list[BulkCreditItemInput]
    asset: AssetCode
    reason: str
    note: str | None = None
    expires_in_days: int | None = None
    expires_at: datetime | None = None
    error_policy: BulkErrorPolicy | None = BulkErrorPolicy.REJECT_ALL
    dry_run: bool | None = strawberry.field(default=False, description="Report the same, and post nothing.")
    allow_duplicate_customers: bool | None = False
    idempotency_key: str

    def command(self) -> Steps[BulkCredit]:
        """Raises Invalid."""
        items = yield from each(BulkCreditItemInput.item, self.items)
        return BulkCredit(
            items=tuple(items),
            asset=self.asset,
            reason=texts.code(self.reason, texts.MAX_REASON, "reason"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            expires_in_days=self.expires_in_days,
            expires_at=self.expires_at,
            error_policy=(self.error_policy or BulkErrorPolicy.REJECT_ALL).value,
            dry_run=bool(self.dry_run),
            allow_duplicate_customers=bool(self.allow_duplicate_customers),
        )


@strawberry.type
class BulkCreditPayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(BulkOperation | None)
    def operation(self, info: Info) -> Pending[Any]:
        return loaded(info, "bulk_operations", self.outcome.bulk_operation_id)
