"""How a file is written: what a request says of it, and what is certain from the file itself. Nothing is guessed.

A byte order mark is certain, and so is the delimiter under which alone the first line names the columns. Anything else
is UTF-8 unless the request names another encoding; and an amount has a decimal point and no thousands separators unless
the request names other marks.
"""

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from models.errors import Invalid

ENCODINGS: Final = {
    "utf-8": "utf-8-sig",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "windows-1252": "cp1252",
    "iso-8859-1": "cp1252",
    "shift_jis": "cp932",
}
"""Names of encodings, and Python's. As browsers have it, ISO 8859-1 means Windows-1252: what is sent under that name is
written by Windows. Of Shift_JIS likewise: its Windows form, which has all characters of the plain one."""
_OTHER_NAMES: Final = {
    "utf8": "utf-8",
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be",
    "cp1252": "windows-1252",
    "latin1": "iso-8859-1",
    "shift-jis": "shift_jis",
    "sjis": "shift_jis",
    "cp932": "shift_jis",
    "windows-31j": "shift_jis",
}
_MARKS_OF_ORDER: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_UTF_32: Final = b"\xff\xfe\x00\x00"
DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
DECIMAL_MARKS: Final = {"point": ".", "comma": ","}
SPACES: Final = " \u00a0\u2007\u2009\u202f"
"""Thin ones too, and those that do not break, as spreadsheets and typesetters write them."""
THOUSANDS_MARKS: Final = {"none": "", "comma": ",", "point": ".", "space": SPACES, "apostrophe": "'\u2019"}
"""Names, and the characters that each stands for."""
NAMED: Final = {
    "encoding": (*ENCODINGS, *_OTHER_NAMES),
    "delimiter": tuple(DELIMITERS),
    "decimalMark": tuple(DECIMAL_MARKS),
    "thousandsMark": tuple(THOUSANDS_MARKS),
}
"""Parameters of a request about how its file is written, and their values."""
CAMEL: Final = {"decimal_mark": "decimalMark", "thousands_mark": "thousandsMark"}
"""Names of what is said of a file, as they are outside."""
_LINE_END: Final = re.compile(r"[\r\n]")
_SEP: Final = "sep="
"""Beginning of a line by which Excel is told the delimiter."""
HEAD_CHARACTERS: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Said:
    """A request's own words on its file, by the names above; None for what it leaves out. sheet: of a workbook.

    charset: of the media type, which many clients set without looking: a byte order mark counts for more.
    """

    encoding: str | None = None
    delimiter: str | None = None
    decimal_mark: str | None = None
    thousands_mark: str | None = None
    sheet: str | None = None
    charset: str | None = None

    def __post_init__(self) -> None:
        """Raises Invalid."""
        if THOUSANDS_MARKS[self.thousands_mark or "none"] == DECIMAL_MARKS[self.decimal_mark or "point"]:
            raise Invalid(
                "An amount's thousands and its decimals need different marks. Say both, such as decimalMark=comma and "
                "thousandsMark=point.",
                field=("thousandsMark",),
            )

    @property
    def marks(self) -> tuple[str, str]:
        """The decimal mark, and the characters between thousands."""
        return DECIMAL_MARKS[self.decimal_mark or "point"], THOUSANDS_MARKS[self.thousands_mark or "none"]

    def hashed(self) -> tuple[tuple[str, str], ...]:
        """All that the rows depend on beside the file's bytes, for the hash of the request."""
        given = {
            "encoding": self.encoding or self.charset,
            "delimiter": self.delimiter,
            "decimalMark": self.decimal_mark,
            "thousandsMark": self.thousands_mark,
            "sheet": self.sheet,
        }
        plain = {"encoding": "utf-8", "decimalMark": "point", "thousandsMark": "none"}
        return tuple((name, value) for name, value in given.items() if value and value != plain.get(name))


def said_of(**given: str | None) -> Said:
    """Make it of these names and values, by Said's own names. Raises Invalid for a value that is none of them."""
    for name, value in given.items():
        values = NAMED.get(CAMEL.get(name, name), ())
        if value is not None and values and value.lower() not in values:
            raise Invalid(f"{name} is one of {', '.join(values)}.", field=(CAMEL.get(name, name),))
    encoding = given.get("encoding")
    return Said(**given | {"encoding": None if encoding is None else encoding_named(encoding)})


def encoding_named(name: str) -> str | None:
    """The name in ENCODINGS of an encoding, in any case and under any of its names; None if it is none of these."""
    name = name.strip().strip('"').lower()
    name = _OTHER_NAMES.get(name, name)
    return name if name in ENCODINGS else None


def encoding_of(beginning: bytes, said: Said) -> str:
    """The encoding of a file that begins so: by its byte order mark, or as was said, or UTF-8. Raises Invalid."""
    certain = next((name for mark, name in _MARKS_OF_ORDER if beginning.startswith(mark)), None)
    if beginning.startswith(_UTF_32):
        raise Invalid("The file is in UTF-32. Save it as UTF-8.", field=("file",))
    if certain is None and said.encoding is None and said.charset == "utf-16":
        return "utf-16be"  # as the standard has it without a mark
    if certain is None and said.encoding == "utf-16":
        raise Invalid(
            "The file has no byte order mark. Say encoding=utf-16le or encoding=utf-16be.", field=("encoding",)
        )
    if certain is not None and said.encoding is not None and not said.encoding.startswith(certain):
        raise Invalid(
            f"The request says encoding={said.encoding}, and the file begins with the mark of {certain.upper()}.",
            field=("encoding",),
        )
    return certain or said.encoding or said.charset or "utf-8"


def delimiter_of(head: str, said: Said, fits: Callable[[Sequence[str]], bool]) -> tuple[str, bool]:
    """The name of the delimiter of a file that begins so, and whether its first line only says the delimiter.

    fits: whether these are names of columns. Raises Invalid if the request and the file say different ones, or it is
    not certain.
    """
    line = _LINE_END.split(head, 1)[0].strip('"')
    told = None
    if line.lower().startswith(_SEP) and len(line) == len(_SEP) + 1:
        told = next((name for name, mark in DELIMITERS.items() if mark == line[-1]), None)
        if told is None:
            raise Invalid("The delimiter must be a comma, a semicolon, a tab or a pipe.", field=("file",))
        if said.delimiter not in (None, told):
            raise Invalid(
                f"The request says delimiter={said.delimiter}, and the file says it is the {told}.",
                field=("delimiter",),
            )
    if said.delimiter is not None or told is not None:
        return said.delimiter or told or "", told is not None
    certain = [name for name, mark in DELIMITERS.items() if fits(_first_row(head, mark))]
    if len(certain) > 1:
        raise Invalid(
            f"The first line names columns by a {' and by a '.join(certain)}. Say which, such as "
            f"delimiter={certain[0]}.",
            field=("delimiter",),
        )
    return certain[0] if certain else "comma", False


def _first_row(head: str, delimiter: str) -> list[str]:
    """The first row with content, as read with this delimiter."""
    csv.field_size_limit(HEAD_CHARACTERS)
    try:
        for cells in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter):
            if any(cell.strip() for cell in cells):
                return [cell.strip() for cell in cells]
    except csv.Error:
        return []  # another one may fit; and if none does, reading it says what is wrong
    return []
