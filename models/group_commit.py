"""Requests that arrive together share one posting: a hot account costs one lock and one commit for all of them.

Each tenant has three lanes. The fast lane never waits for a row that somebody else holds: units that need one move to
the patient lane, which waits. Bulks and merges have a lane of their own, one to a posting. So one long bulk stalls
nobody but those who need its accounts. In each lane at most one posting is under way; what arrives meanwhile makes the
next. No wait is added when nothing is under way.

A posting is a task of its own: a client that goes away does not cancel it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Final
from uuid import UUID

from models.commands import BulkCredit, MergeCustomers, PostRows, RestateBooks
from models.posting import Failed, PutBack, Result, Unit

MAX_WAITING_UNITS: Final = 20_000
"""Per lane. More than this is refused at once (Busy) instead of being answered too late."""
MAX_PUT_BACKS: Final = 8

Post = Callable[[UUID, Sequence[Unit], bool], Awaitable[list[Result]]]
"""Tenant, units, wait for locks."""

_Waiting = tuple[Unit, "asyncio.Future[Result]"]


class Overloaded(Exception):
    """Too many units are waiting already."""


class Lane(Enum):
    """What a lane takes: how many units to a posting, and whether it waits for locks."""

    FAST = (256, False)
    PATIENT = (256, True)
    BULK = (1, True)

    def __init__(self, max_units: int, wait: bool) -> None:
        self.max_units = max_units
        self.wait = wait


class GroupCommit:
    """Gathers units into batches for `post`. One per process."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._queues: dict[tuple[UUID, Lane], _Queue] = {}
        self._closed = False

    async def submit(self, tenant_id: UUID, unit: Unit) -> Result:
        """The unit's result, once the posting that it was part of has been committed. Raises Overloaded.

        PutBack only where the unit was put back too often.
        """
        lane = (
            Lane.BULK if isinstance(unit.command, BulkCredit | MergeCustomers | PostRows | RestateBooks) else Lane.FAST
        )
        result = await self._queue(tenant_id, lane).submit(unit)
        for _ in range(MAX_PUT_BACKS):
            if not isinstance(result, PutBack):
                break
            result = await self._queue(tenant_id, Lane.PATIENT).submit(unit)
        return result

    @property
    def waiting(self) -> int:
        """Units that no posting has taken yet."""
        return sum(len(queue) for queue in self._queues.values())

    async def close(self) -> None:
        """Take nothing new, and finish what is under way."""
        self._closed = True
        while tasks := [queue.task for queue in self._queues.values() if queue.task is not None]:
            await asyncio.gather(*tasks, return_exceptions=True)

    def _queue(self, tenant_id: UUID, lane: Lane) -> "_Queue":
        if self._closed:
            raise Overloaded("shutting down")
        queue = self._queues.get((tenant_id, lane))
        if queue is None:
            queue = self._queues[tenant_id, lane] = _Queue(tenant_id, lane, self._post, self._retire)
        return queue

    def _retire(self, queue: "_Queue") -> None:
        self._queues.pop((queue.tenant_id, queue.lane), None)


class _Queue:
    """One tenant's lane, and the one task that works it off."""

    def __init__(self, tenant_id: UUID, lane: Lane, post: Post, retire: Callable[["_Queue"], None]) -> None:
        self.tenant_id = tenant_id
        self.lane = lane
        self.task: asyncio.Task[None] | None = None
        self._post = post
        self._retire = retire
        self._waiting: deque[_Waiting] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    async def submit(self, unit: Unit) -> Result:
        if len(self._waiting) >= MAX_WAITING_UNITS:
            raise Overloaded("too many requests are waiting")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((unit, future))
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self.lane.max_units))]
                for (_, future), result in zip(batch, await self._results(batch), strict=True):
                    if not future.done():  # its client may have gone away
                        future.set_result(result)
        finally:
            self.task = None
            self._retire(self)

    async def _results(self, batch: list[_Waiting]) -> list[Result]:
        try:
            return await self._post(self.tenant_id, [unit for unit, _ in batch], self.lane.wait)
        except Exception as error:  # noqa: BLE001 - the queue has to go on: everyone in it is waiting
            return [Failed(error) for _ in batch]
