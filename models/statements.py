"""SQL that writes a batch: rows as arrays of columns, and several tables' rows in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from models.errors import InvariantViolated
from models.nodes import FILLED_IN
from models.planning.columns import Columns, inserted
from models.planning.drafts import EventDraft
from models.pool import Raw, is_spread

ROWS_AT_ONCE: Final = 1_000
"""In a list of values: it has at most 32,767 of them."""
MANY: Final = 300
"""Rows from which on a column with one value for all of them is sent as that value: more than most postings of single
requests have. Each mixture of such columns is a statement of its own, which has to be planned: files have few."""


@dataclass(frozen=True, slots=True)
class Part:
    """One table's rows: SQL with a placeholder for the columns' arrays, and their types. same: places of columns that have
    one value for all rows, and no array."""

    table: str
    text: str
    kinds: tuple[str, ...]
    is_update: bool = False
    names: tuple[str, ...] = ()
    same: tuple[int, ...] = ()


@lru_cache(maxsize=256)
def insert(columns: Columns) -> Part:
    """INSERT rows of these columns. Selects from the tenant's row, so that with tenants on several machines all of it
    goes to one (docs/adr/0037)."""
    names = ", ".join(column.name for column in columns.columns)
    return Part(
        columns.table,
        f"""INSERT INTO {columns.table} (tenant_id, {names})
        SELECT t.id, {{values}} FROM tenants t CROSS JOIN unnest({{arrays}}) AS u{{names}} WHERE t.id = $1""",
        tuple(column.sql for column in columns.columns),
        names=tuple(column.name for column in columns.columns),
    )


@lru_cache(maxsize=256)
def update(columns: Columns) -> Part:
    """UPDATE rows by id, the first of the columns: each is looked up by its key, as in models/lookups.py."""
    return Part(
        columns.table,
        f"""UPDATE {columns.table} t SET {{values}}
        FROM (SELECT * FROM unnest({{arrays}}) AS k{{names}} LIMIT cardinality({{first}})) AS u
        WHERE t.tenant_id = $1 AND t.id = u.id""",
        tuple(column.sql for column in columns.columns),
        is_update=True,
        names=tuple(column.name for column in columns.columns),
    )


def sent(part: Part, rows: Sequence[Sequence[Any]]) -> tuple[Part, list[Any]]:
    """The part for these rows, and its arguments: an array for each column; of many rows, for one with the same value in all
    of them that value."""
    columns: list[Any] = list(zip(*rows, strict=True))
    if len(rows) < MANY:
        return part, columns
    # Of numbers with decimal places, equal ones need not be the same.
    same = tuple([n for n, kind in enumerate(part.kinds) if n and kind != "numeric" and _is_same(columns[n])])
    for n in same:
        columns[n] = columns[n][0]
    return (_with_same(part, same) if same else part), columns


def _is_same(column: Sequence[Any]) -> bool:
    """Whether all are equal. The last one tells of most that are not."""
    first = column[0]
    return bool(column[-1] == first) and column.count(first) == len(column)


@lru_cache(maxsize=1024)
def _with_same(part: Part, same: tuple[int, ...]) -> Part:
    return replace(part, same=same)


def _written(part: Part, number: int) -> str:
    """The part's SQL. number: of its first argument."""
    arguments = [f"${number + n}::{kind}" for n, kind in enumerate(part.kinds)]
    several = [n for n in range(len(part.kinds)) if n not in part.same]
    values = [f"u.{name}" if n in several else arguments[n] for n, name in enumerate(part.names)]
    if part.is_update:
        values = [f"{name} = {value}" for name, value in zip(part.names[1:], values[1:], strict=True)]
    names = f"({', '.join(part.names[n] for n in several)})"
    return part.text.format(
        values=", ".join(values),
        arrays=", ".join(f"{arguments[n]}[]" for n in several),
        names=names,
        first=f"{arguments[0]}[]",
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
        texts.append(_written(part, number) + (" RETURNING 1" if place in told else ""))
        number += len(part.kinds)
    named = ", ".join(f"w{n} AS ({text})" for n, text in enumerate(texts))
    counts = ", ".join(f"(SELECT count(*) FROM w{n})" for n in told)
    return f"WITH {named} SELECT {counts}"


@lru_cache(maxsize=1024)
def alone(part: Part) -> str:
    """One part as a statement of its own, which a database of several nodes hands on as it is."""
    return _written(part, 2)


@lru_cache(maxsize=1024)
def as_values(part: Part, rows: int) -> str:
    """The same for so many rows in which the coordinator fills something in."""
    width, names = len(part.kinds), ", ".join(part.names)
    values = (
        f"($1, {', '.join(f'${2 + row * width + n}::{kind}' for n, kind in enumerate(part.kinds))})"
        for row in range(rows)
    )
    return f"INSERT INTO {part.table} (tenant_id, {names}) VALUES {', '.join(values)}"


async def send_alone(raw: Raw, tenant_id: UUID, part: Part, rows: Sequence[Sequence[Any]]) -> None:
    """Write one part. Raises InvariantViolated if not as many rows were written."""
    if is_spread(raw) and part.table in FILLED_IN and not part.is_update:
        for start in range(ROWS_AT_ONCE, len(rows), ROWS_AT_ONCE):
            await send_alone(raw, tenant_id, part, rows[start : start + ROWS_AT_ONCE])
        rows = rows[:ROWS_AT_ONCE]
        status = await raw.execute(as_values(part, len(rows)), tenant_id, *(value for row in rows for value in row))
    else:
        status = await raw.execute(alone(part), tenant_id, *zip(*rows, strict=True))
    if status.rpartition(" ")[2] != str(len(rows)):
        raise InvariantViolated(f"{part.table}: {status} where {len(rows)} rows were to be written")


async def tell(raw: Raw, tenant_id: UUID, events: Sequence[EventDraft]) -> None:
    """Put events into the outbox."""
    columns = inserted(EventDraft)
    for start in range(0, len(events), ROWS_AT_ONCE):
        rows = [columns.values(event, {}) for event in events[start : start + ROWS_AT_ONCE]]
        await send_alone(raw, tenant_id, insert(columns), rows)
