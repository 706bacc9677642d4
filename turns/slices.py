"""Long computations in slices, so that everything else in the process gets a turn in between.

An event loop busy for a second answers no request for a second. Any work that grows with a request (rows, credits,
assignments, the items of a response) is therefore done in steps (turns/steps.py). A round of the loop holds
SLICE_SECONDS of such work, for all requests together: the rest waits for another round, in order of arrival. Small work
never reaches the end of its first slice, and costs two looks at the clock (docs/adr/0024).
"""

import asyncio
import gc
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from functools import partial
from heapq import heappop, heappush
from itertools import count
from time import perf_counter
from typing import Final, TypeVar

from turns.steps import Steps, each

SLICE_SECONDS: Final = 0.005
"""Seconds of long work per round of the loop, besides other work. Most requests take about ten rounds, each of which
gets this much longer; with half of it the long work would take a twentieth longer."""
LEAST_SECONDS: Final = 0.001
"""Minimum share of new work, in seconds, even late in a round: most work is done by then."""
WOKEN_AT_ONCE: Final = 8
"""Number of waiting tasks woken each round: most need little time."""
MANY_ROWS: Final = 1_000
"""Number of rows whose simple objects take a millisecond or two to make."""
COLLECT_AFTER_SECONDS: Final = 5.0
"""The oldest objects are garbage-collected again once no work has been sliced for this long."""
_NEVER: Final = 1_000_000_000
_FEW_OBJECTS: Final = 2_000
"""New objects after which the young are garbage-collected meanwhile: a collection of three times as many takes a slice,
where one of 30,000 took 30 to 45 ms on a busy machine."""
_FEW_TIMES: Final = 2
"""Middle-aged objects are garbage-collected after this many collections of young ones, so that they are few: nearly all
objects of large work survive."""

T = TypeVar("T")
R = TypeVar("R")


class _Rounds:
    """One event loop's rounds: the end of this round's share of long work, and the tasks waiting for another round."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.ends = 0.0
        """By perf_counter; 0 between rounds, until there is long work again."""
        self._waiting: list[tuple[int, asyncio.Future[bool]]] = []
        self._tickets = count()
        self._next_is_due = False

    def is_over(self) -> bool:
        """Whether this round is over. The first call begins it."""
        if self.ends:
            return perf_counter() >= self.ends
        self.ends = perf_counter() + SLICE_SECONDS
        self._expect_next()
        return False

    async def turn(self) -> None:
        ticket = next(self._tickets)
        while True:
            future: asyncio.Future[bool] = self.loop.create_future()
            heappush(self._waiting, (ticket, future))
            self._expect_next()
            is_first = await future
            if not self.is_over() or is_first:
                return

    def _expect_next(self) -> None:
        if not self._next_is_due:
            self._next_is_due = True
            self.loop.call_soon(self._next)

    def _next(self) -> None:
        """Wake the first waiting tasks: the first gets its turn in any case, the others while the round lasts."""
        self.ends, self._next_is_due, woken = 0.0, False, 0
        while self._waiting and woken < WOKEN_AT_ONCE:
            _, future = heappop(self._waiting)
            if not future.done():  # the waiting task may have been cancelled
                future.set_result(not woken)
                woken += 1
        if woken:
            self._expect_next()  # after them, even if they end at once


_sharing = 0
_rounds: _Rounds | None = None
_thresholds: tuple[int, int, int] | None = None
"""The original thresholds, while automatic full collections are off."""
_timer: asyncio.TimerHandle | None = None
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="beside")


def is_over() -> bool:
    """Whether this round of the loop has had its share of long work: further work should then wait for its turn."""
    return _of_this_loop().is_over()


async def turn() -> None:
    """Wait for another round, behind all tasks already waiting."""
    await _of_this_loop().turn()


async def in_slices(steps: Steps[R]) -> R:
    """Run the steps and return their result. Raises their errors."""
    rounds = _of_this_loop()
    done = _advance(steps, rounds)
    if done is not None:
        return done[0]
    with large_work():
        try:
            while done is None:
                await rounds.turn()
                done = _advance(steps, rounds)
            return done[0]
        finally:
            steps.close()


async def each_in_slices(function: Callable[[T], R], rows: Iterable[T]) -> list[R]:
    """Apply the function to each of the rows."""
    return await in_slices(each(function, rows))


async def turn_after(rows: int) -> None:
    """Give others a turn, if many rows were processed in one go."""
    if rows >= MANY_ROWS:
        await turn()


async def beside(function: Callable[..., R], *arguments: object, **options: object) -> R:
    """Run in a thread a long function that cannot be split into steps, and return its result: one thread for all, so
    that the event loop shares the interpreter with at most one, which releases it every 5 ms. Raises its errors.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_thread, partial(function, *arguments, **options))


class large_work:  # noqa: N801 - used as a context manager
    """Prevent full collections during large work, between its slices as well.

    A full collection would walk all of its objects in one go and find no garbage: 100 ms for a bulk of 10,000
    customers, 1.5 s for a merge of 100,000 credits. Young objects are collected as usual. if_so: whether it is large.
    """

    __slots__ = ("_is_large",)

    def __init__(self, *, if_so: bool = True) -> None:
        self._is_large = if_so

    def __enter__(self) -> None:
        global _sharing  # noqa: PLW0603 - one event loop a process, and this is all that its long works know of each other
        if self._is_large:
            _sharing += 1
            _put_off_full_collections()

    def __exit__(self, *_: object) -> None:
        global _sharing  # noqa: PLW0603 - as above
        if self._is_large:
            _sharing -= 1
            if not _sharing:
                _collect_again_later()


def _of_this_loop() -> _Rounds:
    global _rounds  # noqa: PLW0603 - a process has one loop; tests have one after the other
    loop = asyncio.get_running_loop()
    if _rounds is None or _rounds.loop is not loop:
        _rounds = _Rounds(loop)
    return _rounds


def _put_off_full_collections() -> None:
    global _thresholds  # noqa: PLW0603 - so are the collector's
    if _timer is not None:
        _timer.cancel()
    if _thresholds is None:
        _thresholds = gc.get_threshold()
        gc.set_threshold(min(_thresholds[0], _FEW_OBJECTS), _FEW_TIMES, _NEVER)


def _collect_again_later() -> None:
    global _timer  # noqa: PLW0603
    if _timer is not None:
        _timer.cancel()
    # In a context of its own: a request's would keep what it holds until then.
    _timer = asyncio.get_running_loop().call_later(COLLECT_AFTER_SECONDS, _collect_again, context=Context())


def _collect_again() -> None:
    global _thresholds  # noqa: PLW0603
    if _thresholds is not None and not _sharing:
        gc.set_threshold(*_thresholds)
        _thresholds = None


def _advance(steps: Steps[R], rounds: _Rounds) -> tuple[R] | None:
    """Continue until the round is over. Returns the result once it is complete."""
    rounds.is_over()
    due = max(rounds.ends, perf_counter() + LEAST_SECONDS)
    try:
        while perf_counter() < due:
            next(steps)
    except StopIteration as done:
        return (done.value,)
    return None
