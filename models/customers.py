"""A customer's fields: as given by callers, as stored in columns of the same names, and as shown.

A new field is a line in each of the three classes; all reads and writes of customers use these.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from models.errors import Invalid
from models.frozen import frozen
from models.names import checked_if_given
from models.texts import Pairs, checked_metadata, checked_reference, stored_metadata

MAX_TEXT_CHARACTERS: Final = 255
MAX_EMAIL_CHARACTERS: Final = 320


@dataclass(frozen=True, slots=True)
class UpsertCustomer:
    """All fields of a customer; None for a missing one. metadata: as pairs."""

    external_id: str
    name: str
    email: str | None = None
    reference: str | None = None
    metadata: Pairs | None = None


@dataclass(frozen=True, slots=True)
class UpdateCustomer:
    """None leaves a field unchanged. removed: the names of those to empty."""

    customer_id: UUID
    external_id: str | None = None
    name: str | None = None
    email: str | None = None
    reference: str | None = None
    metadata: Pairs | None = None
    removed: frozenset[str] = frozenset()


@frozen
class CustomerView:
    """A customer as read; its fields are the columns, in this order. metadata: JSON."""

    id: UUID
    external_id: str
    name: str
    email: str | None
    created_at: datetime
    membership_started_at: datetime | None
    membership_cancelled_at: datetime | None
    reference: str | None
    metadata: str | None
    erased_at: datetime | None

    @classmethod
    def of(cls, row: Any) -> "CustomerView":
        """Make it from a row that has at least the columns READ."""
        return cls(*_read(row))


READ: Final = tuple(field.name for field in fields(CustomerView))
"""The columns that the API shows."""
_read: Final[Callable[[Any], tuple[Any, ...]]] = itemgetter(*READ)
SAID: Final = tuple(field.name for field in fields(UpsertCustomer))
"""The columns that callers write."""
TEXTS: Final = frozenset({"reference", "metadata"})
"""The columns among them that `upsertCustomer` leaves as they are if they are not given."""
REMOVABLE: Final = tuple(field.name for field in fields(UpsertCustomer) if field.default is None)
"""The columns among them that can be empty, and that an erasure empties."""


def checked(command: UpsertCustomer | UpdateCustomer) -> dict[str, Any]:
    """The values as stored, by column. Raises Invalid for invalid names; None is skipped."""
    return {
        **{name: getattr(command, name) for name in SAID},
        "external_id": checked_if_given(command.external_id, MAX_TEXT_CHARACTERS, "externalId"),
        "name": checked_if_given(command.name, MAX_TEXT_CHARACTERS, "name"),
        "email": None if command.email is None else _checked_email(command.email),
        "reference": checked_reference(command.reference),
        "metadata": stored_metadata(checked_metadata(command.metadata or ())),
    }


def _checked_email(email: str) -> str:
    if not email.strip() or len(email) > MAX_EMAIL_CHARACTERS:
        raise Invalid(f"Between 1 and {MAX_EMAIL_CHARACTERS} characters are needed.", field=("email",))
    if "@" not in email:
        raise Invalid("That is not an email address.", field=("email",))
    return email
