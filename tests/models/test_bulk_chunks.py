"""Chunks of a bulk from a file: two under way at a time, in order where that matters, and none left out."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from models.commands import Actor, PostRows
from models.operations import run_bulks
from models.operations.import_files import ImportRow
from models.operations.run_bulks import run_bulk
from tests.models.test_bulk_jobs import balances, people, queue, row, state, work
from tests.support.tenants import MANAGER, PARTNER, Tenant

SOON_S = 30.0


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few make a chunk."""
    monkeypatch.setattr(run_bulks, "CHUNK_ROWS", 2)


class Watched:
    """What the ledger is asked to post: the first rows of chunks, and how many there were at once at most."""

    def __init__(self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
        self.most = self.now = 0
        self.begun: list[int] = []
        self.second = asyncio.Event()
        self.fails: set[int] = set()
        self._submit: Any = tenant.ledger.submit
        monkeypatch.setattr(tenant.ledger, "submit", self.submit)

    async def submit(self, *asked: Any) -> Any:
        (command,) = (one for one in asked if isinstance(one, PostRows))
        self.begun.append(command.rows[0].row)
        self.now += 1
        self.most = max(self.most, self.now)
        if self.now == 2:
            self.second.set()
        try:
            if command.rows[0].row in self.fails:
                raise ConnectionResetError("as if this chunk's process had died")
            return await self._submit(*asked)
        finally:
            self.now -= 1


async def test_one_is_planned_while_another_is_written(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(tenant, monkeypatch)
    held = watched._submit

    async def once_there_are_two(*asked: Any) -> Any:
        await asyncio.wait_for(watched.second.wait(), SOON_S)
        return await held(*asked)

    watched._submit = once_there_are_two
    known = await people(tenant, 7)
    outcome = await queue(tenant, [row(customer, 5) for customer in known], error_policy="SKIP_FAILED")
    await work(tenant)
    assert await state(tenant, outcome) == ("COMPLETED", 7, 7, 7, 0)
    assert watched.most == run_bulks.AT_ONCE
    assert sorted(watched.begun) == [0, 2, 4, 6]


@pytest.mark.parametrize(
    ("actor", "times"), [(MANAGER, 2), (PARTNER, 1)], ids=["a customer's rows", "an actor under limits"]
)
async def test_where_the_order_matters_they_come_one_after_the_other(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, actor: Actor, times: int
) -> None:
    watched = Watched(tenant, monkeypatch)
    known = await people(tenant, 6)
    rows: Sequence[ImportRow] = [row(customer, 5) for customer in (known[:2] * 3 if times > 1 else known)]
    outcome = await queue(tenant, rows, actor=actor, error_policy="SKIP_FAILED", allow_duplicate_customers=times > 1)
    await work(tenant)
    assert await state(tenant, outcome) == ("COMPLETED", 6, 6, 6, 0)
    assert watched.most == 1
    assert watched.begun == [0, 2, 4]


async def test_rows_that_lie_before_all_that_were_posted_are_found(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first chunk fails run after run, and the one beside it is posted: until none of the others is left."""
    watched = Watched(tenant, monkeypatch)
    known = await people(tenant, 16)
    outcome = await queue(tenant, [row(customer, 5) for customer in known], error_policy="SKIP_FAILED")
    watched.fails = {0}
    for _ in range(7):
        with pytest.raises(ConnectionResetError):
            await run_bulk(tenant.ledger, tenant.id)
    assert await state(tenant, outcome) == ("RUNNING", 16, 14, 14, 0)
    watched.fails = set()
    await work(tenant)
    assert await state(tenant, outcome) == ("COMPLETED", 16, 16, 16, 0)
    assert {line[1:] for line in await balances(tenant)} == {("POINTS", 5, 1)}
    assert len(await balances(tenant)) == 16
