"""Add all rows of a tenant of another database, as they were there: ids, hashes, seals, times.

In one transaction, as the owner of the tables, with every constraint and trigger awake: chains continue, foreign keys
lead somewhere. At the end each table is read back, and has to be what was written at the other place, byte by byte.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final
from uuid import UUID

import asyncpg

from models.errors import Duplicate, Invalid
from models.pool import is_spread
from models.rows_for_nodes import hand_on
from models.session import TenantConnection, tenant_id_of, tenant_transaction
from models.tenant_rows import AS_TEXT, TenantTable, Told, not_the_owner, read_rows, tenant_tables

CHUNK_BYTES: Final = 1 << 20
"""Bytes of rows that are added by one statement, some thousands of rows."""
MAX_CHUNK_BYTES: Final = 256 << 20
"""Maximum of those that have to be added at once."""
_PATIENT: Final = "SET LOCAL lock_timeout = '60s'"


@dataclass(frozen=True, slots=True)
class TenantRows:
    """A tenant to add. tables: by name, the columns and what was told of the rows; rows: opens a table's text."""

    tenant_id: UUID
    slug: str
    tables: dict[str, tuple[tuple[str, ...], Told]]
    rows: Callable[[str], BinaryIO]


async def import_tenant(rows: TenantRows, tell: Callable[[str, Told], None]) -> None:
    """Add the tenant, all of it or nothing; `tell` is told of each table.

    Raises Duplicate if there is such a tenant already or one of that short name, Invalid if the tables are others than here,
    if this role may not, or if what was added is not what was told.
    """
    await check_absent(rows)
    async with tenant_transaction(rows.tenant_id, settings=f"{_PATIENT}; {AS_TEXT}") as connection:
        tables = await tenant_tables(connection)
        _check_tables(rows, tables)
        try:
            for table in tables:
                await _add(connection, table, rows)
            await connection.raw.execute(_CALLED, rows.tenant_id, rows.slug)
        except asyncpg.InsufficientPrivilegeError as error:
            raise Invalid(not_the_owner(error)) from error
        except asyncpg.UniqueViolationError as error:  # somebody was quicker
            raise Duplicate(f"Some of the rows are here already: {error}.") from error
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise Invalid(f"The database refuses these rows: {error}.") from error
        # Nodes refuse to take the time within an UPDATE.
        now = await connection.raw.fetchval("SELECT clock_timestamp()")
        await connection.raw.execute(_CONFIGURED, rows.tenant_id, now)
        for table in tables:
            told, found = rows.tables[table.name][1], await read_rows(connection, table)
            if found != told:
                raise Invalid(
                    f"{table.name}: {found.rows:,} rows were added, and they are not the {told.rows:,} that were exported. "
                    "Perhaps the books were changed past their seals before the export: scrip verify, there, tells."
                )
            tell(table.name, found)


async def check_absent(rows: TenantRows) -> None:
    """Raises Duplicate if the tenant, or one of its short name, is there."""
    if (there := await tenant_id_of(rows.slug)) is not None and there != rows.tenant_id:
        raise Duplicate(f"Another tenant, {there}, is called {rows.slug!r} here.")
    async with tenant_transaction(rows.tenant_id, read_only=True) as connection:
        if await connection.raw.fetchval("SELECT EXISTS (SELECT FROM tenants WHERE id = $1)", rows.tenant_id):
            raise Duplicate(f"The tenant {rows.slug!r}, {rows.tenant_id}, is here already.")


def _check_tables(rows: TenantRows, tables: list[TenantTable]) -> None:
    here = {table.name: table.columns for table in tables}
    there = {name: columns for name, (columns, _) in rows.tables.items()}
    if here != there:
        names = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
        raise Invalid(f"The tables are not those of this database: {', '.join(names)}.")


async def _add(connection: TenantConnection, table: TenantTable, rows: TenantRows) -> None:
    """In chunks, by way of a table of this session's: what is bound by row-level security may not copy into the table."""
    incoming = f"incoming_{table.name}"
    target, value = (', "config_version"', ", 1") if table.name == "tenants" else ("", "")
    await connection.raw.execute(
        f"CREATE TEMPORARY TABLE {incoming} ON COMMIT DROP AS SELECT {table.listed} FROM {table.name} WITH NO DATA"
    )
    with rows.rows(table.name) as source:
        for chunk in chunks(source, table):
            await connection.raw.copy_to_table(
                incoming, source=_at_once(chunk), columns=list(table.columns), format="text"
            )
            if is_spread(connection.raw):
                await hand_on(connection.raw, table, incoming, rows.tenant_id)
            else:
                await connection.raw.execute(
                    f"INSERT INTO {table.name} ({table.listed}{target}) "
                    f"SELECT {table.listed}{value} FROM {incoming} WHERE {table.own} = $1",
                    rows.tenant_id,
                )
            await connection.raw.execute(f"TRUNCATE {incoming}")


async def _at_once(chunk: bytes) -> AsyncIterator[bytes]:
    """Not as a file: that would be read by threads, each of which keeps memory for it."""
    yield chunk


def chunks(source: BinaryIO, table: TenantTable, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The text in parts of whole rows, none of which ends between rows that have to be added at once.

    Raises Invalid if there are too many of these, or the last row has no end.
    """
    left = b""
    while piece := source.read(size):
        left += piece
        if cut := _cut(left, table):
            yield left[:cut]
            left = left[cut:]
        if len(left) > MAX_CHUNK_BYTES:
            raise Invalid(f"{table.name} has rows of more than {MAX_CHUNK_BYTES:,} bytes that belong together.")
    if left:
        if not left.endswith(b"\n"):
            raise Invalid(f"{table.name} ends within a row.")
        yield left


def _cut(text: bytes, table: TenantTable) -> int:
    """The end of a part of the text: after its last whole row, or before those that others may belong to. 0: nowhere."""
    end = text.rfind(b"\n") + 1
    start = text.rfind(b"\n", 0, max(end - 1, 0)) + 1
    if not end or (last := table.together(text[start:end])) is None:
        return end
    while start:
        before = text.rfind(b"\n", 0, start - 1) + 1
        if table.together(text[before:start]) != last:
            return start
        start = before
    return 0


_CALLED: Final = "INSERT INTO tenant_slugs (slug, tenant_id) VALUES ($2, $1) ON CONFLICT (tenant_id) DO NOTHING"
"""In a database of several nodes, which has no trigger that does it."""
_CONFIGURED: Final = """UPDATE tenants
    SET config_version = greatest(config_version, (extract(epoch FROM $2::timestamptz) * 1000000)::bigint) WHERE id = $1"""
"""Another than any that a server may remember from before, should the tenant have been here once."""
