"""Long work of the processor's in slices, so that everybody else in the process has a turn in between.

An event loop that works for a second answers nobody for a second. Whatever grows with a request (rows, credits,
assignments) is therefore made in steps (turns/steps.py), and after SLICE_SECONDS of them the loop goes round
once. Several such works share the slice. What is small never gets to the end of its first one, and pays for two looks
at the clock (docs/adr/0024).
"""

import asyncio
import gc
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter
from typing import Final, TypeVar

from turns.steps import Steps, each

SLICE_SECONDS: Final = 0.005
"""A round of the loop holds as much of it as this, and what others do. Most requests take about ten rounds, so that one
is this much longer for each; half of it would cost the long work a twentieth more."""
LEAST_SECONDS: Final = 0.001
"""However many share it."""
MANY_ROWS: Final = 1_000
"""To make something simple of so many takes a millisecond or two."""
COLLECT_AFTER_SECONDS: Final = 5.0
"""Once so long no work was long enough to be sliced, the oldest objects are looked through for garbage again. Longer than
a large posting waits for one of its statements."""
_NEVER: Final = 1_000_000_000
_FEW_TIMES: Final = 2
"""Middle-aged objects are looked through after so many looks at young ones, so that they are few: nearly all of a large
work's stay."""

T = TypeVar("T")
R = TypeVar("R")

_sharing = 0
_thresholds: tuple[int, int, int] | None = None
"""As they were, while no full collection begins by itself."""
_timer: asyncio.TimerHandle | None = None
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="beside")


async def in_slices(steps: Steps[R]) -> R:
    """What the steps make in the end. Raises what they raise."""
    global _sharing  # noqa: PLW0603 - one event loop a process, and this is all that its long works know of each other
    done = _advance(steps, SLICE_SECONDS)
    if done is not None:
        return done[0]
    _sharing += 1
    _put_off_full_collections()
    try:
        while done is None:
            await asyncio.sleep(0)
            done = _advance(steps, max(SLICE_SECONDS / _sharing, LEAST_SECONDS))
        return done[0]
    finally:
        _sharing -= 1
        if not _sharing:
            _collect_again_later()
        steps.close()


async def each_in_slices(function: Callable[[T], R], rows: Iterable[T]) -> list[R]:
    """What the function makes of each of the rows."""
    return await in_slices(each(function, rows))


async def turn_after(rows: int) -> None:
    """Others have a turn, where something was made of many rows in one go."""
    if rows >= MANY_ROWS:
        await asyncio.sleep(0)


async def beside(function: Callable[..., R], *arguments: object, **options: object) -> R:
    """What a function answers that takes long and cannot be made in steps, from a thread of its own: one for all, so that
    the event loop has to share the interpreter with one at most, which lets go of it every 5 ms. Raises what it raises.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_thread, partial(function, *arguments, **options))


def _put_off_full_collections() -> None:
    """Not in the middle of a large work: all that it has made would be walked in one go, to find that none of it is
    garbage (100 ms for a bulk of 10,000 customers). Young objects are looked through as ever."""
    global _thresholds  # noqa: PLW0603 - so are the collector's
    if _timer is not None:
        _timer.cancel()
    if _thresholds is None:
        _thresholds = gc.get_threshold()
        gc.set_threshold(_thresholds[0], _FEW_TIMES, _NEVER)


def _collect_again_later() -> None:
    global _timer  # noqa: PLW0603
    if _timer is not None:
        _timer.cancel()
    _timer = asyncio.get_running_loop().call_later(COLLECT_AFTER_SECONDS, _collect_again)


def _collect_again() -> None:
    global _thresholds  # noqa: PLW0603
    if _thresholds is not None and not _sharing:
        gc.set_threshold(*_thresholds)
        _thresholds = None


def _advance(steps: Steps[R], seconds: float) -> tuple[R] | None:
    """Go on for so long. The result, once it is there."""
    due = perf_counter() + seconds
    try:
        while perf_counter() < due:
            next(steps)
    except StopIteration as done:
        return (done.value,)
    return None
