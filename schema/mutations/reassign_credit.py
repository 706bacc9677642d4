"""reassignCredit."""

from typing import Any

import strawberry

from gateway.reading import Pending
from models.planning.releasing import ReassignCredit
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.assign import InvoiceAmountInput, invoice_amounts
from schema.mutations.base import KeyedInput, PostingPayload, loaded, loaded_assignments
from schema.types.account import Credit
from schema.types.base import resolved
from schema.types.invoice import Assignment
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput


@strawberry.input
class PreviewReassignmentInput(TextsInput):
    """An assignment whose move to other invoices to preview."""

    assignment_id: strawberry.ID
    """Assignment to release."""
    assignments: list[InvoiceAmountInput]
    """Invoices to set its credit against instead, between 1 and 100."""
    note: str | None = None
    """Free text kept with the release, hidden from customers."""

    def command(self) -> ReassignCredit:
        """Raises NotFound, Invalid."""
        return ReassignCredit(
            assignment_id=input_id(self.assignment_id, "Assignment", "assignmentId"),
            assignments=invoice_amounts(self.assignments),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
        )


@strawberry.input
class ReassignCreditInput(KeyedInput, PreviewReassignmentInput):
    """An assignment to move to other invoices."""


@strawberry.type
class ReassignCreditPayload(PostingPayload):
    """Result of reassignCredit."""

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        """Credit after the move."""
        return loaded(info, "Credit", self.outcome.credit_id)

    @resolved(list[Assignment] | None)
    async def assignments(self, info: Info) -> list[Assignment]:
        """New assignments, in the order of the input."""
        return await loaded_assignments(info, self.outcome.assignment_ids)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction of the new assignments. The release has a transaction of its own."""
        return loaded(info, "Transaction", self.outcome.transaction_id)
