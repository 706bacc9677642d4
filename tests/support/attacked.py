"""A server of its own that is attacked, and others that it serves meanwhile.

Time is that of the server's event loop, as the scheduler counts it: on a busy machine a test waits longer, and the
server is held up no longer than this.
"""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import pytest

from app.postgres.embedded import Urls
from auth.roles import Role
from auth.tokens import issue
from models.ledger import Ledger
from tests.app.cli.test_run import Scrip
from tests.support.tenants import Tenant, make_tenant
from tests.support.waiting_client import main_thread_of, scheduled

SECRET: Final = "a secret for servers under attack, and long enough"
GROWN_BYTES: Final = 200 * 1024 * 1024
READ_TIMEOUT_S: Final = 2
EXECUTION_TIMEOUT_S: Final = 0.5


def asked(query: str, variables: object = None, **more: object) -> bytes:
    return json.dumps({"query": query, "variables": variables, **more}).encode()


class Server:
    """A server, and somebody who has a token."""

    def __init__(self, scrip: Scrip, tenant: Tenant) -> None:
        self.base = scrip.url()
        self.port = int(self.base.rpartition(":")[2])
        self.pid = scrip.process.pid
        token = issue(
            SECRET,
            issuer="scrip",
            audience="scrip",
            tenant=tenant.slug,
            subject="ann@test",
            role=Role.MANAGER,
            issued_at=datetime.now(UTC),
            lifetime=timedelta(hours=1),
            token_id=uuid4().hex,
        )
        self.headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def loop_time(self) -> tuple[float, float]:
        """Seconds that the server's main thread has run, and has waited for a processor."""
        return scheduled(main_thread_of(self.pid))

    def peak_bytes(self) -> int:
        (line,) = [line for line in Path(f"/proc/{self.pid}/status").read_text().splitlines() if "VmHWM" in line]
        return int(line.split()[1]) * 1024

    def connection(self, sent: bytes = b"") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10 * READ_TIMEOUT_S)
        connection.sendall(sent)
        return connection


MOST: Final = 1_100
"""Connections of the server: room for those that are used against it, and for the others."""


@pytest.fixture
async def attacked(database: Urls, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """Its parameter, if a test gives one, is the server's read timeout in seconds."""
    ledger = Ledger()
    tenant = await make_tenant(ledger)
    await tenant.customer()
    scrip = Scrip(
        "serve",
        cwd=tmp_path,
        DATABASE_URL=database.app,
        SCRIP_JWT_SECRET=SECRET,
        SCRIP_RATE_LIMIT="0",
        SCRIP_READ_TIMEOUT=str(getattr(request, "param", READ_TIMEOUT_S)),
        SCRIP_EXECUTION_TIMEOUT=str(EXECUTION_TIMEOUT_S),
        SCRIP_KEEP_ALIVE="1",
        SCRIP_MAX_CONNECTIONS=str(MOST),
    )
    try:
        yield await asyncio.to_thread(Server, scrip, tenant)
    finally:
        scrip.process.kill()
        await asyncio.to_thread(scrip.wait)
        await ledger.close()


class Others:
    """Somebody else, who asks again and again. times: how often they were served so far."""

    def __init__(self, server: Server) -> None:
        self.times = 0
        self._enough = asyncio.Event()
        self._asking = asyncio.create_task(self._keep_asking(server))

    async def _keep_asking(self, server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.base, headers=server.headers, timeout=30) as client:
            while not self._enough.is_set():
                await self._ask(client)
                await asyncio.sleep(0.01)
            async with asyncio.timeout(60):
                while not await self._ask(client):
                    pass

    async def _ask(self, client: httpx.AsyncClient) -> bool:
        # On a busy machine, what is allowed may take longer than this server gives it, and so may resting.
        try:
            answer = await client.post("/graphql", content=asked("{ viewer { tenant { name } } }"))
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            return False
        if answer.status_code == 503:
            return False
        self.times += 1
        assert answer.json().get("data") == {"viewer": {"tenant": {"name": "Test & Co"}}}, answer.text
        return True

    async def are_served(self, *, after: int) -> None:
        """Until they were served more than so often."""
        async with asyncio.timeout(60):
            while self.times <= after:
                if self._asking.done():
                    await self._asking
                await asyncio.sleep(0.001)

    async def end(self) -> None:
        """They ask once more, after all the rest."""
        self._enough.set()
        await self._asking


@asynccontextmanager
async def others_are_served(server: Server) -> AsyncIterator[Others]:
    others = Others(server)
    try:
        yield others
    finally:
        await others.end()


def within(server: Server, began: float, before: tuple[float, float]) -> tuple[float, float]:
    """Seconds since then less those without a processor; and what the event loop ran for meanwhile."""
    ran, waited = (now - then for now, then in zip(server.loop_time(), before, strict=True))
    return time.perf_counter() - began - waited, ran
