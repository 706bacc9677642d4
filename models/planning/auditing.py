"""Audit rows of events that move no value, and so have no transaction: actor, subject and time."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from models.money import to_decimal
from models.planning.drafts import AuditDraft
from models.planning.notes import kept_note
from models.planning.state import Books, InvoiceState, PostingContext


def audit(
    books: Books,
    context: PostingContext,
    action: str,
    subject_id: UUID,
    customer_id: UUID | None,
    note: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Record that the context's actor did `action` to `subject_id`.

    details: under the API's names; nothing secret or personal.
    """
    note = kept_note(books, customer_id, note)
    books.writes.audits.append(
        AuditDraft(
            id=books.source.new_id(),
            action=action,
            subject_id=subject_id,
            customer_id=customer_id,
            actor=context.actor,
            note=note,
            details=details,
            request_id=context.actor.request_id,
            address=context.actor.address,
            created_at=books.now,
        )
    )


def invoice_details(invoice: InvoiceState) -> dict[str, Any]:
    total = to_decimal(invoice.total_minor, invoice.currency)
    return {"number": invoice.number, "total": total, "currency": invoice.currency}
