"""voidInvoice."""

from typing import Any

import strawberry

from gateway.reading import Pending
from models.planning.releasing import VoidInvoice
from schema import texts
from schema.context import Info
from schema.mutations.base import KeyedInput, PostingPayload, loaded, loaded_assignments
from schema.naming import InvoiceBy, one
from schema.types.base import resolved
from schema.types.invoice import Assignment, Invoice
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput


@strawberry.input
class PreviewVoidInvoiceInput(TextsInput):
    """An invoice or order whose voiding to preview."""

    invoice_id: strawberry.ID | None = None
    """Invoice or order to void. Void its payments first."""
    invoice_by: InvoiceBy | None = None
    """In place of invoiceId: the invoice or order by number or id. One of the two is needed."""
    note: str | None = None
    """Free text of up to 10,000 characters, hidden from customers."""

    def command(self) -> VoidInvoice:
        """Raises NotFound, Invalid."""
        return VoidInvoice(
            invoice_id=one(self.invoice_id, self.invoice_by, "Invoice", "invoiceId"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
        )


@strawberry.input
class VoidInvoiceInput(KeyedInput, PreviewVoidInvoiceInput):
    """An invoice or order to void."""


@strawberry.type
class VoidInvoicePayload(PostingPayload):
    """Result of voidInvoice."""

    @resolved(Invoice | None)
    def invoice(self, info: Info) -> Pending[Any]:
        """Invoice after it was voided."""
        return loaded(info, "Invoice", self.outcome.invoice_id)

    @resolved(list[Assignment] | None)
    async def assignments(self, info: Info) -> list[Assignment]:
        """Released assignments, oldest first."""
        return await loaded_assignments(info, self.outcome.assignment_ids)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction of the release. An amount whose credit has expired meanwhile comes back and expires in it, as two
        entries."""
        return loaded(info, "Transaction", self.outcome.transaction_id)
