"""One execution of a plan: what it has to wait for, and how nulls and errors come about.

A plan's functions never wait. What has to be awaited, and lists that are too long for now, are noted in the run with
their places; `finish` completes them level by level: all of a level is awaited before any of it goes on, so that what
the next one asks of loaders comes to them together.
"""

from asyncio import CancelledError, Future, create_task, isfuture, wait
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from types import CoroutineType
from typing import Any, TypeAlias

from strawberry.execution import optimized_is_awaitable as is_awaitable

from gateway.compiled.info import Asked, Step
from gateway.compiled.pace import LONG, SHORT, Pace, Steps
from gateway.compiled.places import Abort, Faults, Place

Complete: TypeAlias = Callable[["Run", Any, Place], Any]
"""Makes of a value what stands in the answer at its place. Raises what belongs to this place, and Abort."""
Items: TypeAlias = Callable[["Run", Any, Place, list[Any]], list[Any]]
"""Completes items of a list, to the end of those that are there."""
Waiting: TypeAlias = tuple[Any, Step, Complete, Place]
"""Something to await, and what to do with its value."""
LongList: TypeAlias = tuple[list[Any], Items, Place]


class Run(Asked):
    """One execution, or one root field's part of it."""

    __slots__ = ("faults", "is_null", "is_over", "lists", "pace", "pending")

    def __init__(self, asked: Asked, pace: Pace, faults: Faults) -> None:
        super().__init__(asked.plan, asked.context, asked.root, asked.variables, asked.given, asked.extensions)
        self.faults = faults
        self.pace = pace
        self.is_over = pace.is_over
        self.pending: list[Waiting] = []
        self.lists: list[LongList] = []
        self.is_null = False
        """Whether all of the answer is."""

    def strand(self, waiting: Waiting) -> "Run":
        """Return a part that goes on by itself."""
        strand = Run(self, self.pace, self.faults)
        strand.pending.append(waiting)
        return strand

    def settle(self, abort: Abort) -> None:
        """Let the null stand where it has come to."""
        target = abort.target
        if target is None:
            self.is_null = True
        else:
            target[1][target[2]] = None

    def close(self) -> None:
        """Let go of what nobody will wait for."""
        for value, *_ in self.pending:
            if isinstance(value, CoroutineType):
                value.close()
        self.pending.clear()
        self.lists.clear()


# --- called by the functions of plans


def fail(run: Run, error: Exception, step: Step, place: Place) -> None:
    """Note an error. Returns if null may stand at the place itself; raises Abort, to the place that may be null, if not."""
    target = run.faults.add(error, step.nodes, place)
    if target is not place:
        raise Abort(target)


def no_null(step: Step) -> None:
    """Refuse a null, in the words of graphql-core."""
    raise TypeError(f"Cannot return null for non-nullable field {step.parent}.{step.name}.")


def later(run: Run, value: Any, place: Place, step: Step, complete: Complete) -> Any:
    """Return what becomes of an unusual value: an error, something to wait for, or a value of another class."""
    if isinstance(value, Exception):
        raise value
    if is_awaitable(value):
        run.pending.append((value, step, complete, place))
        return None
    return complete(run, value, place)


def long_list(run: Run, items: list[Any], place: Place, complete: Items) -> Any:
    """Complete a list that is not short: now, or when there is time for it."""
    if len(items) < LONG and not run.is_over():
        return complete(run, items, place, [])
    run.lists.append((items, complete, place))
    return None


# --- waiting


async def finish(run: Run) -> None:
    """Complete what is left, and what comes of that, until nothing is."""
    try:
        while run.pending or run.lists:
            if run.lists:
                lists, run.lists = run.lists, []
                with run.pace.holding(run.context):
                    await run.pace.in_slices(_complete_lists(run, lists))
                continue
            batch, run.pending = run.pending, []
            if run.faults:
                batch = _without_covered(run, batch)
            if len(batch) == 1:
                await _one(run, *batch[0])
            elif batch:
                await _many(run, batch)
    finally:
        run.close()


def _without_covered(run: Run, batch: list[Waiting]) -> list[Waiting]:
    left = []
    for waiting in batch:
        if isinstance(waiting[0], CoroutineType) and run.faults.covers(waiting[3]):
            waiting[0].close()
        else:
            left.append(waiting)
    return left


def _complete_lists(run: Run, lists: list[LongList]) -> Steps:
    for items, complete, place in lists:
        if run.faults and run.faults.covers(place):
            continue
        made: list[Any] = []
        place[1][place[2]] = made
        try:
            for item in items:
                complete(run, (item,), place, made)
                yield
        except Abort as abort:
            run.settle(abort)


async def _one(run: Run, value: Any, step: Step, complete: Complete, place: Place) -> None:
    """Here and now, without a task of its own: what it sets in its context, its own fields see."""
    try:
        value = await value
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the field's
        _resume_failed(run, error, step, place)
    else:
        _resume(run, value, step, complete, place)


async def _many(run: Run, batch: list[Waiting]) -> None:
    futures: list[Future[Any]] = []
    tasks: list[Future[Any]] = []
    for waiting in batch:
        value = waiting[0]
        if not isfuture(value):
            value = create_task(value if isinstance(value, CoroutineType) else _awaited(value))
            tasks.append(value)
        futures.append(value)
    try:
        await settled(iter(futures))
    except BaseException:
        await cancel(tasks)
        raise
    resuming = _resume_all(run, batch, futures)
    if len(batch) < SHORT:
        for _ in resuming:
            pass
    else:
        with run.pace.holding(run.context):
            await run.pace.in_slices(resuming)


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


async def settled(futures: Iterator[Future[Any]]) -> None:
    """Wait for all, whether or not they fail. It keeps none of them: their tracebacks may lead here."""
    future = None
    for future in futures:
        if not future.done():
            with suppress(Exception):  # whoever asked for it looks at it
                await future
    del future


async def cancel(tasks: list[Future[Any]]) -> None:
    """Cancel them, and wait until they have let go of what they held."""
    under_way = [task for task in tasks if not task.done()]
    for task in under_way:
        task.cancel()
    if under_way:
        await wait(under_way)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # nobody is to be told of it


def _resume_all(run: Run, batch: list[Waiting], futures: list[Future[Any]]) -> Steps:
    for (_, step, complete, place), future in zip(batch, futures, strict=True):
        if future.cancelled():
            raise CancelledError
        if (error := future.exception()) is None:
            _resume(run, future.result(), step, complete, place)
        elif isinstance(error, Exception):
            _resume_failed(run, error, step, place)
        else:
            raise error
        yield


def _resume(run: Run, value: Any, step: Step, complete: Complete, place: Place) -> None:
    if run.faults and run.faults.covers(place):
        return
    try:
        try:
            if isinstance(value, Exception):
                raise value
            place[1][place[2]] = complete(run, value, place)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the field's
            fail(run, error, step, place)
            place[1][place[2]] = None
    except Abort as abort:
        run.settle(abort)


def _resume_failed(run: Run, error: Exception, step: Step, place: Place) -> None:
    try:
        fail(run, error, step, place)
        place[1][place[2]] = None
    except Abort as abort:
        run.settle(abort)
