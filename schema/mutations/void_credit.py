"""voidCredit."""

from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import VoidCredit
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import NOTHING, OutcomeOf, loaded, loaded_assignments
from schema.types.account import Account, Credit
from schema.types.base import resolved
from schema.types.errors import UserError
from schema.types.invoice import Assignment
from schema.types.ledger import Transaction


@strawberry.input
class VoidCreditInput:
    credit_id: strawberry.ID
    release_assignments: bool | None = strawberry.field(
        default=False, description="Take back what is set against invoices, too: they are due again."
    )
    note: str | None = None
    idempotency_key: str

    def command(self) -> VoidCredit:
        """Raises NotFound, Invalid."""
        return VoidCredit(
            credit_id=input_id(self.credit_id, "Credit", "creditId"),
            release_assignments=bool(self.release_assignments),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
        )


@strawberry.type
class VoidCreditPayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        return loaded(info, "credits", self.outcome.credit_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        return loaded(info, "accounts", self.outcome.account_id)

    @resolved(list[Assignment] | None, "Those released, oldest first.")
    async def assignments(self, info: Info) -> list[Assignment]:
        return await loaded_assignments(info, self.outcome.assignment_ids)

    @resolved(Transaction | None, "Its entries reverse what was left.")
    def transaction(self, info: Info) -> Pending[Any]:
        return loaded(info, "transactions", self.outcome.transaction_id)
