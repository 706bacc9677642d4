"""Currencies kept with the books; what a transaction says and promises under its entries' hashes; and a seal on every row
whose facts no hash of an entry covers.

A row's seal is a digest of what the row says, kept in another table, which the app may read and not write: triggers write
it, with their owner's rights, in the transaction that writes the row. How to compute it is in docs/proof.md;
models/reads/seals.py does so, from a list of its own.

A seal is broken once and for all: a change made with the triggers on renews it only where it fitted the row as it was
before. So what somebody did with the triggers off is still found after the row's next rightful change.
"""

from typing import Final

SEALED: Final = {
    "accounts": "id customer_id asset created_at",
    "actors": "id subject role client name",
    "approval_requests": "id operation command customer_id status requested_by_id requested_subject decided_by_id"
    " decided_subject decided_at decision_note transaction_id created_at expires_at",
    "assignments": "id credit_id invoice_id transaction_id amount_minor origin assigned_at released_at"
    " release_transaction_id",
    "audit_events": "id action subject_id customer_id actor_id details note request_id address created_at",
    "bulk_operations": "id status asset error_policy dry_run total processed succeeded failed actor_id command"
    " idempotency_key validated_at cancel_requested created_at finished_at",
    "bulk_rows": "id operation_id row customer_id amount transaction_id details error",
    "coupons": "id code reward_id customer_id transaction_id points_spent_minor status terms issued_at expires_at closed_at"
    " refund_transaction_id",
    "credit_changes": "id credit_id transaction_id old_expires_at new_expires_at old_auto_apply new_auto_apply"
    " old_services new_services created_at",
    "credit_services": "id credit_id service_id",
    "credits": "id account_id transaction_id amount_minor effective_on starts_at expires_at restricted auto_apply created_at"
    " swept_at voided_at counts opened_sequence origin_id successor_id",
    "currencies": "id code exponent first_used_at",
    "customers": "id external_id name email membership_started_at membership_cancelled_at merged_into_id merged_at erased_at"
    " created_at updated_at external_id_since external_id_reused",
    "external_ids_left": "id left_at",
    "grants": "id invoice_id credit_id transaction_id revoked_transaction_id revoked_minor",
    "idempotency_keys": "key operation input_hash result_id created_at",
    "invoice_lines": "id invoice_id position description quantity unit_price_minor kind product_id",
    "invoices": "id customer_id number currency total_minor creditable_minor kind auto_apply issued_on due_on actor_id"
    " created_at voided_at",
    "limit_counters": "id scope role holder asset day opening_minor",
    "limit_rules": "id role asset holder per_adjustment per_actor_day per_customer_day",
    "partner_tokens": "id client name scope secret_hash replaces_id created_by_id created_at expires_at revoked_by_id"
    " revoked_at",
    "payments": "id invoice_id amount_minor method received_on transaction_id actor_id created_at voided_at",
    "products": "id name kind currency price_minor active",
    "reasons": "id code label adds removes moves_lifetime note_required active",
    "rewards": "id name kind value currency product points_cost_minor validity_days stock active",
    "services": "id name active",
    "tenants": "id slug name time_zone grace_days approval_hours keys_pruned_at created_at",
    "tier_changes": "id account_id transaction_id old_tier new_tier created_at",
    "tiers": "id name threshold_minor",
    "transactions": "id customer_id kind reason note_digest actor_id approved_by_id idempotency_key created_at"
    " limited_asset limited_minor limited_on",
}
"""What each table's seal covers, in this order. Not: what entries, lines and payments come to, which is worked out from
those; and who works on a bulk, or used a token last, which nobody is promised."""

SALTED: Final = ("actors", "approval_requests", "audit_events", "bulk_operations", "bulk_rows", "customers")
"""Where a row holds what people wrote or are called. The salt is a new one with each change, so that of what was erased
nothing is left to guess."""

_INSTANTS: Final = {"external_id_since"}
_AS_TEXT: Final = {
    "amount", "command", "details", "error", "new_services", "old_services", "per_actor_day", "per_adjustment",
    "per_customer_day", "terms", "value",
}  # fmt: skip
_AS_HEX: Final = {"input_hash", "note_digest", "secret_hash"}

_TABLES = r"""
-- exponent: the decimal places of the currency's amounts in these books, from its first use on.
CREATE TABLE currencies (
    id            uuid NOT NULL,
    tenant_id     uuid NOT NULL REFERENCES tenants (id),
    code          varchar(3) NOT NULL,
    exponent      smallint NOT NULL,
    first_used_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT currencies_code_key UNIQUE (tenant_id, code),
    CONSTRAINT currencies_code CHECK (code ~ '^[A-Z]{3}$'),
    CONSTRAINT currencies_exponent CHECK (exponent BETWEEN 0 AND 4)
);

-- id: the sealed row's own; a key's has none, and is named. There is no foreign key: that the row is there is what this is
-- to prove.
CREATE TABLE seals (
    tenant_id uuid NOT NULL,
    of_table  varchar(32) NOT NULL,
    id        uuid NOT NULL,
    name      varchar(255),
    version   int NOT NULL,
    digest    bytea NOT NULL,
    salt      bytea,
    sealed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, of_table, id),
    CONSTRAINT seals_digest CHECK (octet_length(digest) = 32),
    CONSTRAINT seals_salt CHECK (octet_length(salt) = 16)
) WITH (fillfactor = 90);

-- Keys that were used before then need not be there any more.
ALTER TABLE tenants ADD COLUMN keys_pruned_at timestamptz;

-- Over what it says and, in 32 bytes more, what the credits that it opened promise; null before this step.
ALTER TABLE transactions ADD COLUMN digest bytea;
ALTER TABLE transactions ADD CONSTRAINT transactions_digest CHECK (octet_length(digest) IN (32, 64));

-- What it used up of its actor's limits by day. opening_minor: what a counter held before that was said.
ALTER TABLE transactions ADD COLUMN limited_asset varchar(16);
ALTER TABLE transactions ADD COLUMN limited_minor bigint;
ALTER TABLE transactions ADD COLUMN limited_on date;
ALTER TABLE transactions ADD CONSTRAINT transactions_limited CHECK (limited_minor >= 0
    AND (limited_asset IS NULL) = (limited_on IS NULL) AND (limited_minor IS NULL) = (limited_on IS NULL));
ALTER TABLE limit_counters ADD COLUMN opening_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE limit_counters NO FORCE ROW LEVEL SECURITY;
UPDATE limit_counters SET opening_minor = used_minor WHERE used_minor <> 0;
ALTER TABLE limit_counters FORCE ROW LEVEL SECURITY;
"""

# The exponents of ISO 4217 as they were when this step was written: two decimal places but for these.
_CURRENCIES_HELD = r"""
ALTER TABLE accounts NO FORCE ROW LEVEL SECURITY;
ALTER TABLE invoices NO FORCE ROW LEVEL SECURITY;
ALTER TABLE products NO FORCE ROW LEVEL SECURITY;
ALTER TABLE rewards NO FORCE ROW LEVEL SECURITY;
ALTER TABLE limit_rules NO FORCE ROW LEVEL SECURITY;
INSERT INTO currencies (id, tenant_id, code, exponent, first_used_at)
SELECT gen_random_uuid(), tenant_id, code, CASE
    WHEN code IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF',
        'XOF', 'XPF') THEN 0
    WHEN code IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3
    WHEN code IN ('CLF', 'UYW') THEN 4
    ELSE 2 END, now()
FROM (
    SELECT tenant_id, asset AS code FROM accounts
    UNION SELECT tenant_id, currency FROM invoices
    UNION SELECT tenant_id, currency FROM products
    UNION SELECT tenant_id, currency FROM rewards
    UNION SELECT tenant_id, asset FROM limit_rules
) held WHERE code ~ '^[A-Z]{3}$';
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
ALTER TABLE invoices FORCE ROW LEVEL SECURITY;
ALTER TABLE products FORCE ROW LEVEL SECURITY;
ALTER TABLE rewards FORCE ROW LEVEL SECURITY;
ALTER TABLE limit_rules FORCE ROW LEVEL SECURITY;
"""


def _facts(table: str, row: str) -> str:
    """What is hashed, as SQL: a JSON array of the row's facts, in UTF-8."""
    values = ", ".join(["'" + table + "'", _tenant(table, row), *(_fact(c, row) for c in SEALED[table].split())])
    return f"convert_to(json_build_array({values})::text, 'UTF8')"


def _fact(column: str, row: str) -> str:
    value = f'{row}."{column}"'
    if column.endswith("_at") or column in _INSTANTS:
        return f"(extract(epoch FROM {value}) * 1000000)::bigint"
    if column in _AS_TEXT:
        return f"{value}::text"
    return f"encode({value}, 'hex')" if column in _AS_HEX else value


def _tenant(table: str, row: str) -> str:
    return f"{row}.id" if table == "tenants" else f"{row}.tenant_id"


def _id(table: str, row: str) -> str:
    """A key's row has no id: half of the key's SHA-256 is as good as one."""
    if table != "idempotency_keys":
        return f"{row}.id"
    return f"substr(encode(sha256(convert_to({row}.key, 'UTF8')), 'hex'), 1, 32)::uuid"


def sealing(table: str, source: str) -> str:
    """SQL that seals the rows of `source`, as they are, as those of `table`."""
    salt = "uuid_send(gen_random_uuid())" if table in SALTED else "NULL::bytea"
    name = "n.key" if table == "idempotency_keys" else "NULL"
    return f"""INSERT INTO seals (tenant_id, of_table, id, name, version, digest, salt, sealed_at)
    SELECT {_tenant(table, "n")}, '{table}', {_id(table, "n")}, {name}, 1, sha256({_salted("n.fresh_salt", table, "n")}),
        n.fresh_salt, now()
    FROM (SELECT {salt} AS fresh_salt, r.* FROM {source} r) n ON CONFLICT DO NOTHING;"""


def _salted(salt: str, table: str, row: str) -> str:
    return f"{salt} || {_facts(table, row)}" if table in SALTED else _facts(table, row)


def _seal_what_changes() -> str:
    """Of credits only those that have changed since they were opened: what they promised then is under a hash. Where the
    first change is made, there is no seal yet."""
    return f"""{_seal_so_far("credits")}
CREATE FUNCTION seal_credits() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO seals AS s (tenant_id, of_table, id, version, digest, salt, sealed_at)
    VALUES (NEW.tenant_id, 'credits', NEW.id, 1, sha256({_facts("credits", "NEW")}), NULL, now())
    ON CONFLICT (tenant_id, of_table, id) DO UPDATE
        SET version = s.version + 1, digest = excluded.digest, sealed_at = excluded.sealed_at
        WHERE s.digest = sha256({_facts("credits", "OLD")});
    RETURN NULL;
END $$;
{_changed("credits")}"""


def _seal_so_far(table: str) -> str:
    return f"""
ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
{sealing(table, table)}
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"""


def _changed(table: str) -> str:
    columns = ", ".join(f'"{column}"' for column in SEALED[table].split())
    return f"""CREATE TRIGGER seal_changed AFTER UPDATE OF {columns} ON {table}
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION seal_{table}();
"""


def _seal(table: str) -> str:
    """Its rows so far, and what seals them from now on: all rows that a statement adds at once, each that it changes in
    what the seal covers, each that it deletes."""
    own = f"s.tenant_id = {_tenant(table, 'OLD')} AND s.of_table = '{table}' AND s.id = {_id(table, 'OLD')}"
    fitted = f"{own} AND s.digest = sha256({_salted('s.salt', table, 'OLD')})"
    fresh = "uuid_send(gen_random_uuid())" if table in SALTED else "NULL"
    return f"""{_seal_so_far(table)}
CREATE FUNCTION seal_added_{table}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    {sealing(table, "added")}
    RETURN NULL;
END $$;
CREATE TRIGGER seal_added AFTER INSERT ON {table}
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION seal_added_{table}();
CREATE FUNCTION seal_{table}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    fresh bytea := {fresh};
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE seals s SET version = s.version + 1, digest = sha256({_salted("fresh", table, "NEW")}), salt = fresh,
            sealed_at = now()
        WHERE {fitted};
    ELSE
        DELETE FROM seals s WHERE {fitted};
    END IF;
    RETURN NULL;
END $$;
{_changed(table)}CREATE TRIGGER seal_deleted AFTER DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION seal_{table}();
"""


NEW_TABLES: Final = ("currencies", "seals")


def _own_rows(table: str) -> str:
    """Row-level security, without a sub-select."""
    tenant = "tenant_id = nullif(current_setting('scrip.tenant', true), '')::uuid"
    return f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON {table} USING ({tenant}) WITH CHECK ({tenant});
"""


_STATISTICS = "".join(f"\nALTER TABLE {table} ALTER COLUMN tenant_id SET (n_distinct = -0.01);" for table in NEW_TABLES)

BOOKS: Final = (
    _TABLES
    + _CURRENCIES_HELD
    + _own_rows("currencies")
    + "".join(_seal(table) for table in SEALED if table not in ("credits", "transactions"))
    + _seal_so_far("transactions")
    + _seal_what_changes()
    + _own_rows("seals")
    + _STATISTICS
    + "\n"
)
