"""Seals: every row's contents when it was last written, kept in another table, and compared with its contents now.

A table's columns are sealed in the order of models/tables/, except those listed here; so a new one is sealed unless
listed. Seals are computed here independently (docs/proof.md), without the triggers that seal rows (migrations/).
"""

from dataclasses import dataclass
from typing import Final

from tortoise.models import Model

from models import tables

SALTED: Final = frozenset(
    {"actors", "approval_requests", "audit_events", "bulk_operations", "bulk_rows", "customers", "invoice_texts"}
)
"""Tables whose rows hold people's texts or names."""

UNSEALED: Final = {
    "accounts": "balance_minor lifetime_minor sequence head_hash posted_at held_until",
    "assignments": "noted_minor",
    "bulk_operations": "claimed_until",
    "checkpoints": "kept_at",
    "credits": "remaining_minor gone_minor opened_at",
    "holds": "held_minor captured_minor",
    "idempotency_keys": "sealed",
    "invoices": "paid_minor credited_minor noted_minor status tax_minor",
    "limit_counters": "used_minor",
    "partner_tokens": "last_used_at last_used_address",
    "payments": "noted_minor",
    "tenants": "config_version restated deletion_began_at",
    "transactions": "key_use key_at digest",
}
"""Columns of those tables that no seal covers: figures that verify recomputes from entries, lines, payments and
assignments, columns that promise nothing, a transaction's digest of all the others, and what it says of its key."""

UNSEALED_TABLES: Final = frozenset(
    {
        "checkpoint_tiles",
        "checkpoint_trees",
        "entries",
        "feed",
        "feed_heads",
        "outbox",
        "seals",
        "standings",
        "tenant_slugs",
        "totals",
        "totals_amounts",
        "totals_latest",
        "totals_seen",
        "transaction_texts",
        "webhook_deliveries",
        "webhooks",
    }
)
"""Tables of the ledger, covered by its hashes; the outbox; the seals; tables derived from others; where the feed is
delivered to, which is none of the books."""


def _sealed(model: type[Model]) -> str:
    meta = model._meta  # noqa: SLF001 - as Tortoise calls what it tells of a model
    left_out = {"tenant_id", *UNSEALED.get(meta.db_table, "").split()}
    return " ".join(name for name in meta.fields_db_projection if name not in left_out)


SEALED: Final = {
    model._meta.db_table: _sealed(model)  # noqa: SLF001 - as above
    for model in (getattr(tables, name) for name in tables.__all__)
    if model._meta.db_table not in UNSEALED_TABLES  # noqa: SLF001 - as above
}
"""Columns that each table's seal covers: all except those above, in the order of models/tables/. The others sum up
other rows."""

CLIENT_OF: Final = (
    "CASE WHEN {actor}.role <> 'PARTNER' THEN '' WHEN {actor}.client <> '' THEN {actor}.client ELSE {actor}.subject END"
)
"""The client that an actor's keys belong to."""

_INSTANTS: Final = frozenset({"external_id_since", "until"})
_AS_TEXT: Final = frozenset(
    {
        "amount",
        "command",
        "details",
        "error",
        "new_services",
        "old_services",
        "per_actor_day",
        "per_adjustment",
        "per_customer_day",
        "terms",
        "value",
    }
)
_AS_HEX: Final = frozenset({"input_hash", "note_digest", "root", "secret_hash"})


@dataclass(frozen=True, slots=True)
class SealCheck:
    """table: of the rows. sql: selects a tenant's ($1) rows and seals that do not match: (id, detail)."""

    table: str
    sql: str


def fact(column: str, row: str = "t") -> str:
    """SQL for the text of one column of the row in its seal."""
    value = f'{row}."{column}"'
    if column.endswith("_at") or column in _INSTANTS:
        return f"(extract(epoch FROM {value}) * 1000000)::bigint"
    if column in _AS_TEXT:
        return f"{value}::text"
    return f"encode({value}, 'hex')" if column in _AS_HEX else value


def facts(table: str) -> str:
    """SQL for the facts of the table's row `t`: the bytes that are hashed, after the salt, into its seal."""
    own = "t.id" if table == "tenants" else "t.tenant_id"
    said = ", ".join([f"'{table}'", own, *(fact(column) for column in SEALED[table].split())])
    return f"convert_to(json_build_array({said})::text, 'UTF8')"


def _check(table: str) -> SealCheck:
    own = "t.id" if table == "tenants" else "t.tenant_id"
    special = _SPECIAL.get(table, _Special())
    return SealCheck(
        table,
        f"""
        SELECT {special.named} AS id, CASE
            WHEN t.row_id IS NULL
                THEN format('is gone; it was written %s times, the last time at %s', s.version, s.sealed_at)
            WHEN s.id IS NULL THEN 'was never written by the service'
            ELSE format('is not as it was written at %s', s.sealed_at) END{special.detail} AS detail
        FROM (
            SELECT t.*, {special.id} AS row_id{special.more} FROM {table} t {special.joined} WHERE {own} = $1 {special.where}
        ) t FULL JOIN (
            SELECT id, name, version, digest, salt, sealed_at FROM seals WHERE tenant_id = $1 AND of_table = '{table}'
        ) s ON s.id = t.row_id
        WHERE CASE WHEN t.row_id IS NULL OR s.id IS NULL THEN true
            ELSE s.digest IS DISTINCT FROM sha256(coalesce(s.salt, '') || {facts(table)}) END {special.but}
        """,
    )


@dataclass(frozen=True, slots=True)
class _Special:
    """The differences of a table's check from the others'."""

    id: str = "t.id"
    named: str = "coalesce(s.id, t.row_id)"
    detail: str = ""
    more: str = ""
    joined: str = ""
    where: str = ""
    but: str = ""


_SPECIAL: Final = {
    # A key whose transaction tells of it needs no seal; verify_people.py looks for the keys of transactions.
    # A key has no id: half of the SHA-256 of it and its client serves as one. It is reported by its result and itself.
    "idempotency_keys": _Special(
        id="substr(encode(sha256(convert_to(json_build_array(t.key, t.client)::text, 'UTF8')), 'hex'), 1, 32)::uuid",
        named="coalesce(t.result_id, s.id)",
        detail=" || format(' (the key %L)', coalesce(t.key, s.name))",
        more=f""", NOT (t.sealed OR t.kept OR t.shared) AND x.key_use IS NOT NULL
                AND (t.key, t.client, t.created_at) = (x.idempotency_key, {CLIENT_OF.format(actor="a")}, x.key_at)
                AND (t.operation, t.input_hash) = ('', '') AS as_told""",
        joined="""LEFT JOIN transactions x ON x.tenant_id = t.tenant_id AND x.id = t.result_id
            LEFT JOIN actors a ON a.tenant_id = x.tenant_id AND a.id = x.actor_id""",
        but="AND (s.id IS NOT NULL OR t.as_told IS NOT TRUE)",
    ),
    # Those with a digest are under the hashes of their entries.
    "transactions": _Special(where="AND t.digest IS NULL"),
    # As opened, a credit is covered by its transaction's digest, if that has one; it is sealed once it changes.
    "credits": _Special(
        more=", t.swept_at IS NULL AND t.voided_at IS NULL AND t.successor_id IS NULL AND x.id IS NULL AS as_opened",
        joined="LEFT JOIN (SELECT id FROM transactions WHERE tenant_id = $1 AND digest IS NULL) x"
        " ON x.id = t.transaction_id",
        but="AND (s.id IS NOT NULL OR t.as_opened IS NOT TRUE)",
    ),
}

SEAL_CHECKS: Final = tuple(_check(table) for table in SEALED)
