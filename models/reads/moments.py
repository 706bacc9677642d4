"""Moments of a tenant's books: read-only transactions whose statements all see one snapshot.

Requests that begin to read at the same time share one: it is begun and ended once for all of them, and what several of
them look up by key at the same time is one statement (docs/adr/0080). A connection runs one statement at a time, so
statements are asked for, and one task runs them in turn; who no longer waits for an answer disturbs nobody.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Hashable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from re import sub
from time import monotonic
from typing import Any, Final, TypeAlias
from uuid import UUID
from weakref import WeakKeyDictionary

from models.errors import DatabaseAway
from models.pool import Pool, is_spread, the_pool
from models.session import TenantConnection, tenant_transaction

MOST_TOGETHER: Final = 8
"""Maximum requests that share one: each waits for the statements of the others."""
MOST_KEYS: Final = 1_000
"""Maximum keys that look-ups of several requests have in one statement."""
MOST_AHEAD: Final = 2
"""Moments of a tenant that read at once, before the next one waits for more requests to join it."""
HELD_BACK_S: Final = 0.02
"""Longest wait for one of those ahead to be through with its statements."""
MOST_LINES: Final = 1_000
"""Number of tenants after which those that do not read now are forgotten."""
ALONE_S: Final = 10.0
"""Once a statement has failed beside others, the tenant's requests read alone for so long."""

Question = Callable[[TenantConnection], Awaitable[Any]]
Answer: TypeAlias = "asyncio.Future[Any]"
_Key: TypeAlias = tuple[UUID, bool]
"""A tenant, and whether the settled instant is asked for first."""


class Torn(Exception):
    """Somebody else's statement failed, and ended the transaction."""


class _Asked:
    """A question, and who waits for the answer."""

    __slots__ = ("_question", "future")

    def __init__(self, question: Question) -> None:
        self._question = question
        self.future: Answer = asyncio.get_running_loop().create_future()

    @property
    def is_wanted(self) -> bool:
        return not self.future.done()

    async def answer(self, connection: TenantConnection) -> None:
        found = await self._question(connection)
        if not self.future.done():
            self.future.set_result(found)

    def fail(self, error: BaseException) -> None:
        _fail(self.future, error)


class _LookUp:
    """Rows by their keys, for all who ask at the same moment: each gets those of its own keys. of: tells whose a row is; if
    it is None, there is one row for each key, in their order."""

    __slots__ = ("_keys", "_of", "_rest", "_sql", "_waiting")

    def __init__(self, sql: str, of: Callable[[Any], Hashable] | None, rest: tuple[object, ...]) -> None:
        self._sql, self._of, self._rest = sql, of, rest
        self._keys: dict[Any, None] = {}
        self._waiting: list[tuple[Answer, list[Any]]] = []

    def has_room_for(self, keys: list[Any]) -> bool:
        return len(self._keys) + len(keys) <= MOST_KEYS

    def add(self, keys: list[Any]) -> Answer:
        future: Answer = asyncio.get_running_loop().create_future()
        self._waiting.append((future, keys))
        self._keys.update(dict.fromkeys(keys))
        return future

    @property
    def is_wanted(self) -> bool:
        return any(not future.done() for future, _ in self._waiting)

    async def answer(self, connection: TenantConnection) -> None:
        rows = await fetch(connection, self._sql, *columns(list(self._keys)), *self._rest)
        for future, found in self._shares(rows):
            if not future.done():
                future.set_result(found)

    def _shares(self, rows: list[Any]) -> Iterable[tuple[Answer, list[Any]]]:
        if len(self._waiting) == 1:
            return ((self._waiting[0][0], rows),)
        if self._of is None:
            row_of = dict(zip(self._keys, rows, strict=True))
            return ((future, [row_of[key] for key in keys]) for future, keys in self._waiting)
        of_key: dict[Hashable, list[Any]] = {}
        for row in rows:
            of_key.setdefault(self._of(row), []).append(row)
        return ((future, [row for key in keys for row in of_key.get(key, ())]) for future, keys in self._waiting)

    def fail(self, error: BaseException) -> None:
        for future, _ in self._waiting:
            _fail(future, error)


class Moment:
    """One read-only transaction, begun with the first question and ended when the last of its members leaves.

    settles: whether it asks for the settled instant first; `settled` is that (models/session.py). line: the shared ones
    among which it is; None if it is one request's alone. is_torn: whether a statement has failed. is_over: that, or all
    members have left. place: held while it is open.
    """

    __slots__ = (
        "_asked",
        "_connection",
        "_current",
        "_key",
        "_line",
        "_members",
        "_place",
        "_running",
        "_settings",
        "_stack",
        "is_over",
        "is_torn",
        "settled",
    )

    def __init__(
        self,
        tenant_id: UUID,
        *,
        settles: bool,
        settings: str,
        line: "_Line | None" = None,
        place: AbstractAsyncContextManager[object] | None = None,
    ) -> None:
        self._key = (tenant_id, settles)
        self._settings = settings
        self._place = place or nullcontext()
        self._line = line
        self._members = 1
        self._connection: TenantConnection | None = None
        self._stack = AsyncExitStack()
        self._asked: dict[Hashable, _Asked | _LookUp] = {}
        self._running: asyncio.Task[None] | None = None
        self._current: _Asked | _LookUp | None = None
        self.settled: datetime | None = None
        self.is_over = False
        self.is_torn = False

    @property
    def is_alone(self) -> bool:
        return self._line is None

    def ask(self, question: Question) -> Answer:
        """The question's answer, found over the connection, which is its own meanwhile."""
        asked = _Asked(question)
        self._asked[asked] = asked
        self._run_on()
        return asked.future

    def look_up(self, sql: str, keys: list[Any], rest: tuple[object, ...], by: tuple[str, ...]) -> Answer:
        """The rows that a statement finds by keys, in the keys' order. $1 is the tenant; the arrays of the keys' parts
        come next, and then `rest`. by: the columns that tell whose a row is; none if each key has one row."""
        group = (sql, rest)
        found = self._asked.get(group)
        if not isinstance(found, _LookUp) or not found.has_room_for(keys):
            found = _LookUp(sql, itemgetter(*by) if by else None, rest)
            self._asked[found if group in self._asked else group] = found
            self._run_on()
        return found.add(keys)

    def give_up(self) -> None:
        """Somebody waits no more: the statement that runs is cancelled, and the transaction ended, if it was for them and
        nobody else reads here."""
        if self.is_alone:
            self._cut_short()

    def _cut_short(self) -> None:
        """Cancel the statement that runs if nobody waits for it; not twice: its end would be cancelled."""
        unwanted = self._current is not None and not self._current.is_wanted
        if self._running is not None and unwanted and not self.is_over:
            self.is_over = True
            self._running.cancel()

    async def leave(self, *, patience_s: float | None = None) -> None:
        """Use it no more. Once the last one has left and no statement runs it ends: one that nobody waits for is cancelled,
        and one that runs for longer than `patience_s` is cut off."""
        self._members -= 1
        self._let_others()
        if self._members:
            return
        self._close_doors()
        self._cut_short()
        running = self._running
        if running is None:
            await self._end()
            return
        ended, _ = await asyncio.wait([running], timeout=patience_s)
        if not ended:
            if self._connection is None:
                running.cancel()
            else:
                self._connection.abandon()
            await asyncio.wait([running])

    async def _end(self) -> None:
        if not self.is_over:
            self.is_over = True
            await self._stack.aclose()

    def joined(self) -> bool:
        """One more is in it. Returns whether it is full now."""
        self._members += 1
        return not self.has_room

    @property
    def has_room(self) -> bool:
        return self._members < MOST_TOGETHER

    def _run_on(self) -> None:
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name="reading")

    async def _run(self) -> None:
        try:
            connection = self._connection or await self._open()
            while self._asked:
                self._current = self._asked.pop(next(iter(self._asked)))
                if self._current.is_wanted:
                    await self._current.answer(connection)
            if not self._members:
                await self._end()
        except BaseException as error:
            await self._tear(error)
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            self._running = self._current = None

    async def _open(self) -> TenantConnection:
        tenant_id, settles = self._key
        if self._line is not None:
            await self._line.turn(self)
        await self._stack.enter_async_context(self._place)
        transaction = tenant_transaction(
            tenant_id,
            read_only=True,
            one_moment=True,
            settings=self._settings,
            settling=settles,
            begins=self._close_doors,
        )
        connection = await self._stack.enter_async_context(transaction)
        self.settled = connection.settled
        self._connection = connection
        return connection

    def _let_others(self) -> None:
        """Its statements are through, or most of them: the next moment need not wait for it."""
        if self._line is not None:
            self._line.let_next(self)

    def _close_doors(self) -> None:
        """Nobody else may join: the snapshot is about to be taken, or there is none to come."""
        if self._line is not None:
            self._line.close(self)

    async def _tear(self, error: BaseException) -> None:
        self.is_over, self.is_torn, asked = True, True, self._current
        self._close_doors()
        self._let_others()
        try:
            await self._stack.__aexit__(*sys.exc_info())
        except BaseException as final:  # noqa: BLE001 - what the transaction makes of it is told to whoever asked
            error = final
        is_for_all = isinstance(error, DatabaseAway) or (asked is None and isinstance(error, Exception))
        for_others = error if is_for_all else Torn()
        if asked is not None:
            asked.fail(error)
        for other in self._asked.values():
            other.fail(for_others)
        self._asked.clear()
        if self._members > 1 and isinstance(for_others, Torn):
            _moments().part(self._key[0])


def _fail(future: Answer, error: BaseException) -> None:
    if future.done():
        return
    if isinstance(error, asyncio.CancelledError):
        future.cancel()
    else:
        future.set_exception(error)


class _Line:
    """One tenant's shared moments. One that begins at once is joined by nobody: so while some read, the next one waits."""

    __slots__ = ("_ahead", "_joinable", "_waiting")

    def __init__(self) -> None:
        self._joinable: Moment | None = None
        self._ahead: dict[Moment, asyncio.TimerHandle] = {}
        self._waiting: dict[Moment, asyncio.Future[None]] = {}

    @property
    def is_empty(self) -> bool:
        return self._joinable is None and not self._ahead and not self._waiting

    def join(self) -> "Moment | None":
        """The moment to join, if there is one."""
        found = self._joinable
        if found is None or not found.has_room:
            return None
        if found.joined():
            self._wake(found)
        return found

    def begin(self, moment: "Moment") -> None:
        self._joinable = moment

    def close(self, moment: "Moment") -> None:
        if self._joinable is moment:
            self._joinable = None

    async def turn(self, moment: "Moment") -> None:
        """Wait until few are ahead, or it is full."""
        loop = asyncio.get_running_loop()
        if len(self._ahead) >= MOST_AHEAD and moment.has_room:
            self._waiting[moment] = loop.create_future()
            try:
                await self._waiting[moment]
            except asyncio.CancelledError:
                self._wake_next(but=moment)  # it may have been its turn
                raise
            finally:
                del self._waiting[moment]
        self._ahead[moment] = loop.call_later(HELD_BACK_S, self.let_next, moment)

    def let_next(self, moment: "Moment") -> None:
        """It holds nobody back any more."""
        timer = self._ahead.pop(moment, None)
        if timer is not None:
            timer.cancel()
            self._wake_next()

    def _wake_next(self, *, but: "Moment | None" = None) -> None:
        """The first that has not been told yet, if there is room ahead for it."""
        waiting = [moment for moment, future in self._waiting.items() if moment is not but and not future.done()]
        told = len(self._waiting) - len(waiting) - (but is not None)
        if waiting and len(self._ahead) + told < MOST_AHEAD:
            self._wake(waiting[0])

    def _wake(self, moment: "Moment") -> None:
        waiting = self._waiting.get(moment)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)


class _Moments:
    """Those of one pool that are shared."""

    def __init__(self) -> None:
        self._lines: dict[_Key, _Line] = {}
        self._alone_until: dict[UUID, float] = {}

    def join(self, tenant_id: UUID, *, settles: bool, settings: str) -> Moment:
        if self._alone_until and self._reads_alone(tenant_id):
            return Moment(tenant_id, settles=settles, settings=settings)
        line = self._lines.get((tenant_id, settles))
        if line is None:
            if len(self._lines) >= MOST_LINES:
                self._lines = {key: each for key, each in self._lines.items() if not each.is_empty}
            line = self._lines[tenant_id, settles] = _Line()
        found = line.join()
        if found is None:
            found = Moment(tenant_id, settles=settles, settings=settings, line=line)
            line.begin(found)
        return found

    def part(self, tenant_id: UUID) -> None:
        """A statement has failed beside others."""
        self._alone_until[tenant_id] = monotonic() + ALONE_S

    def _reads_alone(self, tenant_id: UUID) -> bool:
        now = monotonic()
        for other in [each for each, until in self._alone_until.items() if until <= now]:
            del self._alone_until[other]
        return tenant_id in self._alone_until


_of_pools: Final[WeakKeyDictionary[Pool, _Moments]] = WeakKeyDictionary()


def _moments() -> _Moments:
    pool = the_pool()
    found = _of_pools.get(pool)
    if found is None:
        found = _of_pools[pool] = _Moments()
    return found


def shared_moment(tenant_id: UUID, *, settles: bool, settings: str) -> Moment:
    """A moment that has not begun yet, shared with all who ask for one until it begins. To be left."""
    return _moments().join(tenant_id, settles=settles, settings=settings)


def columns(keys: list[Any]) -> list[list[Any]]:
    """Keys as a statement takes them: in an array, or one for each part of theirs."""
    if keys and isinstance(keys[0], tuple):
        return [list(column) for column in zip(*keys, strict=True)]
    return [keys]


async def fetch(connection: TenantConnection, sql: str, *arguments: object) -> list[Any]:
    """The rows of one statement, whose $1 is the tenant."""
    if is_spread(connection.raw):
        sql = for_nodes(sql)
    found: list[Any] = await connection.raw.fetch(sql, connection.tenant_id, *arguments)
    return found


@lru_cache(maxsize=1_024)
def for_nodes(sql: str) -> str:
    """With what stands in comments for several nodes alone."""
    return sub(r"/\* nodes: (.*?) \*/", r"\1", sql)
