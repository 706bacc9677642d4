"""Credit notes of invoices and orders."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.money import to_decimal
from models.reads import invoices
from models.views import CreditNoteView, NotedLineView
from schema.context import Info
from schema.ids import global_id
from schema.nodes import by_ids, node
from schema.types.account import Credit
from schema.types.base import Connection, Node, Reader, resolved
from schema.types.invoice import Invoice
from schema.types.ledger import Transaction
from schema.types.money import by_invoice, by_itself, money
from schema.types.pages import paged


@node(NotedLineView, by_ids(invoices.noted_lines_by_ids), Permission.READ_INVOICES, owner="note_id")
@strawberry.type
@money(by_itself, "amount")
class CreditNoteLine(Node):
    """A part of one line of its invoice that a credit note takes back."""

    line_id: strawberry.ID
    """Line of the invoice."""
    quantity: Decimal | None
    """Quantity that is taken back; null if only an amount was named."""
    amount: Decimal
    """Amount that is taken back, in the invoice's currency."""
    view: strawberry.Private[NotedLineView]
    unit: strawberry.Private[str]

    @classmethod
    def of(cls, view: NotedLineView, _reader: Reader) -> "CreditNoteLine":
        return cls(
            id=global_id("CreditNoteLine", view.id),
            line_id=global_id("InvoiceLine", view.line_id),
            quantity=None if view.quantity is None else Decimal(format(view.quantity.normalize(), "f")),
            amount=to_decimal(view.amount_minor, view.currency),
            view=view,
            unit=view.currency,
        )


@node(CreditNoteView, by_ids(invoices.notes_by_ids), Permission.READ_INVOICES, owner="invoice_id")
@strawberry.type
@money(by_invoice, "amount", "lowered", "given_back")
class CreditNote(Node):
    """A part of an invoice or order that was taken back. It lowers what is due; the rest of it is given back."""

    amount: Decimal
    """Amount taken back, in the invoice's currency."""
    lowered: Decimal
    """Part of the amount that lowered what was due on the invoice."""
    given_back: Decimal
    """The rest, given back: to the credits that had paid, and as new credit for what money had paid."""
    created_at: datetime
    """Instant at which it was made."""
    voided_at: datetime | None
    """Instant at which it was voided; null while it stands."""
    view: strawberry.Private[CreditNoteView]

    @classmethod
    def of(cls, view: CreditNoteView, _reader: Reader) -> "CreditNote":
        currency = view.currency
        return cls(
            id=global_id("CreditNote", view.id),
            amount=to_decimal(view.amount_minor, currency),
            lowered=to_decimal(view.lowered_minor, currency),
            given_back=to_decimal(view.amount_minor - view.lowered_minor, currency),
            created_at=view.created_at,
            voided_at=view.voided_at,
            view=view,
        )

    @resolved(Invoice)
    def invoice(self, info: Info) -> Pending[Any]:
        """Invoice or order that it takes back a part of."""
        info.context.require(Permission.READ_INVOICES)
        return info.context.loaders.invoices.get(self.view.invoice_id)

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        """Credit that what money had paid became; null if none of it was given back."""
        info.context.require(Permission.READ_LEDGER)
        return None if self.view.credit_id is None else info.context.loaders.credits.get(self.view.credit_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that made it. Its entries list the credits that value went back to."""
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.transactions.get(self.view.id)

    @resolved(Transaction | None)
    def voided_by(self, info: Info) -> Pending[Any]:
        """Transaction that voided it; null while it stands."""
        info.context.require(Permission.READ_LEDGER)
        voiding = self.view.void_transaction_id
        return None if voiding is None else info.context.loaders.transactions.get(voiding)

    @resolved(Connection[CreditNoteLine])
    def lines(
        self, info: Info, first: int | None = None, after: str | None = None, reverse: bool | None = False
    ) -> Pending[Any]:
        """Lines that it names; none if it was made by an amount alone."""
        info.context.require(Permission.READ_INVOICES)
        return paged(info, invoices.NOTED_LINES, self.view.id, (first, after, None, None, reverse))
