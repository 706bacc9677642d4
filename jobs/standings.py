"""Standings for lists: balances and last activity of customers (docs/adr/0066)."""

from typing import Final
from uuid import UUID

from models.ledger import Ledger
from models.operations.keep_standings import keep_standings

INTERVAL_S: Final = 5.0
"""How far a list by balance or activity is behind, at most, as long as the job keeps up."""
PATIENCE_S: Final = 60.0
"""Seconds for which a tenant in which nothing happens is left out."""


async def run_once(ledger: Ledger, tenant_id: UUID) -> int:
    """Bring the tenant's standings up to now. Returns the number of steps, 0 if nothing was posted since."""
    return await keep_standings(ledger, tenant_id)
