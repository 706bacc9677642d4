"""`python -m tests.chains --depth 6`: every chain of up to six steps, by each role, and the ledger's answer to each kind.

The search is by the reference (tests/simulation), in memory; of each kind of step from each kind of state the first is put
to the real ledger, or as many of them as `--replayed` says, chosen by the seed. What fails is the shortest chain that does.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path

from app.postgres.database import migrate, open_database
from app.postgres.embedded import EmbeddedPostgres, Urls
from tests.chains.replay import Unlike, walking
from tests.chains.search import Broken, chosen, search
from tests.chains.steps import ROLES, STORIES
from tests.support.postgres import given_programs

DEPTH = 4
REPLAYED = 2_000
EVERY = 25


def main() -> int:
    """0 where every law holds and the two agree; 1, with the chain, where not."""
    parser = argparse.ArgumentParser(
        "python -m tests.chains", description="Search chains of steps for value made twice."
    )
    parser.add_argument("--depth", type=int, default=DEPTH, help=f"how many steps; {DEPTH} unless given")
    parser.add_argument("--story", choices=[*STORIES], action="append", help="these alone; all but `all` unless given")
    parser.add_argument("--role", choices=ROLES, action="append", help="these alone; all unless given")
    parser.add_argument("--replayed", type=int, default=REPLAYED, help="so many steps of each are put to the ledger")
    parser.add_argument("--seed", type=int, default=None, help="says which; drawn unless given")
    parser.add_argument("--most", type=int, default=10**9, help="so many states of each are gone on from")
    wanted = parser.parse_args()
    wanted.seed = secrets.randbelow(10**6) if wanted.seed is None else wanted.seed
    with tempfile.TemporaryDirectory(prefix="scrip-chains-") as folder:
        server = EmbeddedPostgres(Path(folder), durable=False, programs=given_programs())
        try:
            return asyncio.run(_play(server.start(), wanted))
        finally:
            server.stop()


async def _play(urls: Urls, wanted: argparse.Namespace) -> int:
    await migrate(urls.owner, urls.app, lambda _: None)
    wrong = 0
    async with open_database(urls.app, pool_min=2, pool_max=4):
        for story in wanted.story or [name for name in STORIES if name != "all"]:
            for role in wanted.role or ROLES:
                try:
                    await _one(story, role, wanted)
                except (Broken, Unlike) as error:
                    wrong += 1
                    print(f"{story}, seed {wanted.seed}: {error}", flush=True)  # noqa: T201 - a command's answer
    return min(wrong, 1)


async def _one(story: str, role: str, wanted: argparse.Namespace) -> None:
    """Raises Broken, Unlike."""
    began = time.monotonic()
    found = await asyncio.to_thread(search, story, role, wanted.depth, wanted.most)
    searched = time.monotonic()
    edges = chosen(found, wanted.replayed, wanted.seed)
    async with walking(found, every=EVERY) as walk:
        await walk.through(edges)
    print(  # noqa: T201 - a command's answer
        f"{story}, {role.lower()}: {found.asked} steps from {len(found.parents)} states, up to {max(found.depths)} deep,"
        f" in {searched - began:.0f} s; {walk.replayed} put to the ledger, {walk.again} asked for again, everything compared"
        f" after {walk.compared},"
        f" in {time.monotonic() - searched:.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
