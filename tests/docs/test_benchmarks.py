"""The page of the benchmarks is what the kept results say, all of them; and the plots are, too."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.page import PAGE, PART, PLOTS, fill, plots
from benchmarks.plot import MOST_LINES, svg
from benchmarks.report import Figure, Line, Report, Table, draw, print_figures, print_table, recording, say_of
from benchmarks.results import FULL, KEPT, QUICK, Result, newest, read_all, result_of

POINTS: Final = [(10.0, 120.0), (1_000.0, 130.0), (100_000.0, 900.0)]
LINE: Final = Line("Cost by size", "Scrip & co", "entries", "µs", POINTS)
GOOD: Final = Figure("this", [0.5, 0.9, 0.7], least=0.6, title="ratios")
BAD: Final = Figure("that", [1.9], most=1.2, title="ratios")
RESULT: Final = Result(
    benchmark="adjust",
    of="",
    at="2026-11-28T12:00:00+00:00",
    length=FULL,
    machine={"processors": "2"},
    versions={"Scrip": "0.2"},
    others=0.25,
    tables=[Table("A title", ["what", "µs"], [["a|b", "1,234"]])],
    figures=[GOOD, BAD, Figure("only told", [3.0], "µs")],
    lines=[LINE],
)
EMPTY_PAGE: Final = "".join(
    f"<!-- measured: {name} -->\nbefore\n<!-- end -->\n" for name in ("expected", "runs", "adjust", "growth")
)


def test_the_page_is_what_the_results_say() -> None:
    assert PAGE.read_text() == fill(PAGE.read_text(), list(newest(read_all()).values()))


def test_the_plots_are_what_the_results_say() -> None:
    assert {file.name: file.read_text() for file in PLOTS.glob("*")} == plots(newest(read_all()).values())


def test_every_benchmark_has_its_part() -> None:
    assert {match[1] for match in PART.finditer(PAGE.read_text())} == {*BENCHMARKS, "expected", "runs"}


def test_no_result_names_a_machine_or_a_path() -> None:
    for file in KEPT.glob("*.json"):
        assert re.findall(r'"(?:/|[A-Za-z]:\\)[^"]*"|/(?:home|root|tmp|work)/', file.read_text()) == []


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    RESULT.write(tmp_path)

    assert read_all(tmp_path) == [RESULT]


def test_all_that_a_benchmark_prints_is_in_its_result(capsys: pytest.CaptureFixture[str]) -> None:
    with recording("one part") as report:
        say_of("1,000 entries")
        print_table(["what", "µs"], [["a", "1"]], title="A title")
        print_figures("ratios", [GOOD, BAD])
        draw(LINE)
    print_table(["not"], [["recorded"]])
    made = result_of(report, "adjust", "18.1", quick=True)

    printed = capsys.readouterr().out
    assert "A title" in printed
    assert re.search(r"this +0\.70 +at least 0\.60 +yes", printed)
    assert re.search(r"that +1\.90 +at most 1\.20 +NO", printed)
    assert made.of == "one part, 1,000 entries"
    assert (made.length, made.versions["PostgreSQL"], made.others) == (QUICK, "18.1", None)
    assert made.tables == [Table("A title", ["what", "µs"], [["a", "1"]])]
    assert (made.figures, made.lines) == ([GOOD, BAD], [LINE])


def test_the_page_has_every_figure_good_or_bad() -> None:
    page = fill(EMPTY_PAGE, [RESULT])

    assert "| adjust | ratios | this | 0.70 | at least 0.60 | yes |" in page
    assert "| adjust | ratios | that | 1.90 | at most 1.20 | NO |" in page
    assert "| only told, µs | 3.00 |" in page
    assert "| a\\|b | 1,234 |" in page
    assert "![Cost by size](plots/adjust-cost-by-size.svg)" in page
    assert "| adjust | 2026-11-28 | full | 0.25 | processors 2 | Scrip 0.2 |" in page
    assert "Not measured yet." in page
    assert "before" not in page
    assert fill(page, [RESULT]) == page


def test_a_result_without_a_place_is_no_page() -> None:
    with pytest.raises(KeyError, match="novel"):
        fill(EMPTY_PAGE, [replace(RESULT, benchmark="novel")])


def test_the_newest_full_run_counts_and_a_quick_one_only_where_there_is_none() -> None:
    old = replace(RESULT, at="2026-11-27T12:00:00+00:00")
    quick = replace(RESULT, at="2026-11-29T12:00:00+00:00", length=QUICK)
    other = replace(quick, of="10 entries")

    assert newest([quick, RESULT, other, old]) == {("adjust", ""): RESULT, ("adjust", "10 entries"): other}


def test_a_plot_is_the_same_each_time_and_has_all_points() -> None:
    made = svg("Cost <by> size", [LINE, replace(LINE, name="flat", points=[(10.0, 50.0), (1_000.0, 50.0)])])

    assert made == svg("Cost <by> size", [LINE, replace(LINE, name="flat", points=[(10.0, 50.0), (1_000.0, 50.0)])])
    assert made.count("<circle") == 5
    assert "Cost &lt;by&gt; size" in made
    assert "Scrip &amp; co" in made
    heights = [float(y) for y in re.findall(r'<circle cx="[\d.]+" cy="([\d.]+)"', made)]
    assert heights[2] < heights[1] < heights[0] < heights[3] == heights[4]


@pytest.mark.parametrize("lines", [[], [LINE] * (MOST_LINES + 1), [replace(LINE, points=[(0.0, 1.0)])]])
def test_what_cannot_be_drawn_is_refused(lines: list[Line]) -> None:
    with pytest.raises(ValueError, match=r"a plot has|above 0"):
        svg("title", lines)


def test_a_report_is_empty_at_first() -> None:
    with recording() as report:
        pass

    assert report == Report()
