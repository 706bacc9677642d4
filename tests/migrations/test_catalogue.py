"""The database that the migrations build is the one that the models describe, and its keys keep tenants apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aerich.utils import decompress_dict, get_models_describe, import_py_file
from tortoise import Model
from tortoise.fields import UUIDField

import migrations
from app.postgres.embedded import Urls
from models import tables

MODELS: dict[str, type[Model]] = {
    getattr(tables, name)._meta.db_table: getattr(tables, name) for name in tables.__all__
}
ONLY_IN_THE_DATABASE = {
    ("customers", "search_name"),
    ("customers", "search_last_name"),
    ("customers", "search_email"),
    ("customers", "search_external_id"),
    ("credits", "open"),
    ("credits", "start_wait"),
    ("credits", "sweep_wait"),
    ("credits", "opened_at"),
    ("outbox", "position"),
}
"""What Tortoise need not know: it is worked out by the database."""

POINTS_NOWHERE = {
    ("bulk_rows", "customer_id"),  # what was asked for, which may be nobody's
    ("idempotency_keys", "result_id"),  # of whichever table the operation writes to
    ("audit_events", "subject_id"),
    ("outbox", "subject_id"),
    ("idempotency_keys", "tenant_id"),  # written with every posting, under a policy that has compared the tenant
    ("outbox", "tenant_id"),
    ("seals", "tenant_id"),
}


async def tables_of(connection: asyncpg.Connection[Any]) -> set[str]:
    rows = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    return {row["relname"] for row in rows}


async def columns_of(connection: asyncpg.Connection[Any], table: str) -> dict[str, tuple[str, bool]]:
    """Type as PostgreSQL writes it, and whether null is allowed, by name."""
    rows = await connection.fetch(
        """SELECT attname, format_type(atttypid, atttypmod) AS type, NOT attnotnull AS nullable FROM pg_attribute
        WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped""",
        table,
    )
    return {row["attname"]: (row["type"], row["nullable"]) for row in rows}


async def keys_of(connection: asyncpg.Connection[Any], kind: str) -> list[Any]:
    """Constraints of a kind (p, u or f): the table, its columns, and for f the columns that they point to."""
    rows = await connection.fetch(
        """SELECT c.conrelid::regclass::text AS table, c.confrelid::regclass::text AS target, confdeltype, confupdtype,
            ARRAY(SELECT attname::text FROM unnest(c.conkey) WITH ORDINALITY k(n, i)
                JOIN pg_attribute ON attrelid = c.conrelid AND attnum = n ORDER BY i) AS columns,
            ARRAY(SELECT attname::text FROM unnest(c.confkey) WITH ORDINALITY k(n, i)
                JOIN pg_attribute ON attrelid = c.confrelid AND attnum = n ORDER BY i) AS targets
        FROM pg_constraint c WHERE c.contype = $1::"char" AND c.connamespace = 'public'::regnamespace""",
        kind.encode(),
    )
    return [row for row in rows if row["table"] != "aerich"]


async def test_every_table_has_a_model(owner_connection: asyncpg.Connection[Any]) -> None:
    assert await tables_of(owner_connection) == {*MODELS, "aerich"}


@pytest.mark.parametrize("table", MODELS)
async def test_columns_are_the_model_s(owner_connection: asyncpg.Connection[Any], table: str) -> None:
    model = MODELS[table]
    fields = {name: model._meta.fields_map[field] for field, name in model._meta.fields_db_projection.items()}
    definitions = ", ".join(
        f'"{name}" {field.get_for_dialect("postgres", "SQL_TYPE")} {"" if field.null else "NOT NULL"}'
        for name, field in fields.items()
    )
    async with owner_connection.transaction():
        # PostgreSQL's own idea of the model's types, to compare with the same words.
        await owner_connection.execute(f"CREATE TEMPORARY TABLE as_modelled ({definitions}) ON COMMIT DROP")
        modelled = await columns_of(owner_connection, "as_modelled")

    built = await columns_of(owner_connection, table)

    extra = {name for of, name in ONLY_IN_THE_DATABASE if of == table}
    assert {name: column for name, column in built.items() if name not in extra} == modelled
    assert extra <= built.keys()


@pytest.mark.parametrize("table", MODELS)
async def test_what_the_model_calls_unique_is(owner_connection: asyncpg.Connection[Any], table: str) -> None:
    meta = MODELS[table]._meta
    wanted = {tuple(columns) for columns in meta.unique_together}
    wanted |= {(name,) for name, field in meta.fields_map.items() if field.unique and not field.pk}

    unique = {tuple(key["columns"]) for key in await keys_of(owner_connection, "u") if key["table"] == table}

    extra = {("tenant_id", "position")} if table == "outbox" else set()
    assert unique == wanted | extra


async def test_primary_keys_lead_with_the_tenant(owner_connection: asyncpg.Connection[Any]) -> None:
    keys = {key["table"]: key["columns"] for key in await keys_of(owner_connection, "p")}

    assert keys.pop("tenants") == ["id"]
    assert keys.pop("idempotency_keys") == ["tenant_id", "key", "client"]
    assert keys.pop("seals") == ["tenant_id", "of_table", "id"]
    assert set(keys) == MODELS.keys() - {"tenants", "idempotency_keys", "seals"}
    assert all(columns == ["tenant_id", "id"] for columns in keys.values())


async def test_foreign_keys_lead_with_the_tenant_and_nothing_cascades(
    owner_connection: asyncpg.Connection[Any],
) -> None:
    keys = await keys_of(owner_connection, "f")

    assert len(keys) > 30
    for key in keys:
        assert (key["confdeltype"], key["confupdtype"]) == (b"a", b"a"), key
        if key["target"] == "tenants":
            assert (key["columns"], key["targets"]) == (["tenant_id"], ["id"]), key
        else:
            assert key["columns"][0] == key["targets"][0] == "tenant_id", key
            assert len(key["columns"]) == 2, key


async def test_what_points_somewhere_has_a_foreign_key(owner_connection: asyncpg.Connection[Any]) -> None:
    """Every id of another row's; and the tenant's own, directly or through one of them."""
    keys = await keys_of(owner_connection, "f")
    pointing = {(key["table"], key["columns"][-1]) for key in keys}
    anchored = {key["table"] for key in keys}
    missing = {
        (table, name)
        for table, model in MODELS.items()
        for name, field in model._meta.fields_map.items()
        if name.endswith("_id")
        and isinstance(field, UUIDField)
        and name != "tenant_id"
        and (table, name) not in pointing
    }
    missing |= {(table, "tenant_id") for table in MODELS if table != "tenants" and table not in anchored}

    assert missing == POINTS_NOWHERE
    assert ("transactions", "reason") in pointing


async def test_indexes_lead_with_the_tenant(owner_connection: asyncpg.Connection[Any]) -> None:
    rows = await owner_connection.fetch(
        """SELECT i.indexrelid::regclass::text AS index, a.attname::text AS first FROM pg_index i
        JOIN pg_class t ON t.oid = i.indrelid AND t.relnamespace = 'public'::regnamespace
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE t.relname NOT IN ('tenants', 'aerich')"""
    )

    assert len(rows) > 50
    assert {row["index"] for row in rows if row["first"] != "tenant_id"} == set()


async def test_aerich_sees_nothing_to_migrate(database: Urls) -> None:
    folder = Path(migrations.__file__).parent / "models"
    newest = max(folder.glob("[0-9]*_*.py"), key=lambda file: int(file.name.split("_")[0]))

    kept = decompress_dict(import_py_file(newest).MODELS_STATE)

    assert kept == json.loads(json.dumps(get_models_describe("models"), default=str))
