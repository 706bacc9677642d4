"""What no database of several machines could run is noticed, whichever way it is written."""

import pytest

from models.session import message_of
from tests.support.sharding import faults

WHOLE = (
    "SELECT a.id FROM accounts a JOIN customers c ON c.tenant_id = $1 AND c.id = a.customer_id WHERE a.tenant_id = $1"
)
NO_ACCOUNTS, NO_CUSTOMERS = "accounts a: no tenant_id = $1", "customers c: no tenant_id = $1"
INSERTED = "INSERT INTO grants (tenant_id, id)"


@pytest.mark.parametrize(
    "sql",
    [
        WHOLE,
        "SELECT id FROM tenants WHERE id = $1",
        "SELECT 1 FROM unnest($2::uuid[]) AS k(id) CROSS JOIN LATERAL (SELECT id FROM grants WHERE tenant_id = $1) AS g",
        "WITH old AS (SELECT id FROM grants WHERE tenant_id = $1) DELETE FROM grants g USING old WHERE g.tenant_id = $1",
        "UPDATE grants SET credit_id = $2 WHERE tenant_id = $1 AND id = $3",
        f"{INSERTED} VALUES ($1, $2)",
        f"{INSERTED} SELECT t.id, u.* FROM tenants t CROSS JOIN unnest($2::uuid[]) AS u WHERE t.id = $1",
        f"{INSERTED} SELECT a.tenant_id, a.id FROM accounts a WHERE a.tenant_id = $1",
        "SET LOCAL lock_timeout = '1s'",
        "BEGIN; DO $$BEGIN SET LOCAL lock_timeout = '1s'; END$$; SELECT pg_advisory_xact_lock(1)",
    ],
)
def test_what_leads_to_one_machine(sql: str) -> None:
    assert faults(sql) == ()


def test_a_message_of_the_app_s_own_has_a_form_for_nodes() -> None:
    message = ("BEGIN", "SET LOCAL lock_timeout = '1s'; SELECT pg_advisory_xact_lock(1); SET LOCAL scrip.tenant = 'a'")
    sets = "SET LOCAL lock_timeout = '1s'; SET LOCAL scrip.tenant = 'a'"
    assert message_of(*message, distributed=False) == f"BEGIN; {sets}; SELECT pg_advisory_xact_lock(1)"
    for_nodes = message_of(*message, distributed=True)
    assert for_nodes == f"BEGIN; DO $$BEGIN {sets}; END$$; SELECT pg_advisory_xact_lock(1)"
    assert faults(for_nodes) == ()


@pytest.mark.parametrize(
    ("sql", "wrong"),
    [
        (WHOLE.replace("c.tenant_id = $1 AND ", ""), NO_CUSTOMERS),
        (WHOLE.replace("c.tenant_id = $1", "c.tenant_id = a.tenant_id"), NO_CUSTOMERS),
        (WHOLE.replace("a.tenant_id = $1", "a.tenant_id = $2"), NO_ACCOUNTS),
        (WHOLE.replace("WHERE a.tenant_id", "WHERE a.id = $3 OR a.tenant_id"), NO_ACCOUNTS),
        (f"{WHOLE} UNION {WHOLE.replace(' WHERE a.tenant_id = $1', '')}", NO_ACCOUNTS),
        (f"WITH x AS ({WHOLE.replace(' WHERE a.tenant_id = $1', '')}) SELECT * FROM x", NO_ACCOUNTS),
        (f"SELECT ({WHOLE.replace(' WHERE a.tenant_id = $1', '')})", NO_ACCOUNTS),
        ("SELECT id FROM tenants WHERE slug = $1", "tenants tenants: no id = $1"),
        ("UPDATE grants SET credit_id = $2 WHERE id = $1", "grants grants: no tenant_id = $1"),
        ("DELETE FROM grants g USING credits c WHERE g.tenant_id = $1", "credits c: no tenant_id = $1"),
        (
            f"{INSERTED} SELECT t.id, * FROM tenants t, unnest($2::uuid[]) WHERE t.slug = 'x' AND t.id = $2",
            "tenants t: no id = $1",
        ),
        (
            f"{INSERTED} SELECT $1, a.id FROM accounts a WHERE a.tenant_id = $1",
            "grants: inserted with no column of the tenant's as tenant_id",
        ),
        (
            f"{INSERTED} SELECT c.tenant_id, u.id FROM unnest($2::uuid[]) AS u(id) LEFT JOIN credits c ON c.tenant_id = $1",
            "grants: inserted from no table of the tenant's",
        ),
        (f"{INSERTED} VALUES ($2, $1)", "grants: inserted with another tenant_id than $1"),
        ("INSERT INTO grants (id) VALUES ($1)", "grants: inserted without tenant_id"),
        (
            f"WITH x AS (SELECT 1) {INSERTED} SELECT t.id, 1 FROM tenants t WHERE t.id = $1",
            "grants: WITH before INSERT, and not before its SELECT",
        ),
        ("SELECT set_config('scrip.tenant', $1, true)", "set_config, which is not passed on"),
        (
            "SELECT CASE action WHEN 'a' THEN 1 END FROM audit_events WHERE tenant_id = $1",
            "CASE of a value, which is passed on as another",
        ),
        (
            "UPDATE grants SET told = jsonb_build_object('at', at) WHERE tenant_id = $1",
            "jsonb_build_object in an UPDATE",
        ),
        ("BEGIN; SET LOCAL lock_timeout = '1s'", "SET lock_timeout beside other statements"),
    ],
)
def test_what_does_not(sql: str, wrong: str) -> None:
    assert faults(sql) == (wrong,)
