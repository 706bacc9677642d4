"""Connections bound to a tenant: the only access to any tenant's data.

The tenant is set in the same round trip that begins the transaction, and `SET LOCAL` ends with it, so nothing can leak
to the connection's next user: outside these transactions row-level security shows no row.

If the database cannot be used, that is raised as `DatabaseAway`, from its real cause (models/outages.py,
docs/adr/0026).
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypeVar
from uuid import UUID

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper

from models.errors import InvariantViolated
from models.outages import is_outage, is_worth_another
from models.plan_ages import ANEW, PlanAges
from models.pool import CONNECTION_NAME, Pool, PoolState, Raw, is_lost, is_spread, the_pool

__all__ = ["CONNECTION_NAME"]

_SETTLED: Final = "SELECT settled_instant($1)"
WRITER_LOCK_WAIT: Final = "SET LOCAL lock_timeout = '200ms'"
"""Default for writing transactions other than postings: they hold a connection while they wait, and release it before
a retry (`models/patience.py`)."""
BY_INDEX: Final = "SET LOCAL enable_seqscan = off"
"""For every transaction: no statement scans all tenants' rows, even if its plan assumes a tenant that owns them all."""
GENERIC_PLANS: Final = "SET LOCAL plan_cache_mode = force_generic_plan"
"""For transactions whose statements find rows by key: they are planned once. Not on several nodes: which node a statement
goes to is decided when it is planned."""
OWN_PLANS: Final = "SET LOCAL plan_cache_mode = auto"
"""Ends GENERIC_PLANS."""
_ages = PlanAges()
SETTLING_LOCK: Final = 7_436_904
"""Class of the advisory locks held by transactions that write in a tenant (`settled_instant` in migrations/ searches
for it). The other classes are in models/loading/config_locks.py."""
MAX_BEGINNINGS: Final = 3
"""Maximum connections tried to begin a transaction; another is tried if the one before was dead."""

T = TypeVar("T")


class TenantConnection:
    """An open transaction of one tenant. `raw` takes SQL; `orm` goes into `Model.filter(...).using_db(orm)`.

    settled: if it was queried, an instant such that this transaction sees every row ever stamped before it. stamp: the
    instant stamped on all its rows, once `Ledger.stamp` has been called.
    """

    __slots__ = ("abandoned", "orm", "raw", "settled", "stamp", "tenant_id")

    def __init__(self, tenant_id: UUID, raw: "asyncpg.Connection[Any]", client: AsyncpgDBClient) -> None:
        self.tenant_id = tenant_id
        self.settled: datetime | None = None
        self.raw = raw
        self.stamp: datetime | None = None
        self.orm = TransactionWrapper(client)
        self.orm._connection = raw  # noqa: SLF001 - what Tortoise itself does to bind a transaction
        self.abandoned = False

    async def instant(self, given: datetime | None) -> datetime | None:
        """`given`, if any; else None: the statement takes the database's time. But nodes have clocks of their own, and all
        stamps are by one: then it is the coordinator's time now."""
        if given is not None or not is_spread(self.raw):
            return given
        told: datetime = await self.raw.fetchval("SELECT clock_timestamp()")
        return told

    def abandon(self) -> None:
        """Cancel the running statement. Its failure does not count as an outage."""
        self.abandoned = True
        if not is_lost(self.raw):
            self.raw.terminate()


@lru_cache(maxsize=4_096)
def message_of(first: str, statements: str, *, distributed: bool) -> str:
    """Scrip's own statements in one message; those that set something come first.

    distributed: in a form that nodes take: in one block, since a whole message is sent again for each setting in it
    (docs/adr/0037)."""
    parts = [part for each in statements.split(";") if (part := each.strip())]
    sets = [part for part in parts if part.startswith("SET ")]
    if distributed:
        sets = [part for part in sets if part not in (GENERIC_PLANS, OWN_PLANS)]
        sets = [f"DO $$BEGIN {'; '.join(sets)}; END$$"] if sets else []
    others = [part for part in parts if not part.startswith("SET ")]
    return "; ".join((*filter(None, (first,)), *sets, *others))


@asynccontextmanager
async def tenant_transaction(
    tenant_id: UUID,
    *,
    read_only: bool = False,
    one_moment: bool = False,
    moment: str = "",
    settings: str | None = None,
    settling: bool = False,
    quietly: bool = False,
    begins: Callable[[], None] | None = None,
) -> AsyncIterator[TenantConnection]:
    """One transaction of one tenant: committed at the end, rolled back if the block raises. READ COMMITTED; or, with
    `one_moment`, REPEATABLE READ: all statements share the first one's snapshot. moment: a snapshot that another such
    transaction has exported, to be shared by this one.

    A writing transaction holds a shared lock, which blocks no other, from before it stamps anything until its rows are
    visible (docs/adr/0019). settings: more `SET LOCAL …` and other statements of Scrip's own, sent in the same round
    trip; a writing transaction without any waits only briefly for locks. quietly: without a hint that something was
    written (models/signals.py). settling: query the settled instant first,
    in a statement of its own, since a snapshot must not be older than it. begins: called once it has a connection, right
    before anything is sent.

    Raises DatabaseAway if the database cannot be used, or becomes unusable before the end.
    """
    pool = the_pool()
    if settings is None:
        settings = "" if read_only else WRITER_LOCK_WAIT
    tenant = UUID(str(tenant_id))  # only a UUID gets into the statement
    # Not READ WRITE: a database that its owner has set read-only stays so.
    level = "REPEATABLE READ" if one_moment or moment else "READ COMMITTED"
    begin = f"BEGIN ISOLATION LEVEL {level}{' READ ONLY' if read_only else ''}"
    first = [begin, f"SET TRANSACTION SNAPSHOT '{moment}'"] if moment else []  # a SET beside nothing else
    writing = "" if read_only else f"SELECT pg_advisory_xact_lock_shared({SETTLING_LOCK}, {lock_key(tenant_id)})"
    sent = f"SET LOCAL scrip.tenant = '{tenant}'; {BY_INDEX}; {writing}; {settings}"

    async def begun(raw: Raw) -> datetime | None:
        if begins is not None:
            begins()
        settled = await raw.fetchval(_SETTLED, lock_key(tenant_id)) if settling else None
        if _ages.due(raw):  # separately: it takes a snapshot, after which the isolation level cannot be set
            await raw.execute(ANEW)
        for alone in first:
            await raw.execute(alone)
        await raw.execute(message_of("" if moment else begin, sent, distributed=is_spread(raw)))
        return settled

    raw, settled = await _with_a_live_one(begun)
    try:
        connection = TenantConnection(tenant_id, raw, pool.client)
        connection.settled = settled
        try:
            yield connection
        except BaseException as error:
            await _undo(raw)
            lost = is_lost(raw)
            away = isinstance(error, Exception) and is_outage(error, lost=lost, writes=not read_only)
            if away and not connection.abandoned:
                if is_worth_another(error, lost=lost):
                    pool.replace(raw)
                raise pool.outages.failed(error, again=is_worth_another(error, lost=lost), write=not lost) from error
            raise
        await _commit(raw, read_only=read_only)
        if not (read_only or quietly or pool.wrote is None):
            pool.wrote(tenant_id)
    finally:
        await pool.give_back(raw)


async def _commit(raw: Raw, *, read_only: bool) -> None:
    try:
        status = await raw.execute("COMMIT")
    except Exception as error:
        lost = is_lost(raw)
        if not is_outage(error, lost=lost, writes=not read_only):
            raise
        if not read_only:  # otherwise there was nothing to commit, and everything read is valid
            raise the_pool().outages.failed(error, unknown=lost, write=not lost) from error
        return
    the_pool().outages.worked(write=not read_only)
    if status != "COMMIT" and not read_only:
        raise InvariantViolated("A transaction went on after one of its statements had failed: it was rolled back.")


async def _undo(raw: Raw) -> None:
    """Roll back, if still possible; an error here must not hide the reason for the rollback."""
    if is_lost(raw):
        return
    try:
        await raw.execute("ROLLBACK", timeout=the_pool().patience_s)
    except BaseException as error:  # a connection that cannot roll back is of no use: closing it does the same
        if not is_lost(raw):
            raw.terminate()
        if not isinstance(error, Exception):
            raise


async def _with_a_live_one(begin: Callable[[Raw], Awaitable[T]]) -> tuple[Raw, T]:
    """A connection from the pool, and the result of `begin` on it; another connection if that one is dead.

    `begin` must be safe to run twice. Raises DatabaseAway.
    """
    pool = the_pool()
    for left in reversed(range(MAX_BEGINNINGS)):
        raw = await pool.take()
        try:
            answer = await begin(raw)
            pool.outages.worked()
            return raw, answer
        except BaseException as error:
            try:
                await _undo(raw)
                lost = is_lost(raw)
                if lost:
                    pool.replace(raw)
            finally:  # also if it is cancelled once more
                await pool.give_back(raw)
            if not isinstance(error, Exception) or not is_outage(error, lost=lost, writes=False):
                raise
            if not lost or not left:
                raise pool.outages.failed(error) from error
    raise InvariantViolated("a transaction is begun at least once")


async def ask(question: Callable[[Raw], Awaitable[T]]) -> T:
    """Run a repeatable query on a connection without a tenant. Raises DatabaseAway."""
    raw, answer = await _with_a_live_one(question)
    await the_pool().give_back(raw)
    return answer


async def settled_instant(tenant_id: UUID) -> datetime:
    """An instant such that no row stamped before it can still be committed in this tenant: the database's now, or the
    start of the oldest transaction still writing. Later reads see every row stamped earlier."""

    async def question(raw: Raw) -> datetime:
        found: datetime = await raw.fetchval(_SETTLED, lock_key(tenant_id))
        return found

    return await ask(question)


async def holding_now(lock: int, tenant_id: UUID, *, without: int = 0) -> frozenset[str]:
    """Names, never reused, of the transactions that hold this advisory lock of the tenant's in shared mode, except
    `without`."""

    async def question(raw: Raw) -> frozenset[str]:
        rows = await raw.fetch(_HOLDING, lock, lock_key(tenant_id), without)
        return frozenset(row[0] for row in rows)

    return await ask(question)


_HOLDING: Final = """SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'advisory' AND classid IN ($1::bigint::oid, $3::bigint::oid) AND objid = $2::int::oid AND objsubid = 2
        AND mode = 'ShareLock' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    GROUP BY virtualtransaction HAVING bool_and(classid = $1::bigint::oid)"""


def pool_size() -> int:
    """Maximum number of connections of this process."""
    pool: Any = the_pool().client._pool  # noqa: SLF001 - there is no other way to it
    return 0 if pool is None else int(pool.get_max_size())


def pool_state() -> PoolState:
    """This process's connections now."""
    return the_pool().state


def connections_lost() -> int:
    """How often connections of this process were lost: since then the database may be another one, without its last
    commits."""
    return Pool.losses


def pool_is_full() -> bool:
    """Whether the next caller must wait for a connection to be released."""
    return the_pool().is_full


def lock_key(tenant_id: UUID) -> int:
    """32 bits of the tenant's id, for advisory locks. Two tenants that share them only wait for each other."""
    return int.from_bytes(UUID(str(tenant_id)).bytes[-4:], signed=True)


async def database_time() -> datetime:
    """The database's time, read on a connection of its own."""

    async def question(raw: Raw) -> datetime:
        told: datetime = await raw.fetchval("SELECT clock_timestamp()")
        return told

    return await ask(question)


async def server_told() -> tuple[str, str]:
    """The server's version and its cluster name ('' if none)."""

    async def question(raw: Raw) -> tuple[str, str]:
        row = await raw.fetchrow("SELECT current_setting('server_version'), current_setting('cluster_name')")
        return row[0], row[1]

    return await ask(question)


async def takes_writes(*, beside: bool = False) -> bool:
    """Whether the database accepts writes, as far as it reports: it is neither a standby nor read-only, and no write
    has just failed because the disk is full. Raises DatabaseAway.

    beside: ask on a new connection instead of waiting for one of the pool's; a server that answers that it has none to
    spare counts as available.
    """

    async def question(raw: Raw) -> bool:
        if await raw.fetchval("SHOW transaction_read_only") == "off":
            return True
        the_pool().replace(raw)  # a session keeps the settings it began with; a new one has the current ones
        return False

    answer = await the_pool().ask_beside(question, otherwise=True) if beside else await ask(question)
    return answer and not the_pool().outages.writes_fail


async def tenant_id_of(slug: str) -> UUID | None:
    """The id of the tenant with this slug, if any: the only row visible to a caller who knows the slug."""

    async def question(raw: Raw) -> UUID | None:
        async with raw.transaction(readonly=True):
            await raw.execute("SELECT set_config('scrip.tenant_slug', $1, true)", slug)
            found: UUID | None = await raw.fetchval("SELECT tenant_id FROM tenant_slugs WHERE slug = $1", slug)
            return found

    return await ask(question)


def written_id(text: str) -> UUID | None:
    """The id in `text`, as ids are written here (RFC 9562: small letters, four hyphens); None for anything else."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None
