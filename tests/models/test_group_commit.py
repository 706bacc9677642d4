"""Requests that arrive together share a posting; lanes keep those that wait from those that need not."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from models import group_commit, patience
from models.commands import BulkCredit, MergeCustomers
from models.errors import Busy
from models.group_commit import GroupCommit, Lane, Overloaded
from models.loading.locked_elsewhere import Name
from models.planning.coupons import UseCoupon
from models.planning.needs import Needs
from models.units import Failed, Refused, Requeued, Result, Unit
from tests.support.tenants import MANAGER, Tenant


def unit(command: Any = None) -> Unit:
    return Unit(command or UseCoupon(uuid4()), MANAGER, uuid4(), Needs(), "test", b"", uuid4(), None)


class Posts:
    """In place of the poster: notes each batch, and goes on when it is let."""

    def __init__(self) -> None:
        self.held: set[Name] = set()
        self.looks = 0
        self.in_line: list[Name] = []
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
        if first is not None:
            self.in_line.append(first)
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
    posts, tenant_id = Posts(), uuid4()
    group = posts.group()
    tasks = [asyncio.create_task(group.submit(tenant_id, unit()))]
    await settle()
    assert posts.batches == [(1, False)]  # no wait is added when nothing is under way
    tasks += [asyncio.create_task(group.submit(tenant_id, unit())) for _ in range(300)]
    await settle()
    posts.gate.set()
    await asyncio.gather(*tasks)

    assert posts.batches == [(1, False), (256, False), (44, False)]


@pytest.mark.parametrize(("wait_s", "postings"), [(60.0, 5), (0.0, 8)])
async def test_who_asks_again_at_once_shares_the_next_posting_with_who_waited(
    monkeypatch: pytest.MonkeyPatch, wait_s: float, postings: int
) -> None:
    monkeypatch.setattr(group_commit, "GATHERING_S", wait_s)
    posts, tenant_id = Posts(), uuid4()
    posts.gate.set()
    group = posts.group()

    async def client() -> None:
        for _ in range(4):
            await group.submit(tenant_id, unit())
            await asyncio.sleep(0)  # its next request is read in another round

    first = asyncio.create_task(client())
    await asyncio.sleep(0)  # it has a posting of its own
    await asyncio.gather(first, *(client() for _ in range(7)))

    assert sum(number for number, _ in posts.batches) == 32
    assert len(posts.batches) == postings  # eight: one alone, seven together, one alone again


async def test_tenants_do_not_wait_for_one_another() -> None:
    posts = Posts()
    group = posts.group()
    tasks = [asyncio.create_task(group.submit(uuid4(), unit())) for _ in range(3)]
    await settle()
    assert posts.batches == [(1, False)] * 3
    posts.gate.set()
    await asyncio.gather(*tasks)


async def test_a_bulk_never_joins_a_batch() -> None:
    posts, tenant_id = Posts(), uuid4()
    group = posts.group()
    bulk = BulkCredit((), "GBP", "GOODWILL")
    tasks = [asyncio.create_task(group.submit(tenant_id, unit(command))) for command in (bulk, bulk, None, None)]
    await settle()
    assert sorted(posts.batches) == [(1, True), (2, False)]
    posts.gate.set()
    await asyncio.gather(*tasks)
    assert sorted(posts.batches) == [(1, True), (1, True), (2, False)]


@pytest.mark.parametrize(("spare", "at_once"), [(0, 1), (1, 1), (2, 2)])
async def test_a_merge_need_not_come_after_a_bulk_where_there_is_a_connection_for_it(spare: int, at_once: int) -> None:
    posts, tenant_id = Posts(), uuid4()
    group = posts.group(in_line=spare)
    bulk, merge = BulkCredit((), "GBP", "GOODWILL"), MergeCustomers(uuid4(), uuid4())
    tasks = [asyncio.create_task(group.submit(tenant_id, unit(command))) for command in (bulk, merge, bulk)]
    await settle()
    assert posts.batches == [(1, True)] * at_once
    posts.gate.set()
    await asyncio.gather(*tasks)

    assert posts.batches == [(1, True)] * 3
    assert group.waiting == 0


@pytest.mark.parametrize(("spare", "at_once"), [(0, 1), (2, 2)])
async def test_another_posting_begins_beside_one_that_takes_long(
    monkeypatch: pytest.MonkeyPatch, spare: int, at_once: int
) -> None:
    monkeypatch.setattr(group_commit, "LONG_S", 0.01)
    posts, tenant_id = Posts(), uuid4()
    group = posts.group(in_line=spare)
    tasks = [asyncio.create_task(group.submit(tenant_id, unit()))]
    await asyncio.sleep(0.1)  # nobody waits when it begins to be long
    tasks += [asyncio.create_task(group.submit(tenant_id, unit())) for _ in range(3)]
    await settle()
    assert posts.batches == [(1, False), (3, False)][:at_once]
    tasks += [asyncio.create_task(group.submit(tenant_id, unit()))]
    await asyncio.sleep(0.1)
    assert len(posts.batches) == at_once  # no more than there are connections to spare
    posts.gate.set()
    await asyncio.gather(*tasks)
    await settle()

    assert sum(number for number, _ in posts.batches) == 5
    assert group.waiting == 0
    assert group._queues == {}


class Gated(Posts):
    """Lets each batch go on by itself."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.gates = [asyncio.Event() for _ in range(number)]

    async def __call__(self, *arguments: Any, **options: Any) -> list[Result]:
        self.gate = self.gates[len(self.batches)]
        return await super().__call__(*arguments, **options)


async def test_who_waits_behind_two_that_take_long_comes_with_the_first_that_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_commit, "LONG_S", 0.01)
    posts, tenant_id = Gated(3), uuid4()
    group = posts.group(in_line=2)
    tasks = []
    for _ in range(3):
        tasks.append(asyncio.create_task(group.submit(tenant_id, unit())))
        await asyncio.sleep(0.1)  # nobody waits when it begins to be long
    assert len(posts.batches) == 2
    posts.gates[0].set()
    await settle()
    assert len(posts.batches) == 3
    for gate in posts.gates:
        gate.set()
    await asyncio.gather(*tasks)


async def test_a_posting_that_breaks_fails_its_units_and_no_others() -> None:
    posts, tenant_id = Posts(), uuid4()
    posts.results = [RuntimeError("broken")]
    posts.gate.set()
    group = posts.group()
    assert isinstance(await group.submit(tenant_id, unit()), Failed)
    assert isinstance(await group.submit(tenant_id, unit()), Refused)


async def test_too_many_waiting_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_WAITING_UNITS", 3)
    posts, tenant_id = Posts(), uuid4()
    group = posts.group()
    tasks = [asyncio.create_task(group.submit(tenant_id, unit()))]
    await settle()
    tasks += [asyncio.create_task(group.submit(tenant_id, unit())) for _ in range(3)]
    await settle()
    with pytest.raises(Overloaded):
        await group.submit(tenant_id, unit())
    posts.gate.set()
    await asyncio.gather(*tasks)


async def test_closing_finishes_what_is_under_way_and_takes_nothing_new() -> None:
    posts, tenant_id = Posts(), uuid4()
    group = posts.group()
    task = asyncio.create_task(group.submit(tenant_id, unit()))
    await settle()
    closing = asyncio.create_task(group.close())
    await settle()
    with pytest.raises(Overloaded):
        await group.submit(tenant_id, unit())
    assert not closing.done()
    posts.gate.set()
    await closing
    assert task.done() or isinstance(await task, Refused)


async def test_closing_ends_also_where_a_posting_was_cancelled_before_it_began() -> None:
    group = Posts().group()
    task = asyncio.create_task(group.submit(uuid4(), unit()))
    while not (postings := group._tasks()):  # noqa: ASYNC110 - nobody tells us, and it is not to begin
        await asyncio.sleep(0)
    for posting in postings:
        posting.cancel()
    async with asyncio.timeout(10):
        await group.close()
    task.cancel()


async def test_nothing_is_kept_of_a_tenant_that_is_quiet() -> None:
    posts = Posts()
    posts.gate.set()
    group = posts.group()
    await asyncio.gather(*(group.submit(uuid4(), unit()) for _ in range(5)))
    await settle()
    assert group._queues == {}


async def test_a_client_that_goes_away_cancels_nothing() -> None:
    posts, tenant_id = Posts(), uuid4()
    group = posts.group()
    gone = asyncio.create_task(group.submit(tenant_id, unit()))
    await settle()
    also_gone, stays = (asyncio.create_task(group.submit(tenant_id, unit())) for _ in range(2))
    await settle()
    for task in (gone, also_gone):
        task.cancel()
    await settle()
    posts.gate.set()

    assert isinstance(await stays, Refused)
    assert posts.batches == [(1, False), (2, False)]  # also what nobody waits for any more is posted


async def test_a_posting_whose_client_has_gone_is_in_the_books(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 1)
    tasks = [asyncio.create_task(tenant.adjust(anna, 5, key=f"gone-{n}")) for n in range(10)]
    for _ in range(5):
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await tenant.ledger.close()

    assert all(task.cancelled() for task in tasks)
    assert await tenant.available(anna) == 5100


def test_the_lanes() -> None:
    assert {lane.name: (lane.max_units, lane.wait) for lane in Lane} == {"FAST": (256, False), "BULK": (1, True)}


# Waiting for others

ROW: Name = ("accounts", uuid4(), "GBP")


def needing(name: Name = ROW) -> Unit:
    return replace(unit(), needs=Needs(accounts=((name[1], name[2]),)))


async def until(fulfilled: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not fulfilled():  # noqa: ASYNC110 - there is nothing to be told by
            await asyncio.sleep(0.001)


async def test_who_was_put_back_waits_in_memory_and_who_comes_later_comes_after() -> None:
    posts, tenant_id = Posts(), uuid4()
    posts.held, posts.results = {ROW}, [Requeued(frozenset({ROW}))]
    posts.gate.set()
    group = posts.group()
    tasks = [asyncio.create_task(group.submit(tenant_id, needing())) for _ in range(5)]
    await until(lambda: posts.looks >= 3)
    tasks += [asyncio.create_task(group.submit(tenant_id, needing())) for _ in range(5)]
    other = await group.submit(tenant_id, needing(("accounts", uuid4(), "GBP")))

    assert isinstance(other, Refused)  # by the next posting, as ever
    assert group.waiting == 10
    assert [size for size, _ in posts.batches] == [5, 1]
    posts.held = set()
    assert all(isinstance(result, Refused) for result in await asyncio.gather(*tasks))
    assert [size for size, _ in posts.batches] == [5, 1, 10]
    await until(lambda: group._rooms == {})  # and nothing is kept of it


async def test_connections_stand_in_line_for_a_few_and_post_who_waits() -> None:
    posts, tenant_id = Posts(), uuid4()
    names: list[Name] = [("accounts", uuid4(), "GBP") for _ in range(5)]
    posts.held = set(names)
    posts.results = [Requeued(frozenset(names))]
    posts.gate.set()
    group = posts.group(in_line=2)
    await asyncio.gather(first := asyncio.create_task(group.submit(tenant_id, needing(names[0]))))
    assert isinstance(first.result(), Refused)  # it got the row in line, and was posted in the same transaction
    assert posts.batches == [(1, False), (1, False)]
    assert len(posts.in_line) == 1

    posts.results = [Requeued(frozenset({name})) for name in names]
    tasks = [asyncio.create_task(group.submit(tenant_id, needing(name))) for name in names[:1]]
    for name in names[1:]:
        await until(lambda: not group._queues)
        tasks.append(asyncio.create_task(group.submit(tenant_id, needing(name))))
    await asyncio.gather(*tasks)
    assert len(posts.in_line) <= 1 + len(names)


async def test_time_is_up_for_who_waits_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LONGEST_WAIT_S", 0.05)
    posts = Posts()
    posts.held, posts.results = {ROW}, [Requeued(frozenset({ROW}))] * 1_000
    posts.gate.set()
    group = posts.group(in_line=1)
    assert isinstance(await group.submit(uuid4(), needing()), Requeued)
    assert group.waiting == 0
    await until(lambda: group._rooms == {})


async def test_who_needs_several_things_that_are_taken_in_turn_waits_by_itself_in_the_end() -> None:
    posts = Posts()
    names: list[Name] = [("accounts", uuid4(), "GBP") for _ in range(2)]
    posts.results = [Requeued(frozenset({names[n % 2]})) for n in range(group_commit.REQUEUES_TOGETHER + 1)]
    posts.gate.set()
    result = await posts.group().submit(uuid4(), needing(names[0]))

    assert isinstance(result, Refused)
    assert posts.batches[-1] == (1, True)
    assert not any(wait for _, wait in posts.batches[:-1])
