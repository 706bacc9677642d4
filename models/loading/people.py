"""One person's records: the row to lock for any of their ids, and the earlier holders of an external id.

After a merge each record of a person names the surviving record (customers.merged_into_id). A request for any of them
is one for that record.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from models.errors import Busy, NotFound
from models.session import TenantConnection

MAX_MERGES_FOLLOWED: Final = 10
"""Maximum merges of one person to follow while waiting for their row."""


async def locked_person(
    connection: TenantConnection, customer_id: UUID, columns: str, locking: str = "FOR NO KEY UPDATE"
) -> Any:
    """Lock the person's surviving record, and return its `id` and `columns`.

    Only that row: a merge locks both of its rows in the order of their ids, so a row that was merged during the wait is
    released before the next is locked. Raises NotFound, Busy.
    """
    for _ in range(MAX_MERGES_FOLLOWED):
        survivor = await connection.raw.fetchval(
            "SELECT coalesce(merged_into_id, id) FROM customers WHERE tenant_id = $1 AND id = $2",
            connection.tenant_id,
            customer_id,
        )
        if survivor is None:
            raise NotFound("There is no such customer.", field=("customerId",))
        await connection.raw.execute("SAVEPOINT before_lock")
        row = await connection.raw.fetchrow(
            f"SELECT id, merged_into_id, {columns} FROM customers WHERE tenant_id = $1 AND id = $2 {locking}",
            connection.tenant_id,
            survivor,
        )
        if row is not None and row["merged_into_id"] is None:
            return row
        await connection.raw.execute("ROLLBACK TO SAVEPOINT before_lock")
        customer_id = survivor
    raise Busy


async def leave_external_ids(connection: TenantConnection, external_ids: list[str], now: datetime) -> None:
    """Record that these ids were in use until now, but not by whom: old tokens must not open the next holder's
    record."""
    await connection.raw.execute(
        """INSERT INTO external_ids_left (tenant_id, id, left_at)
        SELECT t.id, u.id, $3 FROM tenants t CROSS JOIN unnest($2::uuid[]) AS u(id) WHERE t.id = $1
        ON CONFLICT (tenant_id, id) DO UPDATE SET left_at = greatest(external_ids_left.left_at, excluded.left_at)""",
        connection.tenant_id,
        sorted(_trace(connection.tenant_id, each) for each in external_ids),
        now,
    )


async def take_external_id(connection: TenantConnection, customer_id: UUID, external_id: str, now: datetime) -> None:
    """Record since when the id is this record's, and whether another record had it: then not from before that one gave
    it up.

    To be called once the row has the id: by then the earlier holder's transaction is over, and its trace is visible.
    """
    await connection.raw.execute(
        """UPDATE customers c SET external_id_reused = l.left_at IS NOT NULL, external_id_since = greatest($4, l.left_at)
        FROM (SELECT max(left_at) AS left_at FROM external_ids_left WHERE tenant_id = $1 AND id = $3) l
        WHERE c.tenant_id = $1 AND c.id = $2""",
        connection.tenant_id,
        customer_id,
        _trace(connection.tenant_id, external_id),
        now,
    )


def _trace(tenant_id: UUID, external_id: str) -> UUID:
    """128 bits of a digest: enough to recognise the name, but not to recover it."""
    return UUID(bytes=sha256(UUID(str(tenant_id)).bytes + external_id.encode()).digest()[:16])
