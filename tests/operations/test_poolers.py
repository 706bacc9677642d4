"""Through a PgBouncer by transaction: the API's own tests, and chaos with it. Needs `pgbouncer`, of any version.

Another than that of the PATH: SCRIP_TEST_PROGRAMS=/folder make test-operations. One that knows prepared statements (from
1.21) is told to keep them; without, Scrip prepares none.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from app.postgres.connecting import connecting
from app.postgres.database import check_database, statements_survive
from app.postgres.embedded import Urls
from app.problems import OutOfReach, SetupProblem
from models.pool import is_pooled
from tests.app.cli.test_live_servers import play as play_live
from tests.app.cli.test_run import Scrip, start
from tests.chaos.play import play
from tests.chaos.processes import ROOT
from tests.chaos.world import Wanted, world
from tests.conftest import cloned_database
from tests.support.pooler import pooled
from tests.support.programs import needed_program

__all__ = ["start"]
SEED: Final = 11
FAULTS: Final = ("pooler killed", "pooler stopped", "pooler cut off", "PostgreSQL killed", "network cut")
CLIENTS: Final = 8


@pytest.fixture(scope="module")
def pgbouncer() -> Path:
    return needed_program("pgbouncer", "apt install pgbouncer")


async def test_the_apis_tests_pass_through_it(pgbouncer: Path) -> None:
    command = (sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal", "tests/api")
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**os.environ, "SCRIP_TEST_PGBOUNCER": str(pgbouncer)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-6_000:]


async def test_what_it_keeps_is_known(pgbouncer: Path, database_urls: Urls) -> None:
    with pooled(pgbouncer, database_urls) as pooler:
        url = pooler.url(database_urls.app)
        async with connecting(url) as connection:
            assert await is_pooled(connection)
        assert await statements_survive(url) is pooler.prepares


@pytest.mark.parametrize("refused", ["scrip_app:x", "nobody:"])
async def test_who_is_refused_by_it_is_told_so(pgbouncer: Path, database_urls: Urls, refused: str) -> None:
    """And does not wait, as for a database that is away."""
    with pooled(pgbouncer, database_urls) as pooler, pytest.raises(SetupProblem, match="refuses the role") as told:
        await check_database(pooler.url(database_urls.app).replace("scrip_app:", refused))
    assert not isinstance(told.value, OutOfReach)


async def test_subscriptions_of_two_servers(
    pgbouncer: Path, start: Callable[..., Scrip], server: Urls, worker_id: str
) -> None:
    """Nobody can listen through it: feeds are looked at instead, and nothing is missed or doubled."""
    async with cloned_database(server, f"live_{worker_id}") as urls:
        with pooled(pgbouncer, urls) as pooler:
            more = {} if pooler.prepares else {"SCRIP_DATABASE_STATEMENT_CACHE": "0"}
            await play_live(start, urls, pooler.url(urls.app), **more)


async def test_nothing_is_lost_when_it_goes_away(pgbouncer: Path) -> None:
    said: list[str] = []
    async with world(Wanted(pooler=pgbouncer)) as made:
        played = await play(made, "pooler", SEED, len(FAULTS), said.append, only=FAULTS, clients=CLIENTS)
    wrong = [text for each in played.rounds for text in each.wrong] + played.wrong
    assert wrong == [], "\n".join([*said, *wrong])
