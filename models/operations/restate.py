"""Adapt older books to a newer rule: once per tenant, with the migration that brought the rule.

Every change is an entry by the system: a MERGE of the remainders on records merged before postings followed them
to the survivor, and a RESTATEMENT of each lifetime total that is not the sum of the credits that count.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from models.commands import Actor
from models.kinds import Role
from models.ledger import Ledger
from models.planning.restating import RestateBooks, needs
from models.session import tenant_transaction

SYSTEM: Final = Actor(subject="scrip", role=Role.SYSTEM, client="migration", name="Scrip")

LIFETIME_TOTALS: Final = """
    WITH moved AS (
        SELECT e.account_id, sum(CASE
            WHEN e.counter = 'ISSUED' THEN e.lifetime_minor
            WHEN NOT c.counts THEN 0
            WHEN e.counter = 'ORDERS' THEN e.amount_minor
            WHEN e.counter = 'REMOVED' THEN CASE WHEN t.kind = 'ADJUSTMENT' THEN e.lifetime_minor ELSE e.amount_minor END
            ELSE 0 END) AS counted
        FROM entries e
        JOIN credits c ON c.tenant_id = $1 AND c.id = e.credit_id
        JOIN transactions t ON t.tenant_id = $1 AND t.id = e.transaction_id
        WHERE e.tenant_id = $1 AND e.counter IN ('ISSUED', 'ORDERS', 'REMOVED') GROUP BY e.account_id)
    SELECT coalesce(c.merged_into_id, c.id) AS person_id, a.asset,
        sum(coalesce(m.counted, 0))::bigint AS counted, sum(a.lifetime_minor)::bigint AS total,
        array_agg(a.customer_id) FILTER (WHERE c.merged_into_id IS NOT NULL
            AND (a.balance_minor > 0 OR a.lifetime_minor > 0)) AS records
    FROM accounts a
    JOIN customers c ON c.tenant_id = $1 AND c.id = a.customer_id
    LEFT JOIN moved m ON m.account_id = a.id
    WHERE a.tenant_id = $1 GROUP BY 1, 2"""
"""By person and asset: the lifetime total as the sum of the credits that count (domain: the lifetime total), the
existing totals, and the merged records with a remainder. A removal under a reason that does not move the total is not
counted; voids and reversals always are."""


async def restate_those_left(ledger: Ledger, tenants: Sequence[UUID]) -> dict[UUID, int]:
    """Restate the tenants not restated yet; return the number of accounts of each. Safe to run again."""
    done = {}
    for tenant_id in tenants:
        async with tenant_transaction(tenant_id, read_only=True) as connection:
            restated = await connection.raw.fetchval("SELECT restated FROM tenants WHERE id = $1", tenant_id)
        if not restated:
            done[tenant_id] = await restate(ledger, tenant_id)
    return done


async def restate(ledger: Ledger, tenant_id: UUID) -> int:
    """Restate the tenant's accounts that differ from today's rules, and return their number. Raises Busy."""
    async with tenant_transaction(tenant_id, read_only=True, one_moment=True) as connection:
        rows = await connection.raw.fetch(
            f"SELECT * FROM ({LIFETIME_TOTALS}) x WHERE counted <> total OR records IS NOT NULL", tenant_id
        )
    for row in rows:
        command = RestateBooks(
            row["person_id"], row["asset"], tuple(row["records"] or ()), row["counted"] - row["total"]
        )
        await ledger.submit(tenant_id, SYSTEM, "restateBooks", command, needs(command), None)
    async with tenant_transaction(tenant_id) as connection:
        await connection.raw.execute("UPDATE tenants SET restated = true WHERE id = $1", tenant_id)
    return len(rows)
