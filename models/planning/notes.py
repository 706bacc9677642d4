"""Users' notes on their actions: the maximum length, and whether one is stored. Pure."""

from typing import Final
from uuid import UUID

from models.errors import Invalid
from models.planning.state import Books

MAX_NOTE_CHARACTERS: Final = 10_000


def check_note(note: str | None) -> None:
    """Raises Invalid for a note that is too long."""
    if note and len(note) > MAX_NOTE_CHARACTERS:
        raise Invalid(f"A note has at most {MAX_NOTE_CHARACTERS:,} characters.", field=("note",))


def kept_note(books: Books, customer_id: UUID | None, note: str | None) -> str | None:
    """The note as stored. None if it is blank, or if its customer was erased, since the erasure may have happened while
    the note's posting was waiting."""
    customer = None if customer_id is None else books.customers.get(customer_id)
    erased = customer is not None and customer.erased
    return note if note and note.strip() and not erased else None
