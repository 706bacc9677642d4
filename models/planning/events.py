"""Events for the outbox. Pure."""

from uuid import UUID

from models.planning.drafts import EventDraft
from models.planning.state import Books


def emit(books: Books, topic: str, subject_id: UUID) -> None:
    """Tell subscribers that something has happened to the subject."""
    books.writes.events.append(EventDraft(books.source.new_id(), topic, subject_id, books.now))
