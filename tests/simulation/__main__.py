"""`python -m tests.simulation --seed 1234`: play the ledger against the reference, on a database of its own.

Without a seed one is drawn and said, so that what it finds can be played again: by the chapter that a disagreement names
(`--seed 1234 --chapter 7 --steps 4000`), with `--tell` and `--every 1`. Merges are posted beside the units that they are
at once with, and either may come first: where there was one, it may take playing the chapter twice to meet it again.

`--operations 200000` plays chapters until it is so many. An operation is a command that was answered; there are about
four in a step.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from app.postgres.database import migrate, open_database
from app.postgres.embedded import EmbeddedPostgres, Urls
from tests.simulation.driver import CHAPTER, EVERY, Disagreement, Play, simulate

STEPS = 1000
MAX_CHAPTERS = 10_000


def main() -> int:
    """0 where the two agree to the end; 1, with the step and the difference, where they do not."""
    parser = argparse.ArgumentParser("python -m tests.simulation", description="Play the ledger against a naive one.")
    parser.add_argument("--seed", type=int, default=None, help="a number that says what happens; drawn unless given")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"how many steps; {STEPS} unless given")
    parser.add_argument("--operations", type=int, default=0, help="in place of steps: chapters until it is so many")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, one after the other; 1 unless given")
    parser.add_argument("--every", type=int, default=EVERY, help="compare all after so many steps; plays the same")
    parser.add_argument("--chapter", type=int, default=0, help="begin with this one, as a disagreement names it")
    parser.add_argument("--without", default="", help="commands that nobody asks for, by commas")
    parser.add_argument("--most", type=int, default=Play.most, help=f"so many at once; {Play.most} unless given")
    parser.add_argument("--tell", action="store_true", help="print every command")
    wanted = parser.parse_args()
    first = secrets.randbelow(10**6) if wanted.seed is None else wanted.seed
    with tempfile.TemporaryDirectory(prefix="scrip-simulation-") as folder:
        server = EmbeddedPostgres(Path(folder), durable=False)
        try:
            return asyncio.run(_play(server.start(), range(first, first + wanted.seeds), wanted))
        finally:
            server.stop()


async def _play(urls: Urls, seeds: range, wanted: argparse.Namespace) -> int:
    play = Play(wanted.every, frozenset(wanted.without.split(",")), wanted.most, wanted.tell)
    await migrate(urls.owner, urls.app, lambda _: None)
    async with open_database(urls.app, pool_min=2, pool_max=4):
        for seed in seeds:
            started, worked = time.monotonic(), time.process_time()
            try:
                answers = await _chapters(seed, play, wanted)
            except Disagreement as difference:
                where = ", ".join(difference.__notes__)
                print(f"{where}: they disagree. {difference}")  # noqa: T201 - a command's answer
                return 1
            counts = ", ".join(f"{what} {count}" for what, count in sorted(answers.items()))
            took, busy, number = time.monotonic() - started, time.process_time() - worked, answers.total()
            print(  # noqa: T201
                f"seed {seed}: agreed, {number} operations, in {took:.0f} s"
                f" ({busy:.0f} s of our own, {number / took:.0f} a second): {counts}"
            )
    return 0


async def _chapters(seed: int, play: Play, wanted: argparse.Namespace) -> Counter[str]:
    """How often each thing happened. Raises Disagreement."""
    if not wanted.operations:
        return Counter(await simulate(seed, wanted.steps, play, first=wanted.chapter))
    answers = Counter[str]()
    for chapter in range(wanted.chapter, MAX_CHAPTERS):
        answers.update(await simulate(seed, (chapter + 1) * CHAPTER, play, first=chapter))
        print(f"seed {seed}, chapter {chapter}: {answers.total()} operations agree", flush=True)  # noqa: T201
        if answers.total() >= wanted.operations:
            break
    return answers


if __name__ == "__main__":
    sys.exit(main())
