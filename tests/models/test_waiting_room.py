"""Who waits in memory for what others hold: nobody is lost, nobody is late, and nobody is compared with anybody."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise
from typing import Final, cast
from uuid import UUID, uuid4

import pytest

from models import patience, waiting_room
from models.commands import Actor, AdjustCredit
from models.group_commit import GroupCommit
from models.loading.locked_elsewhere import Name
from models.planning.adjust import needs
from models.units import Failed, Requeued, Result, Unit
from models.waiting_room import Lines, Post, StillLocked, WaitingRoom

R: Final[Name] = ("accounts", "R")
A: Final[Name] = ("accounts", "A")
LONG_S: Final = 60.0
SOON_S: Final = 20.0
DONE: Final = Failed(ValueError("whatever became of it"))


class Asked:
    """A unit as far as the room is concerned."""

    def __eq__(self, other: object) -> bool:
        raise NotImplementedError("nobody has a reason to compare units")

    __hash__ = object.__hash__


class Rooms:
    """A room, and who has retired."""

    def __init__(self, post: Post, still_locked: StillLocked, lines: int = 1) -> None:
        self.retired: list[WaitingRoom] = []
        self.room = WaitingRoom(uuid4(), post, still_locked, Lines(lambda: lines), self.retired.append)

    def wait(self, name: Name, seconds: float = LONG_S, *, alone: bool = False) -> "asyncio.Task[Result | None]":
        ends = asyncio.get_running_loop().time() + seconds
        return asyncio.create_task(self.room.wait(cast("Unit", Asked()), {name}, ends=ends, alone=alone))

    async def until_over(self) -> None:
        async with asyncio.timeout(SOON_S):
            while not self.retired:  # noqa: ASYNC110 - of another task there is nothing to be awaited
                await asyncio.sleep(0.01)
        assert self.retired == [self.room]
        assert (len(self.room), self.room.tasks) == (0, [])


class Postings:
    """Postings that stay under way until they are told what becomes of them."""

    def __init__(self) -> None:
        self.begun: dict[Name | None, asyncio.Event] = {}
        self.ended: dict[Name | None, asyncio.Future[Callable[[Sequence[Unit]], list[Result]]]] = {}

    def of(self, first: Name | None) -> asyncio.Event:
        self.ended.setdefault(first, asyncio.get_running_loop().create_future())
        return self.begun.setdefault(first, asyncio.Event())

    def end(self, first: Name | None, result: Result) -> None:
        del self.begun[first]
        self.ended.pop(first).set_result(lambda units: [result for _ in units])

    async def __call__(
        self, tenant_id: UUID, units: Sequence[Unit], wait: bool, *, first: Name | None = None, quick: bool = False
    ) -> list[Result]:
        self.of(first).set()
        return (await self.ended[first])(units)


async def all_held(tenant_id: UUID, names: Collection[Name]) -> set[Name]:
    return set(names)


@asynccontextmanager
async def answered() -> AsyncIterator[None]:
    async with asyncio.timeout(SOON_S):
        yield


def let_pass(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """By the loop's clock, at once: what was begun before it is begun, however slow the machine is."""
    loop = asyncio.get_running_loop()
    passed = loop.time
    monkeypatch.setattr(loop, "time", lambda: passed() + seconds)


async def test_who_comes_back_from_a_posting_while_the_row_seemed_to_be_free_is_not_lost() -> None:
    """It was looked at before a connection stood in line for it; meanwhile another server has taken it."""
    looked, told = asyncio.Event(), asyncio.Event()
    postings = Postings()

    async def still_locked(tenant_id: UUID, names: Collection[Name]) -> set[Name]:
        if R in names and not looked.is_set():
            looked.set()
            await told.wait()
            return set()
        return set(names)

    rooms = Rooms(postings, still_locked)
    a_begun, r_begun = postings.of(A), postings.of(R)
    a, r = rooms.wait(A), rooms.wait(R, 1)
    async with answered():
        await looked.wait()
        await a_begun.wait()
        postings.end(A, DONE)
        await r_begun.wait()
        told.set()
        await asyncio.sleep(0.05)
        later = rooms.wait(R)
        postings.end(R, Requeued(frozenset({R})))
        assert await a == DONE
        await postings.of(R).wait()  # both of them
        postings.end(R, DONE)
        assert await r == await later == DONE
        await rooms.until_over()


async def test_a_room_is_there_as_long_as_a_posting_has_somebody_of_it() -> None:
    """Else one that comes meanwhile would find another room, and nobody would wait for this one's tasks."""
    postings = Postings()

    async def none_held(tenant_id: UUID, names: Collection[Name]) -> set[Name]:
        return set()

    rooms = Rooms(postings, none_held)
    begun = postings.of(R)
    first = rooms.wait(R)
    async with answered():
        await begun.wait()
        await asyncio.sleep(0.1)
        assert rooms.retired == []
        assert rooms.room.known({R, A}) == {R}
        rooms.room.close()
        assert await rooms.room.wait(cast("Unit", Asked()), {R}, ends=0, alone=False) == Requeued()
        assert not first.done()
        postings.end(R, DONE)
        assert await first == DONE
        await rooms.until_over()


async def test_of_what_is_waited_for_by_many_they_are_posted_in_their_order() -> None:
    batches: list[list[Unit]] = []

    async def post(
        tenant_id: UUID, units: Sequence[Unit], wait: bool, *, first: Name | None = None, quick: bool = False
    ) -> list[Result]:
        batches.append(list(units))
        return [Requeued(frozenset({R})) if len(batches) == 1 else DONE for _ in units]

    rooms = Rooms(post, all_held)
    waiting = [rooms.wait(R) for _ in range(2 * waiting_room.MAX_UNITS)]
    alone = rooms.wait(R, alone=True)
    async with answered():
        answers = await asyncio.gather(*waiting)
        assert await alone is None
    assert answers == [DONE] * waiting_room.MAX_UNITS + [None] * waiting_room.MAX_UNITS
    assert [len(batch) for batch in batches] == [waiting_room.MAX_UNITS] * 2
    assert all(one is other for one, other in zip(*batches, strict=True))
    await rooms.until_over()


async def test_time_is_up_for_each_by_itself_while_others_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing ends while one key is being tried; all others' time does."""
    postings = Postings()
    rooms = Rooms(postings, all_held)
    begun = postings.of(None)
    keys: list[Name] = [("idempotency_keys", f"k{n}", "") for n in range(50)]
    waiting = {key: rooms.wait(key, SOON_S / 4) for key in keys}
    async with answered():
        await begun.wait()
        let_pass(monkeypatch, SOON_S / 4)
        while sum(not task.done() for task in waiting.values()) > 1:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
        assert {task.result() for task in waiting.values() if task.done()} == {Requeued()}
        assert len(rooms.room) == 1
        [last] = [key for key, task in waiting.items() if not task.done()]
        await asyncio.sleep(0.05)
        assert not waiting[last].done()
        postings.end(None, Requeued(frozenset({last})))
        assert await waiting[last] == Requeued()
        await rooms.until_over()


@pytest.mark.parametrize("name", [R, ("idempotency_keys", "k", "")])
async def test_nobody_is_put_back_whom_a_posting_has(name: Name, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be committed: who was told that they came too late would ask for it again."""
    postings = Postings()
    rooms = Rooms(postings, all_held)
    first = name if name == R else None
    begun = postings.of(first)
    waiting = rooms.wait(name, SOON_S / 4)
    async with answered():
        await begun.wait()
        let_pass(monkeypatch, SOON_S / 4)
        await asyncio.sleep(0.05)
        rooms.room.close()
        assert not waiting.done()
        postings.end(first, DONE)
        assert await waiting == DONE
        await rooms.until_over()


async def test_rows_are_looked_at_while_much_else_is_tried_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_room, "TRYING_S", 0.005)
    done: list[Name | None] = []
    over = asyncio.Event()
    keys: list[Name] = [("idempotency_keys", f"k{n}", "") for n in range(20)]

    async def post(
        tenant_id: UUID, units: Sequence[Unit], wait: bool, *, first: Name | None = None, quick: bool = False
    ) -> list[Result]:
        await asyncio.sleep(0.01)
        done.append(None)
        if over.is_set():
            return [DONE for _ in units]
        return [Requeued(frozenset(keys)) for _ in units]

    async def still_locked(tenant_id: UUID, names: Collection[Name]) -> set[Name]:
        done.append(R)
        return set(names)

    rooms = Rooms(post, still_locked, lines=0)
    waiting = [rooms.wait(key) for key in keys]
    row = rooms.wait(R, 1)
    async with answered():
        assert await row == Requeued()
        over.set()
        assert await asyncio.gather(*waiting) == [DONE] * len(keys)  # each has its turn
        await rooms.until_over()
    looks = [place for place, name in enumerate(done) if name == R]
    assert len(looks) > 1
    assert all(later - earlier <= 2 for earlier, later in pairwise(looks))


async def test_all_rows_are_looked_at_however_many_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_room, "MAX_LOOKED_AT", 10)
    names: list[Name] = [("accounts", f"{n}") for n in range(35)]
    asked: list[int] = []

    async def still_locked(tenant_id: UUID, looked_at: Collection[Name]) -> set[Name]:
        asked.append(len(looked_at))
        return set(looked_at) - {names[-1]}

    rooms = Rooms(Postings(), still_locked, lines=0)
    waiting = [rooms.wait(name) for name in names]
    async with answered():
        assert await waiting[-1] is None
        rooms.room.close()
        assert await asyncio.gather(*waiting[:-1]) == [Requeued()] * 34
        await rooms.until_over()
    assert asked[:4] == [10, 10, 10, 5]


async def test_who_has_gone_away_is_not_waited_for() -> None:
    rooms = Rooms(Postings(), all_held, lines=0)
    waiting = [rooms.wait(R) for _ in range(3)]
    await asyncio.sleep(0)
    assert len(rooms.room) == 3
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert rooms.room.known({R}) == frozenset()
    async with answered():
        await rooms.until_over()


async def test_a_posting_that_answers_for_too_few_fails_for_all_of_them() -> None:
    async def post(
        tenant_id: UUID, units: Sequence[Unit], wait: bool, *, first: Name | None = None, quick: bool = False
    ) -> list[Result]:
        return []

    rooms = Rooms(post, all_held)
    async with answered():
        assert isinstance(await rooms.wait(R), Failed)
        await rooms.until_over()


async def test_the_time_begins_when_the_unit_comes_and_not_when_it_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane that takes long to find out what others hold keeps nobody longer for it."""
    monkeypatch.setattr(patience, "LONGEST_WAIT_S", 0.05)
    posted: list[int] = []

    async def post(
        tenant_id: UUID, units: Sequence[Unit], wait: bool, *, first: Name | None = None, quick: bool = False
    ) -> list[Result]:
        posted.append(len(units))
        await asyncio.sleep(0.1)
        return [Requeued(frozenset({R})) for _ in units]

    async def never(tenant_id: UUID, names: Collection[Name]) -> set[Name]:
        raise AssertionError("nobody waits any more")

    lanes = GroupCommit(post, never, lambda: 1)
    command = AdjustCredit(uuid4(), "GBP", Decimal(1), "GOODWILL")
    unit = Unit(command, Actor("sam", "STAFF"), uuid4(), needs(command, 100), "adjustCredit", b"", uuid4())
    async with answered():
        assert await lanes.submit(uuid4(), unit) == Requeued()
        await lanes.close()
    assert posted == [1]
