"""Plots of cost against size as SVG: lines over two logarithmic axes, with the lines' names below.

The same lines give the same file, byte for byte, on every machine and day.
"""

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from benchmarks.report import Line

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP = 70, 20, 40
BELOW, ROW, COLUMNS = 60, 18, 2
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#8a6d00", "#5b5b5b")
"""Told apart by colour-blind readers too."""
DASHES: Final = ("", "6 3", "2 3")
STEPS: Final = (1, 2, 5)
MOST_LINES: Final = len(COLOURS) * len(DASHES)


def svg(title: str, lines: Sequence[Line]) -> str:
    """The plot. Raises ValueError if there are no lines or more than can be told apart, or a value is not above 0."""
    if not 0 < len(lines) <= MOST_LINES:
        raise ValueError(f"a plot has 1 to {MOST_LINES} lines, not {len(lines)}")
    values = [value for line in lines for point in line.points for value in point]
    if not values or min(values) <= 0:
        raise ValueError("only values above 0 have a place on logarithmic axes")
    across = _Axis([x for line in lines for x, _ in line.points], LEFT, WIDTH - RIGHT)
    up = _Axis([y for line in lines for _, y in line.points], TOP + HEIGHT, TOP)
    height = TOP + HEIGHT + BELOW + ROW * math.ceil(len(lines) / COLUMNS)
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" font-size="14" font-weight="bold">{escape(title)}</text>',
        f'<text x="{WIDTH - RIGHT}" y="20" text-anchor="end">{escape(lines[0].y)}</text>',
        f'<text x="{WIDTH - RIGHT}" y="{TOP + HEIGHT + 36}" text-anchor="end">{escape(lines[0].x)}</text>',
        *_grid(across, up),
        *(part for n, line in enumerate(lines) for part in _line(n, line, across, up)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Axis:
    """From values to places between two ends, by their logarithms. It ends at full steps on both sides."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = _step_at_most(min(values)), _step_at_least(max(values))
        self.low, self.high = (low, high) if low < high else (low, _step_at_least(low * 1.01))
        self._start, self._end = start, end

    def place(self, value: float) -> float:
        share = (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        return round(self._start + share * (self._end - self._start), 1)

    def steps(self) -> list[float]:
        found, step = [], self.low
        while step <= self.high * 1.001:
            found.append(step)
            step = _step_at_least(step * 1.01)
        return found


def _step_at_most(value: float) -> float:
    decade = 10.0 ** math.floor(math.log10(value * 1.000001))
    return max(step * decade for step in STEPS if step * decade <= value * 1.000001)


def _step_at_least(value: float) -> float:
    decade = 10.0 ** math.floor(math.log10(value))
    return min(step * decade for step in (*STEPS, 10) if step * decade >= value * 0.999999)


def _grid(across: _Axis, up: _Axis) -> Iterator[str]:
    for value in across.steps():
        x = across.place(value)
        yield f'<line x1="{x}" x2="{x}" y1="{TOP}" y2="{TOP + HEIGHT}" stroke="#e4e4e4"/>'
        if len(across.steps()) < 10 or _is_decade(value):
            yield f'<text x="{x}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{value:,.10g}</text>'
    for value in up.steps():
        y = up.place(value)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="#e4e4e4"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{value:,.10g}</text>'


def _is_decade(value: float) -> bool:
    return math.isclose(math.log10(value), round(math.log10(value)), abs_tol=1e-6)


def _line(n: int, line: Line, across: _Axis, up: _Axis) -> Iterator[str]:
    colour, dash = COLOURS[n % len(COLOURS)], DASHES[n // len(COLOURS)]
    stroke = f'stroke="{colour}" stroke-width="2" fill="none"' + (f' stroke-dasharray="{dash}"' if dash else "")
    places = [(across.place(x), up.place(y)) for x, y in sorted(line.points)]
    yield f'<polyline points="{" ".join(f"{x},{y}" for x, y in places)}" {stroke}/>'
    for x, y in places:
        yield f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'
    x = LEFT + n % COLUMNS * (WIDTH - LEFT - RIGHT) // COLUMNS
    y = TOP + HEIGHT + BELOW + ROW * (n // COLUMNS)
    yield f'<line x1="{x}" x2="{x + 24}" y1="{y - 4}" y2="{y - 4}" {stroke}/>'
    yield f'<text x="{x + 32}" y="{y}">{escape(line.name)}</text>'
