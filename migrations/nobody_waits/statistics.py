"""What the planner is told of how many rows a tenant has: as many as there are.

A hundredth of a table for each, as before, made a search by tenant look cheaper than one by many primary keys, so that a
posting read all of a large tenant's rows under its locks. What is counted is no better: among ten thousand tenants with
one row each, every index leads to one row, and the check of a foreign key may read all rows of the one tenant that
grows. Planned for a tenant that has everything, a statement goes by its keys, for the small ones as well (docs/adr/0027).
"""

from typing import Final

TOLD_OF: Final = (
    "accounts", "actors", "approval_requests", "assignments", "audit_events", "bulk_operations", "bulk_rows", "coupons",
    "credit_changes", "credit_services", "credits", "currencies", "customers", "entries", "external_ids_left", "grants",
    "idempotency_keys", "invoice_lines", "invoices", "limit_counters", "limit_rules", "outbox", "partner_tokens",
    "payments", "products", "reasons", "rewards", "seals", "services", "tier_changes", "tiers", "transaction_texts",
    "transactions",
)  # fmt: skip

STATISTICS: Final = "".join(f"\nALTER TABLE {table} ALTER COLUMN tenant_id SET (n_distinct = 1);" for table in TOLD_OF)
