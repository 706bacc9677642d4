"""Upgrades beside those who work: load while tables are migrated and servers replaced, and the way back.

Needs git, with the history of this repository, and the package index for the libraries of other versions. Two releases that
serve at once are in test_two_releases.py.
"""

import asyncio
import shutil
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import pytest

from app.postgres.embedded import Urls
from scripts.step_runners import write_missing
from tests.app.cli.test_work import output, scrip
from tests.support.locking import faults
from tests.support.releases import (
    NOW,
    ROOT,
    Started,
    Version,
    a_customer,
    as_of,
    count,
    few_invoices,
    git,
    named,
    version,
)

COMING: Final = {
    "more.sql": """ALTER TABLE actors ADD COLUMN nickname text;
        ALTER TABLE credits ADD COLUMN colour int NOT NULL DEFAULT 7;
        ALTER TABLE transactions ADD COLUMN seen_at timestamptz DEFAULT now();
        ALTER TABLE entries ADD CONSTRAINT entries_late CHECK (created_at > '2000-01-01Z') NOT VALID;
        CREATE TABLE nicknames (id uuid NOT NULL, tenant_id uuid NOT NULL REFERENCES tenants (id));
        CREATE INDEX nicknames_id ON nicknames (id);""",
    "validated.sql": "ALTER TABLE entries VALIDATE CONSTRAINT entries_late;",
    "found/1_drop.sql": "DROP INDEX CONCURRENTLY IF EXISTS transactions_seen;",
    "found/2_create.sql": "CREATE INDEX CONCURRENTLY transactions_seen ON transactions (tenant_id, seen_at);",
}
"""Steps of a release to come, of each kind that may be applied while others work, until there is a release that has some."""
CLIENTS: Final = 4
GAP_S: Final = 2.0
ADJUST: Final = "mutation ($input: AdjustCreditInput!) { adjustCredit(input: $input) { userErrors { code message } } }"


def coming(folder: Path, steps: Mapping[str, str] = COMING) -> Version:
    """The code of now, with steps more."""
    for name in git("ls-files", "-z").decode().rstrip("\0").split("\0"):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for name, sql in steps.items():
        assert faults(sql) == []  # what stops nobody, by the rules for steps
        known = {path.name.split("_")[0] for path in (folder / "migrations" / "sql").iterdir()}
        first = name.partition("/")[0]
        there = [path for path in (folder / "migrations" / "sql").iterdir() if path.name.endswith(f"_{first}")]
        path = (
            folder
            / "migrations"
            / "sql"
            / (there[0].name if there else f"{len(known)}_{first}")
            / name.partition("/")[2]
        )
        path.parent.mkdir(exist_ok=True)
        path.write_text(sql)
    write_missing(folder / "migrations", datetime.now(UTC))
    return Version(folder, sys.executable)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """From which code to which. What the one has run on, the other migrates."""

    before: Version
    after: Version


@pytest.fixture(scope="module")
def upgrade(tmp_path_factory: pytest.TempPathFactory) -> Upgrade:
    """From the last release to the code of now; while that is stopped first, from now to one with steps more."""
    if named("before")["stopped"]:
        return Upgrade(NOW, coming(tmp_path_factory.mktemp("coming")))
    return Upgrade(version("before"), NOW)


@pytest.fixture(scope="module")
def first() -> Version:
    """The release that has to be stopped before an upgrade (docs/upgrading.md)."""
    return version("first")


@dataclass(slots=True)
class Load:
    """Clients that adjust, one request after the other, at the first of their servers that answers."""

    token: str
    customer: str
    servers: list[str]
    errors: list[str] = field(default_factory=list)
    done: list[float] = field(default_factory=list)
    _stop: bool = False

    async def client(self) -> None:
        async with httpx.AsyncClient(timeout=30) as http:
            while not self._stop:
                await self._one(http)

    async def _one(self, http: httpx.AsyncClient) -> None:
        given = {"customerId": self.customer, "asset": "GBP", "amount": "1.00", "reason": "GOODWILL", "note": "load"}
        body = {"query": ADJUST, "variables": {"input": {**given, "idempotencyKey": uuid4().hex}}}
        headers = {"authorization": f"Bearer {self.token}"}
        answer = (await http.post(f"{self.servers[0]}/graphql", json=body, headers=headers)).json()
        if "errors" in answer or answer["data"]["adjustCredit"]["userErrors"]:
            self.errors.append(str(answer))
        else:
            self.done.append(time.monotonic())

    @property
    def gap(self) -> float:
        """The longest time in which nobody was answered."""
        return max(later - earlier for earlier, later in zip(self.done, self.done[1:], strict=False))


@asynccontextmanager
async def under_load(load: Load) -> AsyncIterator[None]:
    clients = [asyncio.create_task(load.client()) for _ in range(CLIENTS)]
    try:
        yield
    finally:
        load._stop = True
        await asyncio.gather(*clients)


async def test_nobody_notices_that_the_tables_are_migrated_and_the_servers_replaced(
    upgrade: Upgrade, bare_database: Urls, tmp_path: Path
) -> None:
    """And the way back: the code before takes over again, on the tables after."""
    before, after = upgrade.before, upgrade.after
    await asyncio.to_thread(as_of, before, bare_database, "migrate")
    old = Started(before, bare_database, tmp_path / "old.log")
    serving = [old]
    try:
        base = await asyncio.to_thread(old.address)
        await asyncio.to_thread(
            as_of,
            before,
            bare_database,
            "import",
            "online-retail",
            str(few_invoices(tmp_path)),
            "--tenant",
            "load",
            "--create-tenant",
        )
        token = await asyncio.to_thread(as_of, before, bare_database, "token", "--tenant", "load", "--role", "admin")
        load = Load(token, await asyncio.to_thread(a_customer, base, token), [base])
        async with under_load(load):
            await asyncio.sleep(2)
            assert "applied" in await asyncio.to_thread(as_of, after, bare_database, "migrate")
            await asyncio.sleep(2)
            new = Started(after, bare_database, tmp_path / "new.log")
            serving.append(new)
            load.servers[0] = await asyncio.to_thread(new.address)
            await asyncio.sleep(1)
            await asyncio.to_thread(old.end)
            await asyncio.sleep(2)
            back = Started(before, bare_database, tmp_path / "back.log")
            serving.append(back)
            load.servers[0] = await asyncio.to_thread(back.address)
            await asyncio.sleep(1)
            await asyncio.to_thread(new.end)
            await asyncio.sleep(2)
        assert load.errors == []
        assert load.gap < GAP_S
        status, said, _ = await output(await scrip(bare_database, "verify"))
        assert (status, "all agree" in said) == (0, True), said
        posted = await count(bare_database, "SELECT count(*) FROM transaction_texts WHERE note = 'load'")
        assert posted == len(load.done)
    finally:
        for server in serving:
            server.kill()


async def test_0_1_has_to_be_stopped_and_does_no_harm_where_it_was_not(
    first: Version, bare_database: Urls, tmp_path: Path
) -> None:
    """It lacks what each new credit and each key must say: whatever it tries to post is refused whole, by the database."""
    await asyncio.to_thread(as_of, first, bare_database, "migrate")
    old = Started(first, bare_database, tmp_path / "old.log")
    try:
        base = await asyncio.to_thread(old.address)
        await asyncio.to_thread(
            as_of,
            first,
            bare_database,
            "import",
            "online-retail",
            str(few_invoices(tmp_path)),
            "--tenant",
            "load",
            "--create-tenant",
        )
        token = await asyncio.to_thread(as_of, first, bare_database, "token", "--tenant", "load", "--role", "admin")
        customer = await asyncio.to_thread(a_customer, base, token)
        load = Load(token, customer, [base])
        async with httpx.AsyncClient(timeout=30) as http:
            await load._one(http)
            assert (len(load.done), load.errors) == (1, [])
            status, _, said = await output(await scrip(bare_database, "migrate"))
            assert status == 0, said
            entries = await count(bare_database, "SELECT count(*) FROM entries")
            await load._one(http)
        assert (len(load.done), len(load.errors)) == (1, 1)
        assert await count(bare_database, "SELECT count(*) FROM entries") == entries
        status, said, _ = await output(await scrip(bare_database, "verify"))
        assert (status, "all agree" in said) == (0, True), said
    finally:
        old.kill()
