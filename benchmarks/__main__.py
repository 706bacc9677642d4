"""make bench, or: python -m benchmarks [--only NAME] [--quick] [--part TEXT] [--keep]"""

import argparse
import asyncio
import importlib
import os
import platform
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import asyncpg

from benchmarks.report import recording
from benchmarks.results import KEPT, PASSING, ROOT, result_of
from benchmarks.rig import Rig, make_rig

BENCHMARKS: Final = {
    "start": "what a first start takes",
    "adjust": "adjustCredit, beside the server without its ledger and beside pgbench",
    "postings": "every kind of posting beside adjustCredit, by CPU; its statements and its garbage",
    "front_end": "a front end's page and list: CPU, statements, garbage",
    "storage": "bytes of an adjustment, by table and index",
    "guards": "adjustCredit with and without limits, row security, token checks and rate limits",
    "operations": "assignCredit, createInvoice over 100 open credits, a bulk of 10,000 rows beside bare SQL",
    "files": "a file of 1,000,000 rows end to end, beside bare SQL for the same rows",
    "growth": "reads and postings at 1,000,000 entries, beside the same at 10,000",
    "lists": "lists by filter and order at 1,000,000 customers, beside plain ones",
    "verify": "the proof of the books: time, CPU and memory for 1,000,000 entries, and since a checkpoint",
    "live": "5,000 idle and 500 active subscriptions on one process: memory, CPU, delay",
    "webhooks": "100,000 events through one webhook: events a second, CPU, memory, order",
    "stall": "what others notice of bulks, large units, odd requests and held accounts, from two servers",
}
"""Each is a module here with a function `run(rig)`, which prints its measurements."""


def main() -> int:
    """Run the requested benchmarks, each on a database of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the speed of Scrip.")
    texts = "; ".join(f"{name}: {text}" for name, text in BENCHMARKS.items())
    parser.add_argument("--only", choices=BENCHMARKS, help=texts)
    parser.add_argument("--quick", action="store_true", help="less than a minute, and less exact")
    parser.add_argument(
        "--part",
        default="",
        help="of stall: those attacks alone that have this in their name; of postings: those kinds that have one of these, "
        "by commas; of growth: `many`, `restored`, or both",
    )
    parser.add_argument(
        "--entries",
        type=_numbers,
        default=(),
        help="of growth, lists and verify: how many the large tenant has; of growth several, separated by commas",
    )
    parser.add_argument(
        "--postgres", type=lambda given: Path(given).absolute(), help="folder of another PostgreSQL's programs"
    )
    parser.add_argument("--keep", action="store_true", help="the results, in benchmarks/results, for the page")
    wanted = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before")
    try:
        for name in [wanted.only] if wanted.only else BENCHMARKS:
            given = {"part": wanted.part, "entries": wanted.entries, "programs": wanted.postgres}
            with make_rig(quick=wanted.quick, **given) as rig:
                version = asyncio.run(_postgres(rig))
                other = f"PostgreSQL {version.partition('.')[0]}" if wanted.postgres else ""
                with recording(", ".join(filter(None, (wanted.part, other)))) as report:
                    importlib.import_module(f"benchmarks.{name}").run(rig)
                result = result_of(report, name, version, quick=wanted.quick)
                file = result.write(KEPT if wanted.keep else PASSING)
                print(f"Saved in {file.relative_to(ROOT)}\n")
    except KeyboardInterrupt:
        print("Stopped", file=sys.stderr)
        return 130
    return 0


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.replace("_", "").split(","))


async def _postgres(rig: Rig) -> str:
    """Its version."""
    connection = await asyncpg.connect(rig.urls.app)
    try:
        return str(await connection.fetchval("SHOW server_version")).partition(" ")[0]
    finally:
        await connection.close()


def _interrupt(_: int, __: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
