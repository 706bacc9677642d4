"""Ids of things that a request has named otherwise: a customer by an external id, an invoice by its number. Pure.

Such an id remembers its name. A request sent again is the same one if it names the same, though the name has gone to another
thing by then: so the name is hashed, not the id (models/idempotency.py). And a failure is told at the field of the name.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Final, Self, TypeVar
from uuid import UUID

from models.errors import LedgerError, LedgerErrors, NotFound

E = TypeVar("E", bound=LedgerError)
_ID_BYTES: Final = 16


class NamedId(UUID):
    """said: the kind of name and the name, such as `externalId:C-1001`. field: path in the input where it stands.
    instead_of: path of the id in whose place that is. known: whether anything has the name; if not, nothing has the id."""

    __slots__ = ("field", "instead_of", "known", "said")

    said: str
    field: tuple[str, ...]
    instead_of: tuple[str, ...]
    known: bool

    @classmethod
    def of(cls, said: str, row_id: UUID | None, field: tuple[str, ...], instead_of: tuple[str, ...]) -> Self:
        """row_id: the row that has the name; None for none: the id is then made of the name, and so is no row's."""
        data = hashlib.sha256(said.encode()).digest()[:_ID_BYTES] if row_id is None else row_id.bytes
        made = cls(bytes=data)
        told = {"said": said, "field": field, "instead_of": instead_of, "known": row_id is not None}
        for name, value in told.items():
            object.__setattr__(made, name, value)  # an id of Python's refuses to be changed
        return made


def told_by_name(error: E, command: Any) -> E:
    """The same failure, of which each field is now where the request has named the thing, if it has not given its id."""
    errors = error.errors if isinstance(error, LedgerErrors) else (error,)
    if any(each.field for each in errors):
        named = sorted(named_ids(command), key=lambda each: each.known)  # a NOT_FOUND is about one that nothing has
        for each in errors if named else ():
            _tell(each, named)
    return error


def _tell(error: LedgerError, named: list[NamedId]) -> None:
    for each in (error, *error.others):
        each.field = _where(each, named)


def _where(error: LedgerError, named: list[NamedId]) -> tuple[str, ...] | None:
    """A planner's path may be that of the whole list, or leave out the place in it."""
    field = error.field
    for each in named if field else ():
        if isinstance(error, NotFound) and each.known:
            continue
        if field in (each.instead_of, each.instead_of[-1:]):
            return each.field
        if field == each.instead_of[:1]:
            return each.field[:1]
    return field


def named_ids(asked: Any) -> Iterator[NamedId]:
    """The ids in a command, or in an item of one, that remember their names."""
    if isinstance(asked, NamedId):
        yield asked
    elif isinstance(asked, tuple):
        for each in asked:
            yield from named_ids(each)
    elif is_dataclass(asked):
        for each in fields(asked):
            yield from named_ids(getattr(asked, each.name))
