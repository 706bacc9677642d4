"""Two releases at once on today's tables: the older one's tests of its API, and both serving one tenant.

Which release the older one is stands in contract/releases.toml.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, Final, cast
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from app.postgres.embedded import Urls
from auth.roles import Role
from tests.app.cli.test_work import output, scrip
from tests.chaos.checks import counted, replayed, settled
from tests.chaos.load import CUSTOMERS, Call, Load, mutation
from tests.chaos.world import World
from tests.support.citus import distributed_database, given_cluster
from tests.support.releases import NOW, Started, Version, api_tests_that_fail, as_of, bare, version

_PRICES: Final = "prices of products may be finer than the minor unit: the column has digits behind it, which it shows"
_SEALS: Final = "calls verify of the older code, which does not know what else is under a customer's seal"
CHANGED: Final = {
    "test_products.py::test_a_product_is_created_changed_and_retired": _PRICES,
    "test_products.py::test_each_change_is_written_down": _PRICES,
    "test_idempotency.py::test_a_request_that_is_sent_again_late[90-89-True]": _SEALS,
    "test_idempotency.py::test_a_request_that_is_sent_again_late[90-91-False]": _SEALS,
    "test_idempotency.py::test_a_request_that_is_sent_again_late[30-31-False]": _SEALS,
    "test_idempotency.py::test_a_request_that_is_sent_again_late[400-399-True]": _SEALS,
}
"""Tests of the older one's API that fail on today's tables, and why: what was changed on purpose."""
SLUG: Final = "both"
CLIENTS: Final = 8
SERVING_S: Final = 20
GAP_S: Final = 2.0
SHORT_S: Final = 3.0
"""How long short-lived credit lives: all of it has expired when the jobs run for the last time."""
SAMPLE: Final = 400
"""Writes that are sent once more to each of the two."""
SPEND: Final = mutation("spendCredit", "replayed transaction { id }")
REFUND: Final = mutation("refundSpend", "replayed transaction { id }")
READS: Final = """{
  customers(first: 100) { edges { node { externalId name balances { asset available scheduled lifetime }
    ledger(first: 100) { edges { node { id } } } } } }
  invoices(first: 100) { edges { node { number status total paid due credited } } }
  trialBalance { asset } liability { asset }
}"""


class LoadOfBoth(Load):
    """What a client of the older release sends, who goes to either server: no holds, and no references of its own."""

    async def _short(self, key: str, dice: Random) -> None:
        soon = datetime.now(UTC) + timedelta(seconds=SHORT_S)
        await self._adjust(key, self._anybody(dice), 1, dice, asset="EUR", expiresAt=soon.isoformat())

    async def _spend(self, key: str, dice: Random) -> None:
        await self._spent(key, dice)

    async def _hold(self, key: str, dice: Random) -> None:
        """What is spent is given back instead."""
        if (spent := await self._spent(key, dice)) is not None:
            given = {"transactionId": spent["transaction"], "amount": "1", "note": "back"}
            await self.write(Call("refund", f"{key}-refund", REFUND, given, Role.MANAGER), dice)

    async def _spent(self, key: str, dice: Random) -> dict[str, str] | None:
        given = {"customerId": self._anybody(dice), "asset": "POINTS", "amount": "2", "note": key}
        return await self.write(Call("spend", key, SPEND, given, Role.MANAGER), dice)


@dataclass(slots=True)
class Pair:
    """Programs of both releases on one database, migrated by today's code. servers: those that clients go to."""

    urls: Urls
    folder: Path
    tenant: UUID
    tokens: dict[Role, str]
    servers: list[Started] = field(default_factory=list)
    started: list[Started] = field(default_factory=list)

    def token(self, role: Role, subject: str) -> str:
        return self.tokens[role]

    async def admin(self) -> "asyncpg.Connection[Any]":
        return await asyncpg.connect(self.urls.admin)

    async def start(self, code: Version, command: str = "serve") -> Started:
        program = Started(code, self.urls, self.folder / f"{len(self.started)}-{command}.log", command)
        self.started.append(program)
        if command == "serve":
            await asyncio.to_thread(program.address)
        return program

    @asynccontextmanager
    async def under_load(self, seed: int) -> AsyncIterator[Load]:
        """Clients at work. Afterwards whatever was acknowledged is there once, and each of the two answers so."""
        load = LoadOfBoth(cast("World", self), seed, CLIENTS)
        try:
            await load.open()
            yield load
            await load.stop()
            wrong = load.seen.wrong
            await asyncio.sleep(SHORT_S)
            await asyncio.to_thread(as_of, NOW, self.urls, "work", "--once")
            everybody = list(self.servers)
            for server in everybody:
                self.servers[:] = [server]
                wrong += await replayed(load, load.acked[-SAMPLE:])
            wrong += await settled(cast("World", self)) + await counted(cast("World", self), load)
        finally:
            await load.close()
        assert wrong == []
        assert [program.said for program in self.started if "Traceback" in program.said] == []
        status, said, _ = await output(await scrip(self.urls, "verify"))
        assert (status, "all agree" in said) == (0, True), said


@pytest.fixture(scope="module")
def before() -> Version:
    return version("before")


@pytest.fixture
async def tables(server: Urls) -> AsyncIterator[Urls]:
    """Those of today's code; on several nodes, where the tests are given some."""
    if (cluster := given_cluster()) is not None:
        async with distributed_database(cluster, f"both_{uuid4().hex[:8]}") as urls:
            yield urls
    else:
        async with bare(server) as urls:
            await asyncio.to_thread(as_of, NOW, urls, "migrate")
            yield urls


@pytest.fixture
async def pair(before: Version, tables: Urls, tmp_path: Path) -> AsyncIterator[Pair]:
    """A tenant that the older release makes, on tables that are migrated already."""
    await asyncio.to_thread(as_of, before, tables, "tenant", "create", SLUG, "--time-zone", "Europe/London")
    tokens = {}
    for role in (Role.ADMIN, Role.MANAGER, Role.STAFF):
        arguments = ("token", "--tenant", SLUG, "--role", role.value, "--subject", f"{role.value}@both")
        tokens[role] = await asyncio.to_thread(as_of, before, tables, *arguments)
    admin = await asyncpg.connect(tables.admin)
    tenant = await admin.fetchval("SELECT id FROM tenants WHERE slug = $1", SLUG)
    await admin.close()
    made = Pair(tables, tmp_path, tenant, tokens)
    yield made
    for program in made.started:
        program.kill()


async def test_the_older_ones_tests_of_its_api_pass_on_tables_of_now(before: Version, tmp_path: Path) -> None:
    failed, said = await api_tests_that_fail(before, NOW, tmp_path)
    assert failed == {f"tests/api/{name}" for name in CHANGED}, said[-20_000:]


async def test_both_serve_one_tenant_at_once(pair: Pair, before: Version) -> None:
    for code in (before, NOW):
        pair.servers.append(await pair.start(code))
        await pair.start(code, "work")
    old, new = pair.servers
    async with pair.under_load(seed=11) as load:
        await asyncio.sleep(SERVING_S)
    assert len(load.customers) == CUSTOMERS
    headers = {"authorization": f"Bearer {pair.token(Role.ADMIN, '')}"}
    async with httpx.AsyncClient(headers=headers, timeout=60) as http:
        answers = [(await http.post(f"{server.url}/graphql", json={"query": READS})).json() for server in (old, new)]
    assert all("errors" not in answer for answer in answers)
    assert answers[0]["data"] == answers[1]["data"]


async def test_one_replaces_the_other_and_the_other_way_round(pair: Pair, before: Version) -> None:
    """As behind a balancer: clients find that a server has gone, and send the same to the other one."""
    pair.servers.append(await pair.start(before))
    async with pair.under_load(seed=12) as load:
        began = monotonic()
        for code in (NOW, before):
            await asyncio.sleep(2)
            pair.servers.append(await pair.start(code))
            await asyncio.sleep(2)
            gone = pair.servers[0]
            await asyncio.to_thread(gone.end)
            pair.servers.remove(gone)
        await asyncio.sleep(2)
        gap = load.seen.longest_gap(began, monotonic())
        pair.servers.append(await pair.start(NOW))
    assert gap < GAP_S
