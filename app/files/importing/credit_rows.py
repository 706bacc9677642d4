"""A CSV file of adjustments, row by row: `customer,amount` and optionally `asset,expires,reason,note,reference`, and a
column `metadata.KEY` for each key of metadata.

UTF-8, with a header, columns in any order. customer: the tenant's own id for them. expires: a number of days (0 is
never), or the last day (2027-01-31). A blank stands for the request's value for the whole file.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final, TextIO

from models.errors import Invalid, LedgerError
from models.money import parse_decimal
from models.names import clean_name
from models.operations.import_credits import ImportRow
from models.texts import MAX_PAIRS, Texts, texts_of
from schema.texts import (
    MAX_EXTERNAL_ID,
    MAX_METADATA_KEY,
    MAX_METADATA_VALUE,
    MAX_NOTE,
    MAX_REASON,
    MAX_REFERENCE,
    name,
    text,
)

NEEDED: Final = ("customer", "amount")
COLUMNS: Final = (*NEEDED, "asset", "expires", "reason", "note", "reference")
METADATA: Final = "metadata."
"""Prefix of the name of a column with the values of one key."""
MAX_FIELD_CHARACTERS: Final = 20_000
MAX_ROW_CHARACTERS: Final = len(COLUMNS) * (2 * MAX_FIELD_CHARACTERS + 3)
"""Of a row as the file has it: with its quotes doubled, and the blanks around its cells."""
MAX_ASSET: Final = 16
MAX_TOLD: Final = 5
"""How many things that are wrong with a header are named."""
_DAYS: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def credit_rows(file: TextIO) -> Iterator[ImportRow]:
    """Each row of the file; one that is not understood carries its error. Raises Invalid if it is no such file."""
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True)
    try:
        columns = _columns(next(reader, []))
        lines.begin_row()
        for cells in reader:
            lines.begin_row()
            if cells:  # blank lines are none
                yield _row(columns, [cell.strip() for cell in cells])
    except csv.Error as error:
        raise Invalid(f"Line {reader.line_num} is not CSV: {error}.", field=("file",)) from None
    except UnicodeDecodeError:
        raise Invalid(f"The file is not UTF-8, after line {reader.line_num}.", field=("file",)) from None


class _Lines:
    """A file's lines, as long as those of one row together are not too long.

    The csv module bounds a cell alone: one row of nothing but commas, or over lines that a quote holds together, would
    take many times the memory of the whole file.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._left = MAX_ROW_CHARACTERS

    def begin_row(self) -> None:
        """Begin another row with the next line."""
        self._left = MAX_ROW_CHARACTERS

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(self._left + 1):
            self._left -= len(line)
            if self._left < 0:
                raise csv.Error(f"the row is longer than {MAX_ROW_CHARACTERS} characters")
            yield line


def _columns(header: list[str]) -> list[str]:
    names = [_name_of(column.strip()) for column in header]
    wrong = [f"there is no column {column}" for column in NEEDED if column not in names]
    keys = [column for column in names if column.startswith(METADATA)]
    wrong += [f"{column[:40]!r} is none of these" for column in dict.fromkeys(names) if column not in (*COLUMNS, *keys)]
    wrong += [f"{column[:80]} is there twice" for column in (*COLUMNS, *dict.fromkeys(keys)) if names.count(column) > 1]
    if len(keys) > MAX_PAIRS:
        wrong.append(f"there are more than {MAX_PAIRS} columns {METADATA}KEY")
    if wrong:
        raise Invalid(
            f"The first line must name the columns: {', '.join(NEEDED)}, and any of {', '.join(COLUMNS[2:])} and "
            f"{METADATA}KEY that the file has. In this file {', '.join(wrong[:MAX_TOLD])}.",
            field=("file",),
        )
    return names


def _name_of(column: str) -> str:
    """The column's name; of metadata, its key is as it was written, in the form of names."""
    prefix, key = column[: len(METADATA)].lower(), column[len(METADATA) :]
    return prefix + clean_name(key) if prefix == METADATA else column.lower()


def _row(columns: list[str], cells: list[str]) -> ImportRow:
    if len(cells) != len(columns):
        return ImportRow(None, None, error=Invalid(f"The row has {len(cells)} cells, and the header {len(columns)}."))
    said = {column: cell for column, cell in zip(columns, cells, strict=True) if cell}
    understood: dict[str, Any] = {"customer": None, "amount": None}
    try:
        understood["customer"] = name(said.get("customer", ""), MAX_EXTERNAL_ID, "customer")
        understood["amount"] = _amount(said.get("amount", ""))
        for column, longest in (("asset", MAX_ASSET), ("reason", MAX_REASON), ("note", MAX_NOTE)):
            if column in said:
                understood[column] = text(said[column], longest, column)
        understood["texts"] = _texts(said)
        understood |= _expiry(said.get("expires", ""))
    except LedgerError as error:
        return ImportRow(**understood, error=error)
    return ImportRow(**understood)


def _texts(said: Mapping[str, str]) -> Texts | None:
    pairs = [(column[len(METADATA) :], value) for column, value in said.items() if column.startswith(METADATA)]
    reference = said.get("reference")
    if reference is None and not pairs:
        return None
    for key, value in pairs:
        text(key, MAX_METADATA_KEY, "metadata")
        text(value, MAX_METADATA_VALUE, METADATA + key)
    return texts_of(None if reference is None else text(reference, MAX_REFERENCE, "reference"), pairs)


def _amount(cell: str) -> Any:
    try:
        return parse_decimal(cell)
    except ValueError as error:
        raise Invalid(f"{cell[:40]!r} is not an amount: {error}.", field=("amount",)) from None


def _expiry(cell: str) -> dict[str, Any]:
    if not cell:
        return {}
    if _DAYS.fullmatch(cell):
        return {"expires_in_days": int(cell)}
    try:
        if not _DATE.fullmatch(cell):
            raise ValueError
        return {"expires_on": date.fromisoformat(cell)}
    except ValueError:
        problem = f"{cell[:40]!r} is neither a number of days nor a day such as 2027-01-31."
        raise Invalid(problem, field=("expires",)) from None
