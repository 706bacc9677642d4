"""`migrations/database.sql` shows the database as it is, and whatever changes in it shows there."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from scripts.database_sql import PICTURE, picture

if TYPE_CHECKING:
    import asyncpg


@pytest.fixture(autouse=True)
def same_words(owner_connection: asyncpg.Connection[Any]) -> None:
    """Another version of PostgreSQL writes the same database in other words."""
    server = f"PostgreSQL {owner_connection.get_server_version().major}"
    if server not in PICTURE.read_text("utf-8"):
        pytest.skip(f"The picture is not in the words of {server}")


async def test_it_is_the_database_as_it_is(owner_connection: asyncpg.Connection[Any]) -> None:
    """Where it is not: `make database`."""
    assert await picture(owner_connection) == PICTURE.read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ("ALTER TABLE tiers ADD COLUMN colour text", "colour          text"),
        ("ALTER TABLE outbox ALTER COLUMN topic TYPE text", "topic      text NOT NULL"),
        ("ALTER TABLE tiers ALTER COLUMN name DROP NOT NULL", "name            varchar(200),"),
        ("ALTER TABLE tiers ALTER COLUMN name SET DEFAULT 'x'", "NOT NULL DEFAULT 'x'"),
        ("ALTER TABLE tiers ALTER COLUMN tenant_id SET (n_distinct = 2)", "(n_distinct=2)"),
        ("ALTER TABLE tiers DROP CONSTRAINT tiers_threshold", None),
        ("ALTER TABLE tiers ADD CHECK (name IN ('A', 'B')) NOT VALID", "CHECK (name IN ('A', 'B')) NOT VALID"),
        ("ALTER TABLE tiers ADD CHECK (name <> E'\\t') NOT VALID", "CHECK (name <> E'\\u0009') NOT VALID"),
        ("ALTER TABLE tiers SET (fillfactor = 50)", "WITH (fillfactor=50)"),
        ("ALTER INDEX tiers_pkey SET (fillfactor = 50)", "PRIMARY KEY (tenant_id, id) WITH (fillfactor=50)"),
        ("ALTER TABLE tiers NO FORCE ROW LEVEL SECURITY", None),
        ("ALTER TABLE tiers DISABLE ROW LEVEL SECURITY", None),
        ("ALTER TABLE tiers DISABLE TRIGGER config_version", "-- disabled"),
        ("ALTER POLICY own_tenant ON tiers USING (true)", "USING (true)"),
        (
            "CREATE POLICY more ON tiers AS RESTRICTIVE FOR SELECT TO scrip_app USING (true)",
            "AS RESTRICTIVE FOR SELECT TO",
        ),
        ("DROP TRIGGER config_version ON tiers", None),
        ("CREATE INDEX tiers_name ON tiers (tenant_id, name) WHERE name <> ''", "(tenant_id, name) WHERE name <> '';"),
        ("CREATE STATISTICS tiers_of ON tenant_id, name FROM tiers", "CREATE STATISTICS tiers_of"),
        ("GRANT DELETE ON entries TO scrip_app", "GRANT SELECT, INSERT, DELETE ON entries TO scrip_app"),
        ("GRANT UPDATE (hash) ON entries TO scrip_app", "GRANT SELECT, INSERT, UPDATE (hash) ON entries"),
        ("GRANT SELECT ON entries TO PUBLIC", "GRANT SELECT ON entries TO PUBLIC"),
        ("GRANT EXECUTE ON FUNCTION settled_instant TO PUBLIC", "settled_instant(integer) TO PUBLIC"),
        ("ALTER FUNCTION refuse_change SECURITY DEFINER", "SECURITY DEFINER"),
        ("ALTER FUNCTION entries_continue RESET enable_seqscan", None),
        ("DROP TABLE outbox", None),
        ("CREATE TABLE colours (id int PRIMARY KEY)", "CREATE TABLE colours"),
        ("CREATE SEQUENCE numbers", "-- SEQUENCE numbers"),
        ("CREATE FUNCTION one() RETURNS int LANGUAGE sql RETURN 1", "FUNCTION one()"),
    ],
)
async def test_a_change_shows(owner_connection: asyncpg.Connection[Any], change: str, shown: str | None) -> None:
    transaction = owner_connection.transaction()
    await transaction.start()
    try:
        await owner_connection.execute(change)
        after = Counter((await picture(owner_connection)).splitlines())
    finally:
        await transaction.rollback()
    before = Counter(PICTURE.read_text("utf-8").splitlines())

    if shown is None:  # something is gone
        assert before - after
    else:
        assert shown in "\n".join(after - before)
