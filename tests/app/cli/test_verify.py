"""`scrip verify` as a nightly job meets it: what it prints, and its exit status."""

import asyncio
import os
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.cli.verify import verify_all
from app.postgres.embedded import Urls
from models.ledger import Ledger
from models.operations.create_tenant import create_tenant
from models.reads.verify import every_tenant
from models.session import tenant_transaction


async def scrip_verify(*arguments: str, **environment: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", "verify", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], **environment},
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
async def tenant(database: Urls) -> tuple[str, UUID]:
    slug = f"t-{uuid4().hex}"
    return slug, await create_tenant(Ledger(), slug, "Tea shop", "Europe/London")


async def test_right_books(tenant: tuple[str, UUID], database: Urls) -> None:
    slug, _ = tenant

    status, out, err = await scrip_verify("--tenant", slug, DATABASE_URL=database.app)

    assert status == 0, err
    assert out == f"{slug}: 0 entries, 0 accounts, 0 credits, 0 invoices, 0 coupons, 0 notes: all agree\n"


async def test_a_run_over_all_tenants_leaves_what_it_found_for_the_metrics(
    tenant: tuple[str, UUID], database: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [each for each in await every_tenant() if each.slug == tenant[0]]

    async def all_of_them() -> list[Any]:
        return found

    monkeypatch.setattr("app.cli.verify.every_tenant", all_of_them)
    monkeypatch.setattr("app.cli.verify.open_database", lambda *_, **__: nullcontext())
    file = tmp_path / "verify.prom"
    assert await verify_all(database.app, tenant[0], 100, tell=file)
    assert not file.exists()
    assert await verify_all(database.app, None, 100, tell=file)
    told = dict(line.split() for line in file.read_text().splitlines() if not line.startswith("#"))
    assert float(told.pop("scrip_verify_timestamp_seconds")) == pytest.approx(time.time(), abs=60)
    assert float(told.pop("scrip_verify_seconds")) > 0
    assert told == {"scrip_verify_tenants": "1.0", "scrip_verify_entries": "0.0", "scrip_verify_differences": "0.0"}


async def test_wrong_books(
    tenant: tuple[str, UUID], database: Urls, owner_connection: "asyncpg.Connection[Any]"
) -> None:
    slug, tenant_id = tenant
    invoice_id = uuid4()
    async with tenant_transaction(tenant_id) as connection:
        await connection.raw.execute(
            "INSERT INTO actors (id, tenant_id, subject, role, client) VALUES ($2, $1, 's', 'STAFF', '')",
            tenant_id,
            uuid4(),
        )
        await connection.raw.execute(
            """INSERT INTO customers (id, tenant_id, external_id, name, created_at, updated_at)
            VALUES ($2, $1, 'A', 'Anna', now(), now())""",
            tenant_id,
            uuid4(),
        )
        await connection.raw.execute(  # an invoice without the lines that make up its total
            """INSERT INTO invoices (id, tenant_id, customer_id, number, kind, currency, total_minor, creditable_minor,
                paid_minor, credited_minor, status, auto_apply, issued_on, actor_id, created_at)
            SELECT $2, c.tenant_id, c.id, 'I1', 'INVOICE', 'GBP', 100, 100, 0, 0, 'OPEN', true, current_date, a.id, now()
            FROM customers c, actors a WHERE c.tenant_id = $1 AND a.tenant_id = $1""",
            tenant_id,
            invoice_id,
        )

    status, out, _ = await scrip_verify("--tenant", slug, DATABASE_URL=database.app)

    assert status == 1
    assert out.splitlines()[0].endswith("1 DIFFER")
    assert out.splitlines()[1].startswith(f"  invoice sums: {invoice_id}: I1 OPEN: total 100 with tax 0,")


async def test_a_tenant_that_is_not_there(database: Urls) -> None:
    status, out, err = await scrip_verify("--tenant", "nobody", DATABASE_URL=database.app)

    assert (status, out) == (1, "")
    assert err.startswith("scrip: There is no tenant 'nobody'. ")


async def test_a_checkpoint_is_kept_and_compared_with(tenant: tuple[str, UUID], database: Urls, tmp_path: Path) -> None:
    slug, _ = tenant
    file = tmp_path / "kept.json"

    kept, _, err = await scrip_verify("--tenant", slug, "--keep", str(file), DATABASE_URL=database.app)
    same, out, _ = await scrip_verify("--tenant", slug, "--since", str(file), DATABASE_URL=database.app)
    file.write_text(file.read_text().replace('"entries": 0', '"entries": 1'))
    other, told, _ = await scrip_verify("--tenant", slug, "--since", str(file), DATABASE_URL=database.app)

    assert (kept, same, other) == (0, 0, 1), err
    assert out.startswith(f"{slug}: 0 entries before ")
    assert out.endswith(", 0 since: all agree\n")
    assert told.splitlines()[1].startswith("  checkpoint: ")


@pytest.mark.parametrize("option", ["--keep", "--since"])
async def test_a_checkpoint_is_of_one_tenant(option: str, database: Urls, tmp_path: Path) -> None:
    status, _, err = await scrip_verify(option, str(tmp_path / "kept.json"), DATABASE_URL=database.app)

    assert (status, err) == (1, "scrip: A checkpoint is of one tenant: say which with --tenant.\n")


async def test_another_file_is_no_checkpoint(tenant: tuple[str, UUID], database: Urls, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text("{}")

    status, _, err = await scrip_verify("--tenant", tenant[0], "--since", str(file), DATABASE_URL=database.app)

    assert status == 1
    assert err.startswith(f"scrip: {file} is no checkpoint: ")
