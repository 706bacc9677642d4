"""Upgrades beside those who work: the code of before on the tables of now, load while they are migrated, and the way back.

Needs git, with the history of this repository, and the package index for the libraries of other versions.
"""

import asyncio
import gzip
import os
import shutil
import subprocess
import sys
import tarfile
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx
import pytest

from app.postgres.embedded import DATABASE, OWNER, Urls
from app.sample.demo import SAMPLE
from scripts.step_runners import write_missing
from tests.app.cli.test_run import get, wait_for
from tests.app.cli.test_work import output, scrip
from tests.support.locking import faults

ROOT: Final = Path(__file__).parents[2]
FIRST: Final = "v0.1.0"
"""The release that has to be stopped before an upgrade (docs/upgrading.md)."""
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
SECRET: Final = "a secret for servers under test, and long enough"
STARTS_S: Final = 120
SUITE_S: Final = 3000
CLIENTS: Final = 4
GAP_S: Final = 2.0
ADJUST: Final = "mutation ($input: AdjustCreditInput!) { adjustCredit(input: $input) { userErrors { code message } } }"
PLUGIN: Final = '''
"""Databases of the tests are migrated by the code after."""
import os, subprocess

try:
    import app.postgres.database as database
except ImportError:
    import app.database as database


async def migrate(owner_url, app_url, say):
    environment = {**os.environ, "DATABASE_URL": app_url, "SCRIP_MIGRATION_DATABASE_URL": owner_url}
    environment.pop("PYTHONPATH", None)
    command = [os.environ["PYTHON_AFTER"], "-m", "app.cli", "migrate"]
    subprocess.run(command, cwd=os.environ["CODE_AFTER"], env=environment, check=True)
    return []


database.migrate = migrate
'''


@dataclass(frozen=True, slots=True)
class Version:
    """Code of another time: its files, and the Python that has its libraries."""

    folder: Path
    python: str


def version(named: str) -> Version:
    """The code of a release's tag. Made once, with an environment of its own, and kept in .cache; takes minutes then."""
    assert named in releases(), f"git knows no tag {named} here: git fetch --tags"
    folder = ROOT / ".cache" / "versions" / named
    if not (folder / "Makefile").exists():
        with tarfile.open(fileobj=BytesIO(git("archive", named))) as archive:
            archive.extractall(folder, filter="data")
    subprocess.run(["/bin/sh", "scripts/environment.sh", "requirements-dev.lock"], cwd=folder, check=True)
    return Version(folder, str(folder / ".venv" / "bin" / "python"))


NOW: Final = Version(ROOT, sys.executable)


def git(*arguments: str) -> bytes:
    """What git prints."""
    program = shutil.which("git")
    assert program is not None, "there is no git: apt install git"
    return subprocess.run([program, *arguments], cwd=ROOT, check=True, capture_output=True).stdout


def releases() -> list[str]:
    """The tags of releases, the newest first; none where they were not fetched."""
    return git("tag", "--list", "v*", "--sort=-version:refname").decode().split()


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
    """From the last release to the code of now; while there is none but the first, from that to one with steps more."""
    last = next(iter(releases()), FIRST)
    return Upgrade(NOW, coming(tmp_path_factory.mktemp("coming"))) if last == FIRST else Upgrade(version(last), NOW)


@pytest.fixture(scope="module")
def first() -> Version:
    return version(FIRST)


@pytest.fixture
async def database(server: Urls) -> AsyncIterator[Urls]:
    """A database of its own, empty."""
    name = f"upgraded_{uuid4().hex}"
    admin = await asyncpg.connect(server.admin.replace(f"/{DATABASE}?", "/postgres?"))
    try:
        await admin.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
        yield Urls(*(url.replace(f"/{DATABASE}?", f"/{name}?") for url in (server.app, server.owner, server.admin)))
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


def environment(**variables: str) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("SCRIP_", "DATABASE_", "PYTEST_"))
    }
    return {**kept, **variables}


def for_urls(urls: Urls) -> dict[str, str]:
    return environment(DATABASE_URL=urls.app, SCRIP_MIGRATION_DATABASE_URL=urls.owner, SCRIP_JWT_SECRET=SECRET)


def as_of(code: Version, urls: Urls, *arguments: str) -> str:
    """What a command of that code prints."""
    command = [code.python, "-m", "app.cli", *arguments]
    done = subprocess.run(command, cwd=code.folder, env=for_urls(urls), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Serving:
    """`scrip serve` of some code."""

    def __init__(self, code: Version, urls: Urls, log: Path) -> None:
        self._log = log
        with log.open("wb") as said:
            self.process = subprocess.Popen(
                [code.python, "-m", "app.cli", "serve"],
                cwd=code.folder,
                env=for_urls(urls) | {"SCRIP_PORT": "0"},
                stdout=said,
                stderr=said,
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def url(self) -> str:
        def find() -> str | None:
            assert self.process.poll() is None, self.said
            found = [line.split()[3] for line in self.said.splitlines() if line.startswith("Scrip is at http")]
            return found[0].removesuffix("/graphql") if found else None

        base = wait_for(find)
        wait_for(lambda: get(f"{base}/health/ready") == (200, {"status": "ready"}))
        return base

    def end(self) -> None:
        """As an operator does: what is under way is finished."""
        self.process.terminate()
        self.process.wait(60)


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


def a_customer(base: str, token: str) -> str:
    query = """mutation { upsertCustomer(input: {externalId: "load", name: "Load"}) { customer { id } } }"""
    headers = {"authorization": f"Bearer {token}"}
    answer: dict[str, Any] = httpx.post(f"{base}/graphql", json={"query": query}, headers=headers, timeout=30).json()
    found: str = answer["data"]["upsertCustomer"]["customer"]["id"]
    return found


async def test_the_code_before_runs_all_tests_of_its_api_on_the_tables_after(upgrade: Upgrade, tmp_path: Path) -> None:
    before, after = upgrade.before, upgrade.after
    (tmp_path / "tables_after.py").write_text(PLUGIN)
    process = await asyncio.create_subprocess_exec(
        *(before.python, "-m", "pytest", "tests/api", "-n", "2", "--dist", "worksteal", "-q", "-p", "tables_after"),
        cwd=before.folder,
        env=environment(CODE_AFTER=str(after.folder), PYTHON_AFTER=after.python, PYTHONPATH=str(tmp_path)),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
    )
    async with asyncio.timeout(SUITE_S):
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-20_000:]
    assert b" passed" in said


async def test_nobody_notices_that_the_tables_are_migrated_and_the_servers_replaced(
    upgrade: Upgrade, database: Urls, tmp_path: Path
) -> None:
    """And the way back: the code before takes over again, on the tables after."""
    before, after = upgrade.before, upgrade.after
    await asyncio.to_thread(as_of, before, database, "migrate")
    old = Serving(before, database, tmp_path / "old.log")
    serving = [old]
    try:
        base = await asyncio.to_thread(old.url)
        await asyncio.to_thread(
            as_of,
            before,
            database,
            "import",
            "online-retail",
            str(few_invoices(tmp_path)),
            "--tenant",
            "load",
            "--create-tenant",
        )
        token = await asyncio.to_thread(as_of, before, database, "token", "--tenant", "load", "--role", "admin")
        load = Load(token, await asyncio.to_thread(a_customer, base, token), [base])
        async with under_load(load):
            await asyncio.sleep(2)
            assert "applied" in await asyncio.to_thread(as_of, after, database, "migrate")
            await asyncio.sleep(2)
            new = Serving(after, database, tmp_path / "new.log")
            serving.append(new)
            load.servers[0] = await asyncio.to_thread(new.url)
            await asyncio.sleep(1)
            await asyncio.to_thread(old.end)
            await asyncio.sleep(2)
            back = Serving(before, database, tmp_path / "back.log")
            serving.append(back)
            load.servers[0] = await asyncio.to_thread(back.url)
            await asyncio.sleep(1)
            await asyncio.to_thread(new.end)
            await asyncio.sleep(2)
        assert load.errors == []
        assert load.gap < GAP_S
        status, said, _ = await output(await scrip(database, "verify"))
        assert (status, "all agree" in said) == (0, True), said
        posted = await count(database, "SELECT count(*) FROM transaction_texts WHERE note = 'load'")
        assert posted == len(load.done)
    finally:
        for server in serving:
            server.process.kill()
            server.process.wait()


def few_invoices(folder: Path) -> Path:
    """The first lines of the sample, for a tenant to be made with."""
    file = folder / "some.csv"
    file.write_text("\n".join(gzip.decompress(SAMPLE.read_bytes()).decode().splitlines()[:60]))
    return file


async def count(urls: Urls, sql: str) -> int:
    connection = await asyncpg.connect(urls.admin)
    try:
        return int(await connection.fetchval(sql))
    finally:
        await connection.close()


async def test_0_1_has_to_be_stopped_and_does_no_harm_where_it_was_not(
    first: Version, database: Urls, tmp_path: Path
) -> None:
    """It lacks what each new credit and each key must say: whatever it tries to post is refused whole, by the database."""
    await asyncio.to_thread(as_of, first, database, "migrate")
    old = Serving(first, database, tmp_path / "old.log")
    try:
        base = await asyncio.to_thread(old.url)
        await asyncio.to_thread(
            as_of,
            first,
            database,
            "import",
            "online-retail",
            str(few_invoices(tmp_path)),
            "--tenant",
            "load",
            "--create-tenant",
        )
        token = await asyncio.to_thread(as_of, first, database, "token", "--tenant", "load", "--role", "admin")
        customer = await asyncio.to_thread(a_customer, base, token)
        load = Load(token, customer, [base])
        async with httpx.AsyncClient(timeout=30) as http:
            await load._one(http)
            assert (len(load.done), load.errors) == (1, [])
            status, _, said = await output(await scrip(database, "migrate"))
            assert status == 0, said
            entries = await count(database, "SELECT count(*) FROM entries")
            await load._one(http)
        assert (len(load.done), len(load.errors)) == (1, 1)
        assert await count(database, "SELECT count(*) FROM entries") == entries
        status, said, _ = await output(await scrip(database, "verify"))
        assert (status, "all agree" in said) == (0, True), said
    finally:
        old.process.kill()
        old.process.wait()
