"""Where units wait that need what somebody else holds: in memory, each with those that need the very same.

What is held is looked at again and again, all of it in one short transaction, with longer and longer pauses. For a few of
the rows, those that have waited longest, a connection stands in PostgreSQL's own line, so that nobody who is faster keeps
a row from us for ever; who gets it that way is posted in the same transaction. How many connections may stand like that is
counted for the whole process (`Lines`), so that enough are left for everybody who does not wait.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from models.loading.held import ROWS, Name
from models.patience import jittered
from models.units import Failed, PutBack, Result, Unit

log = logging.getLogger(__name__)

MAX_UNITS: Final = 256
"""To a posting."""
MAX_LOOKED_AT: Final = 5_000
"""Rows, at a time."""
FIRST_PAUSE_S: Final = 0.005
LONGEST_PAUSE_S: Final = 0.2

HeldStill = Callable[[UUID, Collection[Name]], Awaitable[set[Name]]]
"""Tenant, names of rows: those that others hold."""


class Post(Protocol):
    """A batch, by whether it waits for locks, which row it waits for before all, and whether it gives up sooner."""

    async def __call__(
        self, tenant_id: UUID, units: Sequence[Unit], wait: bool, *, first: Name | None = None, quick: bool = False
    ) -> list[Result]: ...


class Lines:
    """How many connections of this process may stand in line at once. `most` is asked each time: pools open late."""

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._taken = 0

    def take(self) -> bool:
        if self._taken >= self._most():
            return False
        self._taken += 1
        return True

    def give_back(self) -> None:
        self._taken -= 1


@dataclass(slots=True)
class _Waiting:
    """ends: by the loop's clock, when it is put back for good. alone: posted by its lane, once what it needs is free."""

    unit: Unit
    ends: float
    alone: bool
    future: "asyncio.Future[Result | None]"


class WaitingRoom:
    """One tenant's. Empty, it is dropped."""

    def __init__(
        self, tenant_id: UUID, post: Post, held_still: HeldStill, lines: Lines, retire: Callable[["WaitingRoom"], None]
    ) -> None:
        self.tenant_id = tenant_id
        self._post = post
        self._held_still = held_still
        self._lines = lines
        self._retire = retire
        self._queues: dict[Name, deque[_Waiting]] = {}
        self._in_line: dict[Name, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    @property
    def tasks(self) -> list["asyncio.Task[None]"]:
        looking = [] if self._looking is None else [self._looking]
        return [*looking, *self._in_line.values()]

    def known(self, names: Collection[Name]) -> frozenset[Name]:
        """Those of the names that units wait for: whoever needs one comes after them."""
        return frozenset(name for name in names if name in self._queues)

    async def wait(self, unit: Unit, held: Collection[Name], *, ends: float, alone: bool) -> Result | None:
        """What became of the unit; or None once what it needs seems to be free, for its lane to post it.

        PutBack with other names where it turned out to need more; with none of them where time is up.
        """
        if self._closed:
            return PutBack()
        future: asyncio.Future[Result | None] = asyncio.get_running_loop().create_future()
        name = min(self.known(held) or held, key=repr)
        self._queues.setdefault(name, deque()).append(_Waiting(unit, ends, alone, future))
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look())
        self._stand_in_line()
        return await future

    def close(self) -> None:
        """Everybody who waits is put back."""
        self._closed = True
        for name in list(self._queues):
            self._answer(self._queues[name], PutBack())

    async def _look(self) -> None:
        """Until nobody waits any more: each does until `ends` at the longest."""
        pause = FIRST_PAUSE_S
        try:
            while self._queues:
                await asyncio.sleep(jittered(pause))
                self._expire()
                moved = await self._look_once([name for name in self._queues if name not in self._in_line])
                self._stand_in_line()
                pause = FIRST_PAUSE_S if moved else min(2 * pause, LONGEST_PAUSE_S)
        finally:
            self._looking = None
            self._retire(self)

    async def _look_once(self, names: list[Name]) -> bool:
        """Whether anybody could go on."""
        rows = [name for name in names if name[0] in ROWS][:MAX_LOOKED_AT]
        free = set(rows)
        if rows:
            try:
                free -= await self._held_still(self.tenant_id, rows)
            except Exception as error:  # noqa: BLE001 - those who wait go on, and each meets it in a posting of its own
                log.warning("could not look at what is held: %s", type(error).__name__)
        for name in free:
            self._free(name)
        moved = bool(free)
        for name in names:
            if name[0] not in ROWS:
                moved |= await self._try(name)
        return moved

    def _stand_in_line(self) -> None:
        """For the rows that have been waited for longest, as far as there are connections for it."""
        for name, queue in self._queues.items():
            if name[0] in ROWS and name not in self._in_line and any(not each.alone for each in queue):
                if not self._lines.take():
                    return
                self._in_line[name] = asyncio.get_running_loop().create_task(self._line(name))

    async def _line(self, name: Name) -> None:
        try:
            if not await self._try(name, first=name) and name in self._queues:
                self._queues[name] = self._queues.pop(name)  # it is another one's turn
                await asyncio.sleep(jittered(FIRST_PAUSE_S))
        finally:
            del self._in_line[name]
            self._lines.give_back()
            self._stand_in_line()

    async def _try(self, name: Name, *, first: Name | None = None) -> bool:
        """Post those who wait for this; of what is not a row, one alone to see. False where it is held still."""
        queue = self._queues.get(name, deque())
        batch = self._take(queue, MAX_UNITS if first else 1)
        waits = name[0] == "posting"  # nobody knows what it needs: it has to wait where it comes to it
        results: list[Result] = []
        if batch:
            try:
                units = [each.unit for each in batch]
                results = await self._post(self.tenant_id, units, waits, first=first, quick=not (first or waits))
            except Exception as error:  # noqa: BLE001 - as in a lane: everyone is waiting
                results = [Failed(error) for _ in batch]
        held = [
            each
            for each, result in zip(batch, results, strict=True)
            if isinstance(result, PutBack) and name in result.held
        ]
        for each, result in zip(batch, results, strict=True):
            if not (isinstance(result, PutBack) and name in result.held) and not each.future.done():
                each.future.set_result(result)
        queue.extendleft(reversed(held))
        if self._closed:
            self._answer(queue, PutBack())
        if len(held) == len(batch) > 0:
            return False
        self._free(name)
        return True

    def _take(self, queue: deque[_Waiting], most: int) -> list[_Waiting]:
        """The first of those who are to be posted together, but for those whose clients have gone away."""
        here = [each for each in queue if not each.future.done()]
        taken = [each for each in here if not each.alone][:most]
        queue.clear()
        queue.extend(each for each in here if each not in taken)
        return taken

    def _free(self, name: Name) -> None:
        """Whoever waits for it goes on in their lanes, in the order in which they came."""
        self._answer(self._queues.pop(name, deque()), None)

    def _expire(self) -> None:
        """Those whose time is up are put back."""
        now = asyncio.get_running_loop().time()
        for name, queue in list(self._queues.items()):
            self._answer(deque(each for each in queue if each.ends <= now), PutBack())
            left = [each for each in queue if not each.future.done()]
            queue.clear()
            queue.extend(left)
            if not queue and name not in self._in_line:
                del self._queues[name]

    def _answer(self, queue: deque[_Waiting], result: Result | None) -> None:
        while queue:
            future = queue.popleft().future
            if not future.done():
                future.set_result(result)
