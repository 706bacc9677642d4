"""The receiver in docs/webhooks.md: it takes what we send, once, and nothing that somebody else sends."""

import asyncio
import os
import socket
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from app.postgres.embedded import Urls
from jobs.webhooks import deliver
from models.configuration_commands import ReplayWebhook
from models.operations.keep_feed import keep_feed
from models.operations.webhooks import replay_webhook
from tests.docs.blocks import blocks
from tests.support.following import in_real_time
from tests.support.receivers import hooked, secret_of
from tests.support.tenants import ADMIN, Tenant

MOST_LINES = 30


@pytest.fixture
async def live(database: Urls) -> AsyncIterator[Tenant]:
    async with in_real_time() as tenant:
        yield tenant


def free_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@asynccontextmanager
async def started(port: int, secret: str, file: Path) -> AsyncIterator[None]:
    """The page's receiver, as it is printed."""
    (block,) = (block for block in blocks("docs/webhooks.md") if block.language == "python")
    assert len(block.text.splitlines()) <= MOST_LINES
    told = {**os.environ, "WEBHOOK_SECRET": secret, "EVENTS_FILE": str(file), "PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", block.text, env=told, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            with closing(socket.socket()) as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            await asyncio.sleep(0.05)
        yield
    finally:
        process.kill()
        await process.wait()


def kept(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as events:
        return [row[0] for row in events.execute("SELECT id FROM events")]


def forged(port: int) -> int:
    """The status of the answer to somebody who does not know the secret."""
    headers = {"webhook-id": "evt_1", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,Zm9yZ2Vk"}
    try:
        with urlopen(Request(f"http://127.0.0.1:{port}/", b"{}", headers), timeout=10) as answer:
            return int(answer.status)
    except OSError as error:
        return int(getattr(error, "code", 0))


async def test_it_takes_each_event_once_and_nothing_forged(live: Tenant, tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "events.sqlite"
    webhook = await hooked(live, f"http://127.0.0.1:{port}/hook")
    async with started(port, secret_of(live, webhook), file):
        for amount in range(1, 6):
            await live.adjust(await live.customer(f"c{amount}"), amount)
        while await keep_feed(live.ledger, live.id):
            pass
        while await deliver(live.ledger, live.id):
            pass
        first = kept(file)
        await replay_webhook(live.ledger, live.id, ADMIN, ReplayWebhook(webhook))
        while await deliver(live.ledger, live.id):
            pass
        assert await asyncio.to_thread(forged, port) == 401
    assert len(first) == len(set(first)) >= 10
    assert sorted(kept(file))[: len(first)] == sorted(first)
    assert "evt_1" not in kept(file)
