"""SQL that writes a batch: rows as arrays of columns, and several tables' rows in one statement."""

from dataclasses import dataclass
from functools import lru_cache

from models.planning.columns import Columns


@dataclass(frozen=True, slots=True)
class Part:
    """One table's rows: SQL with a placeholder for the columns' arrays, and their types."""

    table: str
    text: str
    kinds: tuple[str, ...]
    is_update: bool = False


@lru_cache(maxsize=256)
def insert(columns: Columns) -> Part:
    """INSERT rows of these columns. Selects from the tenant's row, so that with tenants on several machines all of it
    goes to one (docs/adr/0037)."""
    names = ", ".join(column.name for column in columns.columns)
    return Part(
        columns.table,
        f"""INSERT INTO {columns.table} (tenant_id, {names})
        SELECT t.id, u.* FROM tenants t CROSS JOIN unnest({{}}) AS u WHERE t.id = $1""",
        tuple(column.sql for column in columns.columns),
    )


@lru_cache(maxsize=256)
def update(columns: Columns) -> Part:
    """UPDATE rows by id, the first of the columns: each is looked up by its key, as in models/lookups.py."""
    names = [column.name for column in columns.columns]
    return Part(
        columns.table,
        f"""UPDATE {columns.table} t SET {", ".join(f"{name} = u.{name}" for name in names[1:])}
        FROM (SELECT * FROM unnest({{}}) AS k({", ".join(names)}) LIMIT cardinality({{first}})) AS u
        WHERE t.tenant_id = $1 AND t.id = u.id""",
        tuple(column.sql for column in columns.columns),
        is_update=True,
    )


@lru_cache(maxsize=1024)
def counted(parts: tuple[Part, ...]) -> tuple[int, ...]:
    """Indexes of the parts that return their number of rows: each update, and the first insert, since the tenant's row
    exists for all inserts or for none."""
    inserts = [n for n, part in enumerate(parts) if not part.is_update]
    return tuple(n for n, part in enumerate(parts) if part.is_update or n == inserts[0])


@lru_cache(maxsize=1024)
def statement(parts: tuple[Part, ...]) -> str:
    """All parts in one statement, which returns how many rows the `counted` ones wrote."""
    texts, number = [], 2
    told = counted(parts)
    for place, part in enumerate(parts):
        arrays = [f"${number + n}::{kind}[]" for n, kind in enumerate(part.kinds)]
        texts.append(part.text.format(", ".join(arrays), first=arrays[0]) + (" RETURNING 1" if place in told else ""))
        number += len(part.kinds)
    named = ", ".join(f"w{n} AS ({text})" for n, text in enumerate(texts))
    counts = ", ".join(f"(SELECT count(*) FROM w{n})" for n in told)
    return f"WITH {named} SELECT {counts}"
