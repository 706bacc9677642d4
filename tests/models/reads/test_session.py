"""One request's reads: one moment of the books, one connection, given back."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tortoise import connections

from models.reads import accounts
from models.reads.session import ReadSession, ReadsOver
from models.session import CONNECTION_NAME
from tests.support.shop import Shop


def in_use() -> int:
    pool: Any = connections.get(CONNECTION_NAME)
    used: int = pool._pool.get_size() - pool._pool.get_idle_size()
    return used


async def available(session: ReadSession, shop: Shop, customer: UUID) -> int:
    (account,) = await accounts.of_customers(session, [customer], shop.ledger.clock())
    return account.available_minor


async def test_sees_one_moment_until_it_is_released(shop: Shop, anna: UUID) -> None:
    await shop.adjust(anna, "1.00")
    session = ReadSession(shop.tenant_id)
    assert await available(session, shop, anna) == 100
    await shop.adjust(anna, "1.00")

    assert await available(session, shop, anna) == 100
    await session.release()
    assert await available(session, shop, anna) == 200
    await session.release()
    await session.release()


async def test_is_shared_by_whoever_reads_at_once(shop: Shop, anna: UUID) -> None:
    await shop.adjust(anna, "1.00")
    busy = in_use()
    session = ReadSession(shop.tenant_id)
    assert await asyncio.gather(*(available(session, shop, anna) for _ in range(5))) == [100] * 5
    assert in_use() == busy + 1
    await session.release()
    assert in_use() == busy


async def test_a_failed_read_gives_the_connection_back_and_the_next_one_works(shop: Shop, anna: UUID) -> None:
    await shop.adjust(anna, "1.00")
    busy = in_use()
    session = ReadSession(shop.tenant_id)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await session.fetch("select 1 / 0 where $1::uuid is not null")
    assert in_use() == busy
    assert await available(session, shop, anna) == 100
    await session.release()


async def test_is_over_when_it_is_closed(shop: Shop, anna: UUID) -> None:
    await shop.adjust(anna, "1.00")
    busy = in_use()
    session = ReadSession(shop.tenant_id)
    first = asyncio.create_task(available(session, shop, anna))
    second = asyncio.create_task(available(session, shop, anna))
    await asyncio.sleep(0)
    await session.close()
    with pytest.raises(ReadsOver):
        await available(session, shop, anna)
    await asyncio.wait([first, second])
    assert in_use() == busy
    assert {task.exception().__class__ for task in (first, second)} <= {ReadsOver, type(None)}


async def test_cannot_write(shop: Shop) -> None:
    session = ReadSession(shop.tenant_id)
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await session.fetch("delete from outbox where tenant_id = $1")
