"""assignCredit."""

from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import AssignCredit, InvoiceAmount
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import NOTHING, OutcomeOf, loaded, loaded_assignments
from schema.types.account import Credit
from schema.types.base import resolved
from schema.types.errors import UserError
from schema.types.invoice import Assignment
from schema.types.ledger import Transaction


@strawberry.input
class InvoiceAmountInput:
    invoice_id: strawberry.ID
    amount: Decimal | None = strawberry.field(
        default=None,
        description=(
            "Blank: as much as the credit has left, beside the amounts given, and the invoice has due. Several blanks "
            "share it in their order, and one that would get nothing is left out."
        ),
    )


def invoice_amounts(items: list[InvoiceAmountInput]) -> tuple[InvoiceAmount, ...]:
    """The input's `assignments`. Raises NotFound, with the place in the list."""
    return tuple(
        InvoiceAmount(input_id(each.invoice_id, "Invoice", "assignments", str(n), "invoiceId"), each.amount)
        for n, each in enumerate(items)
    )


@strawberry.input
class AssignCreditInput:
    credit_id: strawberry.ID
    assignments: list[InvoiceAmountInput]
    idempotency_key: str

    def command(self) -> AssignCredit:
        """Raises NotFound."""
        return AssignCredit(
            credit_id=input_id(self.credit_id, "Credit", "creditId"),
            assignments=invoice_amounts(self.assignments),
        )


@strawberry.type
class AssignCreditPayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        return loaded(info, "credits", self.outcome.credit_id)

    @resolved(list[Assignment] | None)
    async def assignments(self, info: Info) -> list[Assignment]:
        return await loaded_assignments(info, self.outcome.assignment_ids)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        return loaded(info, "transactions", self.outcome.transaction_id)
