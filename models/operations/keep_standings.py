"""Bring the tenant's standings up to now, so that customers can be listed by balance and by activity (docs/adr/0066)."""

from typing import Final
from uuid import UUID

from models.ledger import Ledger
from models.session import GENERIC_PLANS, settled_instant, tenant_transaction
from models.standings import DUE, KEEP

TRANSACTIONS: Final = 1_000
"""Transactions in one step; more if they have the same instant, as those of one bulk."""
MAX_STEPS: Final = 20


async def keep_standings(ledger: Ledger, tenant_id: UUID, transactions: int = TRANSACTIONS) -> int:
    """Take the transactions posted since: up to twenty thousand, so call again until it returns 0. Returns the steps.

    Only settled transactions are taken: none can appear before them any more (docs/adr/0019). Safe to run repeatedly and
    concurrently.
    """
    settled = ledger.clock.given or await settled_instant(tenant_id)
    for made in range(MAX_STEPS):
        async with tenant_transaction(tenant_id, read_only=True, settings=GENERIC_PLANS) as connection:
            due = await connection.raw.fetchrow(DUE, tenant_id, settled, transactions)
        if due is None:
            return made
        async with tenant_transaction(tenant_id, settings=GENERIC_PLANS, quietly=True) as connection:
            await connection.raw.execute(KEEP, tenant_id, due["after"], due["until"])
    return MAX_STEPS
