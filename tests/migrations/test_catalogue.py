"""The database that the migrations build is the one that the models describe, and its keys keep tenants apart."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from tortoise.fields import UUIDField

from scripts.check_migrations import MODELS, unlike_the_model

POINTS_NOWHERE = {
    ("bulk_rows", "customer_id"),  # what was asked for, which may be nobody's
    ("idempotency_keys", "result_id"),  # of whichever table the operation writes to
    ("audit_events", "subject_id"),
    ("outbox", "subject_id"),
    ("feed", "subject_id"),
    ("feed", "customer_id"),  # as what it tells of says
    ("feed_heads", "noticed_id"),
    ("feed_heads", "lapsed_id"),  # places in an order, of which the row may be gone
    ("idempotency_keys", "tenant_id"),  # written with every posting, under a policy that has compared the tenant
    ("outbox", "tenant_id"),
    ("seals", "tenant_id"),
    ("tenant_slugs", "tenant_id"),  # written first, since it is unique among all tenants
}


async def tables_of(connection: asyncpg.Connection[Any]) -> set[str]:
    rows = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    return {row["relname"] for row in rows}


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
    assert await unlike_the_model(owner_connection, table) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("ALTER TABLE tiers ADD COLUMN colour text", "tiers.colour: the model has none, the steps build text"),
        ("ALTER TABLE tiers RENAME COLUMN name TO title", "tiers.name: the model has character varying(200) NOT NULL"),
        ("ALTER TABLE tiers ALTER COLUMN name DROP NOT NULL", "the steps build character varying(200)"),
        ("ALTER TABLE outbox ALTER COLUMN topic TYPE text", "the steps build text NOT NULL"),
        ("DROP TABLE tiers", "tiers.id: the model has uuid NOT NULL, the steps build none"),
    ],
)
async def test_a_difference_is_told(owner_connection: asyncpg.Connection[Any], change: str, told: str) -> None:
    transaction = owner_connection.transaction()
    await transaction.start()
    try:
        await owner_connection.execute(change)
        assert told in "\n".join(await unlike_the_model(owner_connection, change.split()[2]))
    finally:
        await transaction.rollback()


@pytest.mark.parametrize("table", MODELS)
async def test_what_the_model_calls_unique_is(owner_connection: asyncpg.Connection[Any], table: str) -> None:
    meta = MODELS[table]._meta
    wanted = {tuple(columns) for columns in meta.unique_together}
    wanted |= {(name,) for name, field in meta.fields_map.items() if field.unique and not field.pk}

    unique = {tuple(key["columns"]) for key in await keys_of(owner_connection, "u") if key["table"] == table}

    extra = {("tenant_id", "created_at", "position")} if table == "outbox" else set()
    assert unique == wanted | extra


async def test_primary_keys_lead_with_the_tenant(owner_connection: asyncpg.Connection[Any]) -> None:
    keys = {key["table"]: key["columns"] for key in await keys_of(owner_connection, "p")}

    assert keys.pop("tenants") == ["id"]
    assert keys.pop("tenant_slugs") == ["slug"]
    assert keys.pop("idempotency_keys") == ["tenant_id", "key", "client"]
    assert keys.pop("seals") == ["tenant_id", "of_table", "id"]
    assert keys.pop("totals_seen") == ["tenant_id", "what", "value", "at"]
    assert keys.pop("totals_amounts") == ["tenant_id", "level", "at", "asset", "last_minor", "last_at"]
    assert keys.pop("feed") == ["tenant_id", "position"]
    assert keys.pop("checkpoint_tiles") == ["tenant_id", "level", "n"]
    # The outbox has its positions instead.
    elsewhere = {
        "tenants",
        "tenant_slugs",
        "idempotency_keys",
        "seals",
        "totals_seen",
        "totals_amounts",
        "outbox",
        "feed",
        "checkpoint_tiles",
    }
    assert set(keys) == MODELS.keys() - elsewhere
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
        WHERE t.relname NOT IN ('tenants', 'tenant_slugs', 'aerich')"""
    )

    assert len(rows) > 50
    assert {row["index"] for row in rows if row["first"] != "tenant_id"} == set()
