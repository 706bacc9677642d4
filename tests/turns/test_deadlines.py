"""Time limits that share a timer: each ends when it says, and what asyncio.timeout does, they do."""

import asyncio
from itertools import pairwise

import pytest

from turns.deadlines import Deadlines

LONG = 10.0


async def test_what_takes_too_long_is_cancelled_and_timed_out() -> None:
    cancelled = []

    async def work() -> None:
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    with pytest.raises(TimeoutError), Deadlines(0.01)() as limit:
        await work()
    assert (cancelled, limit.expired) == ([True], True)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_what_ends_in_time_is_left_alone() -> None:
    deadlines = Deadlines(0.02)
    with deadlines() as limit:
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    assert not limit.expired


async def test_each_has_its_own_time() -> None:
    deadlines, ended = Deadlines(0.05), []
    loop = asyncio.get_running_loop()

    async def one(number: int) -> None:
        await asyncio.sleep(0.02 * number)
        began = loop.time()
        with pytest.raises(TimeoutError), deadlines():
            await asyncio.sleep(LONG)
        ended.append((number, loop.time() - began))

    async def another() -> None:
        with deadlines():
            await asyncio.sleep(
                0
            )  # and no timer, which would be due together with the limit if the machine stood still

    await asyncio.gather(*map(one, range(5)), another())
    assert all(a < b for a, b in pairwise(number for number, _ in ended))
    assert all(took >= 0.04 for _, took in ended)  # the loop's clock is a whole round's
    assert not deadlines._running


async def test_within_another_that_ends_first() -> None:
    with pytest.raises(TimeoutError), Deadlines(0.01)() as outer, Deadlines(LONG)() as inner:
        await asyncio.sleep(LONG)
    assert (outer.expired, inner.expired) == (True, False)


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    async def work() -> None:
        with Deadlines(LONG)():
            await asyncio.sleep(LONG)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_its_own_error_is_raised_even_when_the_time_is_over() -> None:
    async def work() -> None:
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            raise ValueError("mine") from None

    with pytest.raises(ValueError, match="mine"), Deadlines(0.01)():
        await work()


def test_in_another_loop() -> None:
    deadlines = Deadlines(0.01)

    async def work() -> None:
        with pytest.raises(TimeoutError), deadlines():
            await asyncio.sleep(LONG)

    for _ in range(2):
        asyncio.run(work())
