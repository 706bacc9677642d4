"""Requests that arrive together share a posting; lanes keep those that wait from those that need not."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from models import group_commit
from models.commands import BulkCredit
from models.errors import Busy
from models.group_commit import GroupCommit, Lane, Overloaded
from models.loading.held import Name
from models.planning.needs import Needs
from models.posting import Failed, Refused, Result, Unit
from tests.support.shop import MANAGER, Shop


def unit(command: Any = None) -> Unit:
    return Unit(command, MANAGER, uuid4(), Needs(), "test", b"", uuid4(), None)


class Posts:
    """In place of the poster: notes each batch, and goes on when it is let."""

    def __init__(self) -> None:
        self.held: set[Name] = set()
        self.looks = 0
        self.in_line: list[tuple[Name, int]] = []
        self.batches: list[tuple[int, bool]] = []
        self.gate = asyncio.Event()
        self.results: list[Any] = []

    async def still(self, tenant_id: UUID, names: Collection[Name]) -> set[Name]:
        self.looks += 1
        return self.held.intersection(names)

    def group(self, *, in_line: int = 0) -> GroupCommit:
        return GroupCommit(self, self.still, lambda: in_line)

    async def __call__(
        self, tenant_id: UUID, units: Sequence[Unit], wait: bool, *, first: Name | None = None, quick: bool = False
    ) -> list[Result]:
        self.batches.append((len(units), wait))
        await self.gate.wait()
        answer: Any = self.results.pop(0) if self.results else Refused(Busy())
        if isinstance(answer, Exception):
            raise answer
        return [answer] * len(units)


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_arrives_meanwhile_makes_the_next_batch() -> None:
    posts, tenant = Posts(), uuid4()
    group = posts.group()
    tasks = [asyncio.create_task(group.submit(tenant, unit()))]
    await settle()
    assert posts.batches == [(1, False)]  # no wait is added when nothing is under way
    tasks += [asyncio.create_task(group.submit(tenant, unit())) for _ in range(300)]
    await settle()
    posts.gate.set()
    await asyncio.gather(*tasks)

    assert posts.batches == [(1, False), (256, False), (44, False)]


async def test_tenants_do_not_wait_for_one_another() -> None:
    posts = Posts()
    group = posts.group()
    tasks = [asyncio.create_task(group.submit(uuid4(), unit())) for _ in range(3)]
    await settle()
    assert posts.batches == [(1, False)] * 3
    posts.gate.set()
    await asyncio.gather(*tasks)


async def test_a_bulk_never_joins_a_batch() -> None:
    posts, tenant = Posts(), uuid4()
    group = posts.group()
    bulk = BulkCredit((), "GBP", "GOODWILL")
    tasks = [asyncio.create_task(group.submit(tenant, unit(command))) for command in (bulk, bulk, None, None)]
    await settle()
    assert sorted(posts.batches) == [(1, True), (2, False)]
    posts.gate.set()
    await asyncio.gather(*tasks)
    assert sorted(posts.batches) == [(1, True), (1, True), (2, False)]


async def test_a_posting_that_breaks_fails_its_units_and_no_others() -> None:
    posts, tenant = Posts(), uuid4()
    posts.results = [RuntimeError("broken")]
    posts.gate.set()
    group = posts.group()
    assert isinstance(await group.submit(tenant, unit()), Failed)
    assert isinstance(await group.submit(tenant, unit()), Refused)


async def test_too_many_waiting_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_WAITING_UNITS", 3)
    posts, tenant = Posts(), uuid4()
    group = posts.group()
    tasks = [asyncio.create_task(group.submit(tenant, unit()))]
    await settle()
    tasks += [asyncio.create_task(group.submit(tenant, unit())) for _ in range(3)]
    await settle()
    with pytest.raises(Overloaded):
        await group.submit(tenant, unit())
    posts.gate.set()
    await asyncio.gather(*tasks)


async def test_closing_finishes_what_is_under_way_and_takes_nothing_new() -> None:
    posts, tenant = Posts(), uuid4()
    group = posts.group()
    task = asyncio.create_task(group.submit(tenant, unit()))
    await settle()
    closing = asyncio.create_task(group.close())
    await settle()
    with pytest.raises(Overloaded):
        await group.submit(tenant, unit())
    assert not closing.done()
    posts.gate.set()
    await closing
    assert task.done() or isinstance(await task, Refused)


async def test_nothing_is_kept_of_a_tenant_that_is_quiet() -> None:
    posts = Posts()
    posts.gate.set()
    group = posts.group()
    await asyncio.gather(*(group.submit(uuid4(), unit()) for _ in range(5)))
    await settle()
    assert group._queues == {}


async def test_a_client_that_goes_away_cancels_nothing() -> None:
    posts, tenant = Posts(), uuid4()
    group = posts.group()
    gone = asyncio.create_task(group.submit(tenant, unit()))
    await settle()
    also_gone, stays = (asyncio.create_task(group.submit(tenant, unit())) for _ in range(2))
    await settle()
    for task in (gone, also_gone):
        task.cancel()
    await settle()
    posts.gate.set()

    assert isinstance(await stays, Refused)
    assert posts.batches == [(1, False), (2, False)]  # also what nobody waits for any more is posted


async def test_a_posting_whose_client_has_gone_is_in_the_books(shop: Shop, anna: UUID) -> None:
    await shop.adjust(anna, 1)
    tasks = [asyncio.create_task(shop.adjust(anna, 5, key=f"gone-{n}")) for n in range(10)]
    for _ in range(5):
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await shop.ledger.close()

    assert all(task.cancelled() for task in tasks)
    assert await shop.available(anna) == 5100


def test_the_lanes() -> None:
    assert {lane.name: (lane.max_units, lane.wait) for lane in Lane} == {"FAST": (256, False), "BULK": (1, True)}
