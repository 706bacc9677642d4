"""Whether requests should be sent here: where PostgreSQL has no connection left for us, and where ours are all in use."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import httpx
import pytest
from starlette.applications import Starlette
from tortoise.context import TortoiseContext

from app.http.health import READY_TIMEOUT_S, health_routes
from app.postgres.database import tortoise_config
from app.postgres.embedded import Urls
from models.ledger import Ledger
from models.pool import the_pool
from tests.conftest import cloned_database

POOL_MAX: Final = 2
TIMEOUT_S: Final = 10
OURS: Final = "FROM pg_stat_activity WHERE datname = $1 AND application_name = 'scrip'"


class Stand:
    """A server's health, with a pool and a database of its own."""

    def __init__(self, client: httpx.AsyncClient, admin: "asyncpg.Connection[Any]", name: str) -> None:
        self.client = client
        self.admin = admin
        self.name = name

    async def ready(self) -> tuple[int, str]:
        response = await self.client.get("/health/ready")
        return response.status_code, response.json()["status"]

    async def leave(self, number: int | None) -> None:
        """As if others had used up all connections but so many: those of ours that are open stay."""
        limit = -1 if number is None else number
        await self.admin.execute(f'ALTER DATABASE "{self.name}" CONNECTION LIMIT {limit}')

    async def end_ours(self) -> None:
        await self.admin.execute(f"SELECT pg_terminate_backend(pid) {OURS}", self.name)

    async def until_only_the_pool_s_are_open(self) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while await self.admin.fetchval(f"SELECT count(*) {OURS}", self.name) != POOL_MAX:  # noqa: ASYNC110 - it ends elsewhere
                await asyncio.sleep(0.01)


@pytest.fixture
async def stand(server: Urls, worker_id: str) -> AsyncIterator[Stand]:
    name = f"health_{worker_id}"
    async with cloned_database(server, name) as urls, TortoiseContext() as context:
        await context.init(tortoise_config(urls.app, pool_max=POOL_MAX))
        ledger, admin = Ledger(), await asyncpg.connect(urls.admin.replace(f"/{name}?", "/postgres?"))
        transport = httpx.ASGITransport(Starlette(routes=health_routes(ledger)))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield Stand(client, admin, name)
        await admin.close()
        await ledger.close()


@asynccontextmanager
async def all_in_use() -> AsyncIterator[None]:
    taken = [await the_pool().take() for _ in range(POOL_MAX)]
    try:
        yield
    finally:
        for raw in taken:
            await the_pool().give_back(raw)


async def test_where_others_have_all_connections_it_is_not_ready(stand: Stand) -> None:
    assert await stand.ready() == (200, "ready")
    await stand.leave(0)
    assert await stand.ready() == (200, "ready")  # it has one
    await stand.end_ours()
    for _ in range(3):
        async with asyncio.timeout(READY_TIMEOUT_S):
            assert await stand.ready() == (503, "database out of reach")
    await stand.leave(None)
    assert await stand.ready() == (200, "ready")


async def test_a_pool_that_is_busy_is_ready(stand: Stand) -> None:
    """Nobody waits for one of its connections to find out, and the one beside it is closed again."""
    async with all_in_use():
        for left in (None, 0):  # also where the server has none to spare beside them
            await stand.leave(left)
            async with asyncio.timeout(READY_TIMEOUT_S):
                assert await stand.ready() == (200, "ready")
            await stand.until_only_the_pool_s_are_open()


async def test_a_pool_that_is_given_no_more_is_busy_as_a_full_one_is(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.pool.REFUSED_S", TIMEOUT_S)  # it stays so until it is asked
    raw = await the_pool().take()
    await stand.leave(1)
    waiting = asyncio.create_task(the_pool().take())
    async with asyncio.timeout(TIMEOUT_S):
        while not the_pool().is_full:  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.005)
    async with asyncio.timeout(READY_TIMEOUT_S):
        assert await stand.ready() == (200, "ready")
    assert not waiting.done()
    await the_pool().give_back(raw)
    await the_pool().give_back(await waiting)


async def test_a_pool_that_becomes_busy_meanwhile_is_ready(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the instant on at which it was looked at."""
    monkeypatch.setattr("app.http.health.READY_TIMEOUT_S", 1.0)
    async with all_in_use():
        pass  # they are open from here on: that takes none of the time in which it is asked
    sync_clock, taken = Ledger.sync_clock, list[Any]()

    async def asked_too_late(ledger: Ledger) -> None:
        taken.extend([await the_pool().take() for _ in range(POOL_MAX)])
        await sync_clock(ledger)

    monkeypatch.setattr(Ledger, "sync_clock", asked_too_late)
    assert await stand.ready() == (200, "ready")
    assert len(taken) == POOL_MAX
    for raw in taken:
        await the_pool().give_back(raw)


async def test_a_busy_pool_of_a_database_that_is_away_is_not_ready(stand: Stand) -> None:
    async with all_in_use():
        await stand.admin.execute(f'ALTER DATABASE "{stand.name}" ALLOW_CONNECTIONS false')
        assert await stand.ready() == (503, "database out of reach")
        await stand.admin.execute(f'ALTER DATABASE "{stand.name}" ALLOW_CONNECTIONS true')
        await stand.admin.execute(f'ALTER DATABASE "{stand.name}" SET default_transaction_read_only = on')
        assert await stand.ready() == (503, "database takes no writes")
