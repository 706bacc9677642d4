"""A tenant to measure on: customers with open accounts, and staff whose limits are set and never reached.

Ids are made from numbers, so that pgbench, which draws numbers, can name the same rows.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg

from app.cli.token import make_token
from app.postgres.database import open_database
from auth.roles import Role
from benchmarks.rig import Rig
from models.commands import Actor, BulkCredit, BulkItem
from models.ledger import Ledger
from models.operations.bulk_credit import bulk_credit
from models.operations.create_tenant import create_tenant
from models.reads.proof import Proof
from models.reads.verify import verify
from models.session import tenant_transaction
from schema.ids import global_id

SLUG: Final = "bench"
ZONE: Final = "Europe/London"
CURRENCY: Final = "GBP"
REASON: Final = "GOODWILL"
CUSTOMERS: Final = 10_000
STAFF: Final = 64
LIMIT: Final = Decimal(10**10)
_FIRST_CREDIT: Final = Decimal(5)


@dataclass(frozen=True, slots=True)
class Tenant:
    """id: the row's. customers: global ids. tokens: one for each of the staff. bulk_s: for a first credit for all."""

    id: UUID
    customers: list[str]
    tokens: list[str]
    bulk_s: float


def customer_id(n: int) -> UUID:
    """The nth customer's row, from 1. bench_adjust.sql makes the same."""
    return UUID(f"01900000-0000-7000-8001-{n:012x}")


def staff_id(n: int) -> UUID:
    """The row of the nth of the staff, from 0. bench_adjust.sql makes the same."""
    return UUID(f"01900000-0000-7000-8002-{n:012x}")


def make_tenant(rig: Rig) -> Tenant:
    """The tenant, in a database that has none."""
    tenant_id, bulk_s = asyncio.run(_fill(rig))
    now = datetime.now(UTC)
    tokens = [
        make_token(
            rig.settings, tenant=SLUG, role=Role.STAFF, subject=_subject(n), issued_at=now, token_id=f"bench-{n}"
        )
        for n in range(STAFF)
    ]
    customers = [str(global_id("Customer", customer_id(n))) for n in range(1, CUSTOMERS + 1)]
    return Tenant(tenant_id, customers, tokens, bulk_s)


def prove(rig: Rig, tenant: Tenant) -> Proof:
    """Verify the books after all measurements, pgbench's rows too. Raises RuntimeError if they do not hold."""

    async def proof() -> Proof:
        async with open_database(rig.urls.app, pool_min=1, pool_max=2):
            return await verify(tenant.id)

    made = asyncio.run(proof())
    if not made.holds:
        raise RuntimeError(f"the books do not hold: {made.found}, {made.listed[:3]}")
    return made


async def _fill(rig: Rig) -> tuple[UUID, float]:
    async with open_database(rig.urls.app, pool_min=1, pool_max=4):
        ledger = Ledger()
        tenant_id = await create_tenant(ledger, SLUG, "Benchmark", ZONE)
        async with tenant_transaction(tenant_id) as connection:
            await _people(connection.raw, tenant_id)
            await connection.raw.execute(
                "UPDATE limit_rules SET per_adjustment = $1, per_actor_day = $1, per_customer_day = $1", LIMIT
            )
        bulk_s = await _first_credits(ledger, tenant_id)
        await ledger.close()
    admin = await asyncpg.connect(rig.urls.admin)
    try:  # as autovacuum would have done by and by, and then in the middle of a measurement
        await admin.execute("VACUUM ANALYZE")
        await admin.execute("CHECKPOINT")
    finally:
        await admin.close()
    return tenant_id, bulk_s


async def _people(raw: Any, tenant_id: UUID) -> None:
    await raw.execute(
        """INSERT INTO customers (tenant_id, id, external_id, name, created_at, updated_at)
        SELECT $1, id, 'customer-' || n, 'Customer ' || n, now(), now()
        FROM unnest($2::uuid[]) WITH ORDINALITY AS u(id, n)""",
        tenant_id,
        [customer_id(n) for n in range(1, CUSTOMERS + 1)],
    )
    await raw.execute(
        """INSERT INTO actors (tenant_id, id, subject, role, client) SELECT $1, id, subject, 'STAFF', ''
        FROM unnest($2::uuid[], $3::text[]) AS u(id, subject)""",
        tenant_id,
        [staff_id(n) for n in range(STAFF)],
        [_subject(n) for n in range(STAFF)],
    )
    # What the day's first adjustment of each customer would make: all that are measured find one that is there.
    await raw.execute(
        """INSERT INTO limit_counters (tenant_id, id, scope, role, holder, asset, day, used_minor)
        SELECT $1, uuidv7(), 'PER_CUSTOMER_DAY', 'STAFF', id::text, $3, (now() AT TIME ZONE $4)::date, 0
        FROM unnest($2::uuid[]) AS u(id)""",
        tenant_id,
        [customer_id(n) for n in range(1, CUSTOMERS + 1)],
        CURRENCY,
        ZONE,
    )


async def _first_credits(ledger: Ledger, tenant_id: UUID) -> float:
    """Open every account. Returns the seconds for one bulk of all customers, onto existing accounts."""
    items = tuple(BulkItem(customer_id(n), _FIRST_CREDIT) for n in range(1, CUSTOMERS + 1))
    manager = Actor("manager", "MANAGER")
    for key in ("first", "second"):
        began = asyncio.get_running_loop().time()
        await bulk_credit(ledger, tenant_id, manager, BulkCredit(items, CURRENCY, REASON), key)
    return asyncio.get_running_loop().time() - began


def _subject(n: int) -> str:
    return f"staff-{n:02}"
