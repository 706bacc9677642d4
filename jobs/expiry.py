"""The expiry sweep: it writes the ledger rows that say what has been true since the expiry passed (domain: expiry)."""

from typing import Final
from uuid import UUID

from models.ledger import Ledger
from models.operations.expire import expire_credits

INTERVAL_S: Final = 60.0
"""Nobody waits for it: balances, spends and queries go by the expiry itself."""


async def run_once(ledger: Ledger, tenant_id: UUID) -> int:
    """Write off some of what has expired. Answers how many accounts that was; 0 once nothing is left."""
    return await expire_credits(ledger, tenant_id)
