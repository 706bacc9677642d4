"""Seals: what every row said when it was last written, kept in another table, and compared with what it says now.

The list of what is sealed is this module's own, as is the way to compute it (docs/proof.md): the triggers that seal rows
(migrations/) are not asked.
"""

from dataclasses import dataclass
from typing import Final

SEALED: Final = {
    "accounts": "id customer_id asset created_at",
    "actors": "id subject role client name",
    "approval_requests": "id operation command customer_id status requested_by_id requested_subject decided_by_id"
    " decided_subject decided_at decision_note transaction_id created_at expires_at terms invoice_id",
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
    "idempotency_keys": "key client shared kept operation input_hash result_id created_at",
    "invoice_lines": "id invoice_id position description quantity unit_price_minor kind product_id",
    "invoices": "id customer_id number currency total_minor creditable_minor kind auto_apply issued_on due_on actor_id"
    " created_at voided_at limited_on",
    "limit_counters": "id scope role holder asset day opening_minor",
    "limit_rules": "id role asset holder per_adjustment per_actor_day per_customer_day kind",
    "partner_tokens": "id client name scope secret_hash replaces_id created_by_id created_at expires_at revoked_by_id"
    " revoked_at",
    "payments": "id invoice_id amount_minor method received_on transaction_id actor_id created_at voided_at",
    "products": "id name kind currency price_minor active",
    "reasons": "id code label adds removes moves_lifetime note_required active",
    "rewards": "id name kind value currency product points_cost_minor validity_days stock active",
    "services": "id name active",
    "tenants": "id slug name time_zone grace_days approval_hours keys_pruned_at created_at key_days limited_currencies",
    "tier_changes": "id account_id transaction_id old_tier new_tier created_at",
    "tiers": "id name threshold_minor",
    "transactions": "id customer_id kind reason note_digest actor_id approved_by_id idempotency_key created_at"
    " limited_asset limited_minor limited_on",
}
"""What each table's seal covers, in this order. The rest of its columns sum up what other rows say."""

SALTED: Final = frozenset({"actors", "approval_requests", "audit_events", "bulk_operations", "bulk_rows", "customers"})
"""Where a row holds what people wrote or are called."""

UNSEALED: Final = {
    "accounts": "balance_minor lifetime_minor sequence head_hash posted_at",
    "bulk_operations": "claimed_until",
    "credits": "remaining_minor gone_minor opened_at",
    "invoices": "paid_minor credited_minor status",
    "limit_counters": "used_minor",
    "partner_tokens": "last_used_at last_used_address",
    "tenants": "config_version restated",
}
"""What of those tables no seal covers: figures that verify works out from entries, lines, payments and assignments, and
what nobody is promised."""

_INSTANTS: Final = frozenset({"external_id_since"})
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
_AS_HEX: Final = frozenset({"input_hash", "note_digest", "secret_hash"})


@dataclass(frozen=True, slots=True)
class SealCheck:
    """table: whose rows. sql: of a tenant's ($1) rows and seals, those that do not fit: (id, detail)."""

    table: str
    sql: str


def _fact(column: str) -> str:
    value = f't."{column}"'
    if column.endswith("_at") or column in _INSTANTS:
        return f"(extract(epoch FROM {value}) * 1000000)::bigint"
    if column in _AS_TEXT:
        return f"{value}::text"
    return f"encode({value}, 'hex')" if column in _AS_HEX else value


def facts(table: str) -> str:
    """SQL for the facts of the table's row `t`: the bytes that are hashed, after the salt, into its seal."""
    own = "t.id" if table == "tenants" else "t.tenant_id"
    said = ", ".join([f"'{table}'", own, *(_fact(column) for column in SEALED[table].split())])
    return f"convert_to(json_build_array({said})::text, 'UTF8')"


def _check(table: str) -> SealCheck:
    own = "t.id" if table == "tenants" else "t.tenant_id"
    special = _SPECIAL.get(table, _Special())
    return SealCheck(
        table,
        f"""
        SELECT {special.named} AS id, CASE
            WHEN r.id IS NULL THEN format('is gone; it was written %s times, the last time at %s', s.version, s.sealed_at)
            WHEN s.id IS NULL THEN 'was never written by the service'
            ELSE format('is not as it was written at %s', s.sealed_at) END{special.detail} AS detail
        FROM (
            SELECT {special.id} AS id, {facts(table)} AS facts{special.more}
            FROM {table} t {special.joined} WHERE {own} = $1 {special.where}
        ) r FULL JOIN (
            SELECT id, name, version, digest, salt, sealed_at FROM seals WHERE tenant_id = $1 AND of_table = '{table}'
        ) s ON s.id = r.id
        WHERE s.digest IS DISTINCT FROM sha256(coalesce(s.salt, '') || r.facts) {special.but}
        """,
    )


@dataclass(frozen=True, slots=True)
class _Special:
    """How a table's check differs from the others'."""

    id: str = "t.id"
    named: str = "coalesce(s.id, r.id)"
    detail: str = ""
    more: str = ""
    joined: str = ""
    where: str = ""
    but: str = ""


_SPECIAL: Final = {
    # A key has no id: half of the SHA-256 of it and its client is as good as one. It is called by what it made, and itself.
    "idempotency_keys": _Special(
        id="substr(encode(sha256(convert_to(json_build_array(t.key, t.client)::text, 'UTF8')), 'hex'), 1, 32)::uuid",
        named="coalesce(r.result_id, s.id)",
        detail=" || format(' (the key %L)', coalesce(r.key, s.name))",
        more=", t.key, t.result_id",
    ),
    # Those with a digest are under the hashes of their entries.
    "transactions": _Special(where="AND t.digest IS NULL"),
    # As opened, a credit is under its transaction's digest; it is sealed once it changes.
    "credits": _Special(
        more=", t.swept_at IS NULL AND t.voided_at IS NULL AND t.successor_id IS NULL"
        " AND octet_length(x.digest) = 64 AS as_opened",
        joined="LEFT JOIN transactions x ON x.tenant_id = t.tenant_id AND x.id = t.transaction_id",
        but="AND (s.id IS NOT NULL OR r.as_opened IS NOT TRUE)",
    ),
}

SEAL_CHECKS: Final = tuple(_check(table) for table in SEALED)
