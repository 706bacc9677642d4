"""A tenant with many customers, for benchmarks.lists: made by bare SQL, without hashes and seals."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from typing import Final
from uuid import UUID

import asyncpg

from app.cli.token import make_token
from app.postgres.database import open_database
from auth.roles import Role
from benchmarks.report import print_table
from benchmarks.rig import Rig
from models.commands import Actor
from models.ledger import Ledger
from models.operations.create_tenant import create_tenant
from models.operations.keep_standings import keep_standings

SLUG: Final = "lists"
ADDED_FROM: Final = datetime(2025, 1, 1, tzinfo=UTC)
DUE_FROM: Final = date(2025, 1, 1)
DAYS: Final = 1_000
"""Over which invoices are due."""
_ID: Final = """
CREATE FUNCTION pg_temp.id(kind int, n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(n), 8, '0') || lpad(to_hex(kind), 4, '0') || '70008000000000000000')::uuid $$;
CREATE FUNCTION pg_temp.at(n int) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT timestamptz '2025-01-01 00:00:00+00' + n * interval '10 seconds' $$;
"""
_ROWS: Final = {
    "customers": """(tenant_id, id, external_id, name, email, created_at, updated_at, membership_started_at)
        SELECT $1, pg_temp.id(3, n), 'C-' || (1000000 + n), 'Customer ' || lpad(((n::bigint * 7919) % $2)::text, 7, '0')
            || CASE WHEN n % 2 = 0 THEN ' w' || lpad(n::text, 7, '0') || ' Costa' ELSE '' END,
            'c' || n || '.mail@d' || lpad((n % (1 + $2 / 20))::text, 7, '0') || '.example',
            pg_temp.at(n), pg_temp.at(n), CASE WHEN n % 3 = 0 THEN pg_temp.at(n) END""",
    "accounts": """(tenant_id, id, customer_id, asset, balance_minor, lifetime_minor, sequence, head_hash, created_at,
            posted_at)
        SELECT $1, pg_temp.id(4, n), pg_temp.id(3, n), 'GBP', CASE WHEN n % 2 = 0 THEN (n * 31) % 100000 ELSE 0 END, 0, 1,
            sha256(''), pg_temp.at(n), pg_temp.at((n * 17) % $2 + $2)""",
    "transactions": """(tenant_id, id, customer_id, kind, reason, actor_id, created_at)
        SELECT $1, pg_temp.id(5, n), pg_temp.id(3, n), 'ADJUSTMENT', 'GOODWILL', $3, pg_temp.at((n * 17) % $2 + $2)""",
    "entries": """(tenant_id, id, account_id, sequence, transaction_id, credit_id, counter, amount_minor, lifetime_minor,
            balance_after_minor, created_at, hash)
        SELECT $1, pg_temp.id(7, n), pg_temp.id(4, n), 1, pg_temp.id(5, n), pg_temp.id(6, n), 'ISSUED', 5, 0, 5,
            pg_temp.at((n * 17) % $2 + $2), sha256('')""",
    "credits": """(tenant_id, id, account_id, transaction_id, amount_minor, remaining_minor, effective_on, starts_at,
            expires_at, restricted, auto_apply, created_at, counts, gone_minor, opened_sequence, opened_at)
        SELECT $1, pg_temp.id(6, n), pg_temp.id(4, n), pg_temp.id(5, n), 100000, CASE WHEN n % 2 = 0 THEN (n * 31) % 100000
            ELSE 0 END, '2025-01-01', pg_temp.at(n), CASE WHEN n % 4 < 3 THEN pg_temp.at((n * 13) % $2) + interval '400 days'
            END, false, true, pg_temp.at(n), true, 0, 1, pg_temp.at(n)""",
    "invoices": """(tenant_id, id, customer_id, number, currency, total_minor, paid_minor, credited_minor, status,
            auto_apply, issued_on, due_on, actor_id, created_at, creditable_minor, kind)
        SELECT $1, pg_temp.id(8, n), pg_temp.id(3, n), 'I-' || n, 'GBP', 100 + (n * 31) % 100000,
            CASE WHEN n % 10 = 0 THEN 0 ELSE 100 + (n * 31) % 100000 END, 0,
            CASE WHEN n % 10 = 0 THEN 'OPEN' ELSE 'PAID' END, true, '2025-01-01', date '2025-01-01' + (n * 11) % 1000, $3,
            pg_temp.at(n), 100 + (n * 31) % 100000, 'INVOICE'""",
}


@dataclass(frozen=True, slots=True)
class Filled:
    """A tenant. span: from the first customer that was added to the last."""

    id: UUID
    customers: int
    token: str
    span: timedelta


async def fill_lists(rig: Rig, customers: int) -> Filled:
    """Make it, with its standings. Prints how long each took."""
    times = []
    async with open_database(rig.urls.app, pool_min=1, pool_max=4):
        admin = await asyncpg.connect(rig.urls.admin)
        ledger = Ledger()
        tenant_id = await create_tenant(ledger, SLUG, SLUG, "Europe/London")
        actor_id = await ledger.actor_id(tenant_id, Actor("filler", "ADMIN"))
        await admin.execute(_ID)
        await admin.execute("SET session_replication_role = replica")
        began = monotonic()
        for table, rows in _ROWS.items():
            values = [tenant_id, customers, actor_id][: 3 if "$3" in rows else 2]
            await admin.execute(f"INSERT INTO {table} {rows} FROM generate_series(0, $2::int - 1) n", *values)
        times.append(["rows", f"{monotonic() - began:,.1f}"])
        began = monotonic()
        while await keep_standings(ledger, tenant_id):
            pass
        times.append(["standings, by the job", f"{monotonic() - began:,.1f}"])
        await ledger.close()
        await admin.execute("SET session_replication_role = origin")
        await admin.execute("VACUUM ANALYZE")
        await admin.execute("CHECKPOINT")
        await admin.close()
    now = datetime.now(UTC)
    token = make_token(rig.settings, tenant=SLUG, role=Role.ADMIN, subject="reader", issued_at=now, token_id=SLUG)
    print_table(["what", "s"], times, title=f"{customers:,} customers")
    return Filled(tenant_id, customers, token, timedelta(seconds=10) * customers)
