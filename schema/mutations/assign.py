"""assignCredit."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.planning.assign import MAX_ASSIGNMENTS, AssignCredit, InvoiceAmount
from schema.bounds import bounded
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import KeyedInput, PostingPayload, loaded, loaded_assignments
from schema.naming import InvoiceBy, one
from schema.types.account import Credit
from schema.types.base import resolved
from schema.types.invoice import Assignment
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput


@strawberry.input
class InvoiceAmountInput:
    """An invoice to set credit against, and how much of it."""

    invoice_id: strawberry.ID | None = None
    """Open invoice or order to pay."""
    invoice_by: InvoiceBy | None = None
    """In place of invoiceId: the invoice or order by number or id. One of the two is needed."""
    amount: Decimal | None = None
    """Amount to set against it. Null: as much as the credit has left and the invoice has due; several nulls share the
    rest in their order."""

    def item(self, place: int) -> InvoiceAmount:
        """Raises NotFound, Invalid."""
        field = ("assignments", str(place), "invoiceId")
        return InvoiceAmount(one(self.invoice_id, self.invoice_by, "Invoice", *field), self.amount)


def invoice_amounts(items: Sequence[InvoiceAmountInput]) -> tuple[InvoiceAmount, ...]:
    """Return the input's `assignments`. Raises NotFound, Invalid, with the place in the list."""
    too_many = f"Name between 1 and {MAX_ASSIGNMENTS} invoices."
    items = bounded(items, MAX_ASSIGNMENTS, too_many, "assignments")
    return tuple(each.item(place) for place, each in enumerate(items))


@strawberry.input
class PreviewAssignmentInput(TextsInput):
    """One credit, and the invoices to preview it against."""

    credit_id: strawberry.ID
    """Open money credit to assign."""
    assignments: list[InvoiceAmountInput]
    """Invoices to pay, between 1 and 100, each named once."""

    def command(self) -> AssignCredit:
        """Raises NotFound."""
        return AssignCredit(
            credit_id=input_id(self.credit_id, "Credit", "creditId"),
            assignments=invoice_amounts(self.assignments),
            texts=self.texts(),
        )


@strawberry.input
class AssignCreditInput(KeyedInput, PreviewAssignmentInput):
    """One credit and the invoices to set it against."""


@strawberry.type
class AssignCreditPayload(PostingPayload):
    """Result of assignCredit."""

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        """Credit after the assignment."""
        return loaded(info, "Credit", self.outcome.credit_id)

    @resolved(list[Assignment] | None)
    async def assignments(self, info: Info) -> list[Assignment]:
        """New assignments, in the order of the input."""
        return await loaded_assignments(info, self.outcome.assignment_ids)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that was posted."""
        return loaded(info, "Transaction", self.outcome.transaction_id)
