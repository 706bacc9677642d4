"""All rows of one tenant, table by table, as PostgreSQL's COPY writes them: what an export holds, an import reads back,
and a deletion has to find.

The tables and their columns are read from the database's catalogue, so that none is forgotten; what the database works
out by itself (generated columns, positions in the outbox) is left out.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Final

import asyncpg

from models import tables
from models.session import TenantConnection

AS_TEXT: Final = """SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL bytea_output = 'hex';
    SET LOCAL work_mem = '64MB'"""
"""For `tenant_transaction`: the same rows are the same text in every database."""

_UNTOLD: Final = {"tenants": frozenset({"config_version", "deletion_began_at"})}
"""Columns that an import sets by itself."""
_ORDERS: Final = {
    "tenants": "id",
    # Each entry after the one that it continues, and each record before those that were merged into it.
    "entries": "account_id, sequence",
    "customers": "merged_into_id IS NOT NULL, id",
    # What merges made of a credit beside it: they name each other (see `together`).
    "credits": "coalesce(origin_id, id), id",
    "partner_tokens": "created_at, id",
    "idempotency_keys": 'key COLLATE "C", client COLLATE "C"',
    "seals": 'of_table COLLATE "C", id',
    "totals_seen": 'what COLLATE "C", value COLLATE "C", at',
    "outbox": "position",
    "feed": "position",
    "checkpoint_tiles": "level, n",
}
"""In which order a table's rows are read, where it is not that of their ids; the same in every database."""
_TOGETHER: Final = {"credits": ("origin_id", "id")}
"""Rows that name each other: those with the same first of these columns that is not null."""
_KEPT_BESIDE: Final = frozenset({"tenant_slugs"})
"""Tables that only repeat what the tenant's own row says: whatever adds or deletes that, keeps them."""
_FIRST: Final = ("seals", "tenants")
"""The seals, so that rows that are added keep theirs; then the tenant, whom all others name."""


@dataclass(frozen=True, slots=True)
class TenantTable:
    """A table, with the columns that are told, by name, and what its rows are read in the order of."""

    name: str
    columns: tuple[str, ...]
    order: str

    @property
    def own(self) -> str:
        """The column that says whose a row is."""
        return "id" if self.name == "tenants" else "tenant_id"

    @property
    def listed(self) -> str:
        """The columns, for a statement."""
        return ", ".join(f'"{column}"' for column in self.columns)

    def together(self, row: bytes) -> bytes | None:
        """The name of the rows beside it with which this one has to be added at once; None if it may be added alone."""
        if (names := _TOGETHER.get(self.name)) is None:
            return None
        values = row.rstrip(b"\n").split(b"\t")
        return next(value for name in names if (value := values[self.columns.index(name)]) != b"\\N")


@dataclass(frozen=True, slots=True)
class Told:
    """Rows as they were read of a table: their number and bytes, and the SHA-256 of these in hexadecimal digits."""

    rows: int
    bytes: int
    sha256: str


def not_the_owner(error: asyncpg.InsufficientPrivilegeError) -> str:
    """The message for a role that lacks the rights of the tables' owner."""
    return f"This role may not do that: {error}. Set SCRIP_MIGRATION_DATABASE_URL to the owner's."


async def tenant_tables(connection: TenantConnection) -> list[TenantTable]:
    """Every table that holds rows of tenants, each after those that its foreign keys name."""
    known = {getattr(tables, name)._meta.db_table for name in tables.__all__} - _KEPT_BESIDE  # noqa: SLF001 - as Tortoise calls it
    columns: dict[str, list[str]] = {}
    for row in await connection.raw.fetch(_COLUMNS, list(known)):
        if row["name"] not in _UNTOLD.get(row["of"], ()):
            columns.setdefault(row["of"], []).append(row["name"])
    named: dict[str, set[str]] = {table: set() for table in sorted(columns)}
    for row in await connection.raw.fetch(_NAMED, list(known)):
        named[row["of"]].add(row["named"])
    sorter, order = TopologicalSorter(named), list[str]()
    sorter.prepare()
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    order = [*_FIRST, *(table for table in order if table not in _FIRST)]
    return [TenantTable(table, tuple(columns[table]), _ORDERS.get(table, "id")) for table in order]


async def read_rows(
    connection: TenantConnection, table: TenantTable, take: Callable[[bytes], Awaitable[None]] | None = None
) -> Told:
    """Read the tenant's rows of a table in their order, handing over the text in pieces.

    In a transaction with `AS_TEXT`, and of one moment if several tables are read.
    """
    digest, rows, size = hashlib.sha256(), 0, 0

    async def piece(data: bytes) -> None:
        nonlocal rows, size
        digest.update(data)
        rows += data.count(b"\n")
        size += len(data)
        if take is not None:
            await take(data)

    sql = f"SELECT {table.listed} FROM {table.name} WHERE {table.own} = $1 ORDER BY {table.order}"
    await connection.raw.copy_from_query(sql, connection.tenant_id, output=piece, format="text")
    return Told(rows, size, digest.hexdigest())


_COLUMNS: Final = """SELECT c.relname::text AS of, a.attname::text AS name
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname = ANY($1::text[])
        AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = ''
    ORDER BY 1, 2"""
_NAMED: Final = """SELECT DISTINCT o.relname::text AS of, n.relname::text AS named
    FROM pg_constraint f JOIN pg_class o ON o.oid = f.conrelid JOIN pg_class n ON n.oid = f.confrelid
    WHERE f.contype = 'f' AND f.conrelid <> f.confrelid AND o.relname = ANY($1::text[])
        AND o.relnamespace = 'public'::regnamespace"""
