"""Events for the outbox. Pure."""

from uuid import UUID

from models.planning.drafts import EventDraft
from models.planning.state import Books


def emit(books: Books, topic: str, subject_id: UUID) -> None:
    """Add an event about the subject to the outbox."""
    books.writes.events.append(EventDraft(books.source.new_id(), topic, subject_id, books.now))
