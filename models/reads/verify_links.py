"""Checks that every row named by another one exists: with the triggers off, foreign keys are not enforced."""

from dataclasses import dataclass
from typing import Final

LINKS: Final = {
    "accounts": "customer_id customers",
    "approval_requests": "customer_id customers, requested_by_id actors, decided_by_id actors,"
    " transaction_id transactions, invoice_id invoices",
    "assignments": "credit_id credits, invoice_id invoices, transaction_id transactions,"
    " release_transaction_id transactions",
    "audit_events": "customer_id customers, actor_id actors",
    "bulk_operations": "actor_id actors, reverses_id bulk_operations",
    "bulk_rows": "operation_id bulk_operations, transaction_id transactions",
    "coupons": "reward_id rewards, customer_id customers, transaction_id transactions,"
    " refund_transaction_id transactions, invoice_id invoices",
    "credit_changes": "credit_id credits, transaction_id transactions",
    "credit_note_lines": "note_id credit_notes, line_id invoice_lines",
    "credit_note_parts": "note_id credit_notes, assignment_id assignments, payment_id payments, credit_id credits",
    "credit_notes": "id transactions, invoice_id invoices, credit_id credits, void_transaction_id transactions",
    "credit_services": "credit_id credits, service_id services",
    "credits": "account_id accounts, transaction_id transactions, origin_id credits, successor_id credits",
    "customers": "merged_into_id customers",
    "entries": "account_id accounts, transaction_id transactions, credit_id credits",
    "grants": "invoice_id invoices, credit_id credits, transaction_id transactions, revoked_transaction_id transactions",
    "hold_lots": "hold_id holds, transaction_id transactions, account_id accounts, credit_id credits",
    "holds": "id transactions, account_id accounts, home_id accounts, invoice_id invoices",
    "invoice_line_details": "id invoice_lines",
    "invoice_lines": "invoice_id invoices, product_id products",
    "invoice_texts": "id invoices",
    "invoices": "customer_id customers, actor_id actors",
    "overpayments": "id payments, credit_id credits, transaction_id transactions, revoked_transaction_id transactions",
    "partner_tokens": "replaces_id partner_tokens, created_by_id actors, revoked_by_id actors",
    "payments": "invoice_id invoices, transaction_id transactions, actor_id actors",
    "reversed_rows": "id bulk_rows, transaction_id transactions",
    "refunds": "id transactions, spend_id transactions",
    "revivals": "transaction_id transactions, credit_id credits, account_id accounts, lot_id credits",
    "tier_changes": "account_id accounts, transaction_id transactions",
    "transaction_texts": "id transactions",
    "transferred_credits": "id credits, transfer_id transfers, from_id credits, source_id transactions",
    "transfers": "id transactions, received_id transactions",
    "transactions": "customer_id customers, actor_id actors, approved_by_id actors",
}
"""Table → each column that names a row, and the table that the row is in."""


@dataclass(frozen=True, slots=True)
class LinkCheck:
    """target: the table of the rows that are missing. sql: of a tenant's ($1), (id of such a row, detail)."""

    target: str
    sql: str


def _check(table: str, column: str, target: str) -> LinkCheck:
    return LinkCheck(
        target,
        f"""
        SELECT r.{column} AS id, format('is gone, and %s rows of {table} name it in {column}', count(*)) AS detail
        FROM {table} r LEFT JOIN {target} t ON t.tenant_id = $1 AND t.id = r.{column}
        WHERE r.tenant_id = $1 AND r.{column} IS NOT NULL AND t.id IS NULL
        GROUP BY r.{column}
        """,
    )


_ELSEWHERE: Final = {
    *(("entries", column) for column in ("account_id", "transaction_id", "credit_id")),
    *(("credits", column) for column in ("account_id", "transaction_id")),
}
"""Links of rows that are read with those that they name: verify_hashes.py, verify_checks.py."""

LINK_CHECKS: Final = tuple(
    _check(table, *link.split())
    for table, links in LINKS.items()
    for link in links.split(",")
    if (table, link.split()[0]) not in _ELSEWHERE
)
