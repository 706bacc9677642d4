"""Where the server has no more connections for us than the pool holds: they are shared, and nobody is turned away."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from asyncpg.protocol import protocol
from tortoise.context import TortoiseContext

from app.postgres.database import tortoise_config
from app.postgres.embedded import Urls
from models import pool as pools
from models.errors import DatabaseAway
from models.pool import Pool, the_pool
from tests.support.logged import logged
from turns.deadlines import Deadlines

POOL_MAX: Final = 6
LEFT: Final = 2
CROWD: Final = 40
TIMEOUT_S: Final = 10


class Stand:
    """A pool of a role of its own, of whose connections others may have all but some. Not a database of its own: of
    several nodes, each has connections to that as well."""

    def __init__(self, pool: Pool, admin: "asyncpg.Connection[Any]", role: str) -> None:
        self.pool = pool
        self.role = role
        self._admin = admin

    def is_full(self) -> bool:
        return self.pool.is_full

    async def until_full(self) -> None:
        """Until the server has refused somebody one more."""
        async with asyncio.timeout(TIMEOUT_S):
            while not self.is_full():  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.005)

    async def leave(self, number: int) -> None:
        """-1: as many as anybody likes. Those that are open stay."""
        await self._admin.execute(f"ALTER ROLE {self.role} CONNECTION LIMIT {number}")

    async def end(self, raw: Any) -> None:
        await self._admin.execute("SELECT pg_terminate_backend($1::int, 5000)", raw.get_server_pid())


@pytest.fixture
async def stand(database_urls: Urls, worker_id: str) -> AsyncIterator[Stand]:
    role = f"scrip_app_{worker_id}"
    app = urlsplit(database_urls.app)
    url = urlunsplit(app._replace(netloc=f"{role}:{role}@{app.netloc.rpartition('@')[2]}"))
    admin = await asyncpg.connect(database_urls.admin)
    try:
        await admin.execute(f"DROP ROLE IF EXISTS {role}")  # of a run that was killed
        await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}' IN ROLE scrip_app CONNECTION LIMIT {LEFT}")
        async with TortoiseContext() as context:
            await context.init(tortoise_config(url, pool_max=POOL_MAX))
            yield Stand(the_pool(), admin, role)
        await admin.execute(f"DROP ROLE {role}")
    finally:
        await admin.close()


@pytest.fixture
async def taken(stand: Stand) -> list[Any]:
    return [await stand.pool.take() for _ in range(LEFT)]


async def test_who_finds_none_waits_for_one_that_is_given_back(
    stand: Stand, taken: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pools, "REFUSED_S", TIMEOUT_S)
    third = asyncio.create_task(stand.pool.take())
    await stand.until_full()
    done, _ = await asyncio.wait([third], timeout=0.1)
    assert done == set()
    assert stand.is_full()
    await stand.pool.give_back(taken.pop())
    async with asyncio.timeout(pools.REFUSED_S / 2):  # it is told, and does not find out by itself
        taken.append(await third)
    for raw in taken:
        await stand.pool.give_back(raw)
    assert not stand.is_full()
    assert [record for record in logged(caplog) if record.levelno >= logging.WARNING] == []


async def test_a_crowd_shares_what_there_is_and_does_not_besiege_the_server(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts, lent, most = 0, 0, 0
    connect = asyncpg.Pool._get_new_connection

    async def counted(pool: Any) -> Any:
        nonlocal attempts
        attempts += 1
        return await connect(pool)

    async def use() -> None:
        nonlocal lent, most
        raw = await stand.pool.take()
        lent += 1
        most = max(most, lent)
        await raw.execute("SELECT pg_sleep(0.005)")
        lent -= 1
        await stand.pool.give_back(raw)

    async def crowd() -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await asyncio.gather(*(use() for _ in range(CROWD)))

    monkeypatch.setattr(pools, "REFUSED_S", TIMEOUT_S)
    await crowd()  # which finds out
    monkeypatch.setattr(asyncpg.Pool, "_get_new_connection", counted)
    for _ in range(3):
        await crowd()
    assert (most, attempts) == (LEFT, 0)


async def test_once_there_is_room_again_nobody_waits_for_those_in_use(stand: Stand, taken: list[Any]) -> None:
    third = asyncio.create_task(stand.pool.take())
    await stand.until_full()
    await stand.leave(-1)
    async with asyncio.timeout(TIMEOUT_S):
        taken.append(await third)
    for raw in taken:
        await stand.pool.give_back(raw)


async def test_nobody_waits_for_ever(
    stand: Stand, taken: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pools, "TAKE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(stand.pool, "_in_time", Deadlines(0.2))
    answers = await asyncio.gather(*(stand.pool.take() for _ in range(3)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {DatabaseAway}
    assert "no connection came free in 0.2 s" in caplog.text
    for raw in taken:
        await stand.pool.give_back(raw)


async def test_who_goes_away_leaves_its_turn_to_the_next(stand: Stand, taken: list[Any]) -> None:
    first, second = (asyncio.create_task(stand.pool.take()) for _ in range(2))
    await stand.until_full()
    first.cancel()
    await stand.pool.give_back(taken.pop())
    async with asyncio.timeout(TIMEOUT_S):
        taken.append(await second)
    assert first.cancelled()
    for raw in taken:
        await stand.pool.give_back(raw)


async def test_where_all_of_ours_are_lost_it_is_an_outage(stand: Stand, taken: list[Any]) -> None:
    await stand.leave(0)
    third = asyncio.create_task(stand.pool.take())
    await stand.until_full()
    for raw in taken:
        await stand.end(raw)
        await stand.pool.give_back(raw)
    async with asyncio.timeout(TIMEOUT_S):
        with pytest.raises(DatabaseAway) as away:
            await third
    assert isinstance(away.value.__cause__, asyncpg.TooManyConnectionsError)
    await stand.leave(-1)
    await stand.pool.give_back(await stand.pool.take())


async def test_who_is_cancelled_while_an_idle_one_is_tested_closes_it(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is silent would never answer that what was asked is cancelled, and the caller would wait for that."""
    raw = await stand.pool.take()
    before = raw.get_server_pid()
    await stand.pool.give_back(raw)
    tested = asyncio.Event()

    async def silent(*_: object, **__: object) -> None:
        tested.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(pools, "IDLE_S", -1.0)
        patch.setattr(pools.Connection, "execute", silent)
        taking = asyncio.create_task(stand.pool.take())
        async with asyncio.timeout(TIMEOUT_S):
            await tested.wait()
        taking.cancel()
        await asyncio.wait([taking])
    raw = await stand.pool.take()
    assert raw.get_server_pid() != before
    await stand.pool.give_back(raw)


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset, lambda values: dict.fromkeys(values).keys()])
async def test_what_is_sent_as_an_array_is_told_by_its_class(stand: Stand, kind: Any) -> None:
    assert isinstance(protocol.IterableABC, tuple)  # and asyncpg looks there
    raw = await stand.pool.take()
    assert await raw.fetchval("SELECT $1::int[]", kind([7])) == [7]
    assert await raw.fetchval("SELECT $1::text[]", kind(["seven"])) == ["seven"]
    assert await raw.fetchval("SELECT $1::int[]", [[1, 2], [3, 4]]) == [[1, 2], [3, 4]]
    await stand.pool.give_back(raw)


async def test_what_is_no_array_is_not_sent_as_one(stand: Stand) -> None:
    raw = await stand.pool.take()
    with pytest.raises(asyncpg.DataError, match="a sized iterable container expected"):
        await raw.fetchval("SELECT $1::text[]", "seven")
    await stand.pool.give_back(raw)
