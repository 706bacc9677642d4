"""The waiting room of units that need rows locked by others: in memory, one queue per row.

The locked rows are polled, all in one short transaction, with growing pauses. For the few rows that have been waited
for longest, a connection waits in PostgreSQL's own lock queue, so that faster transactions cannot keep a row from us
for ever; the waiting units are posted in that same transaction. The number of connections that may wait like that is
limited for the whole process (`Lines`), so that enough remain for requests that do not wait.

Each unit has its own deadline, and is then requeued, but never while a posting has it, since that may still commit. A
queue is kept as long as a unit waits in it or a posting has one of its units, so that a unit that returns from a
posting finds the others. The work of one try does not grow with the number of waiting units.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Protocol
from uuid import UUID

from models import patience
from models.loading.locked_elsewhere import ROWS, Name
from models.patience import jittered
from models.units import Failed, Requeued, Result, Unit

log = logging.getLogger(__name__)

MAX_UNITS: Final = 256
"""Maximum per posting."""
MAX_LOOKED_AT: Final = 5_000
"""Maximum rows polled at a time."""
FIRST_PAUSE_S: Final = 0.005
LONGEST_PAUSE_S: Final = 0.2
TRYING_S: Final = 0.1
"""How long names that cannot be polled are tried before the rows are polled again; at most one try longer."""

StillLocked = Callable[[UUID, Collection[Name]], Awaitable[set[Name]]]
"""Of a tenant's rows, by name, returns those that others have locked."""


class Post(Protocol):
    """Posts a batch. wait: wait for locks. first: the row to wait for first. quick: give up sooner."""

    async def __call__(
        self, tenant_id: UUID, units: Sequence[Unit], wait: bool, *, first: Name | None = None, quick: bool = False
    ) -> list[Result]: ...


class Lines:
    """Limits how many of this process's connections wait for rows at once. `most` is called each time, since pools
    open late."""

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


@dataclass(slots=True, eq=False)
class _Waiting:
    """ends: its deadline by the loop's clock; it is then requeued. alone: posted by its lane, once its rows are
    free."""

    unit: Unit
    ends: float
    alone: bool
    future: "asyncio.Future[Result | None]"
    posting: bool = False
    """Whether a posting has it now."""

    def answer(self, result: Result | None) -> None:
        if not self.future.done():  # its client may have gone away
            self.future.set_result(result)


@dataclass(slots=True, eq=False)
class _Queue:
    """Units that wait for one name, in order of arrival; units that are posted alone are kept apart."""

    together: OrderedDict[_Waiting, None] = field(default_factory=OrderedDict)
    alone: OrderedDict[_Waiting, None] = field(default_factory=OrderedDict)
    posting: int = 0
    """Number of its units that a posting has now."""

    @property
    def over(self) -> bool:
        return not (self.together or self.alone or self.posting)

    def add(self, waiting: _Waiting) -> None:
        (self.alone if waiting.alone else self.together)[waiting] = None

    def remove(self, waiting: _Waiting) -> None:
        (self.alone if waiting.alone else self.together).pop(waiting, None)

    def take(self, most: int) -> list[_Waiting]:
        """Take the first units that are to be posted together, without those whose clients have disconnected."""
        taken = []
        for waiting in list(islice(self.together, most)):
            del self.together[waiting]
            if not waiting.future.done():
                waiting.posting = True
                taken.append(waiting)
        self.posting += len(taken)
        return taken

    def back(self, batch: Sequence[_Waiting]) -> None:
        """Note that no posting has them any more."""
        self.posting -= len(batch)
        for waiting in batch:
            waiting.posting = False

    def first_again(self, batch: Sequence[_Waiting]) -> None:
        for waiting in reversed(batch):
            self.add(waiting)
            self.together.move_to_end(waiting, last=False)

    def answer(self, result: Result | None) -> None:
        for waiters in (self.together, self.alone):
            for waiting in waiters:
                waiting.answer(result)
            waiters.clear()


class WaitingRoom:
    """One tenant's waiting room. Dropped once it is empty."""

    def __init__(
        self,
        tenant_id: UUID,
        post: Post,
        still_locked: StillLocked,
        lines: Lines,
        retire: Callable[["WaitingRoom"], None],
    ) -> None:
        self.tenant_id = tenant_id
        self._post = post
        self._still_locked = still_locked
        self._lines = lines
        self._retire = retire
        self._inside = 0
        self._rows: OrderedDict[Name, _Queue] = OrderedDict()
        self._others: OrderedDict[Name, _Queue] = OrderedDict()
        self._in_line: dict[Name, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        return self._inside

    @property
    def since(self) -> float | None:
        """When the unit came that waits for longest, by the loop's clock."""
        queues = [*self._rows.values(), *self._others.values()]
        first = [next(iter(units), None) for queue in queues for units in (queue.together, queue.alone)]
        ends = [waiting.ends for waiting in first if waiting is not None]
        return min(ends) - patience.LONGEST_WAIT_S if ends else None

    @property
    def tasks(self) -> list["asyncio.Task[None]"]:
        looking = [] if self._looking is None else [self._looking]
        return [*looking, *self._in_line.values()]

    def known(self, names: Collection[Name]) -> frozenset[Name]:
        """The names for which units already wait: a unit that needs one queues behind them."""
        return frozenset(name for name in names if name in self._queues_like(name))

    async def wait(self, unit: Unit, locked_elsewhere: Collection[Name], *, ends: float, alone: bool) -> Result | None:
        """The unit's result; or None once its rows seem to be free, for its lane to post it.

        Requeued with other names if it turned out to need more; without names if its time is up.
        """
        if self._closed:
            return Requeued()
        loop = asyncio.get_running_loop()
        name = min(self.known(locked_elsewhere) or locked_elsewhere, key=repr)
        waiting = _Waiting(unit, ends, alone, loop.create_future())
        self._queues_like(name).setdefault(name, _Queue()).add(waiting)
        self._inside += 1
        timer = loop.call_at(ends, self._time_is_up, waiting)
        if self._looking is None:
            self._looking = loop.create_task(self._look())
        self._stand_in_line([name])
        try:
            return await waiting.future
        finally:
            timer.cancel()
            self._inside -= 1
            self._leave(name, waiting)

    def close(self) -> None:
        """Requeue every waiting unit; units in a posting, once that is over."""
        self._closed = True
        for name in [*self._rows, *self._others]:
            self._answer(name, Requeued())

    async def _look(self) -> None:
        """Poll until no unit waits; each waits until its `ends` at the longest."""
        pause = FIRST_PAUSE_S
        try:
            while self._rows or self._others:
                await asyncio.sleep(jittered(pause))
                moved = await self._look_at_rows()
                tried, all_tried = await self._try_others()
                self._stand_in_line(self._rows)
                pause = FIRST_PAUSE_S if moved or tried or not all_tried else min(2 * pause, LONGEST_PAUSE_S)
        finally:
            self._looking = None
            self._retire_if_over()

    async def _look_at_rows(self) -> bool:
        """Poll the rows; return whether any unit could continue. Rows with a connection in line are left out."""
        names = [name for name in self._rows if name not in self._in_line]
        moved = False
        for start in range(0, len(names), MAX_LOOKED_AT):
            free = set(names[start : start + MAX_LOOKED_AT])
            try:
                free -= await self._still_locked(self.tenant_id, tuple(free))
            except Exception as error:  # noqa: BLE001 - those who wait go on, and each meets it in a posting of its own
                log.warning("could not look at the held rows: %s", type(error).__name__)
            for name in names[start : start + MAX_LOOKED_AT]:
                if name in free and name not in self._in_line:  # a posting may have come to it meanwhile
                    self._answer(name, None)
                    moved = True
        return moved

    async def _try_others(self) -> tuple[bool, bool]:
        """Try the names that are not rows, in turn, for a while. Returns whether any unit could continue, and whether
        each name was tried."""
        clock = asyncio.get_running_loop().time
        ends = clock() + TRYING_S
        moved = False
        for name in list(self._others):
            if clock() >= ends:
                return moved, False
            if name in self._others:
                self._others.move_to_end(name)
                moved |= await self._try(name)
        return moved, True

    def _stand_in_line(self, names: Iterable[Name]) -> None:
        """Queue in PostgreSQL for the rows waited for longest, as far as connections are available."""
        for name in names:
            queue = self._rows.get(name)
            if queue is not None and queue.together and name not in self._in_line:
                if not self._lines.take():
                    return
                self._in_line[name] = asyncio.get_running_loop().create_task(self._line(name))

    async def _line(self, name: Name) -> None:
        try:
            if not await self._try(name, first=name) and name in self._rows:
                self._rows.move_to_end(name)  # it is another row's turn
                await asyncio.sleep(jittered(FIRST_PAUSE_S))
        finally:
            del self._in_line[name]
            self._lines.give_back()
            self._stand_in_line(self._rows)
            self._retire_if_over()

    async def _try(self, name: Name, *, first: Name | None = None) -> bool:
        """Post the units that wait for this; if the name is not a row, only one. False if it is still locked."""
        queue = self._queues_like(name).get(name)
        batch = [] if queue is None else queue.take(MAX_UNITS if first else 1)
        if queue is None or not batch:
            self._answer(name, None)
            return True
        locked_elsewhere = []
        for waiting, result in await self._posted(batch, name, first):
            if isinstance(result, Requeued) and name in result.locked_elsewhere:
                locked_elsewhere.append(waiting)
            else:
                waiting.answer(result)
        queue.back(batch)
        now = asyncio.get_running_loop().time()
        for waiting in locked_elsewhere:
            if self._closed or waiting.ends <= now:
                waiting.answer(Requeued())
        queue.first_again([waiting for waiting in locked_elsewhere if not waiting.future.done()])
        still = len(locked_elsewhere) == len(batch)
        if still:
            self._drop_if_over(name)
        else:
            self._answer(name, None)
        return not still

    async def _posted(
        self, batch: Sequence[_Waiting], name: Name, first: Name | None
    ) -> Sequence[tuple[_Waiting, Result]]:
        waits = name[0] == "posting"  # its rows are unknown: it must wait for each lock in its turn
        units = [each.unit for each in batch]
        try:
            results = await self._post(self.tenant_id, units, waits, first=first, quick=not (first or waits))
            return list(zip(batch, results, strict=True))
        except Exception as error:  # noqa: BLE001 - as in a lane: everyone is waiting
            return [(each, Failed(error)) for each in batch]

    def _time_is_up(self, waiting: _Waiting) -> None:
        """Requeue the unit, unless a posting has it: then the posting gives its result."""
        if not waiting.posting:
            waiting.answer(Requeued())

    def _leave(self, name: Name, waiting: _Waiting) -> None:
        queue = self._queues_like(name).get(name)
        if queue is not None:
            queue.remove(waiting)
            self._drop_if_over(name)

    def _answer(self, name: Name, result: Result | None) -> None:
        """Answer all units that wait for it, in order of arrival; None: they continue in their lanes."""
        queue = self._queues_like(name).get(name)
        if queue is not None:
            queue.answer(result)
            self._drop_if_over(name)

    def _drop_if_over(self, name: Name) -> None:
        queues = self._queues_like(name)
        if name in queues and queues[name].over:
            del queues[name]

    def _queues_like(self, name: Name) -> OrderedDict[Name, _Queue]:
        return self._rows if name[0] in ROWS else self._others

    def _retire_if_over(self) -> None:
        """Drop the room once no unit waits and no task is running that could return one."""
        if not (self._rows or self._others or self.tasks):
            self._retire(self)
