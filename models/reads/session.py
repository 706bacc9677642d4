"""One request's reads: a read-only transaction, begun by the first and shared by the others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, Final, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

from models.errors import Busy
from models.lookups import each
from models.pool import Pool, is_spread, the_pool
from models.reads.moments import Moment, Torn, columns, fetch, shared_moment
from models.session import GENERIC_PLANS, OWN_PLANS, TenantConnection, pool_size, settled_instant

MAX_SETTLING_SECONDS: Final = 20.0
"""How long a read of a past instant waits for postings that may still change it."""
MAX_CLOSING_SECONDS: Final = 0.5
"""How long the end of a request waits for an abandoned read."""
FIRST_PAUSE_SECONDS: Final = 0.002
MAX_PAUSE_SECONDS: Final = 0.1


SEARCHING_SECONDS: Final = 15.0
"""How long an expensive read waits for others like it, before it is refused because there are too many."""
CONNECTIONS_TO_ONE_SEARCH: Final = 4
FEW_KEYS: Final = 16
"""Keys of a look-up that may be of one statement with others': with more, it is the rows that cost."""
INTERRUPTED: Final = "A read was interrupted. Try again."

T = TypeVar("T")


class ReadsOver(Exception):
    """A read needed the connection after its request had been answered."""


class Unsettled(Exception):
    """A requested past instant may still be changed by a posting in flight, which has not ended in time."""


class ReadSession:
    """Reads of one tenant.

    All of them share one snapshot, so that the figures of one response agree (models/reads/moments.py). Release it before
    a posting and at the end of the request: a request never holds a connection while it waits for a posting, and its
    later reads see the posting. It reopens by itself.

    settling: whether rows carry the database's time, so that those of postings in flight may appear before rows already
    seen (docs/adr/0019); not with a clock that is passed in, whose rows all count as settled. follows: whether the
    request may need cursors or past instants; if not, queries that only these need are skipped. settled: these reads
    see every row stamped before it; None if it was not queried. searches: whether they add up or search much. The
    number of such concurrent requests is limited, so that most connections remain for others. shares: whether the
    snapshot may be shared with other requests that begin to read at the same time, for one whose statements are short.
    """

    __slots__ = (
        "_closed",
        "_held_back",
        "_moment",
        "_own_plans",
        "_plans",
        "_read_in",
        "_shares",
        "_turn_to_settle",
        "follows",
        "searches",
        "settled",
        "settling",
        "tenant_id",
    )

    def __init__(
        self,
        tenant_id: UUID,
        *,
        settling: bool = False,
        follows: bool = True,
        searches: bool = False,
        shares: bool = False,
    ) -> None:
        self.tenant_id = tenant_id
        self.settling = settling
        self.follows = follows
        self.searches = searches
        self.settled: datetime | None = None
        self._shares = shares and not searches
        self._moment: Moment | None = None
        self._own_plans = 0
        """How many blocks want their statements planned for their values (`own_plans`)."""
        self._plans = GENERIC_PLANS
        """The setting that this moment has."""
        self._read_in: Moment | None = None
        """The moment in which something was read since the last release."""
        self._turn_to_settle = asyncio.Lock()
        self._held_back: asyncio.Event | None = None
        """While `settle` waits: nothing begins to read, or it would not see what is waited for."""
        self._closed = False

    async def ask(self, question: Callable[[TenantConnection], Awaitable[T]]) -> T:
        """The question's answer, found over the connection, which is its own meanwhile. If it raises, the transaction is
        over with it. Raises ReadsOver once the request is over, and Busy if another request's failure ended the snapshot."""
        found: T = await self._answer(lambda moment: moment.ask(question))
        return found

    async def fetch(self, sql: str, *arguments: object) -> list[Any]:
        """The rows of one statement, whose $1 is the tenant. Raises as `ask` does."""
        found: list[Any] = await self._answer(lambda moment: moment.ask(lambda it: fetch(it, sql, *arguments)))
        return found

    async def look_up(self, sql: str, keys: Iterable[Any], *rest: Hashable, by: tuple[str, ...] = ("id",)) -> list[Any]:
        """The rows that a statement finds by keys: $1 is the tenant, $2 the array of the keys, or if they are tuples of
        their first parts, and so on; then comes `rest`. by: the columns that tell whose a row is; none if the statement has
        one row for each key, in their order. The order of one key's rows is the statement's; who relies on that of the keys
        asks for none twice. Raises as `ask` does."""
        wanted = list(keys)
        if len(wanted) > FEW_KEYS:
            return await self.fetch(sql, *columns(wanted), *rest)
        found: list[Any] = await self._answer(lambda moment: moment.look_up(sql, wanted, rest, by))
        return found

    async def fetch_by_ids(self, table: str, columns: str, ids: Iterable[UUID]) -> list[Any]:
        """The rows of `table`, called `t` in `columns`, with one of these ids: the columns' `id`. All three are constants
        from the code."""
        sql = f"select {columns} from {each('id uuid')} k join {table} t on t.tenant_id = $1 and t.id = k.id"
        return await self.look_up(sql, ids)

    async def _answer(self, put: Callable[[Moment], "asyncio.Future[Any]"]) -> Any:
        while True:
            while self._held_back is not None:
                await self._held_back.wait()
            moment = self._now()
            try:
                if self._plans is not self._wanted_plans:
                    await self._set_plans(moment)
                    continue  # the moment may have been left meanwhile
                found = await put(moment)
            except asyncio.CancelledError:
                moment.give_up()
                raise
            except Torn:
                if moment is self._moment:
                    self._moment = None
                continue
            except BaseException:
                if moment is self._moment and moment.is_over:
                    self._moment = None
                raise
            if self._may_tell(moment):
                return found

    async def _set_plans(self, moment: Moment) -> None:
        wanted = self._wanted_plans
        await moment.ask(partial(_plan, wanted))
        if moment is self._moment:
            self._plans = wanted

    def _may_tell(self, moment: Moment) -> bool:
        """Whether an answer agrees with those of other reads: not once they have begun another moment for a torn one."""
        if moment is not self._moment:
            return moment.is_alone or not moment.is_torn
        self._read_in = moment
        if moment.settled is not None:
            self.settled = moment.settled
        return True

    def _now(self) -> Moment:
        if self._closed:
            raise ReadsOver
        moment = self._moment
        if moment is not None and not moment.is_over:
            return moment
        read_in = self._read_in
        if read_in is not None and read_in.is_torn and not read_in.is_alone:
            raise Busy(INTERRUPTED)  # another moment may not agree with what was read
        self._moment = moment = self._begun()
        return moment

    def _begun(self) -> Moment:
        asks = self.settling and self.follows
        if self._shares:
            self._plans = GENERIC_PLANS
            return shared_moment(self.tenant_id, settles=asks, settings=GENERIC_PLANS)
        place = _one_of_few() if self.searches else None
        self._plans = self._wanted_plans
        return Moment(self.tenant_id, settles=asks, settings=self._plans, place=place)

    @property
    def _wanted_plans(self) -> str:
        return OWN_PLANS if self._own_plans and not self._shares else GENERIC_PLANS

    @contextmanager
    def own_plans(self) -> Iterator[None]:
        """For statements that go through very many rows, or are found in different ways by different values: those of the
        block are planned for their values, which takes a millisecond for some. So is what is read beside the block
        meanwhile. A snapshot that is shared with other requests keeps its plans."""
        self._own_plans += 1
        try:
            yield
        finally:
            self._own_plans -= 1

    async def open(self) -> None:
        """Begin, so that `settled` is known."""
        if not self.settling or not self.follows:
            return
        moment = self._moment
        if moment is None or moment.is_over or moment.settled is None:
            await self.ask(_nothing)
        else:
            self.settled = moment.settled

    async def settle(self, at: datetime) -> None:
        """Wait until no posting stamped at or before `at`, a past instant, can still commit.

        Waits only for postings in flight at this moment, without holding a connection; later reads see them, and none
        begins before. Raises Unsettled if one of them takes too long.
        """
        if not self.settling:
            return
        async with self._turn_to_settle:
            await self.open()
            if self.settled is not None and at < self.settled:
                return
            self._held_back = asyncio.Event()
            try:
                await self.release()
                self.settled = await _settled_past(self.tenant_id, at)
            finally:
                self._held_back.set()
                self._held_back = None

    async def release(self) -> None:
        """Release the connection, if any."""
        await self._leave(None)

    async def close(self) -> None:
        """Release the connection for good; a statement still running after MAX_CLOSING_SECONDS is cancelled."""
        self._closed = True
        await self._leave(MAX_CLOSING_SECONDS)

    async def _leave(self, patience_s: float | None) -> None:
        moment, self._moment, self._read_in = self._moment, None, None
        if moment is not None:
            await moment.leave(patience_s=patience_s)


async def _plan(setting: str, connection: TenantConnection) -> None:
    if not is_spread(connection.raw):
        await connection.raw.execute(setting)


async def _nothing(_: TenantConnection) -> None:
    pass


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
