"""How fields are written as JSON from a row's columns, in the notation of schema/scalars.py.

A cell is text of a function that writes rows (schema/written.py): the function looks at each row's columns by itself, so
that a field costs no call of its own, or one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from json.encoder import encode_basestring
from typing import Any, Final, TypeAlias
from uuid import UUID

from models.money import decimal_text
from models.reads.columns import parsed
from schema.ids import id_writer
from schema.scalars import written_instant

Column: TypeAlias = str | int
"""A column's name, or its place where rows are lists."""
MAX_INT: Final = 2**31 - 1
NULL: Final = "null"


class Unwritable(Exception):
    """A value that its type does not have: objects say what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """text: an expression with `row` for the row, `now` for the request's instant, `view` for what makes the row's view, and
    `{0}` for `uses`. columns: those that it takes; None for all that a view has. quoted: whether it gives a JSON string
    without its quotes."""

    text: str
    columns: tuple[Column, ...] | None
    uses: Any = None
    quoted: bool = False

    def named(self, name: str) -> str:
        """Return the expression with a name for what it uses; the quotes are added where it stands."""
        return self.text.format(name)


def text(column: Column) -> Cell:
    return Cell(f"{{0}}(row[{column!r}])", (column,), encode_basestring)


def node_id(type_name: str, column: Column = "id") -> Cell:
    return Cell(f"{{0}}(row[{column!r}])", (column,), id_writer(type_name), quoted=True)


def node_id_of_text(type_name: str, column: Column) -> Cell:
    write = id_writer(type_name)
    return Cell(f"{{0}}(row[{column!r}])", (column,), lambda text: write(UUID(text)), quoted=True)


def amount(column: Column, asset: Column = "asset") -> Cell:
    return Cell(f"{{0}}(row[{column!r}], row[{asset!r}])", (column, asset), decimal_text, quoted=True)


def instant(column: Column) -> Cell:
    return Cell(f"{{0}}(row[{column!r}])", (column,), written_instant, quoted=True)


def day(column: Column) -> Cell:
    return Cell(f"{{0}}(row[{column!r}])", (column,), date.isoformat, quoted=True)


def flag(column: Column) -> Cell:
    return Cell(f"'true' if row[{column!r}] else 'false'", (column,))


def whole(column: Column) -> Cell:
    return Cell(f"{{0}}(row[{column!r}])", (column,), _whole)


def _whole(number: int) -> int:
    if not -MAX_INT <= number <= MAX_INT:
        raise Unwritable
    return number


def member(kind: type[Enum], column: Column) -> Cell:
    return Cell(f"{{0}}[row[{column!r}]]", (column,), {each.value: each.name for each in kind}, quoted=True)


def listed(column: Column, place: int, write: Callable[[Any], str] = encode_basestring) -> Cell:
    """The value at this place of a list that the database made as JSON: null where that is."""

    def found(told: Any) -> str:
        value = parsed(told)[place]
        return NULL if value is None else write(value)

    return Cell(f"{{0}}(row[{column!r}])", (column,), found)


def computed(write: Callable[[Any, datetime], str]) -> Cell:
    """A string that takes the row's view, and the request's instant."""
    return Cell("{0}(view(row), now)", None, write, quoted=True)


def or_null(cell: Callable[[Column], Cell], column: Column) -> Cell:
    """The field is null where the column is."""
    given = cell(column)
    value = f"'\"' + {given.text} + '\"'" if given.quoted else given.text
    return Cell(f"{NULL!r} if row[{column!r}] is None else {value}", given.columns, given.uses)
