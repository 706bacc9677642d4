"""Rows of an import into a database of several nodes, from a table that only the coordinator's session has.

It would copy what is selected from there to the node, and a role that row-level security binds may not copy. So they
come as values, or as arrays beside the tenant's row. Both go to the tenant's node as they are (docs/adr/0050).
"""

from typing import Any, Final
from uuid import UUID

from models.nodes import FIRST
from models.pool import Raw
from models.tenant_rows import TenantTable

MAX_VALUES: Final = 32_000
"""Of one statement: PostgreSQL takes 32,767."""
BY_VALUES: Final = frozenset({"seals", FIRST, "outbox"})
"""Tables whose rows come before the tenant's own, or get a number from the coordinator: they are added as values."""
SET_ANEW: Final = {FIRST: {"config_version": "1"}}
"""Columns that are not the exported row's."""


async def hand_on(raw: Raw, table: TenantTable, incoming: str, tenant_id: UUID) -> None:
    """Add what the session's table `incoming` has of the tenant, in its order, to `table`."""
    names = [name for name in table.columns if name != table.own]
    kinds = dict(await raw.fetch(_KINDS, incoming))
    listed = ", ".join(f'"{name}"::text' for name in names)
    rows = await raw.fetch(f"SELECT {listed} FROM {incoming} WHERE {table.own} = $1", tenant_id)
    anew = SET_ANEW.get(table.name, {})
    columns = ", ".join((table.own, *(f'"{name}"' for name in (*names, *anew))))
    begin = f"INSERT INTO {table.name} ({columns})"
    if table.name not in BY_VALUES:
        if rows:
            sql = f"{begin} SELECT t.id, {_beside(names, kinds)} WHERE t.id = $1"
            await raw.execute(sql, tenant_id, *([row[n] for row in rows] for n in range(len(names))))
        return
    at_once = MAX_VALUES // (len(names) + 1)
    for start in range(0, len(rows), at_once):
        some: list[Any] = rows[start : start + at_once]
        lists = ", ".join(_values(n, names, kinds, anew) for n in range(len(some)))
        await raw.execute(f"{begin} VALUES {lists}", tenant_id, *(value for row in some for value in row))


def _beside(names: list[str], kinds: dict[str, str]) -> str:
    """The columns, and the arrays that they come from beside the tenant's row."""
    arrays = ", ".join(f"${n}::text[]" for n, _ in enumerate(names, start=2))
    columns = ", ".join(f"c{n}" for n, _ in enumerate(names))
    cast = ", ".join(f"u.c{n}::{kinds[name]}" for n, name in enumerate(names))
    return f"{cast} FROM tenants t CROSS JOIN unnest({arrays}) AS u({columns})"


def _values(row: int, names: list[str], kinds: dict[str, str], anew: dict[str, str]) -> str:
    first = 2 + row * len(names)
    values = (f"${first + n}::text::{kinds[name]}" for n, name in enumerate(names))
    return f"({', '.join(('$1', *values, *anew.values()))})"


_KINDS: Final = """SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped"""
"""The types of a table's columns, without their lengths: a cast to `varchar(9)` would shorten."""
