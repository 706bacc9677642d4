"""Connections: Tortoise's pool, with bounds on the wait for one, and without dead ones.

While the database is unreachable, one attempt to reach it is made at a time, for all callers since the previous one:
they get its result together, and a caller who arrives once the database is back never gets the result of an earlier
attempt. A server that refuses more connections than the pool has is not unreachable: callers queue for one of these.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

import asyncpg
from asyncpg.protocol import protocol
from tortoise import connections

from models.outages import Outages
from turns.deadlines import Deadlines

log = logging.getLogger(__name__)

CONNECTION_NAME: Final = "default"
TAKE_TIMEOUT_S: Final = 10.0
"""Longest wait for a connection. A holder releases it within a statement or a posting."""
PATIENCE_S: Final = 3.0
"""Longest time for a connection's cheapest work: a ping, a rollback."""
IDLE_S: Final = 10.0
"""A connection idle for longer is tested first: a firewall in between may have dropped it silently."""
PAUSE_S: Final = 0.05
"""Between two attempts to reach a database that is away."""
REFUSED_S: Final = 0.5
"""After the server has refused a connection, no more are requested for this long, while the pool has others."""
MAX_TAKINGS: Final = 3
MAX_WAITS: Final = 1_000
"""Maximum waits of the first in line for a release; a caller gives up after TAKE_TIMEOUT_S."""


ARRAYS: Final[tuple[type, ...]] = (list, tuple, set, frozenset, type({}.keys()), type({}.values()))
"""Classes whose objects are sent as arrays. asyncpg asks of each element whether it is one itself, by an abstract class:
that takes longer than to encode it, 11 us for a posting's unit (measured)."""
protocol.IterableABC = ARRAYS

T = TypeVar("T")
Raw: TypeAlias = Any
"""A connection as asyncpg has it, which has no types."""
UNREACHABLE: Final = (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""Errors of connecting: ValueError if the server's answer is not understood."""


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that remembers its last use, and is closed silently if the other end is gone.

    distributed: whether its tables are spread over several nodes. Then statements have the forms that every node takes;
    else, where another is faster, that one.
    """

    __slots__ = ("distributed", "used_at")
    used_at: float
    distributed: bool

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as asyncpg has it
        """Close as asyncpg does. Its pool closes connections that are to be replaced in a task that is not awaited:
        its errors are logged with a traceback, and it is closed all the same."""
        try:
            await super().close(timeout=timeout)
        except (OSError, asyncpg.PostgresConnectionError) as error:
            log.debug("a connection was gone when it was to be closed: %s", error)


class PoolState(NamedTuple):
    """size: connections that are open, idle ones among them. maximum: as set. asking: callers that wait for one now."""

    size: int
    idle: int
    maximum: int
    asking: int


class NoneCameFree(Exception):
    """All connections of the pool were in use for too long."""


class Pool:
    """One pool as the models use it. `client` is Tortoise's."""

    losses: ClassVar[int] = 0
    """How often connections of this process were replaced: before that, another database may have been read."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.outages = Outages()
        self.patience_s = PATIENCE_S
        self.wrote: Callable[[UUID], None] | None = None
        """Told of each tenant in which a transaction has written."""
        self._in_time = Deadlines(TAKE_TIMEOUT_S)
        self._away = False
        self._attempt: asyncio.Task[None] | None = None
        self._attempting = asyncio.Lock()
        self._line = asyncio.Lock()
        self._given_back = asyncio.Event()
        self._asking = 0
        self._refused_until = 0.0

    async def take(self) -> Raw:
        """Take a connection that was alive a moment ago. Raises DatabaseAway if none can be had."""
        try:
            with self._in_time() as limit:
                if self._away:
                    await self._next_attempt()
                raw = await self._alive()
        except UNREACHABLE as error:
            if limit.expired:
                raise self.outages.failed(NoneCameFree(f"no connection came free in {TAKE_TIMEOUT_S:g} s")) from error
            self._away = True
            raise self.outages.failed(error) from error
        self._away = False
        return raw

    async def give_back(self, raw: Raw) -> None:
        """Release a connection. Never fails: a broken one is closed, and its slot is freed."""
        try:
            await self.client._pool.release(raw)  # noqa: SLF001 - Tortoise's wrapper does the same
        except Exception:
            log.debug("a connection did not come back", exc_info=True)
        self._given_back.set()

    @property
    def is_full(self) -> bool:
        """Whether all connections allowed, by its size or by the server, are open and in use: the next caller must wait
        until one is released."""
        pool = self.client._pool  # noqa: SLF001 - there is no other way to it
        if pool is None or pool.get_idle_size() > 0:
            return False
        return pool.get_size() == pool.get_max_size() or (pool.get_size() > 0 and self._is_refused)

    @property
    def state(self) -> PoolState:
        """Its connections now; none before it is opened."""
        pool = self.client._pool  # noqa: SLF001 - there is no other way to it
        if pool is None:
            return PoolState(0, 0, 0, self._asking)
        return PoolState(pool.get_size(), pool.get_idle_size(), pool.get_max_size(), self._asking)

    async def ask_beside(self, question: Callable[[Raw], Awaitable[T]], *, otherwise: T) -> T:
        """Run a query on a separate connection, which is then closed; for callers who cannot wait for the pool.

        otherwise: returned if the server refuses one more connection. Raises DatabaseAway.
        """
        try:
            async with self.beside() as raw:
                return await question(raw)
        except asyncpg.TooManyConnectionsError:
            return otherwise
        except UNREACHABLE as error:
            raise self.outages.failed(error) from error

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[Raw]:
        """A connection of the caller's own, closed at the end of the block. Raises the errors of connecting."""
        pool = await self._opened()
        raw = await pool._get_new_connection()  # noqa: SLF001 - as the pool makes its own
        try:
            yield raw
        finally:
            await raw.close(timeout=self.patience_s)

    def replace(self, raw: Raw) -> None:
        """Replace a lost connection, or one to the wrong server, and all of the same generation, before their next
        use."""
        Pool.losses += 1
        if not is_lost(raw):
            raw.terminate()
        # What asyncpg's own `expire_connections` does, which is a coroutine only by name.
        self.client._pool._generation += 1  # noqa: SLF001

    async def _alive(self) -> Raw:
        """A connection from the pool; an idle one is tested first, and replaced if it does not answer."""
        for _ in range(MAX_TAKINGS):
            raw = await self._acquired()
            if monotonic() - getattr(raw, "used_at", 0.0) < IDLE_S:  # it is gone if it has none
                return raw
            try:
                await raw.execute("SELECT", timeout=PATIENCE_S)
            except Exception:  # noqa: BLE001 - whatever it is, the connection is of no use
                self.replace(raw)
                await self.give_back(raw)
            except BaseException:
                if not is_lost(raw):
                    raw.terminate()  # it may never answer that it is cancelled
                await self.give_back(raw)
                raise
            else:
                return raw
        raise ConnectionError("one connection after the other was dead")

    async def _acquired(self) -> Raw:
        """Take a free connection: an idle, a new, or a released one. Raises the errors of connecting.

        If the server refuses more connections, only one caller at a time requests one, so that waiting callers do not
        load it.
        """
        pool = await self._opened()
        if not self._line.locked() and not self._is_refused and (raw := await self._asked(pool)) is not None:
            return raw
        async with self._line:
            for _ in range(MAX_WAITS):
                self._given_back.clear()
                may_ask = pool.get_idle_size() > 0 or not self._is_refused
                if may_ask and (raw := await self._asked(pool)) is not None:
                    return raw
                with suppress(TimeoutError):
                    async with asyncio.timeout(REFUSED_S):
                        await self._given_back.wait()
        raise ConnectionError("one connection after the other was taken by others")

    async def _asked(self, pool: Any) -> Raw | None:
        """Return a connection; None if a new one was refused, and the pool has, or will have, some to be released."""
        self._asking += 1
        try:
            return await pool.acquire()
        except asyncpg.TooManyConnectionsError:
            if pool.get_size() == 0 and self._asking == 1:
                raise
            self._refused_until = monotonic() + REFUSED_S
            return None
        finally:
            self._asking -= 1

    @property
    def _is_refused(self) -> bool:
        return monotonic() < self._refused_until

    async def _opened(self) -> Any:
        if self.client._pool is None:  # noqa: SLF001 - as Tortoise itself does
            await self.client.acquire_connection().ensure_connection()
        return self.client._pool  # noqa: SLF001

    async def _next_attempt(self) -> None:
        """Wait for the next attempt to reach the database, together with all other waiters. Raises its errors."""
        if self._attempt is None:
            self._attempt = asyncio.create_task(self._reach(), name="reaching the database")
            self._attempt.add_done_callback(_seen)
        await asyncio.shield(self._attempt)

    async def _reach(self) -> None:
        async with self._attempting:
            await asyncio.sleep(PAUSE_S)
            self._attempt = None  # callers from here on wait for the next
            await self.give_back(await self._alive())
            self._away = False


async def is_pooled(raw: Raw) -> bool:
    """Whether something in between lends out the server's connections: it makes up the process's number."""
    return bool(await raw.fetchval("SELECT pg_backend_pid()") != raw.get_server_pid())


def is_spread(raw: Raw) -> bool:
    """Whether its tables are spread over several nodes. Not if the connection is gone: then its next statement says so."""
    return bool(getattr(raw, "distributed", False))


def is_lost(raw: Raw) -> bool:
    """Whether the connection is gone: closed, or broken and already removed by the pool."""
    try:
        return bool(raw.is_closed())
    except asyncpg.InterfaceError:
        return True


def the_pool() -> Pool:
    """The open pool."""
    client: Any = connections.get(CONNECTION_NAME)
    pool = _POOLS.get(client)
    if pool is None:
        pool = _POOLS[client] = Pool(client)
    return pool


_POOLS: Final[WeakKeyDictionary[Any, Pool]] = WeakKeyDictionary()


def _seen(task: "asyncio.Task[None]") -> None:
    """Retrieve the task's error: its waiter may have gone, and asyncio would then log it."""
    if not task.cancelled():
        task.exception()
