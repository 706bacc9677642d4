"""Later steps stop nobody, and the version before lives with them."""

import pytest

from migrations.steps import sql
from tests.migrations.test_step_files import STEPS
from tests.support.locking import faults

OFFLINE = 7
"""Up to this step an upgrade stops the version before first: 0.1 cannot write into what they build (docs/upgrading.md)."""
CONTRACTS: dict[str, str] = {}
"""Faults that are meant, as `step: fault`: since which release nothing uses what is taken away."""


@pytest.mark.parametrize("step", STEPS)
def test_a_step_can_be_applied_beside_the_version_before(step: str) -> None:
    if int(step.split("_")[0]) <= OFFLINE:
        assert sql(step)
        return
    assert [fault for fault in faults(sql(step)) if f"{step}: {fault}" not in CONTRACTS] == []


def test_a_contract_is_of_a_step_and_of_a_fault_that_is_there() -> None:
    assert [
        key for key in CONTRACTS if not any(key == f"{step}: {fault}" for step in STEPS for fault in faults(sql(step)))
    ] == []


NEW = "CREATE TABLE fresh (id uuid NOT NULL, tenant_id uuid NOT NULL);"


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("CREATE INDEX a ON entries (tenant_id);", "CONCURRENTLY"),
        ("DROP INDEX entries_time;", "CONCURRENTLY"),
        (f"{NEW} CREATE INDEX CONCURRENTLY a ON entries (tenant_id);", "step of its own"),
        ("ALTER TABLE entries ADD CONSTRAINT a CHECK (sequence > 0);", "NOT VALID"),
        ("ALTER TABLE entries ADD FOREIGN KEY (tenant_id, id) REFERENCES credits (tenant_id, id);", "NOT VALID"),
        ("ALTER TABLE entries ADD COLUMN a int CHECK (a > 0);", "NOT VALID"),
        ("ALTER TABLE entries ADD UNIQUE (tenant_id, hash);", "USING INDEX"),
        ("ALTER TABLE entries VALIDATE CONSTRAINT a; ALTER TABLE entries ADD COLUMN b int;", "step of its own"),
        ("ALTER TABLE entries ADD COLUMN a int NOT NULL;", "version before"),
        ("ALTER TABLE entries ADD COLUMN a uuid DEFAULT gen_random_uuid();", "anew"),
        ("ALTER TABLE entries ADD COLUMN a int GENERATED ALWAYS AS (1) STORED;", "anew"),
        ("ALTER TABLE entries ADD COLUMN a bigserial;", "anew"),
        ("ALTER TABLE entries ALTER COLUMN counter TYPE text;", "beside it"),
        ("ALTER TABLE entries ALTER COLUMN credit_id SET NOT NULL;", "IS NOT NULL"),
        ("ALTER TABLE entries DROP COLUMN counter;", "release after"),
        ("ALTER TABLE credits ALTER COLUMN opened_at DROP DEFAULT;", "release after"),
        ("ALTER TABLE entries RENAME COLUMN counter TO count;", "release after"),
        ("ALTER TABLE entries RENAME TO postings;", "release after"),
        ("DROP TABLE outbox;", "release after"),
        ("UPDATE entries SET counter = 'ISSUED';", "in batches"),
        ("INSERT INTO seals SELECT * FROM seals;", "in batches"),
        ("DELETE FROM outbox;", "in batches"),
        ("ALTER TABLE entries NO FORCE ROW LEVEL SECURITY;", "in batches"),
        ("TRUNCATE outbox;", "empties"),
        ("LOCK TABLE entries;", "locks"),
        ("DO $$ BEGIN UPDATE entries SET id = id; END $$;", "cannot be judged"),
    ],
)
def test_what_stops_others_would_be_found(planted: str, found: str) -> None:
    (told,) = faults(planted)
    assert found in told


@pytest.mark.parametrize(
    "fine",
    [
        "ALTER TABLE entries ADD COLUMN a int;",
        "ALTER TABLE entries ADD COLUMN a int NOT NULL DEFAULT 7;",
        "ALTER TABLE entries ADD COLUMN a timestamptz NOT NULL DEFAULT now();",
        "ALTER TABLE entries ADD CONSTRAINT a CHECK (sequence > 0) NOT VALID;",
        "ALTER TABLE entries VALIDATE CONSTRAINT a;",
        "ALTER TABLE entries ADD CONSTRAINT a UNIQUE USING INDEX b;",
        "ALTER TABLE entries DROP CONSTRAINT a;",
        "CREATE INDEX CONCURRENTLY a ON entries (tenant_id);",
        "DROP INDEX CONCURRENTLY IF EXISTS a;",
        f"{NEW} CREATE INDEX a ON fresh (tenant_id); ALTER TABLE fresh ADD PRIMARY KEY (tenant_id, id);",
        f"{NEW} ALTER TABLE fresh ENABLE ROW LEVEL SECURITY; ALTER TABLE fresh ALTER COLUMN tenant_id SET (n_distinct = 1);",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM outbox; RETURN NULL; END $$;",
    ],
)
def test_what_stops_nobody_is_fine(fine: str) -> None:
    assert faults(fine) == []


def test_the_steps_of_before_would_stop_others() -> None:
    """So the upgrade to them is done while nobody works."""
    assert [step for step in STEPS[3:OFFLINE] if not faults(sql(step))] == []
