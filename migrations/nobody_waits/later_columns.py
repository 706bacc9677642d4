"""What tables say that they did not say from the first, under their seals.

A row whose later columns all stand at what they were for the rows of before is sealed as it was then; else what they say
is a second JSON array behind the first. So no row has to be sealed anew, and a seal that was broken stays broken.
"""

from typing import Final

SEALED: Final = {
    "approval_requests": "id operation command customer_id status requested_by_id requested_subject decided_by_id"
    " decided_subject decided_at decision_note transaction_id created_at expires_at",
    "invoices": "id customer_id number currency total_minor creditable_minor kind auto_apply issued_on due_on actor_id"
    " created_at voided_at",
    "limit_rules": "id role asset holder per_adjustment per_actor_day per_customer_day",
    "tenants": "id slug name time_zone grace_days approval_hours keys_pruned_at created_at",
}
"""As the step before has it."""

LATER: Final = {
    "approval_requests": "terms invoice_id",
    "invoices": "limited_on",
    "limit_rules": "kind",
    "tenants": "limited_currencies",
}
"""What is added to it, in this order."""

BEFORE: Final = {"kind": "'ADDING'"}
"""What a later column is for the rows of before, as SQL, where that is not null."""

_SALTED: Final = ("approval_requests",)
_AS_TEXT: Final = {"command", "per_actor_day", "per_adjustment", "per_customer_day", "terms"}


def _facts(table: str, row: str) -> str:
    """What is hashed, as SQL."""
    first = ", ".join(["'" + table + "'", _tenant(table, row), *(_fact(c, row) for c in SEALED[table].split())])
    later = LATER[table].split()
    silent = " AND ".join(f"{row}.{column} IS NOT DISTINCT FROM {BEFORE.get(column, 'NULL')}" for column in later)
    second = ", ".join(_fact(column, row) for column in later)
    return f"""convert_to(json_build_array({first})::text
        || CASE WHEN {silent} THEN '' ELSE json_build_array({second})::text END, 'UTF8')"""


def _fact(column: str, row: str) -> str:
    value = f'{row}."{column}"'
    if column.endswith("_at"):
        return f"(extract(epoch FROM {value}) * 1000000)::bigint"
    return f"{value}::text" if column in _AS_TEXT else value


def _tenant(table: str, row: str) -> str:
    return f"{row}.id" if table == "tenants" else f"{row}.tenant_id"


def _digest(salt: str, table: str, row: str) -> str:
    return f"sha256({f'{salt} || ' if table in _SALTED else ''}{_facts(table, row)})"


def _sealing(table: str) -> str:
    """The functions and the trigger of the step before, over the later columns as well."""
    fresh = "uuid_send(gen_random_uuid())" if table in _SALTED else "NULL::bytea"
    own = f"s.tenant_id = {_tenant(table, 'OLD')} AND s.of_table = '{table}' AND s.id = OLD.id"
    fitted = f"{own} AND s.digest = {_digest('s.salt', table, 'OLD')}"
    columns = ", ".join(f'"{column}"' for column in f"{SEALED[table]} {LATER[table]}".split())
    return f"""
CREATE OR REPLACE FUNCTION seal_added_{table}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT {_tenant(table, "n")}, '{table}', n.id, NULL, 1, {_digest("n.fresh_salt", table, "n")}, n.fresh_salt, now()
    FROM (SELECT {fresh} AS fresh_salt, r.* FROM added r) n ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION seal_{table}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := {fresh};
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s SET version = s.version + 1, digest = {_digest("fresh", table, "NEW")}, salt = fresh,
            sealed_at = now()
        WHERE {fitted};
    ELSE
        DELETE FROM seals s WHERE {fitted};
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER seal_changed ON {table};
CREATE TRIGGER seal_changed AFTER UPDATE OF {columns} ON {table}
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_{table}();
"""


LATER_COLUMNS: Final = "".join(_sealing(table) for table in LATER)
