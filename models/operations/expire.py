"""Write off what has expired: the ledger rows that say what is true already (domain: expiry)."""

from typing import Final
from uuid import UUID

from models.commands import Actor, ExpireCredits
from models.ledger import Ledger
from models.planning.using import expire_needs
from models.session import tenant_transaction

SYSTEM: Final = Actor(subject="scrip", role="ADMIN", client="expiry", name="Scrip")
ACCOUNTS_AT_ONCE: Final = 200
CREDITS_PER_ACCOUNT: Final = 1_000


async def expire_credits(ledger: Ledger, tenant_id: UUID) -> int:
    """Write off expired credits of up to 200 accounts of the tenant. Answers how many accounts were looked at: call again
    until it is 0. Safe to run twice, at once, and late: what a sweep finds is judged again under the lock."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        rows = await connection.raw.fetch(
            """SELECT a.customer_id, a.asset, (array_agg(c.id ORDER BY c.expires_at, c.id))[:$4] AS credits
            FROM (SELECT id, account_id, expires_at FROM credits
                WHERE tenant_id = $1 AND open AND expires_at <= $2 ORDER BY expires_at LIMIT $3) c
            JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id
            GROUP BY a.id, a.customer_id, a.asset""",
            tenant_id, ledger.clock(), ACCOUNTS_AT_ONCE, CREDITS_PER_ACCOUNT,
        )  # fmt: skip
    for row in rows:
        command = ExpireCredits(row["customer_id"], row["asset"])
        needs = expire_needs(command, tuple(row["credits"]))
        await ledger.submit(tenant_id, SYSTEM, "expireCredits", command, needs, None)
    return len(rows)
