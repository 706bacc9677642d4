"""The rows of a file of adjustments: `customer,amount` and optionally `asset,expires,effectiveOn,services,reason,note,
reference`, and a column `metadata.KEY` for each key of metadata.

The first row with content is the header; columns in any order, under the names of columns.py. customer: the tenant's own
id for them. expires: a number of days (0 is never), or the last day (2027-01-31). services: their names, apart by
semicolons. A blank stands for the request's value for the whole file. All errors of a row are told. In a report of ours
(app/files/reports.py) that comes back, the apostrophes against formulas are taken off.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from app.files.importing.cells import Cell, Line, Number, Wrong
from app.files.importing.columns import MAX_TOLD, METADATA, OURS, columns_of
from app.files.importing.dialects import SPACES
from models.errors import Invalid, LedgerError
from models.money import parse_decimal
from models.operations.import_files import ImportRow
from models.texts import Texts, texts_of
from schema.csv_cells import unescaped
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

MAX_BEFORE_THE_HEADER: Final = 1_000
"""Rows without content."""
MAX_ASSET: Final = 16
MAX_SERVICES_CHARACTERS: Final = 20_000
MAX_SHOWN: Final = 40
MAX_KEPT: Final = 80
"""Characters that are kept of a cell that was written: more than any is understood with, but for those of _LONGER."""
_DAYS: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MOST_OF_A_NUMBER: Final = Decimal(10**15)
"""From here on a workbook's numbers have no room for all digits of an id."""
_TEXTS: Final = (("asset", MAX_ASSET), ("reason", MAX_REASON), ("note", MAX_NOTE))
_IDS: Final = ("customer", "reference")
_KEPT: Final = ("customer", "amount", "asset", "expires", "effectiveOn", "services", "reason")
"""Columns whose cells are kept as they were written of a row that was not understood."""
_LONGER: Final = {"customer": 4 * MAX_EXTERNAL_ID + 1, "services": MAX_SERVICES_CHARACTERS + 1}
"""Cells that are kept longer. Of an external id, up to four characters may become one (NFC)."""
_KEPT_OF_ALL: Final = ("amount",)
"""The same of any row: its asset may have fewer decimal places."""

Marks = tuple[str, str]
"""The decimal mark of an amount, and the characters that may be between its thousands."""


def credit_rows(lines: Iterable[Line], marks: Marks = (".", "")) -> Iterator[ImportRow | None]:
    """Each row after the header, None for one without content; one that is not understood carries its errors.

    Raises Invalid if it is no such file.
    """
    coming = iter(lines)
    header, amount = _header(coming), amounts(*marks)
    is_report = any(name.lower().startswith(OURS) for name in header)
    columns = columns_of([unescaped(name) for name in header] if is_report else header)
    for line, found in coming:
        cells = [unescaped(cell) if type(cell) is str else cell for cell in found] if is_report else found
        yield _row(columns, line, cells, amount, marks[0]) if any(cells) else None


def _header(coming: Iterator[Line]) -> list[str]:
    """The first row with content. Raises Invalid if nothing but empty rows comes first."""
    for _, cells in islice(coming, MAX_BEFORE_THE_HEADER):
        if any(cells):
            return [cell if isinstance(cell, str) else "?" for cell in cells]
    return []


def amounts(decimal: str, thousands: str) -> Callable[[str], Decimal]:
    """A function that reads an amount as it is written with these marks, and in no other way. It raises ValueError."""
    if decimal == "." and not thousands:
        return parse_decimal
    grouped = rf"[0-9]{{1,3}}(?P<mark>[{re.escape(thousands)}])[0-9]{{3}}(?:(?P=mark)[0-9]{{3}})*|" if thousands else ""
    written = re.compile(
        rf"(?P<sign>-?)(?P<whole>{grouped}[0-9]+)(?:{re.escape(decimal)}(?P<fraction>[0-9]+))?", re.ASCII
    )

    def parse(cell: str) -> Decimal:
        if not (found := written.fullmatch(cell)):
            raise ValueError(
                f"an amount has the decimal mark {decimal!r}{_and_between(thousands)}, as the request says"
            )
        digits = "".join([character for character in found["whole"] if character.isdecimal()])
        fraction = "" if found["fraction"] is None else f".{found['fraction']}"
        return parse_decimal(f"{found['sign']}{digits}{fraction}")

    return parse


def _and_between(thousands: str) -> str:
    return f", and may have {thousands[0]!r} between thousands" if thousands else ", and nothing between thousands"


def _row(
    columns: list[str | None], line: int, cells: list[Cell], amount: Callable[[str], Decimal], mark: str
) -> ImportRow:
    """mark: the decimal one, of amounts."""
    said, errors = _said(columns, cells)
    understood: dict[str, Any] = {"customer": None, "amount": None}
    for column, read in _READ.items():
        if column in said or column in ("customer", "amount"):
            try:
                understood |= read(said.get(column, ""), amount)
            except LedgerError as error:
                errors.append(error)
    if "reference" in said or any(column.startswith(METADATA) for column in said):
        try:
            understood["texts"] = _texts(said)
        except LedgerError as error:
            errors.append(error)
    kept = [
        (column, _shown(said[column], mark)[: _LONGER.get(column, MAX_KEPT)])
        for column in (_KEPT if errors else _KEPT_OF_ALL)
        if column in said
    ]
    return ImportRow(**understood, line=line, errors=tuple(errors), unread=tuple(kept))


def _said(columns: list[str | None], cells: list[Cell]) -> tuple[dict[str, Any], list[LedgerError]]:
    """The cells with content by column; and errors of those whose column has no name: of very many, few are told."""
    said: dict[str, Any] = {}
    problems: dict[str, None] = {}
    unnamed: list[int] = []
    for place, cell in enumerate(cells):
        if not cell:
            continue
        column = columns[place] if place < len(columns) else None
        if column is not None and not column.startswith(OURS):
            said[column] = cell
        elif column is None and isinstance(cell, Wrong):
            problems[cell.problem] = None
        elif column is None:
            unnamed.append(place + 1)
    errors: list[LedgerError] = [Invalid(problem) for problem in [*problems][:MAX_TOLD]]
    return said, [*errors, Invalid(_without_a_name(unnamed))] if unnamed else errors


def _without_a_name(places: list[int]) -> str:
    if len(places) == 1:
        return f"Column {places[0]} has content, and no name in the header."
    told = ", ".join(map(str, places[:MAX_TOLD]))
    more = f" and {len(places) - MAX_TOLD:,} more" if len(places) > MAX_TOLD else ""
    return f"Columns {told}{more} have content, and no names in the header."


def _text_of(cell: Cell, column: str) -> str:
    """The cell's text. Raises Invalid."""
    if type(cell) is str:
        return cell
    if isinstance(cell, Wrong):
        raise Invalid(cell.problem, field=(column,))
    if isinstance(cell, date):
        raise Invalid(f"The cell is a date, {cell}, and no text.", field=(column,))
    number = Decimal(cell)
    if column in _IDS and not (number == int(number) and abs(number) < _MOST_OF_A_NUMBER):
        problem = f"The cell is the number {cell[:MAX_SHOWN]}. An id is text, or a whole number below 10^15."
        raise Invalid(problem, field=(column,))
    return str(cell)


def _customer(cell: Cell, _amount: Any) -> dict[str, Any]:
    return {"customer": name(_text_of(cell, "customer"), MAX_EXTERNAL_ID, "customer")}


def _amount(cell: Cell, parse: Callable[[str], Decimal]) -> dict[str, Any]:
    if isinstance(cell, Wrong | date):
        raise Invalid(cell.problem if isinstance(cell, Wrong) else f"{cell} is no amount.", field=("amount",))
    try:
        return {"amount": parse_decimal(cell) if isinstance(cell, Number) else parse(cell)}
    except ValueError as error:
        raise Invalid(
            f"{cell[:MAX_SHOWN]!r} is not an amount: {error}.{_hint(cell, parse)}", field=("amount",)
        ) from None


def _hint(cell: str, parse: Callable[[str], Decimal]) -> str:
    """A hint if the amount may be written with other marks, and the request says none: which, only its sender knows."""
    if parse is not parse_decimal:
        return ""
    foreign = set(cell) & {",", "'", "\u2019", *SPACES}
    if not foreign or not any(character.isdecimal() for character in cell):
        return ""
    return " If it has a decimal comma, or thousands are set apart, say so: decimalMark, thousandsMark."


def _short_text(column: str, longest: int) -> Callable[[Cell, Any], dict[str, Any]]:
    return lambda cell, _amount: {column: text(_text_of(cell, column), longest, column)}


def _expires(cell: Cell, _amount: Any) -> dict[str, Any]:
    if isinstance(cell, str) and _DAYS.fullmatch(cell):
        return {"expires_in_days": int(cell)}
    return {"expires_on": _day(cell, "expires", "neither a number of days nor a day")}


def _effective_on(cell: Cell, _amount: Any) -> dict[str, Any]:
    return {"effective_on": _day(cell, "effectiveOn", "no day")}


def _services(cell: Cell, _amount: Any) -> dict[str, Any]:
    names = text(_text_of(cell, "services"), MAX_SERVICES_CHARACTERS, "services").split(";")
    return {"services": tuple([service.strip() for service in names if service.strip()])}


def _day(cell: Cell, column: str, what_it_is: str) -> date:
    if isinstance(cell, Wrong):
        raise Invalid(cell.problem, field=(column,))
    if isinstance(cell, date):
        return cell
    try:
        if not _DATE.fullmatch(cell):
            raise ValueError
        return date.fromisoformat(cell)
    except ValueError:
        raise Invalid(f"{cell[:MAX_SHOWN]!r} is {what_it_is} such as 2027-01-31.", field=(column,)) from None


_READ: Final[dict[str, Callable[[Cell, Any], dict[str, Any]]]] = {
    "customer": _customer,
    "amount": _amount,
    **{column: _short_text(column, longest) for column, longest in _TEXTS},
    "expires": _expires,
    "effectiveOn": _effective_on,
    "services": _services,
}


def _texts(said: dict[str, Any]) -> Texts | None:
    pairs = [
        (column[len(METADATA) :], _text_of(value, column))
        for column, value in said.items()
        if column.startswith(METADATA)
    ]
    reference = _text_of(said["reference"], "reference") if "reference" in said else None
    for key, value in pairs:
        text(key, MAX_METADATA_KEY, "metadata")
        text(value, MAX_METADATA_VALUE, METADATA + key)
    return texts_of(None if reference is None else text(reference, MAX_REFERENCE, "reference"), pairs)


def _shown(cell: Cell, mark: str = ".") -> str:
    """The cell as it was written; a workbook's number as a text with this decimal mark would say it."""
    shown = cell.problem if isinstance(cell, Wrong) else str(cell)
    return shown.replace(".", mark) if isinstance(cell, Number) else shown
