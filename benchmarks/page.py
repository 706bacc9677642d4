"""The measured parts of docs/benchmarks.md, and its plots, from benchmarks/results: make bench-page

A part stands between `<!-- measured: NAME -->` and `<!-- end -->`. NAME is a benchmark's, for all that it measured, or
`expected`, for every figure of all of them that has a bound, or `runs`, for when and on what they were measured. All of
the newest results stand there, good or bad.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from benchmarks.plot import svg
from benchmarks.report import FIGURE_HEAD, Line
from benchmarks.results import QUICK, ROOT, Result, newest, read_all, slug

PAGE: Final = ROOT / "docs" / "benchmarks.md"
PLOTS: Final = ROOT / "docs" / "plots"
PART: Final = re.compile(r"(?<=^<!-- measured: )([\w-]+)( -->\n).*?(?=^<!-- end -->$)", re.MULTILINE | re.DOTALL)
NOTHING: Final = "Not measured yet."


def main() -> int:
    """Write the page and its plots anew."""
    results = list(newest(read_all()).values())
    PAGE.write_text(fill(PAGE.read_text(), results))
    wanted = plots(results)
    PLOTS.mkdir(exist_ok=True)
    for old in PLOTS.glob("*.svg"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (PLOTS / name).write_text(text)
    return 0


def fill(page: str, results: Sequence[Result]) -> str:
    """The page with these results. Raises KeyError if the page has no place for one of them."""
    places = {match[1] for match in PART.finditer(page)}
    if homeless := {result.benchmark for result in results} - places:
        raise KeyError(f"docs/benchmarks.md has no part for {', '.join(sorted(homeless))}")
    return PART.sub(lambda match: f"{match[1]}{match[2]}\n{_part(match[1], results)}\n\n", page)


def plots(results: Iterable[Result]) -> dict[str, str]:
    """The SVG files' texts, by name."""
    return {
        _plot_file(result, plot): svg(plot, lines) for result in results for plot, lines in _by_plot(result).items()
    }


def _part(name: str, results: Sequence[Result]) -> str:
    known: dict[str, Callable[[Sequence[Result]], Iterator[str]]] = {"expected": _expected, "runs": _runs}
    if name in known:
        made = list(known[name](results))
    else:
        made = [block for result in results if result.benchmark == name for block in _whole(result)]
    return "\n\n".join(made) or NOTHING


def _expected(results: Sequence[Result]) -> Iterator[str]:
    rows = [
        [_name(result), figure.title, *figure.row()]
        for result in results
        for figure in result.figures
        if figure.expected
    ]
    if rows:
        yield _table(["benchmark", "measure", "figure", *FIGURE_HEAD], rows, 3)


def _runs(results: Sequence[Result]) -> Iterator[str]:
    rows = []
    for result in results:
        others = "" if result.others is None else f"{result.others:.2f}"
        machine = ", ".join(f"{name} {value}" for name, value in result.machine.items())
        versions = ", ".join(f"{name} {value}" for name, value in result.versions.items())
        rows.append([_name(result), result.at[:10], result.length, others, machine, versions])
    if rows:
        yield _table(["benchmark", "date", "run", "others", "machine", "versions"], rows, 6)


def _whole(result: Result) -> Iterator[str]:
    """All that one result has."""
    yield f"**{_name(result)}**, {result.at[:10]}" + (", a quick run: less exact" if result.length == QUICK else "")
    if result.figures:
        rows = [[figure.title, *figure.row()] for figure in result.figures]
        yield _table(["measure", "figure", *FIGURE_HEAD], rows, 2)
    for plot in _by_plot(result):
        yield f"![{plot}]({PLOTS.name}/{_plot_file(result, plot)})"
    for table in result.tables:
        if table.title:
            yield table.title
        yield _table(table.head, table.rows, table.left)


def _name(result: Result) -> str:
    return f"{result.benchmark}, {result.of}" if result.of else result.benchmark


def _by_plot(result: Result) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in result.lines:
        found.setdefault(line.plot, []).append(line)
    return found


def _plot_file(result: Result, plot: str) -> str:
    return "-".join(filter(None, map(slug, (result.benchmark, result.of, plot)))) + ".svg"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> str:
    marks = ["---" if n < left else "---:" for n in range(len(head))]
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in (head, marks, *rows))


def _cell(text: str) -> str:
    """Nothing in it is taken for Markdown."""
    return re.sub(r"([|<*_\[\]`$])", r"\\\1", text)


if __name__ == "__main__":
    sys.exit(main())
