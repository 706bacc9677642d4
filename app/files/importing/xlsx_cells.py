"""The rows of a sheet of an XLSX workbook, with bounds on what it may take in memory and time.

openpyxl reads what a workbook is made of: its parts, sheets, styles and epoch. Its sheets and texts are read here, row by
row from the ZIP: openpyxl keeps a node for each row and all texts in memory. A ZIP's part is never read beyond the length
that its directory says, so those lengths bound what it unpacks to; and no part may define entities.
"""

import re
import zipfile
from array import array
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from os import SEEK_END
from struct import unpack_from
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final
from xml.etree.ElementTree import Element, ParseError, XMLPullParser
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

from openpyxl.packaging.manifest import Manifest
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.numbers import BUILTIN_FORMATS
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils.datetime import from_excel

from app.files.importing.cells import Cell, Line, Number, Wrong
from app.files.importing.csv_cells import MAX_FIELD_CHARACTERS
from models.errors import Invalid

MAX_PARTS: Final = 2_000
MAX_SHEETS: Final = 256
MAX_PART_BYTES: Final = 8 * 1024 * 1024
"""Of a part that is read whole: the workbook, its styles, the list of its parts."""
MAX_SHEET_BYTES: Final = 1024 * 1024 * 1024
"""Of a sheet, and of the texts of all, unpacked: a million rows of eight cells come to about 400 MB."""
MAX_ROWS: Final = 1_048_576
"""Of any sheet, by its format."""
MAX_COLUMNS: Final = 16_384
MAX_TEXTS: Final = 8_000_000
_PIECE_BYTES: Final = 16 * 1024
_MOST_IN_A_ROW: Final = 1024 * 1024
"""Bytes of one row with all its tags, and of one text."""
MAX_DIRECTORY_BYTES: Final = 1024 * 1024
"""Of the ZIP's list of its parts, all of which is read at once."""
_END, _END_BYTES, _LENGTH_AT, _MOST_OF_A_COMMENT = b"PK\x05\x06", 22, 12, 65_535
_END_OF_LARGE: Final = b"PK\x06\x07"
"""Ends of the list: the usual one, with its length; and another one, of files of more than 4 GB, which replaces it."""
_MOST_TIMES, _FROM_BYTES = 250, 64 * 1024 * 1024
"""How much more a part may unpack to than it was, once that is more than this."""
_IN_MEMORY_BYTES: Final = 4 * 1024 * 1024
_MOST_BEFORE_THE_ROOT: Final = 64 * 1024
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
"""A character that XML has no place for, as workbooks write it."""
_LITERAL: Final = re.compile(r'"[^"]*(?:"|$)|[\\_*].', re.DOTALL)
"""The parts of a number's format that are text: in quotes, or the character after one of these."""
MAX_FORMAT: Final = 255
"""Characters of a number's format, by its format. Longer ones would take openpyxl their length squared."""
_STYLES: Final = "xl/styles.xml"
"""The place that openpyxl reads them from."""
_COLUMN: Final = re.compile(r"([A-Z]{1,3})[0-9]+", re.ASCII)
_NOT_READ: Final = "The workbook cannot be read. Save it again as XLSX, or as CSV."
_BROKEN: Final = (BadZipFile, ParseError, expat.ExpatError, ValueError, TypeError, KeyError, AttributeError, OSError)
"""Errors that openpyxl, the ZIP and the XML raise at files that are none, or that hold what they do not expect."""
_BROKEN_TOO: Final = (*_BROKEN, IndexError, NotImplementedError, RuntimeError, EOFError)


_UNCALCULATED: Final = Wrong("The cell is a formula without a stored value: open the workbook, calculate and save it.")
_TRUTH: Final = Wrong("The cell is a truth value, true or false.")


class Workbook:
    """An opened workbook. Its sheets are read as often as asked."""

    def __init__(self, file: IO[bytes]) -> None:
        """Raises Invalid. Takes time: not for the event loop."""
        self._texts: _Texts | None = None
        _check_directory(file)
        try:
            reader = ExcelReader(file, read_only=True, data_only=True, keep_links=False)
            self._zip: ZipFile = reader.archive
            _check(self._zip)
            reader.read_manifest()
            _check_parts(self._zip, reader.package)
            reader.read_workbook()
            _check_formats(self._zip)
            apply_stylesheet(self._zip, reader.wb)
            self._sheets = {
                sheet.name: rel.target for sheet, rel in reader.parser.find_sheets() if "worksheet" in rel.Type
            }
            self._book = reader.wb
            self._formats = self._formats_of_styles()
            if not 0 < len(self._sheets) <= MAX_SHEETS:
                raise Invalid(f"A workbook has between 1 and {MAX_SHEETS} sheets.", field=("file",))
            self._texts = _Texts(self._zip, reader.package)
        except _BROKEN_TOO as error:
            raise Invalid(f"{_NOT_READ} ({type(error).__name__})", field=("file",)) from None

    def close(self) -> None:
        """Give its texts up."""
        if self._texts is not None:
            self._texts.close()

    def chosen(self, name: str | None) -> str:
        """The sheet with this name, or the only one with content. Raises Invalid."""
        if name is not None:
            if name not in self._sheets:
                names = ", ".join(sheet[:40] for sheet in list(self._sheets)[:5])
                raise Invalid(f"There is no sheet {name[:40]!r}. The first are: {names}.", field=("sheet",))
            return name
        if len(self._sheets) == 1:
            return next(iter(self._sheets))
        with_content = [sheet for sheet in self._sheets if any(any(cells) for _, cells in self.rows(sheet))]
        if len(with_content) > 1:
            names = ", ".join(sheet[:40] for sheet in with_content[:5])
            raise Invalid(f"Several sheets have content: {names}. Name one by sheet=.", field=("sheet",))
        return with_content[0] if with_content else next(iter(self._sheets))

    def rows(self, sheet: str) -> Iterator[Line]:
        """Each row: its number in the sheet, and its cells up to the last one with content. Hidden rows too. Raises Invalid
        while it reads."""
        number = 0
        try:
            with self._zip.open(self._sheets[sheet]) as part:
                for element in _elements(part, "row", "sheetData"):
                    number = int(element.get("r") or number + 1)
                    if not 0 < number <= MAX_ROWS:
                        raise Invalid(f"A sheet has at most {MAX_ROWS:,} rows.", field=("file",))
                    yield number, self._cells(element)
        except _BROKEN_TOO:
            raise Invalid(f"{_NOT_READ} (Sheet {sheet[:40]!r}, after row {number}.)", field=("file",)) from None

    def _cells(self, row: Element) -> list[Cell]:
        cells: list[Cell] = []
        for element in row:
            column = _column(element.get("r"), len(cells))
            value = self._cell(element)
            if value != "":
                if column < len(cells):
                    raise ValueError("cells are not in order")
                cells += [""] * (column - len(cells))
                cells.append(value)
        return cells

    def _cell(self, element: Element) -> Cell:
        """A formula's cell by its stored value; a text may be stored as none."""
        kind = element.get("t", "n")
        parts = {child.tag.rpartition("}")[2]: child for child in element}
        if kind == "inlineStr":
            return _text(parts["is"]).strip() if "is" in parts else ""
        value = parts["v"].text if "v" in parts else None
        if value:
            return self._value(kind, value, int(element.get("s", 0)))
        return _UNCALCULATED if "f" in parts and kind != "str" else ""

    def _value(self, kind: str, value: str, style: int) -> Cell:
        if kind == "n":
            return self._number(value, style)
        if kind == "s":
            return self._texts[int(value)].strip() if self._texts is not None else ""
        if kind == "str":
            return _unescaped(value).strip()
        if kind == "d":
            return _day(datetime.fromisoformat(value))
        return _TRUTH if kind == "b" else Wrong(f"The cell is an error: {value[:20]}.")

    def _number(self, value: str, style: int) -> Cell:
        if self._formats[style] is _PERCENTAGE:
            return Wrong("The cell is a percentage.")
        if self._formats[style] is _DATE:
            try:
                return _day(from_excel(float(value), self._book.epoch))
            except (OverflowError, ValueError):
                return Wrong("The cell is a date that no calendar has.")
        return _shortest(value)

    def _formats_of_styles(self) -> list[str]:
        """For each style, whether its numbers are dates, percentages or neither."""
        book: Any = self._book  # what is read of it has no public name: tests/contracts holds it
        own = book._number_formats  # noqa: SLF001
        dates = book._date_formats | book._timedelta_formats  # noqa: SLF001
        formats = []
        for style, kept in enumerate(book._cell_styles):  # noqa: SLF001
            number = kept.numFmtId
            code = BUILTIN_FORMATS.get(number, "") if number < _FIRST_OWN else own[number - _FIRST_OWN]
            if style in dates or number in _DATES_BY_COUNTRY:
                formats.append(_DATE)
            else:
                is_percentage = number in _PERCENTAGES_BY_COUNTRY or "%" in _LITERAL.sub("", code)
                formats.append(_PERCENTAGE if is_percentage else _PLAIN)
        return formats or [_PLAIN]


_FIRST_OWN: Final = 164
"""Number of the first of a workbook's own formats."""
_DATES_BY_COUNTRY: Final = frozenset((*range(27, 37), *range(50, 59), *range(71, 82)))
_PERCENTAGES_BY_COUNTRY: Final = frozenset((67, 68))
"""Numbers of formats that each country's spreadsheet writes in its own way, and a workbook does not spell out (ECMA-376,
18.8.30): dates and times of Japan, China, Korea and Thailand, and percentages of Thailand."""
_PLAIN, _DATE, _PERCENTAGE = "plain", "date", "percentage"


class _Texts:
    """The texts that cells share, in a file of their own once they are many: a column of ids is one for each row."""

    def __init__(self, archive: ZipFile, package: Manifest) -> None:
        self._ends = array("q", [0])
        self._kept = SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - closed by close()
        name = _part_of(package, "sharedStrings+xml")
        if name is None:
            return
        try:
            with archive.open(name) as part:
                self._keep(_elements(part, "si", "sst"))
        except BaseException:
            self.close()
            raise

    def _keep(self, texts: Iterator[Element]) -> None:
        end = 0
        for element in texts:
            text = _text(element).encode("utf-8", "surrogatepass")
            self._kept.write(text)
            end += len(text)
            self._ends.append(end)
            if len(self._ends) > MAX_TEXTS:
                raise Invalid(f"A workbook has at most {MAX_TEXTS:,} different texts.", field=("file",))

    def __getitem__(self, place: int) -> str:
        """Raises IndexError."""
        if place < 0:
            raise IndexError(place)
        begin, end = self._ends[place], self._ends[place + 1]
        self._kept.seek(begin)
        return self._kept.read(end - begin).decode("utf-8", "surrogatepass")

    def close(self) -> None:
        self._kept.close()


def _check_directory(file: IO[bytes]) -> None:
    """Raises Invalid for a ZIP that lists far more than a workbook has: all of its list is read at once."""
    size = file.seek(0, SEEK_END)
    file.seek(max(0, size - _END_BYTES - _MOST_OF_A_COMMENT))
    last = file.read()
    at = last.rfind(_END)
    if at < 0 or len(last) - at < _END_BYTES or last.rfind(_END_OF_LARGE, 0, at) >= 0:
        raise Invalid(_NOT_READ, field=("file",))
    (length,) = unpack_from("<L", last, at + _LENGTH_AT)
    if length > MAX_DIRECTORY_BYTES:
        raise Invalid(f"A workbook has at most {MAX_PARTS:,} parts.", field=("file",))


def _check(archive: ZipFile) -> None:
    """Raises Invalid for a ZIP with more than a workbook needs."""
    if len(archive.filelist) > MAX_PARTS:
        raise Invalid(f"A workbook has at most {MAX_PARTS:,} parts.", field=("file",))
    if any(part.file_size > MAX_SHEET_BYTES for part in archive.filelist):
        raise Invalid(f"A sheet has at most {MAX_SHEET_BYTES >> 20} MB, unpacked.", field=("file",))
    if any(_swells(part) for part in archive.filelist):
        raise Invalid("The workbook unpacks to far more than it holds. Save it as CSV.", field=("file",))
    if any(part.flag_bits & 1 for part in archive.filelist):
        raise Invalid("The workbook is under a password. Save it without one.", field=("file",))
    _check_whole(archive, "[Content_Types].xml")


def _swells(part: zipfile.ZipInfo) -> bool:
    return part.file_size > _FROM_BYTES and part.file_size > _MOST_TIMES * part.compress_size


def _check_parts(archive: ZipFile, package: Manifest) -> None:
    """Raises Invalid if a part that is read whole is too large, or any defines entities."""
    streamed = {_part_of(package, "sharedStrings+xml")}
    for part in archive.filelist:
        name = part.filename
        if name in streamed or "/worksheets/" in name:
            _check_prologue(archive, name)
        elif name.endswith(("workbook.xml", "styles.xml", ".rels")) or name.startswith("xl/workbook"):
            _check_whole(archive, name)


def _check_whole(archive: ZipFile, name: str) -> None:
    if archive.getinfo(name).file_size > MAX_PART_BYTES:
        raise Invalid(f"The workbook's {name[:40]} is larger than {MAX_PART_BYTES >> 20} MB.", field=("file",))
    _check_prologue(archive, name)


def _check_prologue(archive: ZipFile, name: str) -> None:
    """Raises Invalid if anything is declared before the part's first element: no workbook needs that."""
    parser, begun = expat.ParserCreate(), []

    def refuse(*_: Any) -> None:
        raise Invalid("The workbook has a document type declaration.", field=("file",))

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda *_: begun.append(True)
    left = _MOST_BEFORE_THE_ROOT
    with archive.open(name) as part:
        while not begun and left > 0 and (piece := part.read(4 * 1024)):
            left -= len(piece)
            parser.Parse(piece, False)
    if not begun:
        raise Invalid(_NOT_READ, field=("file",))


def _check_formats(archive: ZipFile) -> None:
    """Raises Invalid for a number's format that is longer than any spreadsheet writes."""

    def look(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "numFmt" and len(attributes.get("formatCode", "")) > MAX_FORMAT:
            raise Invalid(f"A number's format has at most {MAX_FORMAT} characters.", field=("file",))

    if _STYLES not in archive.namelist():
        return
    parser = expat.ParserCreate()
    parser.StartElementHandler = look
    with archive.open(_STYLES) as part:
        while piece := part.read(_PIECE_BYTES):
            parser.Parse(piece, False)


def _part_of(package: Manifest, kind: str) -> str | None:
    """The name of the part of this kind of content; None if there is none."""
    found = next((part for part in package.Override if str(part.ContentType).endswith(kind)), None)
    return None if found is None else str(found.PartName).lstrip("/")


def _elements(part: IO[bytes], wanted: str, parent: str) -> Iterator[Element]:
    """Each element `wanted` of the part, one at a time. Raises Invalid for one without an end."""
    parser: XMLPullParser[Any] = XMLPullParser(("start", "end"))
    above: Element | None = None
    since = 0
    while piece := part.read(_PIECE_BYTES):
        parser.feed(piece)
        since += len(piece)
        for event, found in parser.read_events():  # type: ignore[misc]  # pairs, of these two
            element: Element = found  # type: ignore[assignment]
            tag = element.tag.rpartition("}")[2]
            if event == "start":
                above = element if tag == parent else above
            elif tag == wanted and above is not None:
                yield element
                above.clear()
                since = 0
            elif tag == parent:
                return
        if since > _MOST_IN_A_ROW:
            raise Invalid("A row of the workbook is too long.", field=("file",))


def _text(element: Element) -> str:
    """The text of a cell, with all its pieces of other kinds of writing, and without how it is to be pronounced."""
    pieces: list[str] = []
    for child in element:
        tag = child.tag.rpartition("}")[2]
        if tag == "t":
            pieces.append(child.text or "")
        elif tag == "r":
            pieces += [piece.text or "" for piece in child if piece.tag.rpartition("}")[2] == "t"]
    return _unescaped("".join(pieces))[: MAX_FIELD_CHARACTERS + 1]


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _column(reference: str | None, following: int) -> int:
    """The column of a cell, from 0. Raises ValueError."""
    if reference is None:
        return following
    if not (found := _COLUMN.fullmatch(reference)):
        raise ValueError(f"{reference[:20]} is no cell")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    if column > MAX_COLUMNS:
        raise ValueError(f"{reference[:20]} is beyond the last column")
    return column - 1


def _day(found: Any) -> Cell:
    """The day of a cell that is a date: one with a time of day is none."""
    if not isinstance(found, datetime):
        return found if isinstance(found, date) else Wrong("The cell is a time of day, or a length of time.")
    if (found.hour, found.minute, found.second) != (0, 0, 0):
        return Wrong(f"The cell is an instant, {found:%Y-%m-%d %H:%M:%S}, and no day.")
    return found.date()


def _shortest(value: str) -> Cell:
    """The shortest decimal that stands for the same number. Raises ValueError."""
    if not _NUMBER.fullmatch(value):
        raise ValueError(f"{value[:20]} is no number")
    number = Decimal(repr(float(value))) if len(value) > _SURE_DIGITS or "E" in value.upper() else Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > _MOST_PLACES:
        return Wrong("The cell is a number that is too large, or too small.")
    whole = int(number)
    return Number(whole if whole == number else format(number.normalize(), "f"))


_NUMBER: Final = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?", re.ASCII)
"""There is one way to read each: a long one that is none takes no more time than one that is."""
_SURE_DIGITS: Final = 15
"""So many characters of a number are exact in any workbook."""
_MOST_PLACES: Final = 40
