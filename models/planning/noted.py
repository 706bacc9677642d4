"""Credit notes, and the lines that they may name, as they are loaded under an invoice's lock."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from models.planning.columns import ASIDE, LATER, table


@table("credit_note_parts")
@dataclass(frozen=True, slots=True)
class CreditNotePartDraft:
    """The part of one assignment, or of one payment in money, that a credit note gave back. credit_id: where it went.

    gone: it came back and expired at once, or was reversed like the rest of a voided credit.
    """

    id: UUID
    note_id: UUID
    assignment_id: UUID | None
    payment_id: UUID | None
    credit_id: UUID
    amount_minor: int
    gone: bool


@table("credit_note_lines")
@dataclass(frozen=True, slots=True)
class CreditNoteLineDraft:
    """The part of one line that a credit note took back. quantity: None if only an amount was named."""

    id: UUID
    note_id: UUID
    line_id: UUID
    quantity: Decimal | None
    amount_minor: int


@dataclass(slots=True)
class LineState:
    """A line of an invoice. kind: of the product sold. noted: what of it credit notes have taken back."""

    id: UUID
    invoice_id: UUID
    kind: str | None
    quantity: Decimal
    total_minor: int
    noted_quantity: Decimal
    noted_minor: int


@table("credit_notes")
@dataclass(slots=True)
class CreditNoteState:
    """id: that of the transaction that made it. lowered_minor: the part that lowered what was due; the rest was given back.

    credit_id: of the credit opened for what money had paid. parts, lines: only loaded to be voided.
    """

    id: UUID
    invoice_id: UUID
    amount_minor: int
    lowered_minor: int
    credit_id: UUID | None
    created_at: datetime
    voided_at: Annotated[datetime | None, LATER] = None
    void_transaction_id: Annotated[UUID | None, LATER] = None
    parts: Annotated[tuple[CreditNotePartDraft, ...], ASIDE] = ()
    lines: Annotated[tuple[CreditNoteLineDraft, ...], ASIDE] = ()
