"""What a table's seals cover once it has more columns; the rows so far are sealed anew where their seals fit.

How a seal is computed is in docs/proof.md; models/reads/verify_seals.py does so, from a list of its own.
"""

from typing import Final

SALTED: Final = ("actors", "approval_requests", "audit_events", "bulk_operations", "bulk_rows", "customers")
_INSTANTS: Final = {"external_id_since"}
_AS_TEXT: Final = {
    "amount", "command", "details", "error", "new_services", "old_services", "per_actor_day", "per_adjustment",
    "per_customer_day", "terms", "value",
}  # fmt: skip
_AS_HEX: Final = {"input_hash", "note_digest", "secret_hash"}
_ID: Final = "{row}.id"


def resealed(
    table: str, before: str, since: str, *, id_before: str = _ID, id_since: str = _ID, name: str = "NULL",
    rightly_gone: str = "",
) -> str:  # fmt: skip
    """SQL that has `table` sealed over the columns `since`, in this order, in place of `before`.

    A seal that does not fit stays one that does not. id_before, id_since: the seal's id, of the row that stands for
    `{row}`. name: the seal's name. rightly_gone: SQL on OLD and its seal s, where not every row may be deleted: of one
    that may not the seal stays.
    """
    facts, salt = (
        _digest(table, since, "n", "s.salt"),
        "uuid_send(gen_random_uuid())" if table in SALTED else "NULL::bytea",
    )
    return f"""
ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
ALTER TABLE seals NO FORCE ROW LEVEL SECURITY;
UPDATE seals s SET id = {id_since.format(row="n")}, digest = CASE
    WHEN s.digest = {_digest(table, before, "n", "s.salt")} THEN {facts} ELSE s.digest END
FROM {table} n
WHERE s.tenant_id = {_tenant(table, "n")} AND s.of_table = '{table}' AND s.id = {id_before.format(row="n")};
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
ALTER TABLE seals FORCE ROW LEVEL SECURITY;
CREATE OR REPLACE FUNCTION seal_added_{table}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT {_tenant(table, "n")}, '{table}', {id_since.format(row="n")}, {name}, 1,
        {_digest(table, since, "n", "n.fresh_salt")}, n.fresh_salt, now()
    FROM (SELECT {salt} AS fresh_salt, r.* FROM added r) n ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
{_changes(table, since, id_since, rightly_gone)}"""


def _changes(table: str, columns: str, row_id: str, rightly_gone: str) -> str:
    fresh = "uuid_send(gen_random_uuid())" if table in SALTED else "NULL"
    fitted = f"""s.tenant_id = {_tenant(table, "OLD")} AND s.of_table = '{table}' AND s.id = {row_id.format(row="OLD")}
            AND s.digest = {_digest(table, columns, "OLD", "s.salt")}"""
    named = ", ".join(f'"{column}"' for column in columns.split())
    return f"""CREATE OR REPLACE FUNCTION seal_{table}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := {fresh};
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s SET version = s.version + 1, digest = {_digest(table, columns, "NEW", "fresh")}, salt = fresh,
            sealed_at = now()
        WHERE {fitted};
    ELSE
        DELETE FROM seals s WHERE {fitted}{f" AND ({rightly_gone})" if rightly_gone else ""};
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER seal_changed ON {table};
CREATE TRIGGER seal_changed AFTER UPDATE OF {named} ON {table}
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_{table}();
"""


def _digest(table: str, columns: str, row: str, salt: str) -> str:
    values = ", ".join([f"'{table}'", _tenant(table, row), *(_fact(column, row) for column in columns.split())])
    facts = f"convert_to(json_build_array({values})::text, 'UTF8')"
    return f"sha256({salt} || {facts})" if table in SALTED else f"sha256({facts})"


def _fact(column: str, row: str) -> str:
    value = f'{row}."{column}"'
    if column.endswith("_at") or column in _INSTANTS:
        return f"(extract(epoch FROM {value}) * 1000000)::bigint"
    if column in _AS_TEXT:
        return f"{value}::text"
    return f"encode({value}, 'hex')" if column in _AS_HEX else value


def _tenant(table: str, row: str) -> str:
    return f"{row}.id" if table == "tenants" else f"{row}.tenant_id"
