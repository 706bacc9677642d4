"""Two tenants with a row in every table, and the same ids in both: whatever leaks between them shows.

Other tests' jobs see these tenants as well, so no row is such that a job finds something to do.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.postgres.embedded import Urls

ID = UUID(int=1)
"""The id of every row, in each table and for each tenant."""

ROWS = """
INSERT INTO actors VALUES (:id, :tenant, 'sam', 'STAFF', '', NULL);
INSERT INTO customers (id, tenant_id, external_id, name, email, created_at, updated_at)
    VALUES (:id, :tenant, 'C1', 'Zoë Müller', 'Zoe@Example.com', now(), now());
INSERT INTO reasons VALUES (:id, :tenant, 'GOODWILL', 'Goodwill', true, false, true, false, true);
INSERT INTO services VALUES (:id, :tenant, 'Yoga', true);
INSERT INTO tiers VALUES (:id, :tenant, 'Gold', 1000);
INSERT INTO rewards (id, tenant_id, name, kind, points_cost_minor, active)
    VALUES (:id, :tenant, 'Delivery', 'FREE_DELIVERY', 300, true);
INSERT INTO limit_rules VALUES (:id, :tenant, 'STAFF', 'MONEY', '', 100, 500, 200);
INSERT INTO transactions (id, tenant_id, customer_id, kind, reason, note_digest, actor_id, created_at)
    VALUES (:id, :tenant, :id, 'ADJUSTMENT', 'GOODWILL', sha256('note'), :id, '2026-01-01Z');
INSERT INTO transaction_texts VALUES (:id, :tenant, 'A note', decode(repeat('00', 16), 'hex'));
INSERT INTO accounts (id, tenant_id, customer_id, asset, balance_minor, lifetime_minor, sequence, created_at)
    VALUES (:id, :tenant, :id, 'GBP', 0, 0, 0, now());
INSERT INTO credits (id, tenant_id, account_id, transaction_id, amount_minor, remaining_minor, effective_on, starts_at,
    restricted, auto_apply, created_at, counts, gone_minor, opened_sequence)
    VALUES (:id, :tenant, :id, :id, 100, 100, '2026-01-01', '2026-01-01Z', false, true, '2026-01-01Z', true, 0, 1);
INSERT INTO credit_services VALUES (:id, :tenant, :id, :id);
INSERT INTO entries VALUES (:id, :tenant, :id, 1, :id, :id, 'ISSUED', 100, 100, 100, '2026-01-01Z', NULL, sha256('1'));
UPDATE accounts SET balance_minor = 100, lifetime_minor = 100, sequence = 1, head_hash = sha256('1'),
    posted_at = '2026-01-01Z' WHERE tenant_id = :tenant;
INSERT INTO tier_changes VALUES (:id, :tenant, :id, :id, NULL, 'Gold', now());
INSERT INTO products VALUES (:id, :tenant, 'Tea', 'GOODS', 'GBP', 100, true);
INSERT INTO invoices (id, tenant_id, customer_id, number, kind, currency, total_minor, creditable_minor, paid_minor,
    credited_minor, status, auto_apply, issued_on, actor_id, created_at)
    VALUES (:id, :tenant, :id, 'I1', 'INVOICE', 'GBP', 100, 100, 10, 20, 'PART_PAID', true, '2026-01-01', :id, now());
INSERT INTO invoice_texts VALUES (:id, :tenant, 'PO-7', '{"a":"b"}', now());
INSERT INTO invoice_lines VALUES (:id, :tenant, :id, 0, 'Tea', 1, 100, 'GOODS', :id);
INSERT INTO invoice_line_details VALUES (:id, :tenant, 2.5, 40, 10, 0, 5, 90);
INSERT INTO payments VALUES (:id, :tenant, :id, 10, 'CARD', '2026-01-01', :id, now());
INSERT INTO overpayments VALUES (:id, :tenant, :id, :id, 5);
INSERT INTO grants VALUES (:id, :tenant, :id, :id, :id);
INSERT INTO credit_changes VALUES (:id, :tenant, :id, :id, NULL, '2026-02-01Z', true, false, '[]', '[]', now());
INSERT INTO audit_events VALUES (:id, :tenant, 'customer.created', :id, :id, :id, '{}', 'A note', now());
INSERT INTO assignments VALUES (:id, :tenant, :id, :id, :id, 20, 'MANUAL', now());
INSERT INTO coupons VALUES (:id, :tenant, 'ABC', :id, :id, :id, 0, 'ISSUED', '{}', now());
INSERT INTO limit_counters VALUES (:id, :tenant, 'PER_ACTOR_DAY', 'STAFF', 'sam', 'GBP', '2026-01-01', 100);
INSERT INTO idempotency_keys VALUES ('key', :tenant, 'adjustCredit', sha256('input'), :id, now(), '', false, false, true);
INSERT INTO outbox (id, tenant_id, topic, subject_id, created_at) VALUES (:id, :tenant, 'account.changed', :id, now());
INSERT INTO approval_requests
    VALUES (:id, :tenant, 'adjustCredit', '{}', :id, 'PENDING', :id, NULL, NULL, '2026-01-01Z', '2126-01-02Z', 'ann');
INSERT INTO partner_tokens (id, tenant_id, client, name, scope, secret_hash, created_by_id, created_at)
    VALUES (:id, :tenant, 'shop', 'Web shop', 'credits:add', sha256('secret'), :id, now());
INSERT INTO refunds VALUES (:id, :tenant, :id, 10, 20, 0);
INSERT INTO credit_notes VALUES (:id, :tenant, :id, 10, 5, NULL, now());
INSERT INTO credit_note_parts VALUES (:id, :tenant, :id, NULL, :id, :id, 5, false);
INSERT INTO credit_note_lines VALUES (:id, :tenant, :id, :id, 1, 10);
INSERT INTO transfers VALUES (:id, :tenant, :id);
INSERT INTO transferred_credits VALUES (:id, :tenant, :id, :id, :id);
INSERT INTO revivals VALUES (:id, :tenant, :id, :id, :id, :id, 10, 20, 0, '2026-02-01Z', '2026-02-02Z');
INSERT INTO holds VALUES (:id, :tenant, :id, :id, 10, 5, 5, :id, '2026-01-02Z', '2026-01-01Z');
INSERT INTO hold_lots VALUES (:id, :tenant, :id, :id, :id, :id, 0, 5, '2026-01-02Z', '2026-01-01Z');
INSERT INTO external_ids_left VALUES (:id, :tenant, now());
INSERT INTO totals (id, tenant_id, at, transactions, credits, counters, accounts)
VALUES (:id, :tenant, now(), 1, '[]', '[]', '[]');
INSERT INTO totals_latest VALUES (:tenant, :tenant, now(), 1, '[]', '[]', '[]');
INSERT INTO standings VALUES (:id, :tenant, :id, '', 0, 0, '2126-01-01Z');
INSERT INTO totals_seen VALUES (:id, :tenant, 'KIND', 'ADJUSTMENT', '2026-01-01Z', '2026-01-02Z', 1);
INSERT INTO totals_amounts VALUES (:id, :tenant, 0, '2026-01-02Z', 'GBP', 5, 5, '2026-01-02Z', '{5}', '{2026-01-02Z}');
INSERT INTO feed (id, tenant_id, position, kind, customer_id, recorded_at)
    VALUES (:id, :tenant, 1, 'CREDIT_ADJUSTED', :id, now());
INSERT INTO feed_heads VALUES (:tenant, :tenant, 1, now() + interval '1 day', '2126-01-01Z', :id, '2126-01-01Z', :id, 0);
INSERT INTO webhooks (id, tenant_id, url, rights, status, status_since, secret_salt, secret_key, position, settled, version,
    created_by_id, created_at)
    VALUES (:id, :tenant, 'https://example.com/', '', 'ACTIVE', now(), '0123456789abcdef', '01234567', 1, 1, 1, :id, now());
INSERT INTO webhook_deliveries (id, tenant_id, webhook_id, position, kind, status, attempts, created_at)
    VALUES (:id, :tenant, :id, 1, 'CREDIT_ADJUSTED', 'WAITING', 0, now());
INSERT INTO checkpoints VALUES (:id, :tenant, 1, now(), 1, sha256(''), 1, 'note', 'key', now());
INSERT INTO checkpoint_trees VALUES (:tenant, :tenant, 0, 0, now(), NULL, NULL, true, :id, 0, 0, false);
INSERT INTO checkpoint_tiles VALUES (:id, :tenant, 0, 0, uuid_send(:id), sha256(''), sha256(''));
INSERT INTO bulk_operations (id, tenant_id, status, asset, error_policy, dry_run, total, processed, succeeded, failed,
    cancel_requested, actor_id, created_at, finished_at)
    VALUES (:id, :tenant, 'CANCELLED', 'GBP', 'REJECT_ALL', false, 1, 0, 0, 0, false, :id, now(), now());
INSERT INTO currencies VALUES (:id, :tenant, 'GBP', 2, now());
INSERT INTO bulk_rows VALUES (:id, :tenant, :id, 0, :id, 1.5);
INSERT INTO reversed_rows VALUES (:id, :tenant, :id, -5, 3);
"""


@dataclass(frozen=True, slots=True)
class TwoTenants:
    """`app`: a connection of the app's role, which knows no tenant outside of `as_tenant`."""

    app: "asyncpg.Connection[Any]"
    one: UUID
    other: UUID

    @asynccontextmanager
    async def as_tenant(
        self, tenant_id: UUID | None, connection: "asyncpg.Connection[Any] | None" = None
    ) -> AsyncIterator["asyncpg.Connection[Any]"]:
        """A transaction of this tenant's (None: of nobody's), undone at the end."""
        used = connection or self.app
        transaction = used.transaction()
        await transaction.start()
        try:
            await used.execute("SELECT set_config('scrip.tenant', $1, true)", str(tenant_id or ""))
            yield used
        finally:
            await transaction.rollback()

    async def columns(self, table: str) -> list[str]:
        """The columns that are written, and not worked out by the database."""
        rows = await self.app.fetch(
            """SELECT column_name FROM information_schema.columns
            WHERE table_name = $1 AND is_generated = 'NEVER' AND is_identity = 'NO' ORDER BY ordinal_position""",
            table,
        )
        return [row["column_name"] for row in rows]


@pytest.fixture(scope="session")
async def tenants(database_urls: Urls) -> AsyncIterator[TwoTenants]:
    """Made once for all: whatever a test does to them is undone."""
    app = await asyncpg.connect(database_urls.app)
    try:
        made = TwoTenants(app, uuid4(), uuid4())
        for tenant_id in (made.one, made.other):
            async with app.transaction():
                await app.execute(f"SET LOCAL scrip.tenant = '{tenant_id}'")
                await app.execute(
                    "INSERT INTO tenants VALUES ($1, $2, 'Tea shop', 'Europe/London', 60, 1, now(), 168)",
                    tenant_id,
                    f"t-{tenant_id}",
                )
                await app.execute(ROWS.replace(":tenant", f"'{tenant_id}'").replace(":id", f"'{ID}'"))
        yield made
    finally:
        await app.close()
