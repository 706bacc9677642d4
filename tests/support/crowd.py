"""Many rows for many tenants, to look at plans with: written straight into the tables, past triggers and foreign keys.

The rows point at each other as real ones do, and nothing adds up: they are there to be counted and to be searched.
"""

import re
from typing import Any, Final
from uuid import UUID

import asyncpg

# n-th row of a kind of a tenant: in the order in which they came, as real ids are.
_ID: Final = """
CREATE FUNCTION pg_temp.id(kind int, tenant int, n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(n), 8, '0') || lpad(to_hex(kind), 4, '0') || '7000' || '8000' || lpad(to_hex(tenant), 12, '0'))::uuid
$$;
CREATE FUNCTION pg_temp.at(n int) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second'
$$;
CREATE TEMP TABLE crowd (tenant int, tenant_id uuid, rows int);
"""

# Table → its columns but for tenant_id, and what goes into them. $rows of each tenant; of a busy account all entries.
_ROWS: Final[dict[str, str]] = {
    "actors": "id, subject, role, client | id(2, t, n), 'actor-' || n, 'STAFF', ''",
    "customers": "id, external_id, name, created_at, updated_at, external_id_reused, reference"
    " | id(3, t, n), 'c-' || n, 'Many', at(t + n), at(t + n), false, 'R-' || n % 2",
    "accounts": "id, customer_id, asset, balance_minor, lifetime_minor, sequence, head_hash, created_at, posted_at"
    " | id(4, t, n), id(3, t, n), 'GBP', 1, 0, 1, sha256(''), at(t + n), at(t + n)",
    "transactions": "id, customer_id, kind, reason, actor_id, created_at"
    " | id(5, t, n), id(3, t, n), 'ADJUSTMENT', 'GOODWILL', id(2, t, n), at(t + n)",
    "transaction_texts": "id, note, salt, reference, referenced_at"
    " | id(5, t, n), 'a note', sha256(''), 'R-' || n % 2, at(t + n)",
    "credits": "id, account_id, transaction_id, amount_minor, remaining_minor, effective_on, starts_at, expires_at,"
    " restricted, auto_apply, created_at, swept_at, counts, gone_minor, opened_sequence, opened_at"
    " | id(6, t, n), {account}, id(5, t, n), 5, CASE WHEN n % 3 = 0 THEN 0 ELSE 5 END, '2026-01-01',"
    " at(t + n) + CASE WHEN n % 20 = 0 THEN interval '1 day' ELSE interval '0' END,"
    " CASE WHEN n % 2 = 0 THEN at(t + n) + interval '300 days' END, false, true, at(t + n),"
    " CASE WHEN n % 12 = 0 THEN at(t + n) + interval '301 days' END, true, 0, n, at(t + n)",
    "entries": "id, account_id, sequence, transaction_id, credit_id, counter, amount_minor, lifetime_minor,"
    " balance_after_minor, created_at, hash, previous_hash"
    " | id(7, t, n), {account}, n, id(5, t, n), id(6, t, n), 'ISSUED', 5, 0, 5, at(t + n), sha256(''),"
    " CASE WHEN n > 1 THEN sha256('') END",
    "invoices": "id, customer_id, number, currency, total_minor, paid_minor, credited_minor, status, auto_apply, issued_on,"
    " actor_id, created_at, creditable_minor, kind, due_on"
    " | id(8, t, n), {customer}, 'i-' || n, 'GBP', 5, CASE WHEN n % 10 = 0 THEN 0 ELSE 5 END, 0,"
    " CASE WHEN n % 10 = 0 THEN 'OPEN' ELSE 'PAID' END, true,"
    " '2026-01-01', id(2, t, n), at(t + n), 5, 'INVOICE', date '2026-01-01' + n % 365",
    "invoice_texts": "id, reference, referenced_at | id(8, t, n), 'R-' || n % 2, at(t + n)",
    "invoice_lines": "id, invoice_id, position, description, quantity, unit_price_minor"
    " | id(9, t, n), id(8, t, n), 0, 'a line', 1, 5",
    "invoice_line_details": "id, quantity, unit_price_minor, discount_percent, discount_minor, tax_minor, amount_minor"
    " | id(9, t, n), 0.5, 10, 0, 0, 0, 5",
    "payments": "id, invoice_id, amount_minor, method, received_on, actor_id, created_at, transaction_id"
    " | id(10, t, n), id(8, t, n), 1, CASE WHEN n % 4 = 0 THEN 'ACCOUNT_CREDIT' ELSE 'CASH' END,"
    " '2026-01-01', id(2, t, n), at(t + n),"
    " CASE WHEN n % 4 = 0 THEN id(5, t, n) END",
    "assignments": "id, credit_id, invoice_id, transaction_id, amount_minor, origin, assigned_at, released_at,"
    " release_transaction_id | id(11, t, n), id(6, t, n), id(8, t, n), id(5, t, n), 1, 'AUTO', at(t + n),"
    " CASE WHEN n % 3 = 0 THEN at(t + n) END, CASE WHEN n % 3 = 0 THEN id(5, t, n) END",
    "overpayments": "id, credit_id, transaction_id, amount_minor | id(10, t, n), id(6, t, n), id(5, t, n), 1",
    "grants": "id, invoice_id, credit_id, transaction_id | id(12, t, n), id(8, t, n), id(6, t, n), id(5, t, n)",
    "credit_changes": "id, credit_id, transaction_id, old_auto_apply, new_auto_apply, old_services, new_services, created_at"
    " | id(13, t, n), id(6, t, n), id(5, t, n), true, false, '[]', '[]', at(t + n)",
    "credit_services": "id, credit_id, service_id | id(14, t, n), id(6, t, n), id(1, t, 1)",
    "refunds": "id, spend_id, amount_minor, taken_minor, before_minor | id(5, t, n), id(5, t, n + 1), 1, 9, 0",
    "credit_notes": "id, invoice_id, amount_minor, lowered_minor, credit_id, created_at | id(5, t, n), id(8, t, n), 1, 0,"
    " CASE WHEN n % 2 = 0 THEN id(6, t, n) END, at(t + n)",
    "credit_note_parts": "id, note_id, assignment_id, payment_id, credit_id, amount_minor, gone | id(28, t, n), id(5, t, n),"
    " CASE WHEN n % 2 = 1 THEN id(11, t, n) END, CASE WHEN n % 2 = 0 THEN id(10, t, n) END, id(6, t, n), 1, false",
    "credit_note_lines": "id, note_id, line_id, quantity, amount_minor | id(27, t, n), id(5, t, n), id(9, t, n), 1, 1",
    "transfers": "id, received_id | id(5, t, 2 * n), id(5, t, 2 * n + 1)",
    "transferred_credits": "id, transfer_id, from_id, source_id"
    " | id(6, t, n + 1), id(5, t, 2 * n), id(6, t, n), id(5, t, n)",
    "revivals": "id, transaction_id, credit_id, account_id, lot_id, amount_minor, expired_minor, before_minor, expired_at,"
    " revived_at | id(22, t, n), id(5, t, n), id(6, t, n), {account}, id(6, t, n), 1, 9, 0, at(t + n), at(t + n + 60)",
    "holds": "id, account_id, home_id, amount_minor, held_minor, captured_minor, expires_at, created_at"
    " | id(5, t, n), {account}, {account}, 1, CASE WHEN n % 10 = 0 THEN 1 ELSE 0 END,"
    " CASE WHEN n % 10 = 0 THEN 0 ELSE 1 END,"
    " at(t + n) + interval '1 hour', at(t + n)",
    "hold_lots": "id, hold_id, transaction_id, account_id, credit_id, position, amount_minor, expires_at, created_at"
    " | id(26, t, n), id(5, t, n), id(5, t, n), {account}, id(6, t, n), 0, 1, at(t + n) + interval '1 hour', at(t + n)",
    "coupons": "id, code, reward_id, customer_id, transaction_id, points_spent_minor, status, terms, issued_at, closed_at,"
    " invoice_id | id(15, t, n), 'C' || n, id(1, t, 2), {customer}, id(5, t, n), 0,"
    " CASE WHEN n % 2 = 0 THEN 'ISSUED' ELSE 'USED' END, '{{}}', at(t + n), CASE WHEN n % 2 = 1 THEN at(t + n) END,"
    " CASE WHEN n % 2 = 1 THEN id(8, t, n) END",
    "tier_changes": "id, account_id, transaction_id, new_tier, created_at"
    " | id(16, t, n), {account}, id(5, t, n), 'Gold', at(t + n)",
    "audit_events": "id, action, subject_id, customer_id, actor_id, created_at"
    " | id(17, t, n), 'bulk.queued', id(3, t, n), {customer}, id(2, t, n), at(t + n)",
    "approval_requests": "id, operation, command, customer_id, status, requested_by_id, requested_subject, created_at,"
    " expires_at, decided_by_id, decided_subject, decided_at"
    " | id(18, t, n), 'adjustCredit', '{{}}', {customer}, CASE WHEN n % 10 = 0 THEN 'PENDING' ELSE 'REJECTED' END,"
    " id(2, t, n), 'actor-' || n, at(t + n), at(t + n + 1), CASE WHEN n % 10 <> 0 THEN id(2, t, n + 1) END,"
    " CASE WHEN n % 10 <> 0 THEN 'somebody' END, CASE WHEN n % 10 <> 0 THEN at(t + n) END",
    "bulk_operations": "id, status, asset, error_policy, dry_run, total, processed, succeeded, failed, actor_id, created_at,"
    " finished_at, cancel_requested, reverses_id"
    " | id(19, t, n), CASE WHEN n = 1 THEN 'QUEUED' ELSE 'COMPLETED' END, 'GBP',"
    " 'SKIP_FAILED', false, 1, 1, 1, 0, id(2, t, n), at(t + n), CASE WHEN n > 1 THEN at(t + n) END, false,"
    " CASE WHEN n % 50 = 49 THEN id(19, t, n - 1) END",
    "bulk_rows": "id, operation_id, row, customer_id, amount, transaction_id"
    " | id(20, t, n), id(19, t, 1 + n % 2), n, id(3, t, n), 1, CASE WHEN n % 2 = 0 THEN id(5, t, n) END",
    "reversed_rows": "id, transaction_id, amount_minor, used_minor | id(20, t, n), id(5, t, n), -1, 0",
    "limit_counters": "id, scope, role, holder, asset, day, used_minor, opening_minor"
    " | id(21, t, n), 'PER_ACTOR_DAY', 'STAFF', 'holder-' || n, 'GBP', '2026-01-01', 1, 0",
    "idempotency_keys": "key, client, shared, kept, sealed, operation, input_hash, result_id, created_at"
    " | 'key-' || n, '', false, false, false, '', '', id(5, t, n), at(t + n)",
    "outbox": "id, topic, subject_id, created_at | id(22, t, n), 'entry', id(7, t, n), at(t + n)",
    "feed": "id, position, kind, subject_id, customer_id, recorded_at | id(5, t, n), n,"
    " CASE WHEN n % 10 = 0 THEN 'TIER_CHANGED' ELSE 'CREDIT_ADJUSTED' END, NULL, {customer}, at(t + n)",
    "checkpoints": "id, number, until, size, root, position, note, keys, created_at, kept_at"
    " | id(25, t, n), n, at(t + n), 1,"
    " sha256(''), n, '', '', at(t + n), CASE WHEN n % 10 > 0 THEN at(t + n) END",
    "checkpoint_tiles": "id, level, n, keys, hashes, root"
    " | id(4, t, n), n % 2, n / 2, CASE WHEN n % 2 = 0 THEN uuid_send(id(4, t, n)) ELSE '' END, sha256(''), sha256('')",
    "seals": "of_table, id, version, digest, sealed_at | 'customers', id(3, t, n), 1, sha256(''), at(t + n)",
    "totals": "id, at, transactions, credits, counters, accounts | id(25, t, n), at(t + n), n, '[]', '[]', '[]'",
    "standings": "id, customer_id, asset, balance_minor, sequence, active_at"
    " | CASE WHEN n % 2 = 0 THEN id(3, t, n) ELSE id(4, t, n) END, id(3, t, n), CASE WHEN n % 2 = 0 THEN '' ELSE 'GBP' END,"
    " CASE WHEN n % 2 = 0 THEN 0 ELSE n END, n % 2, CASE WHEN n % 2 = 0 THEN at(t + n) END",
    "totals_seen": "id, what, value, after, at, records"
    " | id(25, t, n), 'KIND', CASE WHEN n % 2 = 0 THEN 'ADJUSTMENT' ELSE 'VOID' END, at(t + n - 1), at(t + n), 1",
    "totals_amounts": "id, level, at, asset, first_minor, last_minor, last_at, minors, ats"
    " | id(25, t, n), 0, at(t + n), 'GBP', n, n + 1, at(t + n), ARRAY[n, n + 1], ARRAY[at(t + n), at(t + n)]",
    "external_ids_left": "id, left_at | id(23, t, n), at(t + n)",
    "partner_tokens": "id, client, name, scope, secret_hash, created_by_id, created_at"
    " | id(24, t, n), 'client-' || n, 'till', 'credits:add', sha256(''), id(2, t, n), at(t + n)",
    "webhook_deliveries": "id, webhook_id, position, kind, status, attempts, created_at, attempted_at"
    " | id(26, t, n), id(1, t, 1), n, 'CREDIT_ADJUSTED', 'DELIVERED', 1, at(t + n), at(t + n)",
}
# What each tenant has a few of, whatever it has of the rest.
_SMALL: Final = {
    "services": "id, name, active | id(1, t, n), 'service ' || n, true",
    "reasons": "id, code, label, adds, removes, moves_lifetime, note_required, active"
    " | id(1, t, n), 'REASON_' || n, 'a reason', true, true, true, false, true",
    "rewards": "id, name, kind, points_cost_minor, active | id(1, t, n), 'reward ' || n, 'FREE_DELIVERY', 1, true",
    "products": "id, name, kind, currency, price_minor, active | id(1, t, n), 'product ' || n, 'GOODS', 'GBP', 1, true",
    "tiers": "id, name, threshold_minor | id(1, t, n), 'tier ' || n, n",
    "currencies": "id, code, exponent, first_used_at | id(1, t, n), 'AA' || chr(64 + n), 2, at(t + n)",
    "webhooks": "id, url, rights, status, status_since, secret_salt, secret_key, position, settled, version, created_by_id,"
    " created_at | id(1, t, n), 'https://example.com/' || n, '', 'ACTIVE', now(), '0123456789abcdef', '01234567', 1, 1, 1,"
    " id(2, t, 1), now()",
    "limit_rules": "id, role, asset, holder | id(1, t, n), 'STAFF', 'MONEY', 'holder-' || n",
}
_FEW: Final = 3


async def add_crowd(superuser: "asyncpg.Connection[Any]", first: int, rows: list[int], *, shift: int = 0) -> list[UUID]:
    """Tenants numbered from `first`, with so many rows in each table; half of a tenant's are those of one customer.

    shift: how many rows each has already, from an earlier call for the same numbers. Answers the tenants' ids.
    """
    async with superuser.transaction():
        await superuser.execute("SET LOCAL session_replication_role = replica")
        await superuser.execute(_ID)
        ids = [UUID(int=(0x7000 << 64) + (0x8 << 60) + first + n) for n in range(len(rows))]
        await superuser.execute(
            "INSERT INTO crowd SELECT * FROM unnest($1::int[], $2::uuid[], $3::int[])",
            [first + n for n in range(len(rows))],
            ids,
            rows,
        )
        if not shift:
            await superuser.execute(
                """INSERT INTO tenants (id, slug, name, time_zone, grace_days, config_version, created_at, approval_hours)
                SELECT tenant_id, 'crowd-' || tenant, 'One of many', 'Europe/London', 0, 0, now(), 24 FROM crowd"""
            )
            await superuser.execute(
                """INSERT INTO totals_latest (id, tenant_id, at, transactions, credits, counters, accounts)
                SELECT tenant_id, tenant_id, now(), 1, '[]', '[]', '[]' FROM crowd"""
            )
            await superuser.execute(
                """INSERT INTO feed_heads (id, tenant_id, position, at, noticed_at, noticed_id, lapsed_at, lapsed_id, pruned)
                SELECT tenant_id, tenant_id, rows, now(), now(), tenant_id, now(), tenant_id, 0 FROM crowd"""
            )
            await superuser.execute(
                """INSERT INTO checkpoint_trees
                    (id, tenant_id, number, size, until, anew, reached, staged, matched, heads_in)
                SELECT tenant_id, tenant_id, 0, 0, now(), true, tenant_id, 0, 0, false FROM crowd"""
            )
            for table, what in _SMALL.items():
                await superuser.execute(_insert(table, what, f"generate_series(1, {_FEW})", 0))
        for table, what in _ROWS.items():
            await superuser.execute(_insert(table, what, "generate_series(1, c.rows)", shift))
        await superuser.execute("DROP TABLE crowd; DROP FUNCTION pg_temp.id; DROP FUNCTION pg_temp.at")
    return ids


def _insert(table: str, what: str, source: str, shift: int) -> str:
    columns, _, values = what.partition("|")
    # Half of all belong to the tenant's first customer, and to that one's account.
    values = values.format(
        account="CASE WHEN n % 2 = 0 THEN id(4, t, 1) ELSE id(4, t, n) END",
        customer="CASE WHEN n % 2 = 0 THEN id(3, t, 1) ELSE id(3, t, n) END",
    )
    values = re.sub(r"\b(id|at)\(", r"pg_temp.\1(", values)
    columns = re.sub(r"\brow\b", '"row"', columns)
    return (
        f"INSERT INTO {table} (tenant_id, {columns}) SELECT x.tenant_id, {values}"
        f" FROM (SELECT c.tenant AS t, c.tenant_id, g + {shift} AS n FROM crowd c CROSS JOIN LATERAL {source} g) x"
    )
