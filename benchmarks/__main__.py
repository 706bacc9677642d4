"""make bench, or: python -m benchmarks [--only NAME] [--quick] [--part TEXT]"""

import argparse
import importlib
import os
import platform
import signal
import sys
from types import FrameType
from typing import Final, NoReturn

from benchmarks.rig import make_rig

BENCHMARKS: Final = {
    "start": "what a first start takes",
    "adjust": "adjustCredit, beside the server without its ledger and beside pgbench",
    "requests": "the CPU time of each kind of request, beside an empty mutation of stock Strawberry",
    "guards": "adjustCredit with and without limits, row security, token checks and rate limits",
    "operations": "assignCredit, createInvoice over 100 open credits, a bulk of 10,000 rows beside bare SQL",
    "files": "a file of 1,000,000 rows end to end, beside bare SQL for the same rows",
    "growth": "reads and postings at 1,000,000 entries, beside the same at 10,000",
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
        help="of stall: those attacks alone that have this in their name; of growth: `many`, `restored`",
    )
    parser.add_argument("--entries", type=int, default=0, help="of growth: how many the large tenant has")
    wanted = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before")
    try:
        for name in [wanted.only] if wanted.only else BENCHMARKS:
            with make_rig(quick=wanted.quick, part=wanted.part, entries=wanted.entries) as rig:
                importlib.import_module(f"benchmarks.{name}").run(rig)
    except KeyboardInterrupt:
        print("Stopped", file=sys.stderr)
        return 130
    return 0


def _interrupt(_: int, __: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
