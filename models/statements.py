"""The SQL that a batch is written with: rows as arrays of columns, and several tables' rows in one statement."""

from dataclasses import dataclass
from functools import lru_cache

from models.planning.columns import Columns


@dataclass(frozen=True, slots=True)
class Part:
    """One table's rows: SQL with a gap for the columns' arrays, and their types. locked: the table of an update."""

    text: str
    kinds: tuple[str, ...]
    locked: str | None = None


@lru_cache(maxsize=256)
def insert(columns: Columns) -> Part:
    """INSERT rows of these columns."""
    names = ", ".join(column.name for column in columns.columns)
    return Part(
        f"INSERT INTO {columns.table} (tenant_id, {names}) SELECT $1, * FROM unnest({{}})",
        tuple(column.sql for column in columns.columns),
    )


@lru_cache(maxsize=256)
def update(columns: Columns) -> Part:
    """UPDATE rows by id, the first of the columns: each is looked up by its key, as in models/lookups.py."""
    names = [column.name for column in columns.columns]
    return Part(
        f"""UPDATE {columns.table} t SET {", ".join(f"{name} = u.{name}" for name in names[1:])}
        FROM (SELECT * FROM unnest({{}}) AS k({", ".join(names)}) LIMIT cardinality({{first}})) AS u
        WHERE t.tenant_id = $1 AND t.id = u.id""",
        tuple(column.sql for column in columns.columns),
        locked=columns.table,
    )


@lru_cache(maxsize=1024)
def statement(parts: tuple[Part, ...]) -> str:
    """All parts in one statement, which answers how many rows each update found."""
    texts, number = [], 2
    for part in parts:
        arrays = [f"${number + n}::{kind}[]" for n, kind in enumerate(part.kinds)]
        texts.append(part.text.format(", ".join(arrays), first=arrays[0]) + (" RETURNING 1" if part.locked else ""))
        number += len(part.kinds)
    if len(texts) == 1 and not parts[0].locked:
        return texts[0]
    named = ", ".join(f"w{n} AS ({text})" for n, text in enumerate(texts))
    counts = [f"(SELECT count(*) FROM w{n})" for n, part in enumerate(parts) if part.locked]
    return f"WITH {named} SELECT {', '.join(counts) or '1'}"
