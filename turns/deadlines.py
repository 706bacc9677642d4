"""Time limits that cost little: those of one length share one timer, since they end in the order in which they began.

A request is under three of them, and `asyncio.timeout` makes and cancels a timer of the loop for each.
"""

import asyncio
from contextvars import Context
from types import TracebackType
from typing import Final, Self


class Deadlines:
    """Limits of so many seconds: `with deadlines():` around what a task awaits.

    As with `asyncio.timeout`, the task is cancelled when the time is over, and the block then raises TimeoutError.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds: Final = seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: dict[Limit, None] = {}
        """In the order in which they end."""
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self) -> "Limit":
        """Return a limit for one block."""
        return Limit(self)

    def begin(self, limit: "Limit", loop: asyncio.AbstractEventLoop) -> None:
        """Count its time from now on, by its task's loop."""
        if loop is not self._loop:  # tests have one after the other
            self._loop, self._timer = loop, None
            self._running.clear()
        limit.ends = loop.time() + self.seconds
        self._running[limit] = None
        if self._timer is None:
            self._look_at(limit.ends)

    def end(self, limit: "Limit") -> None:
        self._running.pop(limit, None)

    def _look_at(self, when: float) -> None:
        """In a context of its own: a request's would keep what it holds until then."""
        if self._loop is not None:
            self._timer = self._loop.call_at(when, self._look, context=Context())

    def _look(self) -> None:
        """Cancel the tasks whose time is over, and look again when the next one's is."""
        self._timer, loop = None, self._loop
        if loop is None:
            return
        for limit in list(self._running):
            if limit.ends > loop.time():
                self._look_at(limit.ends)
                return
            self.end(limit)
            limit.expire()


class Limit:
    """The limit of one block. expired: whether its time was over before the block was."""

    __slots__ = ("_all", "_cancelling", "_task", "ends", "expired")

    def __init__(self, deadlines: Deadlines) -> None:
        self._all = deadlines
        self.expired = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit is for a task")
        self._task = task
        self._cancelling = task.cancelling()
        self.ends = 0.0
        self._all.begin(self, task.get_loop())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._all.end(self)
        if self.expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """The time is over."""
        self.expired = True
        self._task.cancel()
