"""Cells of CSV files (RFC 4180, UTF-8) for spreadsheets: nothing in them is taken for a formula, by any of them."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

_STARTS_FORMULA: Final = "=+\\-@|%\uff1d\uff0b\uff0d\uff20"
"""Characters that spreadsheets take for the beginning of a formula, full-width forms too."""
_BREAKS: Final = "\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029"
_BLANKS: Final = " \u00a0"
_FORMULA: Final = re.compile(
    rf"^(?='*[{_BLANKS}]*[{_BREAKS}{_STARTS_FORMULA}])|[;{_BREAKS}][{_BLANKS}]*(?='*[{_STARTS_FORMULA}])"
)
"""The place before what one spreadsheet or another takes for a formula: at the beginning of a cell, and after what begins
another cell or another line in some: a semicolon, where that is the delimiter; a tab or the end of a line. Apostrophes that
are there already get another one, so that those which were put there can be told from them."""

_MADE_SAFE: Final = re.compile(
    rf"^'(?='*[{_BLANKS}]*[{_BREAKS}{_STARTS_FORMULA}])|([;{_BREAKS}][{_BLANKS}]*)'(?='*[{_STARTS_FORMULA}])"
)


def safe(text: str) -> str:
    """Return `text`, with an apostrophe before all that a spreadsheet would take for a formula, after blanks too."""
    if text.isalnum():
        return text
    return _FORMULA.sub(r"\g<0>'", text)


def unescaped(text: str) -> str:
    """Return `text` without the apostrophes that `safe` has put there."""
    return _MADE_SAFE.sub(r"\1", text) if "'" in text else text


def rows(lines: Iterable[tuple[str, ...]]) -> str:
    """Return the lines as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()
