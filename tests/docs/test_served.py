"""The pages' commands to a running Scrip, typed as they stand: README, bulk, time, and those to run it in production."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx
import pytest

from app.postgres.embedded import Urls
from tests.app.cli.test_run import Scrip, start
from tests.docs.blocks import ROOT, Examples, fits

__all__ = ["start"]
ADDRESS: Final = "http://127.0.0.1:8000"
SHELL_S: Final = 180


class Shell:
    """Types blocks of a page into a shell in a folder, at a server, with `scrip` from this environment."""

    def __init__(self, folder: Path, url: str = ADDRESS, **variables: str) -> None:
        self.folder = folder
        self.url = url
        scrip = folder / "bin" / "scrip"
        scrip.parent.mkdir()
        scrip.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m app.cli "$@"\n')
        scrip.chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCRIP_", "DATABASE_"))}
        self.environment = {**kept, "PYTHONPATH": str(ROOT), "PATH": f"{scrip.parent}:{kept['PATH']}", **variables}

    def type(self, text: str) -> str:
        """What the commands print. Raises where one of them fails."""
        text = text.replace(ADDRESS, self.url).replace(".venv/bin/scrip", "scrip")
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", text],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SHELL_S,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="the pages' examples are curl's")
def test_a_first_query_a_file_and_a_statement(start: Callable[..., Scrip], tmp_path: Path) -> None:
    run = start("run")
    url = run.url()
    shell = Shell(tmp_path, url, SCRIP_DATA_DIR=str(tmp_path / "a folder" / ".scrip"))
    customer = readme(shell, url)
    token = shell.type("scrip token --tenant demo --role admin").strip()

    page = Examples("docs/bulk.md", "sh")
    (tmp_path / "gutschriften.csv").write_bytes("Customer;Amount;Note\n17404;1.234,50;Für März\n".encode("cp1252"))
    (tmp_path / "points.csv").write_text("customer,amount\n17404,25\n")
    for delimiter in ("semicolon", "comma"):
        posted = json.loads(shell.type(f"TOKEN={token}\n{page.take('sh').text}"))
        assert (posted["file"]["delimiter"], posted["replayed"]) == (delimiter, False)
    page.end()

    page = Examples("docs/time.md", "sh")
    statement = shell.type(f"TOKEN={token}\nCUSTOMER={customer}\n{page.take('sh').text}")
    assert "25.00" in statement.splitlines()[-1]
    page.end()
    assert run.end(signal.SIGINT) == 0


def readme(shell: Shell, url: str) -> str:
    """The README from its first command to its last. Returns the customer's id."""
    page = Examples("README.md", "sh", "graphql", "json")
    assert page.take("sh").text == "make run\n"
    assert re.search(r"^run:.*\n\t@exec \$\(python\) -m app\.cli run$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    typed = page.take("sh").text
    first = json.loads(shell.type(typed))
    assert fits(page.take("json").json(), {"data": first["data"]})
    customer: str = first["data"]["customer"]["id"]

    token = shell.type("scrip token --tenant demo --role staff --subject sam").strip()
    assert "--role staff --subject sam" in typed
    document = page.take("graphql").text.replace("…", customer)
    shown = page.take("json").json()
    assert fits(shown, ask(url, token, document))
    shown["data"]["adjustCredit"]["replayed"] = True
    assert fits(shown, ask(url, token, document))
    too_much = document.replace('"25.00"', '"250.00"').replace("parcel-17404", "another")
    (error,) = ask(url, token, too_much)["data"]["adjustCredit"]["userErrors"]
    assert error["code"] == "LIMIT_EXCEEDED"
    page.end()
    return customer


def ask(url: str, token: str, document: str) -> dict[str, Any]:
    """The answer without its extensions."""
    headers = {"authorization": f"Bearer {token}"}
    answer: dict[str, Any] = httpx.post(f"{url}/graphql", json={"query": document}, headers=headers, timeout=30).json()
    assert answer.pop("extensions")
    return answer


@pytest.fixture
def name() -> str:
    """Of roles and a database that nobody else has."""
    return f"docs_{uuid4().hex[:12]}"


@pytest.fixture
def admin(server: Urls) -> str:
    """The server's administrator, connected to no database that is cloned from."""
    return re.sub(r"/[^/?]+\?", "/postgres?", server.admin)


@pytest.fixture
def cleared(admin: str, name: str) -> Iterator[None]:
    """The test's database and roles go with it."""
    yield
    statements = (
        f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
        f"DROP ROLE IF EXISTS {name}_app",
        f"DROP ROLE IF EXISTS {name}_owner",
    )
    run_sql(admin, *statements)


def run_sql(url: str, *statements: str) -> None:
    async def run() -> None:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


@pytest.mark.usefixtures("cleared")
def test_a_database_of_ones_own(admin: str, name: str, tmp_path: Path) -> None:
    page = Examples("docs/running.md", "sh", "sql")
    statements = page.take("sql").text.replace("scrip_", f"{name}_").replace("DATABASE scrip", f"DATABASE {name}")
    run_sql(admin, *filter(None, map(str.strip, statements.split(";"))))

    def url(role: str, password: str) -> str:
        return re.sub(r"//[^@]+@/[^?]+", f"//{name}_{role}:{password}@/{name}", admin)

    typed = page.take("sh").text
    for role, password in (("owner", "one-secret"), ("app", "another")):
        typed = typed.replace(f"postgresql://scrip_{role}:SECRET@db/scrip", f"'{url(role, password)}'")
    typed = typed.replace("scrip serve\n", "").replace("scrip work\n", "scrip work --once\n")
    shell = Shell(tmp_path)
    said = shell.type(typed)
    assert "applied" in said

    assert "scrip doctor" in page.take("sh").text  # tests/app/checkup
    assert "db1:5432,db2:5432" in page.take("sh").text  # tests/app/postgres/test_hosts.py
    assert "BYPASSRLS" in page.take("sql").text  # tests/app/cli/test_backup.py, with the two that follow
    assert "scrip backup" in page.take("sh").text
    assert "scrip restore" in page.take("sh").text
    exported = "".join(line for line in typed.splitlines(keepends=True) if line.startswith("export "))
    assert "tea-shop" in shell.type(f"{exported}{page.take('sh').text}scrip tenant list\n")

    loading = page.take("sh").text
    assert "FILE.csv" in loading  # tests/app has the imports
    page.end()
