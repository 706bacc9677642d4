"""createCreditNote, previewCreditNote, whose input is the same without a key, and voidCreditNote."""

from decimal import Decimal
from typing import Any

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.commands import CreateCreditNote, NotedLine, Preview
from models.kinds import GiveBack
from models.money import to_decimal
from models.planning.credit_notes import MAX_NOTED_LINES
from models.planning.voiding_notes import VoidCreditNote
from models.views import CreditNoteView, InvoiceView
from schema import texts
from schema.bounds import bounded
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.naming import InvoiceBy, one
from schema.types.account import Account
from schema.types.base import resolved
from schema.types.credit_note import CreditNote
from schema.types.errors import UserError
from schema.types.invoice import Invoice
from schema.types.ledger import Transaction
from schema.types.limits import LimitVerdict
from schema.types.metadata import TextsInput
from schema.types.money import by_preview, money
from schema.types.reports import CreditEffect
from schema.types.requests import ApprovalRequest, requested


@strawberry.input
class CreditNoteLineInput:
    """A line to take back, or a part of it. Neither quantity nor amount: all that has not been taken back yet."""

    line_id: strawberry.ID
    """Line of the invoice, not of a credit product."""
    quantity: Decimal | None = None
    """Quantity to take back, such as "1". Without an amount, its part of the line's amount is taken back, rounded half away
    from zero; the rest of the line with the rest of its quantity."""
    amount: Decimal | None = None
    """Amount to take back of the line, in the invoice's currency."""

    def line(self, place: int) -> NotedLine:
        """Raises NotFound."""
        return NotedLine(
            input_id(self.line_id, "InvoiceLine", "lines", str(place), "lineId"), self.quantity, self.amount
        )


@strawberry.input
class PreviewCreditNoteInput(TextsInput):
    """A credit note to preview."""

    invoice_id: strawberry.ID | None = None
    """Invoice or order that is taken back, or a part of it."""
    invoice_by: InvoiceBy | None = None
    """In place of invoiceId: the invoice or order by number or id. One of the two is needed."""
    amount: Decimal | None = None
    """Amount to take back, in the invoice's currency. Null: what the lines come to; without lines, all that can still be
    taken back."""
    lines: list[CreditNoteLineInput] | None = None
    """Lines to take back, at most 1,000. Null or empty: an amount of the whole invoice."""
    give_back: GiveBack | None = GiveBack.LAST_FIRST
    """Order in which assignments and payments are given back, if more than what is due is taken back."""
    note: str | None = None
    """Free text of up to 10,000 characters, hidden from customers."""
    request_approval: bool | None = False
    """Whether to ask for approval instead of failing if a limit is exceeded."""
    propose_only: bool | None = False
    """Whether to ask for approval in any case, even within the limits."""

    def command(self) -> CreateCreditNote:
        """Raises NotFound, Invalid."""
        too_many = f"Name at most {MAX_NOTED_LINES:,} lines."
        lines = bounded(self.lines or (), MAX_NOTED_LINES, too_many, "lines")
        return CreateCreditNote(
            invoice_id=one(self.invoice_id, self.invoice_by, "Invoice", "invoiceId"),
            amount=self.amount,
            lines=tuple(line.line(place) for place, line in enumerate(lines)),
            give_back=(self.give_back or GiveBack.LAST_FIRST).value,
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
            request_approval=bool(self.request_approval),
            propose_only=bool(self.propose_only),
        )


@strawberry.input
class CreateCreditNoteInput(KeyedInput, PreviewCreditNoteInput):
    """A credit note to make."""


@strawberry.input
class PreviewVoidCreditNoteInput(TextsInput):
    """A credit note whose voiding to preview."""

    credit_note_id: strawberry.ID
    """Credit note to void."""
    note: str | None = None
    """Free text of up to 10,000 characters, hidden from customers."""

    def command(self) -> VoidCreditNote:
        """Raises NotFound, Invalid."""
        return VoidCreditNote(
            credit_note_id=input_id(self.credit_note_id, "CreditNote", "creditNoteId"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
        )


@strawberry.input
class VoidCreditNoteInput(KeyedInput, PreviewVoidCreditNoteInput):
    """A credit note to void."""


@strawberry.type
class CreditNotePayload(PostingPayload):
    """Result of createCreditNote and of voidCreditNote."""

    @resolved(CreditNote | None)
    def credit_note(self, info: Info) -> Pending[Any]:
        """Credit note after it; null if approval was requested."""
        return loaded(info, "CreditNote", self.outcome.credit_note_id)

    @resolved(Invoice | None)
    def invoice(self, info: Info) -> Pending[Any]:
        """Invoice after it."""
        return loaded(info, "Invoice", self.outcome.invoice_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that was posted, which has no entries if nothing was given back; null if approval was requested."""
        return loaded(info, "Transaction", self.outcome.transaction_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account that value went back to, or was taken from; null if none moved."""
        return loaded(info, "Account", self.outcome.account_id)


@strawberry.type
class CreateCreditNotePayload(CreditNotePayload):
    """Result of createCreditNote."""

    @resolved(ApprovalRequest | None)
    def approval_request(self, info: Info) -> Pending[Any]:
        """Approval request that was made instead; null if the note was made."""
        return requested(info, self.outcome.approval_request_id)


@strawberry.type
class VoidCreditNotePayload(CreditNotePayload):
    """Result of voidCreditNote."""


@strawberry.type
@money(by_preview, "amount", "lowered", "given_back", "due_after", "available_after")
class CreditNotePreview:
    """Effects that a credit note would have if it were made now. Nothing is written."""

    limit: LimitVerdict
    """Result of checking it against the limits."""
    user_errors: list[UserError]
    """Reasons for which it would be rejected; empty if it would be made."""
    preview: strawberry.Private[Preview]

    @classmethod
    def of(cls, preview: Preview) -> "CreditNotePreview":
        return cls(
            limit=LimitVerdict.of(preview.limit),
            user_errors=[UserError.of(error) for error in preview.errors],
            preview=preview,
        )

    @resolved(Decimal | None)
    def amount(self, info: Info) -> Decimal | None:
        """Amount that would be taken back; null if it would be rejected, or only asked for."""
        note = self._note(info)
        return None if note is None else to_decimal(note.amount_minor, note.currency)

    @resolved(Decimal | None)
    def lowered(self, info: Info) -> Decimal | None:
        """Part of the amount that would lower what is due."""
        note = self._note(info)
        return None if note is None else to_decimal(note.lowered_minor, note.currency)

    @resolved(Decimal | None)
    def given_back(self, info: Info) -> Decimal | None:
        """The rest of the amount, which would be given back."""
        note = self._note(info)
        return None if note is None else to_decimal(note.amount_minor - note.lowered_minor, note.currency)

    @resolved(Decimal | None)
    def due_after(self, info: Info) -> Decimal | None:
        """Amount that would still be due on the invoice."""
        info.context.require(Permission.READ_INVOICES)
        invoice = next((view for view in self.preview.views if isinstance(view, InvoiceView)), None)
        return None if invoice is None else to_decimal(invoice.due_minor, invoice.currency)

    @resolved(Decimal | None)
    def available_after(self, info: Info) -> Decimal | None:
        """Available amount of the customer's account afterwards; null if it would be rejected."""
        info.context.require(Permission.READ_LEDGER)
        if self.preview.errors:
            return None
        return to_decimal(self.preview.available_after_minor, self.preview.asset)

    @resolved(list[CreditEffect] | None)
    def credits(self, info: Info) -> list[CreditEffect]:
        """Credits that would be given back to, in that order. What has expired since is listed twice: it would come back,
        and expire."""
        info.context.require(Permission.READ_LEDGER)
        return CreditEffect.all_of(self.preview.credits, self.preview.asset)

    def _note(self, info: Info) -> CreditNoteView | None:
        info.context.require(Permission.READ_INVOICES)
        return next((view for view in self.preview.views if isinstance(view, CreditNoteView)), None)
