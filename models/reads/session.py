"""One request's reads: a read-only transaction, opened by the first and shared by the others."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from time import monotonic
from types import TracebackType
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

from models.errors import Busy
from models.lookups import each
from models.pool import Pool, is_spread, the_pool
from models.session import GENERIC_PLANS, OWN_PLANS, TenantConnection, pool_size, settled_instant, tenant_transaction

MAX_SETTLING_SECONDS: Final = 20.0
"""How long a read of a past instant waits for postings that may still change it."""
MAX_CLOSING_SECONDS: Final = 0.5
"""How long the end of a request waits for an abandoned read."""
FIRST_PAUSE_SECONDS: Final = 0.002
MAX_PAUSE_SECONDS: Final = 0.1


SEARCHING_SECONDS: Final = 15.0
"""How long an expensive read waits for others like it, before it is refused because there are too many."""
CONNECTIONS_TO_ONE_SEARCH: Final = 4


class ReadsOver(Exception):
    """A read needed the connection after its request had been answered."""


class Unsettled(Exception):
    """A requested past instant may still be changed by a posting in flight, which has not ended in time."""


class ReadSession:
    """Reads of one tenant, one at a time: a connection runs one statement at a time, and loaders run side by side.

    All of them share one snapshot, so that the figures of one response agree. Release it before a posting and at the
    end of the request: a request never holds a connection while it waits for a posting, and its later reads see the
    posting. It reopens by itself.

    settling: whether rows carry the database's time, so that those of postings in flight may appear before rows already
    seen (docs/adr/0019); not with a clock that is passed in, whose rows all count as settled. follows: whether the
    request may need cursors or past instants; if not, queries that only these need are skipped. settled: these reads
    see every row stamped before it; None if it was not queried. searches: whether they add up or search much. The
    number of such concurrent requests is limited, so that most connections remain for others.
    """

    __slots__ = ("_closed", "_connection", "_lock", "_stack", "follows", "searches", "settled", "settling", "tenant_id")

    def __init__(
        self, tenant_id: UUID, *, settling: bool = False, follows: bool = True, searches: bool = False
    ) -> None:
        self.tenant_id = tenant_id
        self.settling = settling
        self.follows = follows
        self.searches = searches
        self.settled: datetime | None = None
        self._lock = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._connection: TenantConnection | None = None
        self._closed = False

    @asynccontextmanager
    async def use(self) -> AsyncIterator[TenantConnection]:
        """Lend the connection to this block alone. If the block raises, the transaction is over with it.

        Raises ReadsOver once the request is over.
        """
        async with self._lock:
            connection = await self._ready()
            try:
                yield connection
            except BaseException:
                await self._over(*sys.exc_info())
                raise

    async def _ready(self) -> TenantConnection:
        if self._closed:
            raise ReadsOver
        if self._connection is None:
            self._connection = await self._open()
        return self._connection

    async def _over(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection = None
        await self._stack.__aexit__(kind, error, traceback)

    async def _open(self) -> TenantConnection:
        asks = self.settling and self.follows
        if self.searches:
            await self._stack.enter_async_context(_one_of_few())
        try:
            return await self._begin(asks)
        except BaseException:
            await self._stack.__aexit__(*sys.exc_info())
            raise

    async def _begin(self, asks: bool) -> TenantConnection:
        settings = "" if self.searches else GENERIC_PLANS
        transaction = tenant_transaction(
            self.tenant_id, read_only=True, one_moment=True, settings=settings, settling=asks
        )
        connection = await self._stack.enter_async_context(transaction)
        if asks:
            self.settled = connection.settled
        return connection

    async def fetch(self, sql: str, *arguments: object) -> list[Any]:
        """The rows of one statement, whose $1 is the tenant. Like `use`, which is as long a way again."""
        async with self._lock:
            connection = await self._ready()
            try:
                rows: list[Any] = await connection.raw.fetch(sql, self.tenant_id, *arguments)
            except BaseException:
                await self._over(*sys.exc_info())
                raise
            return rows

    @asynccontextmanager
    async def planned(self) -> AsyncIterator[None]:
        """For statements that find rows by key: those of the block are planned once, also if others of the request search.
        What is read beside the block meanwhile may be so too."""
        if self.searches:
            await self._plans(GENERIC_PLANS)
        yield
        if self.searches:
            await self._plans(OWN_PLANS)

    async def _plans(self, setting: str) -> None:
        async with self.use() as connection:
            if not is_spread(connection.raw):
                await connection.raw.execute(setting)

    async def fetch_by_ids(self, table: str, columns: str, ids: Iterable[UUID]) -> list[Any]:
        """The rows of `table`, called `t` in `columns`, with one of these ids. Both are constants from the code."""
        sql = f"select {columns} from {each('id uuid')} k join {table} t on t.tenant_id = $1 and t.id = k.id"
        return await self.fetch(sql, list(ids))

    async def settle(self, at: datetime) -> None:
        """Wait until no posting stamped at or before `at`, a past instant, can still commit.

        Waits only for postings in flight at this moment, without holding a connection; later reads see them. Raises
        Unsettled if one of them takes too long.
        """
        if not self.settling:
            return
        async with self._lock:
            if self._closed:
                raise ReadsOver
            if self._connection is None and self.follows:
                self._connection = await self._open()
            if self.settled is not None and at < self.settled:
                return
            await self._end()
            self.settled = await _settled_past(self.tenant_id, at)

    async def _end(self) -> None:
        if self._connection is not None:
            self._connection = None
            await self._stack.aclose()

    async def release(self) -> None:
        """Release the connection, if any."""
        async with self._lock:
            await self._end()

    async def close(self) -> None:
        """Release the connection for good; a statement still running after MAX_CLOSING_SECONDS is cancelled."""
        self._closed = True
        if self._connection is None and not self._lock.locked():
            return  # as after every posting; a read that waits for the lock finds it closed
        try:
            async with asyncio.timeout(MAX_CLOSING_SECONDS):
                await self._lock.acquire()
        except TimeoutError:
            if self._connection is not None:
                self._connection.abandon()
            await self._lock.acquire()
        try:
            await self._end()
        finally:
            self._lock.release()


@asynccontextmanager
async def reading(tenant_id: UUID) -> AsyncIterator[ReadSession]:
    """Reads outside a request, in one snapshot."""
    session = ReadSession(tenant_id)
    try:
        yield session
    finally:
        await session.release()


_searching: Final[WeakKeyDictionary[Pool, asyncio.Semaphore]] = WeakKeyDictionary()


@asynccontextmanager
async def _one_of_few() -> AsyncIterator[None]:
    """Hold one of the few slots for expensive reads, while the block lasts; waiting for one holds no connection.
    Raises Busy if none becomes free in time."""
    pool = the_pool()
    places = _searching.get(pool)
    if places is None:
        places = _searching[pool] = asyncio.Semaphore(max(pool_size() // CONNECTIONS_TO_ONE_SEARCH, 1))
    try:
        async with asyncio.timeout(SEARCHING_SECONDS):
            await places.acquire()
    except TimeoutError:
        raise Busy("Too many reports are running at the moment. Try again in a while.") from None
    try:
        yield
    finally:
        places.release()


async def _settled_past(tenant_id: UUID, at: datetime) -> datetime:
    """The settled instant, once it has passed `at`. Transactions that begin to write after `at` do not delay it."""
    until, pause = monotonic() + MAX_SETTLING_SECONDS, FIRST_PAUSE_SECONDS
    while (settled := await settled_instant(tenant_id)) <= at:
        if monotonic() >= until:
            raise Unsettled
        await asyncio.sleep(pause)
        pause = min(2 * pause, MAX_PAUSE_SECONDS)
    return settled
