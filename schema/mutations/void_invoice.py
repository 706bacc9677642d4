"""voidInvoice."""

from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import VoidInvoice
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import NOTHING, OutcomeOf, loaded, loaded_assignments
from schema.types.base import resolved
from schema.types.errors import UserError
from schema.types.invoice import Assignment, Invoice
from schema.types.ledger import Transaction


@strawberry.input
class VoidInvoiceInput:
    invoice_id: strawberry.ID = strawberry.field(description="An invoice's or an order's.")
    note: str | None = None
    idempotency_key: str

    def command(self) -> VoidInvoice:
        """Raises NotFound, Invalid."""
        return VoidInvoice(
            invoice_id=input_id(self.invoice_id, "Invoice", "invoiceId"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
        )


@strawberry.type
class VoidInvoicePayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(Invoice | None)
    def invoice(self, info: Info) -> Pending[Any]:
        return loaded(info, "invoices", self.outcome.invoice_id)

    @resolved(list[Assignment] | None, "Those released, oldest first.")
    async def assignments(self, info: Info) -> list[Assignment]:
        return await loaded_assignments(info, self.outcome.assignment_ids)

    @resolved(
        Transaction | None, "What has expired meanwhile comes back and expires in it: both are among its entries."
    )
    def transaction(self, info: Info) -> Pending[Any]:
        return loaded(info, "transactions", self.outcome.transaction_id)
