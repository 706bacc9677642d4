"""`scrip checkpoint` and `scrip verify --checkpoint`, as an operator runs them; and `scrip work` making them."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from app.postgres.embedded import Urls
from tests.app.cli.test_work import output, scrip
from tests.support.following import in_real_time
from tests.support.tampering import past_triggers
from tests.support.tenants import Tenant


@pytest.fixture
async def tenant(database: Urls) -> AsyncIterator[Tenant]:
    async with in_real_time(proved=False) as tenant:
        await tenant.credit(await tenant.customer("anna"), 50)
        yield tenant


async def keys_in(folder: Path, urls: Urls) -> dict[str, str]:
    """A new key's file, and what names it."""
    status, private, told = await output(await scrip(urls, "checkpoint", "new-key", "books.example"))
    assert (status, private.startswith("PRIVATE+KEY+books.example+")) == (0, True)
    file = folder / "keys"
    (folder / "kept").mkdir()
    file.write_text(private)
    variables = {"SCRIP_CHECKPOINT_KEYS": str(file), "SCRIP_CHECKPOINTS_TO": str(folder / "kept")}
    status, public, _ = await output(await scrip(urls, "checkpoint", "keys", **variables))
    assert status == 0
    assert public.strip() in told
    return variables


async def test_a_day_of_an_operator(tenant: Tenant, database_urls: Urls, tmp_path: Path) -> None:
    variables = await keys_in(tmp_path, database_urls)
    of_tenant = ("--tenant", tenant.slug)
    status, out, said = await output(await scrip(database_urls, "checkpoint", "make", *of_tenant, **variables))
    assert status == 0, said
    assert out.startswith(f"{tenant.slug}: made checkpoint 1 of 1 accounts at ")
    assert out.endswith("1 brought where they are kept\n")
    status, out, _ = await output(await scrip(database_urls, "checkpoint", "make", *of_tenant, **variables))
    assert (status, "nothing new since checkpoint 1" in out) == (0, True)

    compare = ("verify", *of_tenant, "--checkpoint", str(tmp_path / "kept"))
    status, out, said = await output(await scrip(database_urls, *compare, **variables))
    assert (status, "all agree" in out) == (0, True), said
    status, out, _ = await output(await scrip(database_urls, *compare, "--heads-only", **variables))
    assert (status, out) == (0, f"{tenant.slug}: heads, events and checkpoints: all agree\n")
    status, _, said = await output(await scrip(database_urls, *compare))
    assert (status, "SCRIP_CHECKPOINT_KEYS has to name" in said) == (1, True)

    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(database_urls.admin)
    try:
        async with past_triggers(connection):
            await connection.execute("UPDATE entries SET hash = sha256('forged') WHERE tenant_id = $1", tenant.id)
    finally:
        await connection.close()
    status, out, _ = await output(await scrip(database_urls, *compare, "--heads-only", **variables))
    assert (status, "checkpoint's heads" in out) == (1, True)


async def test_nothing_to_compare_with_is_no_difference(tenant: Tenant, database_urls: Urls, tmp_path: Path) -> None:
    """A folder that is empty, or not mounted, is not to pass for books that agree, nor for books that differ."""
    variables = await keys_in(tmp_path, database_urls)
    for more, told in (((), "1 entries"), (("--heads-only",), "no checkpoint to compare with")):
        compare = ("verify", "--tenant", tenant.slug, "--checkpoint", str(tmp_path / "kept"), *more)
        status, out, said = await output(await scrip(database_urls, *compare, **variables))
        assert (status, told in out, "all agree" in out) == (3, True, True), out
        assert f"has no checkpoint of {tenant.slug}" in said
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(database_urls.admin)
    try:
        async with past_triggers(connection):
            await connection.execute("UPDATE entries SET hash = sha256('forged') WHERE tenant_id = $1", tenant.id)
    finally:
        await connection.close()
    status, _, _ = await output(await scrip(database_urls, *compare[:-1], **variables))
    assert status == 1


async def test_work_makes_them(tenant: Tenant, database_urls: Urls, tmp_path: Path) -> None:
    variables = await keys_in(tmp_path, database_urls)
    once = ("work", "--once", "--tenant", tenant.slug)
    status, out, said = await output(await scrip(database_urls, *once, **variables))
    assert status == 0, said
    assert "checkpoints: 0 done" not in out
    assert [file.name for file in (tmp_path / "kept").rglob("*.txt")] == ["0000000001.txt"]


async def test_without_keys_there_are_none(tenant: Tenant, database_urls: Urls) -> None:
    status, _, said = await output(await scrip(database_urls, "checkpoint", "make"))
    assert (status, "SCRIP_CHECKPOINT_KEYS is not set" in said) == (1, True)
    for arguments, told in (
        (("checkpoint", "new-key", "two words"), "no spaces"),
        (("verify", "--heads-only"), "goes with --checkpoint"),
    ):
        status, _, said = await output(await scrip(database_urls, *arguments))
        assert (status, told in said) == (1, True), said
