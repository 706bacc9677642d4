"""updateCredit."""

from datetime import datetime
from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import UpdateCredit
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import NOTHING, OutcomeOf, ids, loaded
from schema.types.account import Credit
from schema.types.base import resolved
from schema.types.errors import UserError
from schema.types.ledger import Transaction


@strawberry.input(description="What is blank stays as it is.")
class UpdateCreditInput:
    credit_id: strawberry.ID
    expires_in_days: int | None = strawberry.field(
        default=None,
        description="At the end of the Nth day from today, or from its start if that is later. 0: never.",
    )
    expires_at: datetime | None = None
    never_expires: bool | None = strawberry.field(default=False, description="Take the expiry off.")
    auto_apply: bool | None = strawberry.field(
        default=None, description="false: paused, so that what is left does not go to the next invoice by itself."
    )
    service_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Empty: any service.")
    note: str | None = None
    idempotency_key: str

    def command(self) -> UpdateCredit:
        """Raises NotFound, Invalid."""
        return UpdateCredit(
            credit_id=input_id(self.credit_id, "Credit", "creditId"),
            expires_in_days=self.expires_in_days,
            expires_at=self.expires_at,
            never_expires=bool(self.never_expires),
            auto_apply=self.auto_apply,
            service_ids=None if self.service_ids is None else ids(self.service_ids, "Service", "serviceIds"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
        )


@strawberry.type
class UpdateCreditPayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        return loaded(info, "credits", self.outcome.credit_id)

    @resolved(Transaction | None, "It has no entries: nothing has moved.")
    def transaction(self, info: Info) -> Pending[Any]:
        return loaded(info, "transactions", self.outcome.transaction_id)
