"""Exits with status 1 if the steps do not build what the models describe, or what `migrations/database.sql` shows.

`make check` runs it, on a database of its own.
"""

import asyncio
import difflib
import sys
from typing import Final

import asyncpg
from tortoise import Model

from models import tables
from scripts.database_sql import PICTURE, Connection, built_database, picture

MODELS: Final[dict[str, type[Model]]] = {
    getattr(tables, name)._meta.db_table: getattr(tables, name)  # noqa: SLF001 - as Tortoise calls what it tells of a model
    for name in tables.__all__
}
"""By the name of their table."""
ONLY_IN_THE_DATABASE: Final = {
    ("customers", "search_name"),
    ("customers", "search_last_name"),
    ("customers", "search_email"),
    ("customers", "search_external_id"),
    *(("customers", f"search_tail_{length}") for length in range(3, 9)),
    *(("customers", f"search_word_{place}") for place in range(2, 6)),
    *(("customers", f"search_email_{place}") for place in range(2, 4)),
    ("customers", "search_domain"),
    ("credits", "open"),
    ("credits", "start_wait"),
    ("credits", "sweep_wait"),
    ("credits", "opened_at"),
    ("outbox", "position"),
}
"""Columns that the database computes, and no model has."""
MAX_TOLD: Final = 60
"""Lines of difference that are printed."""


async def unlike_the_model(connection: Connection, table: str) -> list[str]:
    """One line for each column that differs from the model's, in type or in whether it may be null."""
    meta = MODELS[table]._meta  # noqa: SLF001
    fields = {name: meta.fields_map[field] for field, name in meta.fields_db_projection.items()}
    definitions = ", ".join(
        f'"{name}" {field.get_for_dialect("postgres", "SQL_TYPE")} {"" if field.null else "NOT NULL"}'
        for name, field in fields.items()
    )
    async with connection.transaction():
        # PostgreSQL's own idea of the model's types, to compare with the same words.
        await connection.execute(f"CREATE TEMPORARY TABLE as_modelled ({definitions}) ON COMMIT DROP")
        modelled = await _columns(connection, "as_modelled")
    modelled |= {name: "computed by the database" for of, name in ONLY_IN_THE_DATABASE if of == table}
    try:
        built = await _columns(connection, table)
    except asyncpg.UndefinedTableError:
        built = {}
    built |= {name: "computed by the database" for name in built if (table, name) in ONLY_IN_THE_DATABASE}
    return [
        f"{table}.{name}: the model has {modelled.get(name, 'none')}, the steps build {built.get(name, 'none')}"
        for name in sorted({*modelled, *built})
        if modelled.get(name) != built.get(name)
    ]


async def _columns(connection: Connection, table: str) -> dict[str, str]:
    """Type as PostgreSQL writes it, and whether null is allowed, by name."""
    rows = await connection.fetch(
        """SELECT attname, format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END AS type
        FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped""",
        table,
    )
    return {row["attname"]: row["type"] for row in rows}


async def drift() -> list[str]:
    """Every difference, line by line."""
    async with built_database() as connection:
        told = [line for table in MODELS for line in await unlike_the_model(connection, table)]
        now = await picture(connection)
    kept = PICTURE.read_text("utf-8")
    shown = difflib.unified_diff(
        kept.splitlines(), now.splitlines(), "migrations/database.sql", "as built", lineterm=""
    )
    return [*told, *shown]


if __name__ == "__main__":
    lines = asyncio.run(drift())
    if lines:
        more = [] if len(lines) <= MAX_TOLD else [f"… and {len(lines) - MAX_TOLD} lines more"]
        hint = "Write a step for what the models want (migrations/__init__.py), and `make database`."
        sys.exit("\n".join([*lines[:MAX_TOLD], *more, hint]))
