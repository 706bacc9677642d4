"""A customer as others name them: what callers give, what is stored in columns of the same names, and what is shown.

A new field of theirs is a line in each of the three classes; what reads and writes customers goes by these.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from models.errors import Invalid
from models.names import checked_if_given

MAX_TEXT_CHARACTERS: Final = 255
MAX_EMAIL_CHARACTERS: Final = 320


@dataclass(frozen=True, slots=True)
class UpsertCustomer:
    """Everything that is said of a customer; None if nothing is."""

    external_id: str
    name: str
    email: str | None = None


@dataclass(frozen=True, slots=True)
class UpdateCustomer:
    """None leaves a field as it is. removed: the names of those to empty."""

    customer_id: UUID
    external_id: str | None = None
    name: str | None = None
    email: str | None = None
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CustomerView:
    """Its fields are what is read of a customer, in this order."""

    id: UUID
    external_id: str
    name: str
    email: str | None
    created_at: datetime
    membership_started_at: datetime | None
    membership_cancelled_at: datetime | None

    @classmethod
    def of(cls, row: Any) -> "CustomerView":
        """From a row that has all of READ, and perhaps more."""
        return cls(*_read(row))


READ: Final = tuple(field.name for field in fields(CustomerView))
"""The columns that the API shows."""
_read: Final[Callable[[Any], tuple[Any, ...]]] = itemgetter(*READ)
SAID: Final = tuple(field.name for field in fields(UpsertCustomer))
"""The columns that callers write."""
REMOVABLE: Final = tuple(field.name for field in fields(UpsertCustomer) if field.default is None)
"""Those of them that can be empty, and that an erasure empties."""


def checked(command: UpsertCustomer | UpdateCustomer) -> dict[str, Any]:
    """By column, the values as they are kept. Raises Invalid for what no customer can be called; None is not looked at."""
    return {
        **{name: getattr(command, name) for name in SAID},
        "external_id": checked_if_given(command.external_id, MAX_TEXT_CHARACTERS, "externalId"),
        "name": checked_if_given(command.name, MAX_TEXT_CHARACTERS, "name"),
        "email": None if command.email is None else _checked_email(command.email),
    }


def _checked_email(email: str) -> str:
    if not email.strip() or len(email) > MAX_EMAIL_CHARACTERS:
        raise Invalid(f"Between 1 and {MAX_EMAIL_CHARACTERS} characters are needed.", field=("email",))
    if "@" not in email:
        raise Invalid("That is not an email address.", field=("email",))
    return email
