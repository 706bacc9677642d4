"""Everything that a benchmark has measured: printed as plain text, and kept as data for the page (see benchmarks.results).

A benchmark calls `print_table` and `print_figures`, and `draw` for a line of a plot. While `recording` is under way they
all leave what they were given in its Report; else they only print.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Final

DECIMALS: Final = 2


@dataclass(frozen=True, slots=True)
class Table:
    """As printed. left: how many columns begin on the left."""

    title: str
    head: list[str]
    rows: list[list[str]]
    left: int = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and its bounds, if it has any. values: one for each repetition, of which the median counts.

    title: of the figures that it was printed with.
    """

    text: str
    values: list[float]
    unit: str = ""
    least: float | None = None
    most: float | None = None
    title: str = ""

    @property
    def measured(self) -> float:
        return median(self.values)

    @property
    def expected(self) -> str:
        """Empty if it has no bounds."""
        bounds = (("at least", self.least), ("at most", self.most))
        return ", ".join(f"{word} {number(bound)}" for word, bound in bounds if bound is not None)

    @property
    def verdict(self) -> str:
        """Yes or NO; empty if nothing is expected."""
        if not self.expected:
            return ""
        below = self.least is not None and self.measured < self.least
        above = self.most is not None and self.measured > self.most
        return "NO" if below or above else "yes"

    def row(self) -> list[str]:
        text = f"{self.text}, {self.unit}" if self.unit else self.text
        return [text, number(self.measured), self.expected, self.verdict]


FIGURE_HEAD: Final = ["measured", "expected", ""]
"""Over a figure's row, but for its first cell."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a plot: what it cost at each size. x, y: the axes' names, with their units."""

    plot: str
    name: str
    x: str
    y: str
    points: list[tuple[float, float]]


@dataclass(slots=True)
class Report:
    """of: what was measured if there are several, such as a size. others: processors that others used, each time."""

    of: str = ""
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    others: list[float] = field(default_factory=list)


_under_way: Final[list[Report]] = []


@contextmanager
def recording(of: str = "") -> Iterator[Report]:
    """A report of all that is printed until the block ends."""
    report = Report(of)
    _under_way.append(report)
    try:
        yield report
    finally:
        _under_way.remove(report)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1, title: str = "") -> None:
    """The first `left` columns begin on the left, the others end on the right."""
    if title:
        print(title)
    _print(head, rows, left)
    for report in _under_way:
        report.tables.append(Table(title, list(head), [list(row) for row in rows], left))


def print_figures(title: str, figures: Sequence[Figure]) -> None:
    """A line each, with what is expected and whether it is so."""
    _print([title, *FIGURE_HEAD], [figure.row() for figure in figures], 1)
    for report in _under_way:
        report.figures += (replace(figure, title=title) for figure in figures)


def draw(line: Line) -> None:
    """Keep a line of a plot. Nothing is printed."""
    for report in _under_way:
        report.lines.append(line)


def note_others(processors: float) -> None:
    """Keep how much of the machine others used while something was measured."""
    for report in _under_way:
        report.others.append(processors)


def say_of(text: str) -> None:
    """Add to what was measured, such as a size: results of different ones stand beside each other on the page."""
    for report in _under_way:
        report.of = ", ".join(filter(None, (report.of, text)))


def number(value: float) -> str:
    """With two decimals, or none from a hundred on and for zero."""
    return f"{value:,.0f}" if abs(value) >= 100 or not value else f"{value:,.{DECIMALS}f}"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.1f}"


def microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f}"


def _print(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> None:
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    for row in (head, *rows):
        padded = zip(row, widths, strict=True)
        print("  ".join(c.ljust(width) if n < left else c.rjust(width) for n, (c, width) in enumerate(padded)).rstrip())
    print()
