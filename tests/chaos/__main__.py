"""`python -m tests.chaos --rounds 300 --seed 7`: break all that can be broken, at random, under load.

Without a seed one is drawn and said. The rounds are shared out to worlds: a plain one, one with a standby, and one for each
PgBouncer that is named; and on a small disk, which takes root. What cannot be had here is said, and left out.
"""

import argparse
import asyncio
import secrets
import signal
import sys
from math import isinf
from pathlib import Path
from time import monotonic

from tests.chaos.faults import FAULTS
from tests.chaos.play import CLIENTS, Played, play
from tests.chaos.report import KEPT, PASSING, result, write_page
from tests.chaos.world import Wanted, can_mount, world
from tests.support.programs import found_program

ROUNDS = 60
QUICK = 100
"""Fewer rounds than this say little, unless so many writes were asked for."""


def say(text: str) -> None:
    """Print a line."""
    print(text, flush=True)  # noqa: T201 - a command's answer


def main() -> int:
    """0 if nothing went wrong, else 1."""
    parser = argparse.ArgumentParser("python -m tests.chaos", description="Break it at random, under load.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how many, of all worlds; {ROUNDS} unless given")
    parser.add_argument("--seed", type=int, default=None, help="a number that says what happens; drawn unless given")
    parser.add_argument("--minutes", type=float, default=0, help="begin no round after so many")
    parser.add_argument(
        "--operations", type=float, default=float("inf"), help="begin no round after so many writes, in each world"
    )
    parser.add_argument("--calm", type=float, default=0, help="more seconds between two rounds")
    parser.add_argument("--only", default="", help=f"these faults, by commas, in turn: {', '.join(FAULTS)}")
    parser.add_argument("--worlds", default="plain,standby,pooler", help="by commas; plain,standby,pooler unless given")
    parser.add_argument(
        "--pgbouncer", type=Path, action="append", default=[], help="a PgBouncer; else that of the PATH"
    )
    parser.add_argument("--clients", type=int, default=CLIENTS, help=f"how many; {CLIENTS} unless given")
    parser.add_argument(
        "--most", type=float, default=float("inf"), help="longest time in seconds that something is broken"
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the result in tests/chaos/results, and write the page"
    )
    wanted = parser.parse_args()
    seed = secrets.randbelow(10**6) if wanted.seed is None else wanted.seed
    say(f"seed {seed}")
    played, postgres = asyncio.run(_play(wanted, seed))
    of = "" if isinf(wanted.operations) else f"{wanted.operations:,.0f} writes"
    made = result(played, postgres, of=of, quick=not of and sum(len(each.rounds) for each in played) < QUICK)
    say(f"Kept as {made.write(KEPT if wanted.keep else PASSING).name}")
    if wanted.keep:
        write_page()
    return 1 if any(each.wrong or any(made.wrong for made in each.rounds) for each in played) else 0


async def _play(wanted: argparse.Namespace, seed: int) -> tuple[list[Played], str]:
    playing = asyncio.current_task()
    assert playing is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)  # a disk is unmounted then, too
    worlds = _worlds(wanted)
    until = monotonic() + 60 * wanted.minutes if wanted.minutes else float("inf")
    played, postgres = [], ""
    only = [name.strip() for name in wanted.only.split(",") if name.strip()]
    for number, (name, kind) in enumerate(worlds.items()):
        rounds = (wanted.rounds + len(worlds) - 1 - number) // len(worlds)
        ends = monotonic() + (until - monotonic()) / (len(worlds) - number)
        async with world(kind) as made:
            title = name if made.pooler is None else f"{name.strip()} {made.pooler.version}"
            say(f"\n{title}")
            admin = await made.admin()
            postgres = await admin.fetchval("SHOW server_version")
            await admin.close()
            more = {"only": only, "most_s": wanted.most, "clients": wanted.clients, "until": ends}
            more |= {"operations": wanted.operations, "calm_s": wanted.calm}
            came = await play(made, title, seed + number, rounds, say, **more)
            for text in came.wrong:
                say(f"WRONG: {text}")
            played.append(came)
    return played, postgres


def _worlds(wanted: argparse.Namespace) -> dict[str, Wanted]:
    asked = wanted.worlds.split(",")
    found: dict[str, Wanted] = {}
    if "plain" in asked:
        reason = can_mount()
        if reason:
            say(f"left out, disk full: {reason}")
        found["one PostgreSQL"] = Wanted(durable=True, small_disk=not reason)
    if "standby" in asked:
        found["primary and standby"] = Wanted(durable=True, standby=True)
    if "pooler" in asked:
        here = found_program("pgbouncer")
        poolers = wanted.pgbouncer or ([] if here is None else [here])
        if not poolers:
            say("left out, PgBouncer: there is none here")
        for number, program in enumerate(poolers):
            found["PgBouncer" + " " * number] = Wanted(durable=True, pooler=program)
    return found


if __name__ == "__main__":
    sys.exit(main())
