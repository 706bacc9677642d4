"""Look-ups of requests that arrive together: one statement for all, and each gets what it would have got alone."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from app.postgres.embedded import Urls
from models import asking_together
from models.asking_together import MOST_AT_ONCE, rows_by_id
from models.errors import DatabaseAway
from models.lookups import each
from models.pool import the_pool
from tests.support.clock import Clock
from tests.support.tenants import Tenant

SQL: Final = f"SELECT c.id, c.name FROM {each('id uuid')} k JOIN customers c ON c.tenant_id = $1 AND c.id = k.id"
CROWD: Final = 40
READ: Final = asking_together._read


class Reads:
    """The statements that are sent, each once it may be. closed: none may for now."""

    def __init__(self) -> None:
        self.asked: list[list[UUID]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None
        self.gate.set()
        self._more = asyncio.Event()

    async def number(self, wanted: int) -> None:
        """Wait until so many were sent."""
        while len(self.asked) < wanted:
            self._more.clear()
            await self._more.wait()

    async def __call__(self, tenant_id: UUID, sql: str, ids: Iterable[UUID]) -> dict[UUID, Any]:
        self.asked.append(list(ids))
        self._more.set()
        if self.error is not None:
            raise self.error
        rows = await READ(tenant_id, sql, self.asked[-1])
        await self.gate.wait()
        return rows


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    reads = Reads()
    monkeypatch.setattr(asking_together, "_read", reads)
    return reads


@pytest.fixture
async def customers(tenant: Tenant) -> AsyncIterator[list[UUID]]:
    yield [await tenant.customer(f"c{n}") for n in range(CROWD)]
    assert not the_pool().askers  # nothing is kept of those who have asked


def ask(tenant: Tenant, *ids: UUID) -> "asyncio.Task[dict[UUID, Any]]":
    return asyncio.create_task(rows_by_id(tenant.id, SQL, ids))


async def held(reads: Reads, tenant: Tenant, customer: UUID) -> list["asyncio.Task[dict[UUID, Any]]"]:
    """As many askers as may have a statement each, all of which have read and have not answered yet."""
    reads.gate.clear()
    asking = []
    for number in range(1, MOST_AT_ONCE + 1):
        asking.append(ask(tenant, customer))
        await reads.number(number)
    return asking


async def test_those_of_one_moment_share_a_statement(tenant: Tenant, customers: list[UUID], reads: Reads) -> None:
    unknown = uuid4()

    found = await asyncio.gather(*(ask(tenant, each, unknown) for each in customers))

    assert [list(rows) for rows in found] == [[each] for each in customers]
    assert len(reads.asked) <= MOST_AT_ONCE
    assert {asked for ids in reads.asked for asked in ids} == {*customers, unknown}


async def test_each_sees_what_was_committed_before_it_asked(
    tenant: Tenant, customers: list[UUID], reads: Reads
) -> None:
    before = await held(reads, tenant, customers[0])
    late = await tenant.customer("late")
    after = ask(tenant, late)
    await asyncio.sleep(0)
    reads.gate.set()

    assert list(await after) == [late]
    assert all([await asked for asked in before])
    assert len(reads.asked) == MOST_AT_ONCE + 1


async def test_who_leaves_takes_nothing_from_the_others(tenant: Tenant, customers: list[UUID], reads: Reads) -> None:
    before = await held(reads, tenant, customers[0])
    leaves, stays = ask(tenant, customers[1]), ask(tenant, customers[2])
    await asyncio.sleep(0)
    for gone in (before[0], leaves):
        gone.cancel()
    await asyncio.sleep(0)
    reads.gate.set()

    assert list(await before[1]) == [customers[0]]
    assert list(await stays) == [customers[2]]
    assert leaves.cancelled()


async def test_an_error_is_everybodys_who_asked_and_nobody_elses(
    tenant: Tenant, customers: list[UUID], reads: Reads
) -> None:
    reads.error = DatabaseAway()

    errors = await asyncio.gather(*(ask(tenant, each) for each in customers), return_exceptions=True)
    reads.error = None

    assert {type(error) for error in errors} == {DatabaseAway}
    assert list(await ask(tenant, customers[0])) == [customers[0]]


async def test_no_statement_has_more_than_its_most(
    tenant: Tenant, customers: list[UUID], reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking_together, "MOST_IDS", 5)
    pairs = [customers[n : n + 2] for n in range(0, CROWD, 2)]
    everything = ask(tenant, *customers)  # one request's are never divided

    found = await asyncio.gather(*(ask(tenant, *pair) for pair in pairs))

    assert list(await everything) == customers
    assert [list(rows) for rows in found] == pairs
    assert sorted(map(len, reads.asked))[-2:] == [4, CROWD]


async def test_a_tenant_sees_its_own_alone(database: Urls, clock: Clock, tenant: Tenant, customers: list[UUID]) -> None:
    other = await Tenant.open(clock)
    theirs, ours = await asyncio.gather(ask(other, *customers), ask(tenant, *customers))
    await other.ledger.close()

    assert theirs == {}
    assert list(ours) == customers
