"""The rows of a CSV file, with the numbers of their lines."""

import codecs
import csv
import io
from collections.abc import Iterator
from typing import Final, TextIO

from app.files.importing.cells import Cell, Line, Wrong
from app.files.importing.columns import COLUMNS
from models.errors import Invalid

MAX_FIELD_CHARACTERS: Final = 20_000
MAX_ROW_CHARACTERS: Final = len(COLUMNS) * (2 * MAX_FIELD_CHARACTERS + 3)
"""Of a row as the file has it: with its quotes doubled, and the blanks around its cells."""
_PIECE_BYTES: Final = 64 * 1024
_CUT_OFF: Final = Wrong("The file ends within this row: it may have been cut off.")


def csv_rows(file: TextIO, delimiter: str, encoding: str = "utf-8", *, first_line: int = 1) -> Iterator[Line]:
    """Each row, also one without content: its first line's number, and its cells without white space at their ends.

    Spreadsheets leave out delimiters at a row's end where nothing comes after them: missing cells have no content. Only
    in a last row without an end of line they are an error. Raises Invalid if it is no such file.
    """
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    line, width = first_line, 0
    try:
        for cells in reader:
            lines.begin_row()
            at, line = line, first_line + reader.line_num
            said: list[Cell] = [cell.strip() for cell in cells]
            if lines.cut_off and len(said) < width and any(said):
                said += [*[""] * (width - len(said)), _CUT_OFF]
            width = width or len(said)
            yield at, said
    except csv.Error as error:
        at = first_line + lines.number - 1
        raise Invalid(f"Line {at} is not CSV: {error}.", field=("file",)) from None
    except UnicodeDecodeError:
        raise not_in(encoding, file) from None


def not_in(encoding: str, file: TextIO) -> Invalid:
    """The error for a file that is not in this encoding, by which it was opened."""
    return Invalid(
        f"Line {_undecodable(file)} is not {encoding.upper()}. Say the file's encoding, such as encoding=windows-1252, "
        "or save it as UTF-8.",
        field=("file",),
    )


def _undecodable(file: TextIO) -> int:
    """The first line that is not in the file's encoding. The file itself is some pieces ahead of what is read of it."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(file.encoding)(), translate=True)
    line = 1
    file.buffer.seek(0)
    while piece := file.buffer.read(_PIECE_BYTES):
        try:
            line += decoder.decode(piece).count("\n")
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(file.encoding, "replace")
            return line + before.replace("\r\n", "\n").replace("\r", "\n").count("\n")
    return line


class _Lines:
    """A file's lines, as long as those of one row together are not too long. cut_off: whether the last one has no end.
    number: how many there were.

    The csv module bounds a cell alone: one row of nothing but commas, or over lines that a quote holds together, would
    take many times the memory of the whole file.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._left = MAX_ROW_CHARACTERS
        self.cut_off = False
        self.number = 0

    def begin_row(self) -> None:
        """Begin another row with the next line."""
        self._left = MAX_ROW_CHARACTERS

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(self._left + 1):
            self.number += 1
            self._left -= len(line)
            if self._left < 0:
                raise csv.Error(f"the row is longer than {MAX_ROW_CHARACTERS} characters")
            self.cut_off = line[-1] not in "\r\n"
            yield line
