"""Columns that a list is in the order of, and how their values are written into its cursors and read from them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class KeyPart:
    """One column of a list's order, and how its value is written into a cursor and read from it.

    type: the column's, in SQL. least: SQL for a value before all others. settles: whether it is the time the row was
    recorded, so that rows of postings in flight may appear before rows already seen.
    """

    column: str
    dump: Callable[[Any], object]
    parse: Callable[[Any], object]
    type: str
    least: str
    settles: bool = False


def time_key(column: str) -> KeyPart:
    """By the time the row was recorded; microseconds since 1970 in the cursor."""
    return KeyPart(column, microseconds, instant_of, "timestamptz", "'-infinity'", settles=True)


def instant_key(column: str) -> KeyPart:
    """By an instant that is not the row's recording time, or if a lock keeps the rows of one parent in order."""
    return KeyPart(column, microseconds, instant_of, "timestamptz", "'-infinity'")


def day_key(column: str) -> KeyPart:
    """By a day; in the cursor, the days since the year 1."""
    return KeyPart(column, date.toordinal, _day, "date", "'-infinity'")


def id_key(column: str) -> KeyPart:
    return KeyPart(column, str, UUID, "uuid", "'00000000-0000-0000-0000-000000000000'")


def integer_key(column: str, *, bits: int = 64) -> KeyPart:
    """`bits`: the column's width. No other value can be compared with it."""

    def parse(value: object) -> int:
        number = _integer(value)
        if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
            raise ValueError("past what the column holds")
        return number

    return KeyPart(column, int, parse, "bigint" if bits == 64 else "int", f"'-{2 ** (bits - 1)}'")


def text_key(column: str) -> KeyPart:
    return KeyPart(column, str, _text, "text", "''")


def instant_of(value: object) -> datetime:
    return EPOCH + timedelta(microseconds=_integer(value))


def microseconds(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(microseconds=1)


def _day(value: object) -> date:
    return date.fromordinal(_integer(value))


def _integer(value: object) -> int:
    if type(value) is not int or abs(value) >= 2**63:
        raise ValueError("not an integer")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError("not a text")
    value.encode()  # a lone surrogate, which JSON can express, is a ValueError here and never reaches the database
    return value


class BadPage(ValueError):
    """Invalid paging arguments: the message names the argument and its bound.

    field: the one argument that it is about, if it is one.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field
