"""The *Online Retail* file (D. Chen, 2015, UCI Machine Learning Repository): invoice lines of a mail-order shop.

One row is one line of a document. A document whose number begins with C is a credit note: its quantities are negative.
Rows without a CustomerID are counter sales and are left out. The whole file is read and checked before anything of it
is posted, so that a bad row never leaves half of an invoice behind.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, TextIO, cast

from models.errors import LedgerError
from models.money import parse_decimal, to_minor
from models.planning.invoices import MAX_LINES, MAX_NUMBER_CHARACTERS, InvoiceLineItem
from models.planning.lines import MAX_DESCRIPTION_CHARACTERS

CURRENCY: Final = "GBP"
COLUMNS: Final = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
MAX_ROWS: Final = 2_000_000
MAX_PROBLEMS_TOLD: Final = 20

_GZIP_MAGIC: Final = b"\x1f\x8b"
_CUSTOMER: Final = re.compile(r"([0-9]{1,12})(\.0)?", re.ASCII)  # written as a float by who made the file
_NUMBER: Final = re.compile(rf"[!-~]{{1,{MAX_NUMBER_CHARACTERS}}}", re.ASCII)
_QUANTITY: Final = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?", re.ASCII)


class BadFile(Exception):
    """The file cannot be taken as it is. `problems` has a line for each fault, rows by line number."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(slots=True)
class Document:
    """An invoice or a credit note. Quantities are positive in both.

    number: as in the file, a credit note's with its C. customer: the CustomerID's digits. at: when it was issued, by
    the shop's own clock: the earliest of its lines'.
    """

    number: str
    customer: str
    at: datetime
    lines: list[InvoiceLineItem] = field(default_factory=list)

    @property
    def is_credit_note(self) -> bool:
        return is_credit_note(self.number)

    @property
    def total(self) -> Decimal:
        """The amount that the invoice asks for, or the credit note gives back."""
        return sum((line.quantity * line.unit_price for line in self.lines), Decimal(0))

    @property
    def order(self) -> tuple[datetime, bool, str]:
        """By time; invoices before the credit notes of the same minute; then by number."""
        return self.at, self.is_credit_note, self.number


@dataclass(frozen=True, slots=True)
class Contents:
    """A file's documents. left_out: number of its lines without a customer."""

    documents: tuple[Document, ...]
    lines: int
    left_out: int


def is_credit_note(number: str) -> bool:
    return number[:1] in ("C", "c")


def read(path: Path) -> Contents:
    """Read the whole file, compressed or not. Raises BadFile, naming the line of each bad row."""
    reader = _Reader()
    with _told_plainly(path), _opened(path) as stream:
        rows = csv.reader(stream, strict=True)
        reader.header(next(rows, []))
        for row in rows:
            reader.row(rows.line_num, row)
    return reader.contents()


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """The file as text, unpacked if it is gzip: its first bytes say so, whatever its name."""
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP_MAGIC
    # utf-8-sig: what spreadsheets write begins with a byte order mark.
    if packed:
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as unpacked:
            yield cast(TextIO, unpacked)
    else:
        with path.open(encoding="utf-8-sig", newline="") as text:
            yield text


@contextmanager
def _told_plainly(path: Path) -> Iterator[None]:
    """Turns every failure of reading into a BadFile."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadFile([f"{path} is damaged: {error}."]) from error
    except UnicodeDecodeError as error:
        raise BadFile([f"{path} is not UTF-8 text."]) from error
    except csv.Error as error:
        raise BadFile([f"{path} is not CSV: {error}."]) from error
    except OSError as error:
        raise BadFile([f"{path} cannot be read: {error.strerror or error}."]) from error


class _Reader:
    """Gathers rows into documents, and faults into a list."""

    def __init__(self) -> None:
        self._documents: dict[str, Document] = {}
        self._problems: list[str] = []
        self._bad_rows = 0
        self._columns: dict[str, int] = {}
        self._width = 0
        self._lines = 0
        self._left_out = 0

    def header(self, names: list[str]) -> None:
        self._columns = {name.strip(): index for index, name in enumerate(names)}
        self._width = len(names)
        missing = [name for name in COLUMNS if name not in self._columns]
        if missing:
            raise BadFile([f"line 1: the column {name} is missing" for name in missing])

    def row(self, line: int, row: list[str]) -> None:
        """Take one row in. A bad one is noted, up to so many."""
        if not row:
            return  # a blank line
        self._lines += 1
        if self._lines > MAX_ROWS:
            raise BadFile([f"line {line}: the file has more than {MAX_ROWS:,} rows; split it by date"])
        try:
            self._take(row)
        except ValueError as error:
            self._bad_rows += 1
            if len(self._problems) < MAX_PROBLEMS_TOLD:
                self._problems.append(f"line {line}: {error}")

    def contents(self) -> Contents:
        """Everything read. Raises BadFile if any row was bad, or a document cannot be posted as it stands."""
        untold = self._bad_rows - len(self._problems)
        problems = self._problems + ([f"and {untold:,} more bad rows"] if untold else [])
        for document in self._documents.values():
            lines = len(document.lines)
            if not document.is_credit_note and lines > MAX_LINES:
                problems.append(f"invoice {document.number}: it has {lines:,} lines, the most is {MAX_LINES:,}")
            if document.is_credit_note and not document.total:
                problems.append(f"credit note {document.number}: it comes to nothing")
        if problems:
            raise BadFile(problems)
        return Contents(tuple(self._documents.values()), self._lines, self._left_out)

    def _take(self, row: list[str]) -> None:
        if len(row) != self._width:
            raise ValueError(f"it has {len(row)} fields, and the header {self._width}")
        number, stock_code, description, quantity, at, price, customer, _ = (
            row[self._columns[name]].strip() for name in COLUMNS
        )
        if not customer:
            self._left_out += 1
            return
        if not _NUMBER.fullmatch(number):
            raise ValueError(f"InvoiceNo {number[:80]!r} is not a number of an invoice or credit note")
        issued = _time(at)
        line = InvoiceLineItem(
            _description(stock_code, description), _quantity(quantity, is_credit_note(number)), _price(price)
        )
        document = self._documents.setdefault(number, Document(number, _customer(customer), issued))
        if document.customer != _customer(customer):
            raise ValueError(f"{number} belongs to customer {document.customer}, by its other lines")
        document.at = min(document.at, issued)
        document.lines.append(line)


def _customer(text: str) -> str:
    match = _CUSTOMER.fullmatch(text)
    if match is None:
        raise ValueError(f"CustomerID {text[:80]!r} is not a number")
    return match[1]


def _time(text: str) -> datetime:
    if not _TIME.fullmatch(text):
        raise ValueError(f"InvoiceDate {text[:80]!r} is not of the form 2010-12-01 08:26:00")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"InvoiceDate {text!r} is no date: {error}") from None


def _quantity(text: str, credit_note: bool) -> int:
    """The quantity as a positive number."""
    if not _QUANTITY.fullmatch(text):
        raise ValueError(f"Quantity {text[:80]!r} is not a whole number")
    quantity = -int(text) if credit_note else int(text)
    if quantity < 1:
        kind, sign = ("a credit note", "negative") if credit_note else ("an invoice", "positive")
        raise ValueError(f"Quantity {text} on {kind} must be {sign}")
    return quantity


def _price(text: str) -> Decimal:
    try:
        price = parse_decimal(text)
        to_minor(price, CURRENCY)
    except ValueError:
        raise ValueError(f"UnitPrice {text[:80]!r} is not an amount such as 2.55") from None
    except LedgerError as error:
        raise ValueError(f"UnitPrice: {error.message}") from None
    if price < 0:
        raise ValueError(f"UnitPrice {text} is negative")
    return price


def _description(stock_code: str, description: str) -> str:
    """The goods, with their stock code first: descriptions alone are neither unique nor always there."""
    text = " ".join(f"{stock_code} {description}".split())
    if not text or "\x00" in text or len(text) > MAX_DESCRIPTION_CHARACTERS:
        raise ValueError(f"the goods need between 1 and {MAX_DESCRIPTION_CHARACTERS} characters to name them")
    return text
