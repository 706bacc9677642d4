"""Servers that are replaced under load: no request fails, and none waits for long."""

import asyncio
import re
import signal
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest

from app.postgres.embedded import Urls
from auth.roles import Role
from auth.tokens import issue
from models.ledger import Ledger
from tests.app.cli.test_run import START_S, Scrip, wait_for
from tests.support.tenants import make_tenant

SECRET: Final = "a secret for servers under test, and long enough"
CLIENTS: Final = 6
PAUSE_S: Final = 0.02
MAX_GAP_S: Final = 2.0
MAX_ASKED: Final = 100_000
VIEWER: Final = {"query": "{ viewer { subject } }"}


@pytest.fixture
async def headers(database: Urls) -> dict[str, str]:
    ledger = Ledger()
    tenant = await make_tenant(ledger)
    await ledger.close()
    now, lifetime = datetime.now(UTC), timedelta(hours=1)
    token = issue(
        SECRET,
        issuer="scrip",
        audience="scrip",
        tenant=tenant.slug,
        subject="ann",
        role=Role.STAFF,
        issued_at=now,
        lifetime=lifetime,
        token_id="t",
    )
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
def start(tmp_path: Path, database_urls: Urls) -> Iterator[Callable[..., Scrip]]:
    started: list[Scrip] = []

    def begin(**variables: str) -> Scrip:
        given = {"DATABASE_URL": database_urls.app, "SCRIP_JWT_SECRET": SECRET, "SCRIP_RATE_LIMIT": "0", **variables}
        started.append(Scrip("serve", cwd=tmp_path, **given))
        return started[-1]

    yield begin
    for scrip in started:
        if scrip.process.poll() is None:
            scrip.end(signal.SIGTERM)


@dataclass
class Load:
    """Some clients that ask one query after the other, each on a connection that it keeps.

    As a proxy does, a client goes to the next server where none listens; a request that was sent is not sent again.
    """

    servers: Sequence[str]
    headers: dict[str, str]
    trusted: ssl.SSLContext | bool = True
    outcomes: Counter[str] = field(default_factory=Counter)
    longest_gap_s: float = 0.0
    _over: bool = False
    _last: float | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(self._ask(number))

    def end(self) -> None:
        self._over = True

    async def _ask(self, number: int) -> None:
        async with httpx.AsyncClient(headers=self.headers, timeout=30, verify=self.trusted) as client:
            for turn in range(MAX_ASKED):
                if self._over:
                    return
                self._note(await self._answer(client, number + turn))
                await asyncio.sleep(PAUSE_S)

    async def _answer(self, client: httpx.AsyncClient, turn: int) -> str:
        for tried in range(len(self.servers)):
            server = self.servers[(turn + tried) % len(self.servers)]
            try:
                response = await client.post(f"{server}/graphql", json=VIEWER)
            except httpx.ConnectError:
                continue
            except httpx.TransportError as error:
                return type(error).__name__
            good = response.status_code == 200 and response.json()["data"] == {"viewer": {"subject": "ann"}}
            return "answered" if good else f"{response.status_code} {response.text[:200]}"
        return "nobody listens"

    def _note(self, outcome: str) -> None:
        self.outcomes[outcome] += 1
        if outcome == "answered":
            now = time.monotonic()
            if self._last is not None:  # making the clients takes a while
                self.longest_gap_s = max(self.longest_gap_s, now - self._last)
            self._last = now


def free_ports(number: int) -> list[str]:
    """Ports that nobody listens at now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [str(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


async def test_two_servers_are_restarted_in_turn_without_an_error(
    start: Callable[..., Scrip], headers: dict[str, str]
) -> None:
    ports = free_ports(2)
    servers = [start(SCRIP_PORT=port) for port in ports]
    load = Load([await asyncio.to_thread(each.url) for each in servers], headers)
    running = asyncio.create_task(load.run())
    for port, server in zip(ports, servers, strict=True):
        await asyncio.sleep(1)
        assert await asyncio.to_thread(server.end, signal.SIGTERM) == 0
        await asyncio.to_thread(start(SCRIP_PORT=port).url)
    await asyncio.sleep(1)
    load.end()
    await running
    assert set(load.outcomes) == {"answered"}, load.outcomes
    assert load.outcomes["answered"] > 100
    assert load.longest_gap_s < MAX_GAP_S


async def test_sighup_replaces_each_process_without_an_error_and_loses_no_count(
    start: Callable[..., Scrip], headers: dict[str, str]
) -> None:
    server = start(SCRIP_WORKERS="2")
    base = await asyncio.to_thread(server.url)
    load = Load([base], headers)
    running = asyncio.create_task(load.run())
    before = await processes(base, 2)
    await asyncio.sleep(1)
    server.process.send_signal(signal.SIGHUP)
    now = before
    async with asyncio.timeout(START_S):
        while now & before:
            now = await processes(base, 2)
    load.end()
    await running
    assert set(load.outcomes) == {"answered"}, load.outcomes
    assert load.longest_gap_s < MAX_GAP_S
    assert len(now) == 2
    # As many as were answered, by processes that are gone and those that are there.
    counted = re.findall(r'^scrip_http_request_seconds_count\{status="200"\} (\S+)$', await metrics(base), re.MULTILINE)
    assert float(counted[0]) == load.outcomes["answered"]


async def test_a_server_that_is_killed_leaves_nothing_behind(start: Callable[..., Scrip], tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    server = start(SCRIP_WORKERS="2", TMPDIR=str(folder))
    await asyncio.to_thread(server.url)
    assert [path.name[:14] for path in folder.iterdir()] == ["scrip-metrics-"]
    await asyncio.to_thread(server.end, signal.SIGKILL)
    await asyncio.to_thread(wait_for, lambda: not list(folder.iterdir()) or None)


async def metrics(base: str) -> str:
    async with httpx.AsyncClient(timeout=30) as client:
        return (await client.get(f"{base}/metrics")).text


async def processes(base: str, number: int) -> set[str]:
    """The processes that count there, once there are so many."""
    found = set[str]()
    async with asyncio.timeout(START_S):
        while len(found) != number:
            await asyncio.sleep(0.1)
            found = set(re.findall(r'^process_resident_memory_bytes\{pid="(\d+)"\}', await metrics(base), re.MULTILINE))
    return found
