"""Batched reads of rows by key, each row once, for all callers that request them at the same moment.

Each waiting caller has a future of its own. graphql-core cancels the siblings of a field that fails: others that wait
for the same row are not affected, and a failed read is reported to each.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Hashable, Iterable
from typing import Any, Final, Generic, TypeAlias, TypeVar

from turns.slices import is_over, turn

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

Pending: TypeAlias = T | Awaitable[T]
"""A value, or an awaitable of it: a field may return either."""

MAX_BATCH: Final = 1_000
"""Maximum keys per read; more take several."""
MANY_WAITING: Final = 16
"""Callers resumed at the same moment; more continue in turns, since each may have a list to complete."""

Read = Callable[[Any, list[K]], Awaitable[dict[K, T]]]
"""Reads the rows of these keys for the loader's owner. Keys without a row are left out."""


class Lists:
    """Counts the work of one answer that continues in turns: lists (gateway/variables.py), and callers with their rows.

    Until all of it has continued, more rows may be requested: these are read together.
    """

    __slots__ = ("begun",)

    def __init__(self) -> None:
        self.begun = 0

    async def turn(self) -> None:
        """Wait for another round of the loop, counted among them."""
        self.begun += 1
        try:
            await turn()
        finally:
            self.begun -= 1


class _Row(asyncio.Future[T | None]):
    """A row being read."""

    lists: Lists | None = None
    """The answer's, once the row has reached many callers at the same moment: they continue in turns."""

    def __await__(self) -> "Generator[Any, None, T | None]":
        row = yield from super().__await__()
        if self.lists is not None and is_over():
            yield from self.lists.turn().__await__()
        return row


_Waiting = dict[K, list[_Row[T]]]


class Rows(Generic[K, T]):
    """Known rows of one kind, None for those that do not exist; and the callers waiting for others.

    After a posting there are usually no waiters: the parts for waiting are made for the first.
    """

    __slots__ = ("known", "loop", "next", "reading", "tasks")

    loop: asyncio.AbstractEventLoop
    """Asked for once: before Python 3.12 each asking is a call to the kernel."""
    next: _Waiting[K, T]
    reading: _Waiting[K, T]
    tasks: set[asyncio.Task[None]]
    """Kept here, since asyncio only holds weak references."""

    def __init__(self) -> None:
        self.known: dict[K, T | None] = {}

    def expect(self) -> None:
        """Prepare for the first waiting caller."""
        self.loop = asyncio.get_running_loop()
        self.next, self.reading, self.tasks = {}, {}, set()


class Loader(Generic[K, T]):
    """Access to one kind of row. Made anew for each use, so that its owner and its rows do not refer to each other, and
    are freed with the request."""

    __slots__ = ("_owner", "_read", "_rows")

    def __init__(self, rows: Rows[K, T], read: Read[K, T], owner: Any) -> None:
        self._rows = rows
        self._read = read
        self._owner = owner

    def get(self, key: K) -> Pending[T | None]:
        """Return the row; None if there is none. A known row is returned itself, not as an awaitable."""
        known = self._rows.known
        return known[key] if key in known else self._wait(key)

    async def load(self, key: K) -> T | None:
        known = self._rows.known
        return known[key] if key in known else await self._wait(key)

    async def load_all(self, keys: Iterable[K]) -> list[T]:
        """Return those that exist."""
        wanted = list(keys)
        await asyncio.gather(*(self._wait(key) for key in wanted if key not in self._rows.known))
        return [row for key in wanted if (row := self._rows.known.get(key)) is not None]

    def prime(self, key: K, value: T) -> None:
        self._rows.known[key] = value

    def _lists(self) -> Lists | None:
        return getattr(self._owner, "lists", None)

    def _wait(self, key: K) -> _Row[T]:
        rows = self._rows
        if not hasattr(rows, "next"):
            rows.expect()
        loop = rows.loop
        future: _Row[T] = _Row(loop=loop)
        if key in rows.reading:
            rows.reading[key].append(future)
            return future
        if not rows.next:  # read once all callers that can run now have asked
            loop.call_soon(loop.call_soon, self._begin)
        rows.next.setdefault(key, []).append(future)
        return future

    def _begin(self) -> None:
        lists = self._lists()
        if lists is not None and lists.begun:  # the rest of their items is to be read for as well, and in the same go
            self._rows.loop.call_soon(self._begin)
            return
        rows, waiting = self._rows, self._rows.next
        rows.next = {}
        keys = [
            key
            for key, futures in waiting.items()
            if not futures[0].done() or not all(future.done() for future in futures)
        ]
        for start in range(0, len(keys), MAX_BATCH):
            batch = {key: waiting[key] for key in keys[start : start + MAX_BATCH]}
            rows.reading.update(batch)
            task = rows.loop.create_task(self._batch(batch))
            rows.tasks.add(task)
            task.add_done_callback(rows.tasks.discard)

    async def _batch(self, batch: _Waiting[K, T]) -> None:
        known = self._rows.known
        failure: Exception | None = None
        try:
            found = await self._read(self._owner, list(batch))
            known.update((key, found.get(key)) for key in batch if key not in known)
        except Exception as error:  # noqa: BLE001 - it is raised to the waiters
            failure = error
        finally:
            lists = self._lists() if sum(map(len, batch.values())) > MANY_WAITING else None
            reading = self._rows.reading
            for key, futures in batch.items():
                del reading[key]
                for future in futures:
                    if future.done():  # the waiter has been cancelled
                        continue
                    future.lists = lists
                    if failure is not None:
                        future.set_exception(failure)
                        future.exception()  # an answer that has failed meanwhile waits for no row: asyncio would log it
                    elif key in known:
                        future.set_result(known[key])
                    else:  # the process ends
                        future.cancel()


class Kind(Generic[K, T]):
    """A descriptor for a kind of row on an owner with `rows: dict[str, Rows]`: the attribute is the loader."""

    def __init__(self, read: Read[K, T]) -> None:
        self._read = read

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, owner: Any, kind: type) -> Loader[K, T]:
        rows = owner.rows.get(self._name)
        if rows is None:
            rows = owner.rows[self._name] = Rows()
        return Loader(rows, self._read, owner)
