"""reassignCredit."""

from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import ReassignCredit
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.assign import InvoiceAmountInput, invoice_amounts
from schema.mutations.base import NOTHING, OutcomeOf, loaded, loaded_assignments
from schema.types.account import Credit
from schema.types.base import resolved
from schema.types.errors import UserError
from schema.types.invoice import Assignment
from schema.types.ledger import Transaction


@strawberry.input
class ReassignCreditInput:
    assignment_id: strawberry.ID = strawberry.field(description="What is released.")
    assignments: list[InvoiceAmountInput] = strawberry.field(description="Where its credit goes instead.")
    note: str | None = strawberry.field(default=None, description="For the release.")
    idempotency_key: str

    def command(self) -> ReassignCredit:
        """Raises NotFound, Invalid."""
        return ReassignCredit(
            assignment_id=input_id(self.assignment_id, "Assignment", "assignmentId"),
            assignments=invoice_amounts(self.assignments),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
        )


@strawberry.type
class ReassignCreditPayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        return loaded(info, "credits", self.outcome.credit_id)

    @resolved(list[Assignment] | None, "The new ones.")
    async def assignments(self, info: Info) -> list[Assignment]:
        return await loaded_assignments(info, self.outcome.assignment_ids)

    @resolved(Transaction | None, "Of the new assignments. The release before it is a transaction of its own.")
    def transaction(self, info: Info) -> Pending[Any]:
        return loaded(info, "transactions", self.outcome.transaction_id)
