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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx
import pytest

from app.postgres.database import LOCATION, _upgrade
from app.postgres.embedded import DATABASE, OWNER, Urls
from app.sample.demo import SAMPLE
from tests.app.cli.test_run import get, wait_for
from tests.app.cli.test_work import output, scrip

ROOT: Final = Path(__file__).parents[2]
RELEASE: Final = "v0.1.0"
"""The last release."""
BEFORE: Final = "d9d28839365d589b9138349e9c040009d16551e0"
"""The newest code that knows nothing of the newest step, until there is a release that can run beside it: then its tag."""
SECRET: Final = "a secret for servers under test, and long enough"
STARTS_S: Final = 120
SUITE_S: Final = 3000
CLIENTS: Final = 4
GAP_S: Final = 2.0
ADJUST: Final = "mutation ($input: AdjustCreditInput!) { adjustCredit(input: $input) { userErrors { code message } } }"
PLUGIN: Final = '''
"""Databases of the tests are migrated by the code of now."""
import os, subprocess

try:
    import app.postgres.database as database
except ImportError:
    import app.database as database


async def migrate(owner_url, app_url, say):
    environment = {**os.environ, "DATABASE_URL": app_url, "SCRIP_MIGRATION_DATABASE_URL": owner_url}
    environment.pop("PYTHONPATH", None)
    command = [os.environ["PYTHON_OF_NOW"], "-m", "app.cli", "migrate"]
    subprocess.run(command, cwd=os.environ["CODE_OF_NOW"], env=environment, check=True)
    return []


database.migrate = migrate
'''
OTHERWISE: Final[tuple[str, ...]] = ()
"""Tests of the code before that say what the tables of then said, and nothing of the API."""


@dataclass(frozen=True, slots=True)
class Version:
    """Code of another time: its files, and the Python that has its libraries."""

    folder: Path
    python: str


def version(named: str) -> Version:
    """The code of a tag or commit. Made once, with an environment of its own, and kept in .cache; takes minutes then."""
    git = shutil.which("git")
    assert git is not None, "there is no git: apt install git"
    folder = ROOT / ".cache" / "versions" / named
    if not (folder / "Makefile").exists():
        packed = subprocess.run([git, "archive", named], cwd=ROOT, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
    subprocess.run(["/bin/sh", "scripts/environment.sh", "requirements-dev.lock"], cwd=folder, check=True)
    return Version(folder, str(folder / ".venv" / "bin" / "python"))


NOW: Final = Version(ROOT, sys.executable)


@pytest.fixture(scope="module")
def before() -> Version:
    return version(BEFORE)


@pytest.fixture(scope="module")
def release() -> Version:
    return version(RELEASE)


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


def steps_of(code: Version) -> int:
    """How many steps it knows."""
    return len(list((code.folder / "migrations" / "models").glob("[0-9]*_*.py")))


async def build(urls: Urls, steps: int) -> None:
    """The tables as the first steps build them."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        (Path(folder) / "models").mkdir()
        for step in sorted((LOCATION / "models").glob("[0-9]*_*.py"))[:steps]:
            shutil.copy(step, Path(folder) / "models")
        patch.setattr("app.postgres.database.LOCATION", Path(folder))
        assert len(await _upgrade(urls.owner)) == steps


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


async def test_the_code_before_runs_all_tests_of_its_api_on_the_tables_of_now(before: Version, tmp_path: Path) -> None:
    (tmp_path / "tables_of_now.py").write_text(PLUGIN)
    process = await asyncio.create_subprocess_exec(
        *(before.python, "-m", "pytest", "tests/api", "-n", "2", "--dist", "worksteal", "-q", "-p", "tables_of_now"),
        *(part for name in OTHERWISE for part in ("--deselect", name)),
        cwd=before.folder,
        env=environment(CODE_OF_NOW=str(ROOT), PYTHON_OF_NOW=sys.executable, PYTHONPATH=str(tmp_path)),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
    )
    async with asyncio.timeout(SUITE_S):
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-20_000:]
    assert b" passed" in said


async def test_nobody_notices_that_the_tables_are_migrated_and_the_servers_replaced(
    before: Version, database: Urls, tmp_path: Path
) -> None:
    """And the way back: the code before takes over again, on the tables of now."""
    await build(database, steps_of(before))
    await asyncio.to_thread(as_of, before, database, "migrate")  # grants its rights
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
            status, _, said = await output(await scrip(database, "migrate"))
            assert status == 0, said
            await asyncio.sleep(2)
            new = Serving(NOW, database, tmp_path / "new.log")
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
    release: Version, database: Urls, tmp_path: Path
) -> None:
    """It lacks what each new credit and each key must say: whatever it tries to post is refused whole, by the database."""
    await asyncio.to_thread(as_of, release, database, "migrate")
    old = Serving(release, database, tmp_path / "old.log")
    try:
        base = await asyncio.to_thread(old.url)
        await asyncio.to_thread(
            as_of,
            release,
            database,
            "import",
            "online-retail",
            str(few_invoices(tmp_path)),
            "--tenant",
            "load",
            "--create-tenant",
        )
        token = await asyncio.to_thread(as_of, release, database, "token", "--tenant", "load", "--role", "admin")
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
