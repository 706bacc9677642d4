"""What chaos has found, as data (tests/chaos/results), and the page made from it (docs/chaos.md)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.page import fill
from benchmarks.report import Figure, print_figures, print_table, recording
from benchmarks.results import Result, newest, read_all, result_of
from tests.chaos.play import Played, Round

ROOT: Final = Path(__file__).parents[2]
KEPT: Final = ROOT / "tests" / "chaos" / "results"
PASSING: Final = ROOT / "build" / "chaos"
PAGE: Final = ROOT / "docs" / "chaos.md"
NAME: Final = "chaos"
MOST_SHOWN: Final = 20
ENDED: Final = "the end"


def result(played: Sequence[Played], postgres: str, *, of: str, quick: bool) -> Result:
    """Print what came of all worlds, and return it. postgres: its version. of: what the run was for, if not for rounds."""
    with recording(of) as report:
        print_figures("What was promised", list(_figures(played)))
        for each in played:
            title = f"{each.world}: {len(each.rounds)} rounds of seed {each.seed}, {each.acked:,} writes acknowledged"
            head = ["fault", "rounds", "gap, median s", "gap, longest s", "back, longest s", "sent again", "why"]
            print_table(head, list(_by_fault(each)), title=title)
        kinds = sum((each.kinds for each in played), Counter[str]())
        print_table(["write", "acknowledged"], [[kind, f"{kinds[kind]:,}"] for kind in sorted(kinds)])
        wrong = list(_wrong(played))
        if wrong:
            print_table(["what went wrong", "world", "round"], wrong[:MOST_SHOWN], left=3)
    return result_of(report, NAME, postgres, quick=quick)


def write_page() -> None:
    """Bring docs/chaos.md to what is kept."""
    PAGE.write_text(page())


def page() -> str:
    """The page, with the newest of what is kept."""
    return fill(PAGE.read_text(), list(newest(read_all(KEPT)).values()))


def _figures(played: Sequence[Played]) -> Iterable[Figure]:
    rounds = [made for each in played for made in each.rounds]
    wrong = [text for text, _, _ in _wrong(played)]
    lost = [text for text in wrong if "acknowledged, and" in text]
    other = [text for text in wrong if text.startswith("sent again")]
    by_feed = [text for text in wrong if text.startswith("feed: ")]
    by_verify = [text for text in wrong if text.startswith("verify")]
    rest = len(wrong) - len(lost) - len(other) - len(by_verify) - len(by_feed)
    yield Figure("rounds", [float(len(rounds))])
    yield Figure("writes acknowledged", [float(sum(each.acked for each in played))])
    yield Figure(
        "writes sent once more afterwards, with the same key", [float(sum(each.sent_again for each in played))]
    )
    yield Figure(
        "requests that clients were told to send again", [float(sum(made.seen.again.total() for made in rounds))]
    )
    yield Figure("acknowledged writes that are lost, or there twice", [float(len(lost))], most=0)
    yield Figure("other answers to the same key", [float(len(other))], most=0)
    yield Figure("events that a consumer of the feed was told", [float(sum(each.events for each in played))])
    yield Figure("crashes of that consumer", [float(sum(each.crashes for each in played))])
    yield Figure("events that it missed, or saw twice or in another order", [float(len(by_feed))], most=0)
    yield Figure("differences that scrip verify finds", [float(len(by_verify))], most=0)
    yield Figure(
        "errors that are not to be sent again, tracebacks, and what did not come back by itself", [float(rest)], most=0
    )
    failovers = [made.gap_s for made in rounds if made.faults == ["failover"]]
    if failovers:
        yield Figure("failover: longest time without a write, median", [median(failovers)], "s", most=2)


def _by_fault(played: Played) -> Iterable[list[str]]:
    alone: dict[str, list[Round]] = {}
    for made in played.rounds:
        alone.setdefault(made.faults[0] if len(made.faults) == 1 else "two at once", []).append(made)
    for name in sorted(alone):
        rounds = alone[name]
        why = sum((made.seen.again for made in rounds), Counter[str]())
        yield [
            name,
            str(len(rounds)),
            f"{median(made.gap_s for made in rounds):.1f}",
            f"{max(made.gap_s for made in rounds):.1f}",
            f"{max(made.back_s for made in rounds):.1f}",
            f"{why.total():,}",
            ", ".join(f"{code} {count:,}" for code, count in why.most_common()),
        ]


def _wrong(played: Sequence[Played]) -> Iterable[list[str]]:
    for each in played:
        for made in each.rounds:
            for text in made.wrong:
                yield [text.replace("\n", " ")[:400], each.world, " + ".join(made.faults)]
        for text in each.wrong:
            yield [text.replace("\n", " ")[:400], each.world, ENDED]
