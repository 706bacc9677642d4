"""Read all rows of a tenant, in one snapshot, beside servers that run."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from models.errors import NotFound
from models.session import tenant_transaction
from models.tenant_rows import AS_TEXT, Told, read_rows, tenant_tables

_WHOLE: Final = "SET LOCAL enable_seqscan = on"


@dataclass(frozen=True, slots=True)
class ExportedTenant:
    """A tenant as it was read, at `taken_at` by the database's clock. tables: by name, the columns and the rows as told."""

    id: UUID
    slug: str
    name: str
    taken_at: datetime
    tables: dict[str, tuple[tuple[str, ...], Told]]


async def export_tenant(
    tenant_id: UUID,
    opened: Callable[[str], AbstractContextManager[Callable[[bytes], object]]],
    tell: Callable[[str, Told], None],
) -> ExportedTenant:
    """Write each table's rows to what `opened` gives for its name; `tell` is told of each table. Raises NotFound."""
    settings = f"{AS_TEXT}; {_WHOLE}"
    async with tenant_transaction(tenant_id, read_only=True, one_moment=True, settings=settings) as connection:
        row = await connection.raw.fetchrow(_TENANT, tenant_id)
        if row is None:
            raise NotFound("There is no such tenant.")
        tables = {}
        for table in await tenant_tables(connection):
            with opened(table.name) as write:

                async def take(piece: bytes, write: Callable[[bytes], object] = write) -> None:
                    write(piece)

                told = await read_rows(connection, table, take)
            tables[table.name] = (table.columns, told)
            tell(table.name, told)
        return ExportedTenant(tenant_id, row["slug"], row["name"], row["taken_at"], tables)


_TENANT: Final = "SELECT slug, name, now() AS taken_at FROM tenants WHERE id = $1"
