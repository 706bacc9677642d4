"""`scrip import online-retail` as it is typed."""

import asyncio
import gzip
import os
import subprocess
import sys
import uuid
from pathlib import Path

import asyncpg
import pytest

from app.postgres.embedded import EmbeddedPostgres, Urls
from app.sample.demo import SAMPLE

ROOT = Path(__file__).parents[3]
SUMMARY = """\
customers                               386
invoices                                401    £163,770.73
credit notes                            120      £6,543.36
credit applied to later invoices                 £2,644.85
invoices it paid in full                  8
invoices it paid in part                 31
credit left over                                 £3,898.51
lines without a customer, left out        0
"""


def scrip(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCRIP_", "DATABASE_"))}
    environment = {**kept, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **variables}
    command = [sys.executable, "-m", "app.cli", "import", "online-retail", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", check=False)


@pytest.fixture
def slug() -> str:
    return f"t-{uuid.uuid4().hex}"


async def tenants(urls: Urls, slug: str) -> list[str]:
    """Its time zone, if it is there."""
    connection = await asyncpg.connect(urls.admin)
    try:
        return [row[0] for row in await connection.fetch("SELECT time_zone FROM tenants WHERE slug = $1", slug)]
    finally:
        await connection.close()


async def test_it_loads_prints_the_figures_and_says_so_when_all_is_there(
    database_urls: Urls, tmp_path: Path, slug: str
) -> None:
    async def load(*more: str) -> subprocess.CompletedProcess[str]:
        arguments = (str(SAMPLE), "--tenant", slug, *more)
        return await asyncio.to_thread(scrip, *arguments, cwd=tmp_path, DATABASE_URL=database_urls.app)

    refused = await load()
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"scrip: There is no tenant '{slug}'. ")
    assert refused.stderr.endswith(" Or make it with --create-tenant.\n")
    assert await tenants(database_urls, slug) == []

    first = await load("--create-tenant", "--time-zone", "Europe/Dublin")
    assert (first.returncode, first.stdout) == (0, SUMMARY), first.stderr
    assert first.stderr.splitlines() == [
        f"Made the tenant {slug} (Europe/Dublin)",
        "Loading 521 invoices and credit notes",
        "521 were new",
    ]
    assert await tenants(database_urls, slug) == ["Europe/Dublin"]

    second = await load("--create-tenant")
    assert (second.returncode, second.stdout) == (0, SUMMARY), second.stderr
    assert second.stderr.splitlines()[-1] == "All of it was there already; nothing was changed"


async def test_what_cannot_be_loaded_is_told_and_leaves_nothing(database_urls: Urls, tmp_path: Path, slug: str) -> None:
    bad = tmp_path / "bad.csv.gz"
    lines = gzip.decompress(SAMPLE.read_bytes()).decode().splitlines()
    bad.write_bytes(gzip.compress("\n".join([*lines[:3], lines[3].replace(",2010-", ",MMX-"), *lines[4:]]).encode()))
    cases = {
        (str(bad), slug): f"scrip: {bad} was not loaded, not even in part:\n  line 4: InvoiceDate 'MMX-",
        (str(tmp_path / "none.csv"), slug): f"scrip: {tmp_path}/none.csv was not loaded, not even in part:\n",
        (str(SAMPLE), "No Such"): "scrip: 'No Such' cannot be a short name: use small letters, digits and hyphens",
    }
    for (file, tenant), told in cases.items():
        arguments = (file, "--tenant", tenant, "--create-tenant")
        answer = await asyncio.to_thread(scrip, *arguments, cwd=tmp_path, DATABASE_URL=database_urls.app)
        assert (answer.returncode, answer.stdout) == (1, "")
        assert answer.stderr.startswith(told)
    odd_zone = (str(SAMPLE), "--tenant", slug, "--create-tenant", "--time-zone", "Mars/Olympus")
    answer = await asyncio.to_thread(scrip, *odd_zone, cwd=tmp_path, DATABASE_URL=database_urls.app)
    assert answer.stderr == "scrip: There is no time zone 'Mars/Olympus'; they are named as in Europe/London.\n"
    assert await tenants(database_urls, slug) == []


def test_it_uses_the_embedded_server_whether_scrip_runs_or_not(tmp_path: Path, slug: str) -> None:
    folder = tmp_path / "data"
    arguments = (str(SAMPLE), "--tenant", slug, "--create-tenant")
    alone = scrip(*arguments, cwd=tmp_path, SCRIP_DATA_DIR=str(folder))
    assert (alone.returncode, alone.stdout) == (0, SUMMARY), alone.stderr
    with EmbeddedPostgres(folder) as server:
        server.start()
        beside = scrip(*arguments, cwd=tmp_path, SCRIP_DATA_DIR=str(folder))
    assert (beside.returncode, beside.stdout) == (0, SUMMARY), beside.stderr
    assert "All of it was there already" in beside.stderr
