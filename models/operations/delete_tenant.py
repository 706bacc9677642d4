"""Delete a suspended tenant, in small steps, as the owner of the tables: no row of it stays.

It begins with a mark on the tenant, after which it cannot be let in again; the tables that only grow let go of its rows
(migrations/). What was interrupted goes on where it was. The tenant's row is the last.
"""

from collections.abc import Callable
from typing import Final
from uuid import UUID

import asyncpg

from models.errors import Invalid, NotFound
from models.pool import Raw
from models.session import ask, tenant_transaction
from models.tenant_rows import TenantTable, not_the_owner, tenant_tables

STEP_ROWS: Final = 5_000
"""Rows deleted in one transaction."""
MAX_STEPS: Final = 10_000_000
REST_SECONDS: Final = 15
"""How long a tenant has to have been suspended: servers remember it for five seconds, and finish what they have begun."""
_PATIENT: Final = "SET LOCAL lock_timeout = '60s'"
_UNTIED: Final = {
    "credits": ("origin_id = NULL, successor_id = NULL", "origin_id IS NOT NULL OR successor_id IS NOT NULL"),
    "customers": ("merged_into_id = NULL, merged_at = NULL", "merged_into_id IS NOT NULL"),
    "partner_tokens": ("replaces_id = NULL", "replaces_id IS NOT NULL"),
}
"""Tables whose rows name each other, and how they are made not to."""
MAX_PASSES: Final = 3
"""Over all tables: changes on the way may have written seals."""


async def begin_deletion(tenant_id: UUID) -> None:
    """Mark the tenant. Raises NotFound, and Invalid if it is not suspended, or was a moment ago, or if this role is not
    bound by row-level security or is not the owner."""
    async with tenant_transaction(tenant_id, settings=_PATIENT) as connection:
        row = await connection.raw.fetchrow(_STATE, tenant_id)
        if row is None:
            raise NotFound("There is no such tenant.")
        if not row["bound"]:
            raise Invalid("This role is not bound by row-level security, and could delete rows of other tenants.")
        if row["rested"] is None:
            raise Invalid(f"The tenant {row['slug']} is not suspended: scrip tenant suspend {row['slug']}")
        if row["rested"] < REST_SECONDS:
            raise Invalid(f"The tenant {row['slug']} was suspended only now. Wait {REST_SECONDS} seconds.")
        try:
            await connection.raw.execute(_BEGIN, tenant_id, row["now"])
        except asyncpg.InsufficientPrivilegeError as error:
            raise Invalid(not_the_owner(error)) from error


async def count_rows(tenant_id: UUID) -> dict[str, int]:
    """How many rows there are of the tenant, by table; tables without any are left out."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        counts = {}
        for table in await tenant_tables(connection):
            sql = f"SELECT count(*) FROM {table.name} WHERE {table.own} = $1"
            if count := await connection.raw.fetchval(sql, tenant_id):
                counts[table.name] = int(count)
        return counts


async def delete_tenant(tenant_id: UUID, tell: Callable[[str, int], None]) -> dict[str, int]:
    """Delete all rows of a tenant whose deletion has begun; by table, how many these were. `tell` is told of each table,
    and how many rows of it are gone by now.

    Each table is vacuumed after its rows have gone, so that what is looked up in it later finds none of them.
    """
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        tables = await tenant_tables(connection)
    # The seals first, or each deleted row would look for its own; then what names others before what is named.
    (seals, tenant), others = tables[:2], tables[2:]
    gone: dict[str, int] = {}
    for _ in range(MAX_PASSES):
        before = sum(gone.values())
        for table in (seals, *reversed(others)):
            await _empty(tenant_id, table, gone, tell)
        if sum(gone.values()) == before:
            break
    await _empty(tenant_id, tenant, gone, tell)
    async with tenant_transaction(
        tenant_id, settings=_PATIENT
    ) as connection:  # several nodes have no trigger that does it
        await connection.raw.execute("DELETE FROM tenant_slugs WHERE tenant_id = $1", tenant_id)
    return gone


async def _empty(tenant_id: UUID, table: TenantTable, gone: dict[str, int], tell: Callable[[str, int], None]) -> None:
    some = f"{table.own} = $1 AND ctid = ANY (ARRAY(SELECT ctid FROM {table.name} WHERE {table.own} = $1{{}} LIMIT $2))"
    if (untied := _UNTIED.get(table.name)) is not None:
        await _repeat(tenant_id, f"UPDATE {table.name} SET {untied[0]} WHERE {some.format(f' AND ({untied[1]})')}")
    deleted = 0

    def count(rows: int) -> None:
        nonlocal deleted
        deleted += rows
        tell(table.name, gone.get(table.name, 0) + deleted)

    await _repeat(tenant_id, f"DELETE FROM {table.name} WHERE {some.format('')}", count)
    if deleted:
        gone[table.name] = gone.get(table.name, 0) + deleted
        await ask(lambda raw: _vacuum(raw, table))


async def _repeat(tenant_id: UUID, sql: str, count: Callable[[int], None] = lambda _: None) -> None:
    """Send the statement, each time in a transaction of its own, until it finds no more rows."""
    for _ in range(MAX_STEPS):
        async with tenant_transaction(tenant_id, settings=_PATIENT) as connection:
            status = await connection.raw.execute(sql, tenant_id, STEP_ROWS)
        rows = int(status.rpartition(" ")[2])
        if not rows:
            return
        count(rows)


async def _vacuum(raw: Raw, table: TenantTable) -> None:
    await raw.execute(f"VACUUM {table.name}")


_STATE: Final = """SELECT slug, row_security_active('tenants') AS bound,
        extract(epoch FROM clock_timestamp() - suspended_at)::float8 AS rested, clock_timestamp() AS now
    FROM tenants WHERE id = $1"""
_BEGIN: Final = """UPDATE tenants SET deletion_began_at = coalesce(deletion_began_at, $2)
    WHERE id = $1 AND suspended_at IS NOT NULL"""
