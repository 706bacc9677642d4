"""Look-ups made together: what is asked meanwhile is answered by the next, and who goes away takes nobody's answer along."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.postgres.embedded import Urls
from models.operations import together as together_module
from models.operations.together import Together
from models.session import TenantConnection
from tests.support.clock import Clock
from tests.support.tenants import Tenant


class Read:
    """Answers keys with their squares once it may; of 7 there is nothing."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.may = asyncio.Event()
        self.begun = asyncio.Semaphore(0)
        self.fails = False

    async def __call__(self, _connection: TenantConnection, keys: list[int]) -> dict[int, int]:
        self.asked.append(keys)
        self.begun.release()
        await self.may.wait()
        if self.fails:
            raise LookupError("gone")
        return {key: key * key for key in keys if key != 7}


@pytest.fixture
async def tenant(database: Urls, clock: Clock) -> AsyncIterator[Tenant]:
    tenant = await Tenant.open(clock)
    yield tenant
    await tenant.ledger.close()


async def test_what_is_asked_meanwhile_is_answered_by_the_next(tenant: Tenant) -> None:
    read = Read()
    together = Together(read)
    first = [asyncio.create_task(together.ask(tenant.id, key)) for key in (1, 2, 2)]
    await read.begun.acquire()
    later = [asyncio.create_task(together.ask(tenant.id, *keys)) for keys in ((2, 3), (7,))]
    await asyncio.sleep(0)
    read.may.set()
    assert await asyncio.gather(*first) == [{1: 1}, {2: 4}, {2: 4}]
    assert await asyncio.gather(*later) == [{2: 4, 3: 9}, {}]
    assert read.asked == [[1, 2], [2, 3, 7]]


@pytest.fixture
async def may_begin(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Future[None]]:
    """Transactions begin once this is set."""
    may: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def begun(*_: Any, **__: Any) -> AsyncIterator[None]:
        await asyncio.shield(may)
        yield

    monkeypatch.setattr(together_module, "tenant_transaction", begun)
    yield may
    may.cancel()


async def test_what_is_asked_while_it_begins_is_answered_too(tenant: Tenant, may_begin: asyncio.Future[None]) -> None:
    read = Read()
    read.may.set()
    together = Together(read)
    answers = []
    for key in (1, 2, 7):
        answers.append(asyncio.create_task(together.ask(tenant.id, key)))
        await asyncio.sleep(0)
    assert read.asked == []
    may_begin.set_result(None)
    assert await asyncio.gather(*answers) == [{1: 1}, {2: 4}, {}]
    assert read.asked == [[1, 2, 7]]


async def test_that_it_cannot_begin_is_told_to_all_who_waited(tenant: Tenant, may_begin: asyncio.Future[None]) -> None:
    read = Read()
    together = Together(read)
    asking = [asyncio.create_task(together.ask(tenant.id, key)) for key in (1, 2)]
    await asyncio.sleep(0)
    may_begin.set_exception(ConnectionError("away"))
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(answer) for answer in answers] == [ConnectionError, ConnectionError]
    assert read.asked == []


async def test_who_goes_away_is_not_asked_for(tenant: Tenant) -> None:
    read = Read()
    together = Together(read)
    stays = asyncio.create_task(together.ask(tenant.id, 1))
    await read.begun.acquire()
    goes, waits = (asyncio.create_task(together.ask(tenant.id, key)) for key in (2, 3))
    await asyncio.sleep(0)
    goes.cancel()
    await asyncio.sleep(0)
    read.may.set()
    assert (await stays, await waits) == ({1: 1}, {3: 9})
    assert read.asked == [[1], [3]]


async def test_a_failure_is_everybody_s_who_asked_and_nobody_s_after(tenant: Tenant) -> None:
    read = Read()
    together = Together(read)
    read.may.set()
    read.fails = True
    answers = await asyncio.gather(*(together.ask(tenant.id, key) for key in (1, 2)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [LookupError, LookupError]
    read.fails = False
    assert await together.ask(tenant.id, 3) == {3: 9}
