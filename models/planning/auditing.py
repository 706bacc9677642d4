"""Events that move no value, and so have no transaction: who did them, to what, and when."""

from uuid import UUID

from models.planning.state import Books, Origin


def audit(
    books: Books, origin: Origin, action: str, subject_id: UUID, customer_id: UUID | None, note: str | None = None
) -> None:
    """Write down that the origin's actor did `action` to `subject_id`."""
    books.writes.audits.append((books.source.new_id(), action, subject_id, customer_id, origin.actor, note))
