"""The SQL that a batch is written with: rows as arrays of columns, and several tables' rows in one statement."""

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Part:
    """One table's rows: SQL with a gap for the columns' arrays, and their types. locked: the table of an update."""

    text: str
    kinds: tuple[str, ...]
    locked: str | None = None


@lru_cache(maxsize=256)
def insert(table: str, columns: str) -> Part:
    """INSERT rows; `columns` is "name type, name type, …" without the tenant."""
    names, kinds = _names_and_kinds(columns)
    return Part(f"INSERT INTO {table} (tenant_id, {', '.join(names)}) SELECT $1, * FROM unnest({{}})", kinds)


@lru_cache(maxsize=256)
def update(table: str, columns: str) -> Part:
    """UPDATE rows by id: each is looked up by its key, as in models/lookups.py."""
    names, kinds = _names_and_kinds(columns)
    return Part(
        f"""UPDATE {table} t SET {", ".join(f"{name} = u.{name}" for name in names)}
        FROM (SELECT * FROM unnest({{}}) AS k(id, {", ".join(names)}) LIMIT cardinality({{first}})) AS u
        WHERE t.tenant_id = $1 AND t.id = u.id""",
        ("uuid", *kinds),
        locked=table,
    )


def _names_and_kinds(columns: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    pairs = [column.strip().split(" ") for column in columns.split(",")]
    return tuple(name for name, _ in pairs), tuple(kind for _, kind in pairs)


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
