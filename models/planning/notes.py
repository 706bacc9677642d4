"""Users' notes on their actions, and tenants' own texts: the maximum length, and whether they are stored. Pure."""

from typing import Final
from uuid import UUID

from models.errors import Invalid
from models.planning.state import Books
from models.texts import Texts

MAX_NOTE_CHARACTERS: Final = 10_000


def check_note(note: str | None) -> None:
    """Raises Invalid for a note that is too long."""
    if note and len(note) > MAX_NOTE_CHARACTERS:
        raise Invalid(f"A note has at most {MAX_NOTE_CHARACTERS:,} characters.", field=("note",))


def kept_note(books: Books, customer_id: UUID | None, note: str | None) -> str | None:
    """The note as stored. None if it is blank, or if its customer was erased, since the erasure may have happened while
    the note's posting was waiting."""
    return note if note and note.strip() and not _erased(books, customer_id) else None


def kept_texts(books: Books, customer_id: UUID | None, texts: Texts | None) -> Texts | None:
    """The texts as stored; None, too, if their customer was erased."""
    return None if texts is None or _erased(books, customer_id) else texts


def _erased(books: Books, customer_id: UUID | None) -> bool:
    customer = None if customer_id is None else books.customers.get(customer_id)
    return customer is not None and customer.erased
