"""Back to an instant: a base backup and the WAL archived since, as docs/running.md has it.

Needs `pg_basebackup`, which the embedded PostgreSQL brings along.
"""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from tortoise.context import TortoiseContext

from app.postgres.account import choose_account, hand_over
from app.postgres.database import migrate, tortoise_config
from app.postgres.embedded import Urls
from models.ledger import Ledger
from tests.chaos.processes import REPLICA, ROOT, Node, allow_replication, copy_node
from tests.support.proxy import proxied
from tests.support.tenants import make_tenant

PASSWORD: Final = "of-the-replica"
BEFORE: Final = 20
AFTER: Final = 7
WAIT_S: Final = 60


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that PostgreSQL's account may enter, too."""
    made = Path(tempfile.mkdtemp(prefix="scrip-instant-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


async def test_the_books_as_they_were_at_an_instant(folder: Path) -> None:
    archive = folder / "archive"
    archive.mkdir()
    hand_over(archive, choose_account(folder / "a" / "postgres"))
    keeps = {"archive_mode": "on", "archive_command": f"test ! -f {archive}/%f && cp %p {archive}/%f"}
    node = Node(folder / "a", durable=True, settings=keeps)
    urls = await asyncio.to_thread(node.start)
    try:
        await migrate(urls.owner, urls.app, lambda _: None)
        copy = await _base_backup(node, folder / "b", archive)
        instant = await _posted(urls)
        assert await _archived(node)
        assert "archive" in await _scrip("doctor", urls)
    finally:
        await asyncio.to_thread(node.crash)  # the machine is lost, with all that was not archived
    _back_to(copy, instant)
    restored = await asyncio.to_thread(copy.start)
    try:
        await _promoted(copy)
        assert await _entries(copy) == BEFORE
        said = await _scrip("verify", restored)
        assert f"{BEFORE} entries" in said
    finally:
        await asyncio.to_thread(copy.stop)


async def _base_backup(node: Node, folder: Path, archive: Path) -> Node:
    await allow_replication(node, PASSWORD)
    async with proxied(node.urls.admin) as way:
        url = f"postgresql://{REPLICA}@127.0.0.1:{way.port}/scrip?sslmode=disable&password={PASSWORD}"
        passwords = node.folder / "passwords.json"
        settings = {"restore_command": f"cp {archive}/%f %p"}
        return await asyncio.to_thread(copy_node, url, passwords, folder, durable=True, settings=settings)


async def _posted(urls: Urls) -> datetime:
    """Post, then a mistake. Returns an instant between."""
    async with TortoiseContext() as context:
        await context.init(tortoise_config(urls.app))
        ledger = Ledger()
        tenant = await make_tenant(ledger)
        customer = await tenant.customer()
        for _ in range(BEFORE):
            await tenant.adjust(customer, "1.00")
        connection = await asyncpg.connect(urls.app)
        instant: datetime = await connection.fetchval("SELECT clock_timestamp()")
        await connection.close()
        for _ in range(AFTER):
            await tenant.adjust(customer, "1000.00")
        await ledger.close()
    return instant


async def _archived(node: Node) -> bool:
    """Have what is there archived."""
    admin = await node.admin()
    try:
        name = await admin.fetchval("SELECT pg_walfile_name(pg_switch_wal())")
        async with asyncio.timeout(WAIT_S):
            while await admin.fetchval("SELECT coalesce(last_archived_wal, '') < $1 FROM pg_stat_archiver", name):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    finally:
        await admin.close()
    return True


def _back_to(copy: Node, instant: datetime) -> None:
    """What an operator writes into the restored folder."""
    (copy.cluster / "standby.signal").unlink()
    signal = copy.cluster / "recovery.signal"
    signal.touch()
    with (copy.cluster / "postgresql.auto.conf").open("a") as lines:
        lines.write(f"recovery_target_time = '{instant.isoformat()}'\nrecovery_target_action = 'promote'\n")
    hand_over(signal, choose_account(copy.cluster))


async def _promoted(copy: Node) -> None:
    admin = await copy.admin()
    try:
        async with asyncio.timeout(WAIT_S):
            while await admin.fetchval("SELECT pg_is_in_recovery()"):  # noqa: ASYNC110 - another process's work
                await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def _entries(node: Node) -> int:
    admin = await node.admin()
    try:
        found: int = await admin.fetchval("SELECT count(*) FROM entries")
        return found
    finally:
        await admin.close()


async def _scrip(command: str, urls: Urls) -> str:
    variables = {
        "DATABASE_URL": urls.app,
        "SCRIP_JWT_SECRET": "x" * 40,
        "PYTHONPATH": str(ROOT),
        "PATH": os.environ["PATH"],
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", command),
        env=variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()
