"""Code of other times beside today's: where it is, how it is started, and its own tests on today's tables.

Which code that is stands in contract/releases.toml. Needs git, with the history of this repository, and the package index
for the libraries of other versions.
"""

import asyncio
import gzip
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx

from app.postgres.embedded import DATABASE, OWNER, Urls
from app.sample.demo import SAMPLE
from tests.app.cli.test_run import get, wait_for

ROOT: Final = Path(__file__).parents[2]
NAMED: Final = ROOT / "contract" / "releases.toml"
SECRET: Final = "a secret for servers under test, and long enough"
SUITE_S: Final = 3000
PLUGIN: Final = '''
"""Databases of the tests are migrated by the code after, and who fails is written down."""
import os, subprocess

try:
    import app.postgres.database as database
except ImportError:
    import app.database as database


async def migrate(owner_url, app_url, say, **_):
    environment = {**os.environ, "DATABASE_URL": app_url, "SCRIP_MIGRATION_DATABASE_URL": owner_url}
    environment.pop("PYTHONPATH", None)
    command = [os.environ["PYTHON_AFTER"], "-m", "app.cli", "migrate"]
    subprocess.run(command, cwd=os.environ["CODE_AFTER"], env=environment, check=True)
    return []


database.migrate = migrate


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Failures())


class Failures:
    def pytest_runtest_logreport(self, report):
        if report.failed:
            with open(os.environ["FAILED_TESTS"], "a") as file:
                file.write(f"{report.nodeid}\\n")
'''


@dataclass(frozen=True, slots=True)
class Version:
    """Code of another time: its files, and the Python that has its libraries."""

    folder: Path
    python: str


NOW: Final = Version(ROOT, sys.executable)


def named(which: str) -> dict[str, Any]:
    """What contract/releases.toml says of it."""
    found: dict[str, Any] = tomllib.loads(NAMED.read_text("utf-8"))[which]
    return found


def version(which: str) -> Version:
    """The code of that name. Made once, with an environment of its own, and kept in .cache; takes minutes then."""
    commit = named(which)["commit"]
    folder = ROOT / ".cache" / "versions" / commit[:12]
    if not (folder / "Makefile").exists():
        with tarfile.open(fileobj=BytesIO(git("archive", commit))) as archive:
            archive.extractall(folder, filter="data")
    subprocess.run(["/bin/sh", "scripts/environment.sh", "requirements-dev.lock"], cwd=folder, check=True)
    return Version(folder, str(folder / ".venv" / "bin" / "python"))


def git(*arguments: str) -> bytes:
    """What git prints."""
    program = shutil.which("git")
    assert program is not None, "there is no git: apt install git"
    done = subprocess.run([program, *arguments], cwd=ROOT, check=False, capture_output=True)
    assert done.returncode == 0, f"this clone may lack the history: git fetch --unshallow. {done.stderr.decode()}"
    return done.stdout


def environment(**variables: str) -> dict[str, str]:
    """Of a program that is told nothing by the environment of the tests."""
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


async def api_tests_that_fail(before: Version, after: Version, folder: Path) -> tuple[set[str], str]:
    """Run all tests of the API of the one code, on tables that the other has made. Who fails, and what was said."""
    failed = folder / "failed.txt"
    failed.touch()
    (folder / "tables_after.py").write_text(PLUGIN)
    process = await asyncio.create_subprocess_exec(
        *(before.python, "-m", "pytest", "tests/api", "-n", "2", "--dist", "worksteal", "-q", "-p", "tables_after"),
        cwd=before.folder,
        env=environment(
            CODE_AFTER=str(after.folder), PYTHON_AFTER=after.python, PYTHONPATH=str(folder), FAILED_TESTS=str(failed)
        ),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
    )
    async with asyncio.timeout(SUITE_S):
        said = (await process.communicate())[0].decode()
    assert process.returncode in (0, 1), said[-20_000:]
    assert " passed" in said
    return set(failed.read_text().split()), said


class Started:
    """`scrip serve` or `scrip work` of some code, and what it logs."""

    def __init__(self, code: Version, urls: Urls, log: Path, command: str = "serve") -> None:
        self._log = log
        self._base = ""
        with log.open("wb") as said:
            self.process = subprocess.Popen(
                [code.python, "-m", "app.cli", command],
                cwd=code.folder,
                env=for_urls(urls) | {"SCRIP_PORT": "0", "SCRIP_RATE_LIMIT": "0"},
                stdout=said,
                stderr=said,
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    @property
    def url(self) -> str:
        """Where the server is, once it was asked for its address."""
        return self._base

    def address(self) -> str:
        """Where the server is. Waits until it is ready."""
        base = wait_for(self._found)
        wait_for(lambda: get(f"{base}/health/ready") == (200, {"status": "ready"}))
        self._base = base
        return base

    def _found(self) -> str | None:
        assert self.process.poll() is None, self.said
        found = [line.split()[3] for line in self.said.splitlines() if line.startswith("Scrip is at http")]
        return found[0].removesuffix("/graphql") if found else None

    def end(self) -> None:
        """As an operator does: what is under way is finished."""
        self.process.terminate()
        self.process.wait(60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@asynccontextmanager
async def bare(server: Urls) -> AsyncIterator[Urls]:
    """A database more, that nobody has migrated, until the block ends."""
    name = f"bare_{uuid4().hex}"
    admin = await asyncpg.connect(server.admin.replace(f"/{DATABASE}?", "/postgres?"))
    try:
        await admin.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
        yield Urls(*(url.replace(f"/{DATABASE}?", f"/{name}?") for url in (server.app, server.owner, server.admin)))
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


def a_customer(base: str, token: str) -> str:
    query = """mutation { upsertCustomer(input: {externalId: "load", name: "Load"}) { customer { id } } }"""
    headers = {"authorization": f"Bearer {token}"}
    answer: dict[str, Any] = httpx.post(f"{base}/graphql", json={"query": query}, headers=headers, timeout=30).json()
    found: str = answer["data"]["upsertCustomer"]["customer"]["id"]
    return found


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
