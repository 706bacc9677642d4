"""`scrip import credits`, as a process of its own."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.postgres.embedded import Urls
from models.customers import UpsertCustomer
from models.operations.upsert_customer import upsert_customer
from models.reads.verify import verify
from models.sources import system_clock
from tests.support.clock import Clock
from tests.support.tenants import MANAGER, Tenant

ROOT = Path(__file__).parents[3]
LIMIT_S = 60


@pytest.fixture
async def tenant(database: Urls) -> AsyncIterator[Tenant]:
    tenant = await Tenant.open(Clock(system_clock()))
    for name in ("carol", "dave"):
        await upsert_customer(tenant.ledger, tenant.id, MANAGER, UpsertCustomer(name, name))
    yield tenant
    await tenant.ledger.close()
    assert (await verify(tenant.id)).holds


async def scrip(urls: Urls, tenant: Tenant, file: Path, *more: str) -> tuple[int | None, str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCRIP_", "DATABASE_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app.cli",
        "import",
        "credits",
        str(file),
        "--tenant",
        tenant.slug,
        *more,
        cwd=ROOT,
        env={**kept, "DATABASE_URL": urls.app, "SCRIP_MIGRATION_DATABASE_URL": urls.owner},
        stdout=PIPE,
        stderr=PIPE,
    )
    async with asyncio.timeout(LIMIT_S):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_a_dry_run_then_the_file_and_then_the_file_again(tenant: Tenant, database: Urls, tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text("customer,amount\ncarol,25\ndave,5\n")
    whole = ("--asset", "POINTS", "--reason", "PROMOTION")
    assert (await scrip(database, tenant, file, *whole, "--dry-run"))[:2] == (
        0,
        "COMPLETED: 2 of 2 rows would be posted, 0 bad\n",
    )
    assert await tenant.count("entries") == 0
    posted = (0, "COMPLETED: 2 of 2 rows posted, 0 bad\n")
    assert (await scrip(database, tenant, file, *whole))[:2] == posted
    assert (await scrip(database, tenant, file, *whole))[:2] == posted
    assert await tenant.count("entries") == 2


async def test_bad_rows_are_printed_and_nothing_is_posted(tenant: Tenant, database: Urls, tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text("customer,amount,asset,reason\ncarol,25,POINTS,PROMOTION\nerin,5,POINTS,PROMOTION\n")
    code, out, _ = await scrip(database, tenant, file)
    assert (code, out.splitlines()) == (
        1,
        ["line 3: NOT_FOUND: There is no customer erin.", "FAILED: 0 of 2 rows posted, 1 bad"],
    )
    file.write_text("who,what\n")
    code, _, err = await scrip(database, tenant, file)
    assert code == 1
    assert "was not imported: The first line must name the columns" in err
    assert "there is no column customer, there is no column amount, 'who' is none of these, 'what' is none" in err
    file.write_text("customer,amount,note,Note,\n")
    code, _, err = await scrip(database, tenant, file)
    assert (code, "In this file note is there twice." in err) == (1, True)
    code, _, err = await scrip(database, tenant, tmp_path / "nothing.csv")
    assert (code, "cannot be read" in err) == (1, True)
    assert await tenant.count("entries") == 0
