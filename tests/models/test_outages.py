"""What is an outage and what is not, and that it is told once."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models import pool as pools
from models.errors import DatabaseAway, InvariantViolated
from models.outages import DOUBT_S, QUIET_S, Outages
from models.planning.drafts import EventDraft
from models.pool import the_pool
from models.session import TenantConnection, ask, takes_writes, tenant_transaction
from models.statements import tell
from tests.support.logged import logged
from tests.support.sockets import until
from tests.support.tenants import Tenant

AWAY = (
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.AdminShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
)


@pytest.mark.parametrize("kind", AWAY)
async def test_what_a_database_that_cannot_be_used_says(
    tenant: Tenant, kind: type[asyncpg.PostgresError], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        with pytest.raises(DatabaseAway) as away:
            async with tenant_transaction(tenant.id):
                raise kind("as it is")
        assert isinstance(away.value.__cause__, kind)
        assert not away.value.unknown
    assert [record.getMessage() for record in logged(caplog)] == [
        f"the database cannot be used: {kind.__name__}: as it is"
    ]
    caplog.clear()


@pytest.mark.parametrize("kind", [asyncpg.UniqueViolationError, asyncpg.QueryCanceledError, OSError, KeyError])
async def test_what_is_no_outage(tenant: Tenant, kind: type[Exception], caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(kind):
        async with tenant_transaction(tenant.id):
            raise kind("of another kind")
    assert logged(caplog) == []


async def test_who_may_not_write_and_does_is_a_bug_and_no_outage(tenant: Tenant) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with tenant_transaction(tenant.id, read_only=True) as connection:
            await connection.raw.execute("UPDATE tenants SET name = 'Changed'")


async def test_the_error_that_happened_is_the_one_that_is_seen(tenant: Tenant) -> None:
    """Whatever has become of the connection meanwhile."""
    for error in (KeyError("ours"), asyncio.CancelledError(), InvariantViolated("ours")):
        with pytest.raises(type(error)) as seen:  # noqa: PT012
            async with tenant_transaction(tenant.id) as connection:
                connection.raw.terminate()
                raise error
        assert seen.value is error


async def _write(connection: TenantConnection) -> None:
    await tell(
        connection.raw, connection.tenant_id, [EventDraft(uuid4(), "checkpoint.made", uuid4(), datetime.now(UTC))]
    )


async def _ask_the_time(connection: TenantConnection) -> None:
    await connection.instant(None)
    await connection.raw.execute("SELECT")


@pytest.mark.parametrize("goes_on", [_write, _ask_the_time])
async def test_a_connection_that_is_gone_is_an_outage_to_whatever_asks_it_something(
    tenant: Tenant, goes_on: Callable[[TenantConnection], Awaitable[None]]
) -> None:
    """Also to what only asks what kind of database it is of, which sends nothing."""
    with pytest.raises(DatabaseAway):  # noqa: PT012
        async with tenant_transaction(tenant.id) as connection:
            connection.raw.terminate()
            await until(lambda: not hasattr(connection.raw, "distributed"))  # the pool has taken it back
            await goes_on(connection)


async def test_what_was_only_read_is_good_though_its_connection_is_lost_at_the_end(tenant: Tenant, anna: UUID) -> None:
    async with tenant_transaction(tenant.id, read_only=True) as connection:
        found = await connection.raw.fetchval("SELECT id FROM customers WHERE id = $1", anna)
        connection.raw.terminate()
    assert found == anna


async def test_a_transaction_that_went_on_after_a_failure_is_not_taken_for_committed(tenant: Tenant) -> None:
    with pytest.raises(InvariantViolated):  # noqa: PT012
        async with tenant_transaction(tenant.id) as connection:
            with pytest.raises(asyncpg.DivisionByZeroError):
                await connection.raw.execute("SELECT 1 / 0")


async def test_a_write_that_fails_for_want_of_room_is_doubted_for_a_while(tenant: Tenant) -> None:
    assert await takes_writes()
    with pytest.raises(DatabaseAway):
        async with tenant_transaction(tenant.id):
            raise asyncpg.DiskFullError("no room")
    assert not await takes_writes()


async def test_one_that_rests_and_is_dead_is_replaced(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of the pool's, without a word to us: each is asked, and none is used."""
    monkeypatch.setattr(pools, "IDLE_S", 0.0)

    async def pid(raw: pools.Raw) -> int:
        return int(await raw.fetchval("SELECT pg_backend_pid()"))

    pool = the_pool()
    first, second = await pool.take(), await pool.take()
    ended = await pid(first)
    await pool.give_back(first)
    await second.execute("SELECT pg_terminate_backend($1::int)", ended)
    await pool.give_back(second)
    assert ended not in await asyncio.gather(*(ask(pid) for _ in range(10)))


def _ended_while_the_loop_stands_still(url: str, pids: list[int]) -> None:
    """By somebody else, and nobody here has heard of it yet."""

    async def end() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest($1::int[]) AS p(pid)", pids)
        await connection.close()

    thread = Thread(target=lambda: asyncio.run(end()))
    thread.start()
    thread.join()


async def test_what_is_closed_when_it_was_ended_already_leaves_nothing_in_the_log(database: Urls) -> None:
    """The pool closes what is to be replaced in a task of its own, which nobody waits for."""
    loop, said, pool = asyncio.get_running_loop(), list[Any](), the_pool()
    usual = loop.get_exception_handler()
    gc.collect()  # what tests before have left is told of now
    loop.set_exception_handler(lambda _, context: said.append(context))
    try:
        for _ in range(3):
            taken = [await pool.take() for _ in range(4)]
            pids = [await raw.fetchval("SELECT pg_backend_pid()") for raw in taken]
            for raw in taken:
                await pool.give_back(raw)
            spare = await pool.take()
            pool.replace(spare)
            await pool.give_back(spare)
            _ended_while_the_loop_stands_still(database.admin, pids)
            assert await takes_writes()
            await asyncio.sleep(0.05)
            gc.collect()
    finally:
        loop.set_exception_handler(usual)
    assert said == []


def test_an_outage_that_flickers_is_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    now = 0.0
    outages = Outages(lambda: now)
    for _ in range(5):
        outages.failed(OSError("refused"))
        now += QUIET_S / 2
        outages.worked()
    now += QUIET_S
    outages.worked()
    outages.worked()
    assert [record.getMessage() for record in logged(caplog)] == [
        "the database cannot be used: OSError: refused",
        f"the database can be used again, after {2.5 * QUIET_S:.1f} s; 5 operations failed",
    ]
    outages.failed(asyncpg.DiskFullError("no room"), write=True)
    doubted = [outages.writes_fail]
    now += DOUBT_S
    doubted.append(outages.writes_fail)
    assert doubted == [True, False]
    caplog.clear()
