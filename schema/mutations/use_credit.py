"""useCredit."""

from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import UseCredit
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import NOTHING, OutcomeOf, loaded
from schema.types.account import Account
from schema.types.base import resolved
from schema.types.errors import UserError
from schema.types.ledger import Transaction


@strawberry.input
class UseCreditInput:
    customer_id: strawberry.ID
    service_id: strawberry.ID = strawberry.field(description="What the credits are spent on.")
    amount: Decimal = strawberry.field(description="How many service credits: a whole number above zero.")
    note: str | None = None
    idempotency_key: str

    def command(self) -> UseCredit:
        """Raises NotFound, Invalid."""
        return UseCredit(
            customer_id=input_id(self.customer_id, "Customer", "customerId"),
            service_id=input_id(self.service_id, "Service", "serviceId"),
            amount=self.amount,
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
        )


@strawberry.type
class UseCreditPayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(Transaction | None, "Its entries say which credits were spent, in burn order.")
    def transaction(self, info: Info) -> Pending[Any]:
        return loaded(info, "transactions", self.outcome.transaction_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        return loaded(info, "accounts", self.outcome.account_id)
