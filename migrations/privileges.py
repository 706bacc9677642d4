"""Rights of the app's role in each table: the least that it needs. Granted anew after every migration.

The role that runs the migrations owns the tables; the app should not. SELECT and INSERT are for all tables of the ledger,
UPDATE for the columns that ever change, DELETE for what is nobody's record. Entries, transactions and their texts are
only added to (and triggers refuse the rest to the owner as well).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Privileges:
    """updates: the columns that may be changed. A row can be locked where at least one may."""

    updates: tuple[str, ...] = ()
    inserts: bool = True
    deletes: bool = False


APP_PRIVILEGES: Final[Mapping[str, Privileges]] = {
    "aerich": Privileges(inserts=False),
    # An account that a rejected request had opened goes again; one with entries can't: they point at it.
    "accounts": Privileges(
        updates=("balance_minor", "lifetime_minor", "sequence", "head_hash", "posted_at"), deletes=True
    ),
    "actors": Privileges(updates=("name",)),
    "approval_requests": Privileges(
        updates=(
            "status",
            "decided_by_id",
            "decided_subject",
            "decided_at",
            "decision_note",
            "transaction_id",
            "command",
            "invoice_id",
        )
    ),
    "assignments": Privileges(updates=("released_at", "release_transaction_id")),
    "audit_events": Privileges(updates=("note", "details")),
    "bulk_operations": Privileges(
        updates=(
            "status",
            "total",
            "processed",
            "succeeded",
            "failed",
            "finished_at",
            "validated_at",
            "claimed_until",
            "cancel_requested",
        )
    ),
    "bulk_rows": Privileges(updates=("transaction_id", "error", "details")),
    "coupons": Privileges(updates=("status", "closed_at", "refund_transaction_id")),
    "credit_changes": Privileges(),
    "credit_services": Privileges(deletes=True),
    "credits": Privileges(
        updates=(
            "remaining_minor",
            "expires_at",
            "auto_apply",
            "restricted",
            "swept_at",
            "voided_at",
            "gone_minor",
            "successor_id",
        )
    ),
    "currencies": Privileges(),
    "customers": Privileges(
        updates=(
            "external_id",
            "name",
            "email",
            "membership_started_at",
            "membership_cancelled_at",
            "merged_into_id",
            "merged_at",
            "erased_at",
            "updated_at",
            "external_id_since",
            "external_id_reused",
        )
    ),
    "entries": Privileges(),
    "external_ids_left": Privileges(updates=("left_at",)),
    "grants": Privileges(updates=("revoked_transaction_id", "revoked_minor")),
    "idempotency_keys": Privileges(updates=("result_id",), deletes=True),
    "invoice_lines": Privileges(),
    "invoices": Privileges(updates=("paid_minor", "credited_minor", "status", "auto_apply", "due_on", "voided_at")),
    "limit_counters": Privileges(updates=("used_minor",)),
    "limit_rules": Privileges(updates=("per_adjustment", "per_actor_day", "per_customer_day"), deletes=True),
    "outbox": Privileges(deletes=True),
    "partner_tokens": Privileges(
        updates=("expires_at", "revoked_by_id", "revoked_at", "last_used_at", "last_used_address")
    ),
    "payments": Privileges(updates=("voided_at",)),
    "products": Privileges(updates=("name", "price_minor", "active")),
    "reasons": Privileges(updates=("label", "adds", "removes", "moves_lifetime", "note_required", "active")),
    "rewards": Privileges(
        updates=(
            "name",
            "kind",
            "value",
            "currency",
            "product",
            "points_cost_minor",
            "validity_days",
            "stock",
            "active",
        )
    ),
    "seals": Privileges(inserts=False),  # triggers write them, with their owner's rights
    "services": Privileges(updates=("name", "active")),
    "tenants": Privileges(
        updates=(
            "name",
            "time_zone",
            "grace_days",
            "approval_hours",
            "config_version",
            "restated",
            "key_days",
            "keys_pruned_at",
            "limited_currencies",
        )
    ),
    "tier_changes": Privileges(),
    "tiers": Privileges(updates=("name", "threshold_minor"), deletes=True),
    "transaction_texts": Privileges(updates=("note", "salt")),  # to erase; a trigger sees to that
    "transactions": Privileges(),
}

APP_FUNCTIONS: Final = ("settled_instant(integer)",)
"""Functions that the app's role may call, and nobody else."""


def grants(role: str) -> str:
    """The SQL that gives `role` exactly these rights in the current schema, whatever it had before. For the owner to run."""
    quoted = '"' + role.replace('"', '""') + '"'
    statements = [f"REVOKE ALL ON {', '.join(APP_PRIVILEGES)} FROM {quoted}"]
    for table, may in APP_PRIVILEGES.items():
        # REVOKE on a table takes the rights on its columns with it.
        rights = ["SELECT"]
        if may.inserts:
            rights.append("INSERT")
        if may.deletes:
            rights.append("DELETE")
        if may.updates:
            rights.append(f"UPDATE ({', '.join(may.updates)})")
        statements.append(f"GRANT {', '.join(rights)} ON {table} TO {quoted}")
    statements += [f"GRANT EXECUTE ON FUNCTION {function} TO {quoted}" for function in APP_FUNCTIONS]
    return ";\n".join(statements) + ";"
