"""Connections that know their tenant: the only way to the database for everything that belongs to one.

The tenant is set in the same round trip that begins the transaction, and `SET LOCAL` ends with it, so nothing
can leak to whoever gets the connection next: outside of these transactions row-level security shows no row.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from tortoise import connections
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper

from models.plan_ages import ANEW, PlanAges

CONNECTION_NAME = "default"
_SETTLED: Final = "SELECT settled_instant($1)"
ONE_MOMENT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
"""Among the settings of a transaction that only reads: all its statements see the books as the first one found them."""
BY_INDEX: Final = "SET LOCAL enable_seqscan = off; "
"""Of every transaction: no statement reads all tenants' rows, even where it is planned for a tenant that has them all."""
_ages = PlanAges()
SETTLING_LOCK: Final = 7_436_904
"""The class of the advisory locks that tell who is writing in a tenant (`settled_instant` in migrations/ looks for it).
Its siblings are in models/loading/keeping.py."""


class TenantConnection:
    """An open transaction of one tenant. `raw` takes SQL; `orm` goes into `Model.filter(...).using_db(orm)`.

    settled: where it was asked for, an instant before which all is there that this transaction will ever miss.
    stamp: the one instant that its rows are stamped with, once `Ledger.stamp` was asked for it.
    """

    __slots__ = ("orm", "raw", "settled", "stamp", "tenant_id")

    def __init__(self, tenant_id: UUID, raw: "asyncpg.Connection[Any]", client: AsyncpgDBClient) -> None:
        self.tenant_id = tenant_id
        self.settled: datetime | None = None
        self.raw = raw
        self.stamp: datetime | None = None
        self.orm = TransactionWrapper(client)
        self.orm._connection = raw  # noqa: SLF001 - what Tortoise itself does to bind a transaction


@asynccontextmanager
async def tenant_transaction(
    tenant_id: UUID, *, read_only: bool = False, settings: str = "", settling: bool = False
) -> AsyncIterator[TenantConnection]:
    """One READ COMMITTED transaction of one tenant: committed at the end, rolled back where the block raises.

    One that writes says so by a shared lock, which keeps nobody waiting, from before anything in it is stamped until
    it can be seen (docs/adr/0019). settings: more `SET LOCAL …;`, of our own making, that travel in the same round trip.
    settling: ask for the settled instant first, in a statement of its own, since a snapshot must not be older than it.
    """
    client: Any = connections.get(CONNECTION_NAME)
    begin = f"BEGIN ISOLATION LEVEL READ COMMITTED {'READ ONLY' if read_only else 'READ WRITE'}"
    writing = "" if read_only else f"SELECT pg_advisory_xact_lock_shared({SETTLING_LOCK}, {lock_key(tenant_id)}); "
    tenant = UUID(str(tenant_id))  # nothing but a UUID gets into the statement
    async with client.acquire_connection() as raw:
        connection = TenantConnection(tenant_id, raw, client)
        if settling:
            connection.settled = await raw.fetchval(_SETTLED, lock_key(tenant_id))
        try:
            await raw.execute(f"{begin}; SET LOCAL scrip.tenant = '{tenant}'; {BY_INDEX}{writing}{settings}")
            yield connection
        except BaseException:
            if not raw.is_closed():
                await raw.execute("ROLLBACK")
            raise
        await raw.execute(f"COMMIT; {ANEW}" if _ages.due(raw) else "COMMIT")  # in one round trip


async def settled_instant(tenant_id: UUID) -> datetime:
    """An instant before which nothing can be committed in this tenant any more: the database's now, or the beginning of
    the oldest transaction that is still writing. What is read after this sees all that is stamped earlier."""
    client: Any = connections.get(CONNECTION_NAME)
    async with client.acquire_connection() as raw:
        found: datetime = await raw.fetchval(_SETTLED, lock_key(tenant_id))
        return found


def lock_key(tenant_id: UUID) -> int:
    """32 bits of the tenant's id, for advisory locks. Two tenants that share them wait for each other, no more."""
    return int.from_bytes(UUID(str(tenant_id)).bytes[-4:], signed=True)


async def database_time() -> datetime:
    """What time the database has, asked on a connection of its own."""
    client: Any = connections.get(CONNECTION_NAME)
    async with client.acquire_connection() as raw:
        told: datetime = await raw.fetchval("SELECT clock_timestamp()")
        return told


async def tenant_id_of(slug: str) -> UUID | None:
    """The tenant that a slug names, if any: the one row that can be seen by whoever knows its slug."""
    client: Any = connections.get(CONNECTION_NAME)
    async with client.acquire_connection() as raw, raw.transaction(readonly=True):
        await raw.execute("SELECT set_config('scrip.tenant_slug', $1, true)", slug)
        found: UUID | None = await raw.fetchval("SELECT id FROM tenants WHERE slug = $1", slug)
        return found


def written_id(text: str) -> UUID | None:
    """The id that `text` is, as ids are written here (RFC 9562: small letters, four hyphens); None for anything else."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None
