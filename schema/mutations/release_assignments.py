"""releaseAssignments."""

from typing import Any

import strawberry

from gateway.reading import Pending
from models.planning.assign import MAX_ASSIGNMENTS
from models.planning.releasing import ReleaseAssignments
from schema import texts
from schema.bounds import bounded
from schema.context import Info
from schema.mutations.base import KeyedInput, PostingPayload, ids, loaded, loaded_assignments
from schema.types.base import resolved
from schema.types.invoice import Assignment
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput


@strawberry.input
class PreviewReleaseInput(TextsInput):
    """Assignments whose release to preview."""

    assignment_ids: list[strawberry.ID]
    """Assignments of one customer, between 1 and 100, in any order."""
    note: str | None = None
    """Free text of up to 10,000 characters, hidden from customers."""

    def command(self) -> ReleaseAssignments:
        """Raises NotFound, Invalid."""
        too_many = f"Name between 1 and {MAX_ASSIGNMENTS} assignments."
        named = bounded(self.assignment_ids, MAX_ASSIGNMENTS, too_many, "assignmentIds")
        return ReleaseAssignments(
            assignment_ids=ids(named, "Assignment", "assignmentIds"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
        )


@strawberry.input
class ReleaseAssignmentsInput(KeyedInput, PreviewReleaseInput):
    """Assignments to release."""


@strawberry.type
class ReleaseAssignmentsPayload(PostingPayload):
    """Result of releaseAssignments."""

    @resolved(list[Assignment] | None)
    async def assignments(self, info: Info) -> list[Assignment]:
        """Released assignments, oldest first."""
        return await loaded_assignments(info, self.outcome.assignment_ids)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction of the release. An amount whose credit has expired meanwhile comes back and expires in it, as two
        entries."""
        return loaded(info, "Transaction", self.outcome.transaction_id)
