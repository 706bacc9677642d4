"""releaseAssignments."""

from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import ReleaseAssignments
from schema import texts
from schema.context import Info
from schema.mutations.base import NOTHING, OutcomeOf, ids, loaded, loaded_assignments
from schema.types.base import resolved
from schema.types.errors import UserError
from schema.types.invoice import Assignment
from schema.types.ledger import Transaction


@strawberry.input
class ReleaseAssignmentsInput:
    assignment_ids: list[strawberry.ID] = strawberry.field(description="One customer's, in any order.")
    note: str | None = None
    idempotency_key: str

    def command(self) -> ReleaseAssignments:
        """Raises NotFound, Invalid."""
        return ReleaseAssignments(
            assignment_ids=ids(self.assignment_ids, "Assignment", "assignmentIds"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
        )


@strawberry.type
class ReleaseAssignmentsPayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(list[Assignment] | None, "Those released, oldest first.")
    async def assignments(self, info: Info) -> list[Assignment]:
        return await loaded_assignments(info, self.outcome.assignment_ids)

    @resolved(
        Transaction | None, "What has expired meanwhile comes back and expires in it: both are among its entries."
    )
    def transaction(self, info: Info) -> Pending[Any]:
        return loaded(info, "transactions", self.outcome.transaction_id)
