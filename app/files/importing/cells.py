"""Cells of a file, whatever program wrote it: text, or something that a workbook says of a cell beyond its text."""

from dataclasses import dataclass
from datetime import date
from typing import TypeAlias


class Number(str):
    """A workbook's number, as its shortest exact decimal in the API's notation, which no decimal mark applies to."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Wrong:
    """A cell that no column takes, and why: `The cell …`."""

    problem: str


Cell: TypeAlias = str | date | Wrong
"""Text without white space at its ends; '' for a cell without content."""
Line: TypeAlias = tuple[int, list[Cell]]
"""Number of the row's first line in the file, from 1, and its cells."""
