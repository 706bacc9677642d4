"""A file of adjustments, opened: what it is and how it is written, and its rows, as often as they are needed."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Final

from app.files.importing.cells import Line
from app.files.importing.columns import names_columns
from app.files.importing.csv_cells import csv_rows, not_in
from app.files.importing.dialects import DELIMITERS, ENCODINGS, HEAD_CHARACTERS, Said, delimiter_of, encoding_of
from app.files.importing.xlsx_cells import Workbook
from models.errors import Invalid
from models.kinds import FileFormat
from models.operations.import_files import FileTold

_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0"
"""Beginning of a file of the older Excel, and of a workbook under a password."""
_LONGEST_MARK: Final = 4


@dataclass(slots=True)
class OpenedFile:
    """told: what it is and how it is read, for the answer and the operation."""

    told: FileTold
    _text: io.TextIOWrapper | None = None
    _workbook: Workbook | None = None
    _sep: bool = field(default=False)
    """Whether the first line only says the delimiter."""

    def rows(self) -> Iterator[Line]:
        """The rows with content from the first one on, which is the header. Raises Invalid while it reads."""
        if self._workbook is not None:
            return self._workbook.rows(self.told.sheet or "")
        assert self._text is not None  # noqa: S101 - for the type checker
        self._text.seek(0)
        if self._sep:
            self._text.readline()
        delimiter = DELIMITERS[self.told.delimiter or "comma"]
        encoding = self.told.encoding or "utf-8"
        return csv_rows(self._text, delimiter, encoding, first_line=2 if self._sep else 1)

    def close(self) -> None:
        """Close what it was opened with, and leave the file itself open."""
        if self._text is not None:
            self._text.detach()
        if self._workbook is not None:
            self._workbook.close()


def open_file(file: IO[bytes], said: Said, name: str | None = None) -> OpenedFile:
    """Find out what it is. Takes time with a workbook: not for the event loop. Raises Invalid.

    name: the file's, as its sender says.
    """
    file.seek(0)
    beginning = file.read(_LONGEST_MARK)
    file.seek(0)
    if beginning == _ZIP:
        return _workbook(file, said, name)
    if beginning == _OLE:
        raise Invalid(
            "The file is a workbook of an older kind, or under a password. Save it as XLSX or CSV, without one.",
            field=("file",),
        )
    if said.sheet is not None:
        raise Invalid("A sheet is named, and the file is no workbook.", field=("sheet",))
    encoding = encoding_of(beginning, said)
    text = io.TextIOWrapper(file, encoding=ENCODINGS[encoding], newline="")
    try:
        delimiter, sep = delimiter_of(_head(text, encoding), said, names_columns)
    except Invalid:
        text.detach()
        raise
    told = FileTold(
        name,
        FileFormat.CSV,
        encoding=encoding,
        delimiter=delimiter,
        decimal_mark=said.decimal_mark or "point",
        thousands_mark=said.thousands_mark or "none",
    )
    return OpenedFile(told, _text=text, _sep=sep)


def _head(text: io.TextIOWrapper, encoding: str) -> str:
    """The file's beginning. Raises Invalid: what is not in its encoding may be all that tells how it is written."""
    try:
        head = text.read(HEAD_CHARACTERS)
    except UnicodeDecodeError:
        raise not_in(encoding, text) from None
    if "\0" in head.partition("\n")[0]:
        raise Invalid(
            f"The first line is not {encoding.upper()}: every other byte is zero, as in UTF-16 without a byte order mark. "
            "Say encoding=utf-16le or encoding=utf-16be.",
            field=("encoding",),
        )
    return head


def _workbook(file: IO[bytes], said: Said, name: str | None) -> OpenedFile:
    if said.delimiter is not None or said.encoding is not None:
        raise Invalid("A workbook has neither a delimiter nor an encoding. Leave them out.", field=("file",))
    workbook = Workbook(file)
    try:
        sheet = workbook.chosen(said.sheet)
    except Invalid:
        workbook.close()
        raise
    told = FileTold(
        name,
        FileFormat.XLSX,
        sheet=sheet,
        decimal_mark=said.decimal_mark or "point",
        thousands_mark=said.thousands_mark or "none",
    )
    return OpenedFile(told, _workbook=workbook)
