"""Long work in slices: others have a turn in between, and what is small pays nothing."""

import asyncio
import gc
import threading
from time import perf_counter

import pytest

from turns import slices
from turns.slices import beside, each_in_slices, in_slices
from turns.steps import Steps, each, finish


def work(number: int, seconds: float = 0.001) -> Steps[int]:
    for _ in range(number):
        until = perf_counter() + seconds
        while perf_counter() < until:
            pass
        yield
    return number


class Turns:
    """How often somebody else had a turn."""

    def __init__(self) -> None:
        self.taken = 0

    async def __call__(self) -> None:
        while True:
            self.taken += 1
            await asyncio.sleep(0)


async def test_others_have_a_turn_in_between() -> None:
    turns = Turns()
    other = asyncio.create_task(turns())
    assert await in_slices(work(100)) == 100
    other.cancel()
    assert turns.taken >= 100 * 0.001 / slices.SLICE_SECONDS * 0.9


async def test_what_is_small_is_done_at_once() -> None:
    turns = Turns()
    other = asyncio.create_task(turns())
    assert await in_slices(work(3, 0)) == 3
    assert turns.taken == 0
    other.cancel()


async def test_several_share_a_slice() -> None:
    """Of ten long works each goes on by a step of a millisecond in a round, and not by five of them."""
    turns = Turns()
    other = asyncio.create_task(turns())
    await asyncio.gather(*(in_slices(work(40)) for _ in range(10)))
    other.cancel()
    assert turns.taken >= 30


async def test_what_the_steps_raise_is_raised() -> None:
    def failing() -> Steps[int]:
        yield from work(20)
        raise KeyError("no")

    with pytest.raises(KeyError):
        await in_slices(failing())
    assert slices._sharing == 0


async def test_a_work_that_is_cancelled_is_closed() -> None:
    closed = []

    def careful() -> Steps[None]:
        try:
            while True:
                yield from work(1)
        finally:
            closed.append(True)

    task = asyncio.create_task(in_slices(careful()))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed == [True]
    assert slices._sharing == 0


async def test_each_is_made_in_order() -> None:
    assert await each_in_slices(str, range(5)) == list("01234") == finish(each(str, range(5)))


async def test_no_full_collection_amid_a_large_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "COLLECT_AFTER_SECONDS", 0.01)
    monkeypatch.setattr(slices, "_thresholds", None)
    before = gc.get_threshold()
    thresholds = []

    def looking() -> Steps[None]:
        for _ in range(20):
            yield from work(1)
            thresholds.append(gc.get_threshold())

    await in_slices(looking())
    assert thresholds[-1][2] > 1_000_000
    async with asyncio.timeout(10):
        while gc.get_threshold() != before:  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.01)


async def test_beside_is_another_thread_and_raises_what_is_raised() -> None:
    assert await beside(threading.get_ident) != threading.get_ident()
    assert await beside(int, "12", base=3) == 5
    with pytest.raises(ValueError, match="invalid literal"):
        await beside(int, "x")


async def test_a_turn_after_many_rows() -> None:
    turns = Turns()
    other = asyncio.create_task(turns())
    await slices.turn_after(slices.MANY_ROWS - 1)
    assert turns.taken == 0
    await slices.turn_after(slices.MANY_ROWS)
    assert turns.taken == 1
    other.cancel()
