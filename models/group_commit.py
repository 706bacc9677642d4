"""Requests that arrive together share one posting: a hot account costs one lock and one commit for all of them.

Each tenant has two lanes. The fast lane never waits for a row that another transaction has locked: units that need one
go to the waiting room (models/waiting_room.py), grouped by row, while the lane goes on. Bulks and merges have a lane of
their own, one per posting; one that needs locked rows leaves it too, and is retried. So no unit waits for rows it does
not need. The fast lane runs one posting at a time; units that arrive meanwhile form the next batch. Only if one takes
long (an invoice that takes ten thousand credits, a search for the holder of a key) does another start beside it. As
many bulks run at once as there are spare connections, so that a merge need not queue behind one. No wait is added
if nothing is running. Between two postings the fast lane waits for those that are on their way, as long as the process has
something to do anyway (docs/adr/0086).

A posting is a task of its own: a client that disconnects does not cancel it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Final, cast
from uuid import UUID

from models import patience
from models.loading.locked_elsewhere import Name
from models.units import Failed, Requeued, Result, Unit, names_of
from models.waiting_room import Lines, Post, StillLocked, WaitingRoom

MAX_WAITING_UNITS: Final = 20_000
"""Maximum per lane and per waiting room. More are refused at once (Busy) instead of being answered too late."""
LONG_S: Final = 0.25
"""If a posting takes longer, others may start beside it. Most take a few milliseconds, full ones some tens."""
QUIET_TURNS: Final = 4
"""Rounds of the event loop without a new unit, after which none is taken to be on its way: one in which answers go out,
one that reads what comes for them, one in which that becomes units, and one to spare."""
GATHERING_S: Final = 0.02
"""Maximum wait for those on their way, about what a posting of many takes: a round may be long, and they may never end."""
MAX_REQUEUES: Final = 1_000
"""Maximum per unit, within `patience.LONGEST_WAIT_S`."""
REQUEUES_TOGETHER: Final = 5
"""After that it waits by itself, in its place: it needs several rows that others keep locking in turn."""

_Waiting = tuple[Unit, "asyncio.Future[Result]", float]
"""A unit, its result to be, and since when it waits, by the loop's clock."""


class Overloaded(Exception):
    """Too many units are waiting already."""


class Lane(Enum):
    """A lane's settings: how many units to a posting, and whether it waits for locks."""

    FAST = (256, False)
    BULK = (1, True)

    def __init__(self, max_units: int, wait: bool) -> None:
        self.max_units = max_units
        self.wait = wait


class GroupCommit:
    """Gathers units into batches for `post`. One per process."""

    def __init__(self, post: Post, still_locked: StillLocked, most_in_line: Callable[[], int]) -> None:
        """still_locked: returns the given rows that others have locked. most_in_line: maximum connections that wait for
        rows at once."""
        self._post = post
        self._still_locked = still_locked
        self._lines = Lines(most_in_line)
        self._queues: dict[tuple[UUID, Lane], _Queue] = {}
        self._rooms: dict[UUID, WaitingRoom] = {}
        self._closed = False
        self._most_at_once = lambda: max(1, most_in_line())

    async def submit(self, tenant_id: UUID, unit: Unit) -> Result:
        """Return the unit's result, once its posting has been committed. Raises Overloaded.

        Requeued only if others held its rows for too long.
        """
        lane = Lane.BULK if unit.command.alone else Lane.FAST
        locked_elsewhere = self._known(tenant_id, unit)
        ends = asyncio.get_running_loop().time() + patience.LONGEST_WAIT_S
        for number in range(MAX_REQUEUES):
            result: Result | None = None
            if locked_elsewhere:
                if asyncio.get_running_loop().time() >= ends:
                    break
                if number > REQUEUES_TOGETHER and lane is Lane.FAST:
                    locked_elsewhere = frozenset({("posting", unit.result_id)})
                result = await self._room(tenant_id).wait(unit, locked_elsewhere, ends=ends, alone=lane is Lane.BULK)
            if result is None:
                result = await self._queue(tenant_id, lane).submit(unit)
            if not isinstance(result, Requeued):
                return result
            if (
                locked_elsewhere
                and not result.locked_elsewhere
                and (self._closed or asyncio.get_running_loop().time() >= ends)
            ):
                break
            locked_elsewhere = result.locked_elsewhere
        return Requeued()

    def _known(self, tenant_id: UUID, unit: Unit) -> frozenset[Name]:
        """The unit's names for which others already wait: it queues behind them."""
        room = self._rooms.get(tenant_id)
        return frozenset() if room is None else room.known(set(names_of(unit)))

    def _room(self, tenant_id: UUID) -> WaitingRoom:
        if self._closed:
            raise Overloaded("shutting down")
        room = self._rooms.get(tenant_id)
        if room is None:
            room = WaitingRoom(tenant_id, self._post, self._still_locked, self._lines, self._close_room)
            self._rooms[tenant_id] = room
        if len(room) >= MAX_WAITING_UNITS:
            raise Overloaded("too many requests are waiting")
        return room

    def _close_room(self, room: WaitingRoom) -> None:
        self._rooms.pop(room.tenant_id, None)

    @property
    def waiting(self) -> int:
        """Number of units not yet taken by a posting."""
        return sum(len(queue) for queue in self._queues.values()) + sum(len(room) for room in self._rooms.values())

    @property
    def longest_wait_s(self) -> float:
        """For how long the first of those units has waited."""
        since = [queue.since for queue in self._queues.values()] + [room.since for room in self._rooms.values()]
        known = [each for each in since if each is not None]
        return asyncio.get_running_loop().time() - min(known) if known else 0.0

    async def close(self) -> None:
        """Accept no more units, and finish running postings. Units in waiting rooms are requeued."""
        self._closed = True
        while tasks := self._tasks():
            for room in list(self._rooms.values()):
                room.close()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _tasks(self) -> list["asyncio.Task[None]"]:
        lanes = [task for queue in self._queues.values() for task in queue.tasks]
        rooms = [task for room in self._rooms.values() for task in room.tasks]
        return [task for task in lanes + rooms if not task.done()]  # one cancelled before it began never left by itself

    def _queue(self, tenant_id: UUID, lane: Lane) -> "_Queue":
        if self._closed:
            raise Overloaded("shutting down")
        queue = self._queues.get((tenant_id, lane))
        if queue is None:
            queue = self._queues[tenant_id, lane] = _Queue(
                tenant_id, lane, self._post, self._most_at_once, self._retire
            )
        return queue

    def _retire(self, queue: "_Queue") -> None:
        self._queues.pop((queue.tenant_id, queue.lane), None)


class _Queue:
    """One tenant's lane, and the tasks that process it: at most `most_at_once`; in the fast lane one, unless one takes
    long."""

    def __init__(
        self,
        tenant_id: UUID,
        lane: Lane,
        post: Post,
        most_at_once: Callable[[], int],
        retire: Callable[["_Queue"], None],
    ) -> None:
        self.tenant_id = tenant_id
        self.lane = lane
        self.tasks: set[asyncio.Task[None]] = set()
        self._long: set[asyncio.Task[None]] = set()
        self._post = post
        self._most_at_once = most_at_once
        self._retire = retire
        self._waiting: deque[_Waiting] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def since(self) -> float | None:
        """When the first of those that wait came, by the loop's clock."""
        return self._waiting[0][2] if self._waiting else None

    async def submit(self, unit: Unit) -> Result:
        if len(self._waiting) >= MAX_WAITING_UNITS:
            raise Overloaded("too many requests are waiting")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((unit, future, loop.time()))
        self._begin()
        return await future

    def _begin(self) -> None:
        """Start another task, if units wait that the running ones cannot reach."""
        at_it = 0 if self.lane is Lane.BULK else len(self.tasks - self._long)
        if self._waiting and not at_it and len(self.tasks) < self._most_at_once():
            self.tasks.add(asyncio.get_running_loop().create_task(self._work()))

    def _takes_long(self, task: "asyncio.Task[None]") -> None:
        self._long.add(task)
        self._begin()

    async def _work(self) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            while self._waiting and not self._is_relieved(task):
                self._long.discard(task)
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self.lane.max_units))]
                timer = asyncio.get_running_loop().call_later(LONG_S, self._takes_long, task)
                await self._work_off(batch)
                timer.cancel()
                if self.lane is Lane.FAST and task not in self._long:
                    await self._gather(len(batch))
        finally:
            self._long.discard(task)
            self.tasks.discard(task)
            if not self.tasks:
                self._retire(self)

    async def _gather(self, answered: int) -> None:
        """Wait for units on their way, so that they share the next posting with those that wait: many clients send their
        next request as soon as they have an answer. Else one that came alone stays alone: two postings for each round.

        answered: how many units just were.
        """
        known = len(self._waiting)
        most = min(answered + known, self.lane.max_units)
        if most < 2:  # nobody to share with
            return
        ends, quiet = time.perf_counter() + GATHERING_S, 0
        while known < most and quiet < QUIET_TURNS and time.perf_counter() < ends:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._waiting) == known else 0
            known = len(self._waiting)

    def _is_relieved(self, task: "asyncio.Task[None]") -> bool:
        """Whether others have taken over while it was busy for long."""
        return self.lane is Lane.FAST and task in self._long and bool(self.tasks - self._long)

    async def _work_off(self, batch: list[_Waiting]) -> None:
        for (_, future, _), result in zip(batch, await self._results(batch), strict=True):
            if not future.done():  # its client may have disconnected
                future.set_result(result)

    async def _results(self, batch: list[_Waiting]) -> list[Result]:
        try:
            return await self._post(self.tenant_id, [unit for unit, *_ in batch], self.lane.wait)
        except Exception as error:  # noqa: BLE001 - the queue must go on: all its units are waiting
            return [Failed(error) for _ in batch]
