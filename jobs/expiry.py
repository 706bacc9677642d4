"""Expiry sweep: writes the entries for credits that have expired, and closes approval requests that have (domain:
expiry)."""

from typing import Final
from uuid import UUID

from models.ledger import Ledger
from models.operations.approvals import expire_requests
from models.operations.expire import expire_credits

INTERVAL_S: Final = 60.0
"""Not urgent: balances, spends, queries and approvals use the expiry itself."""


async def run_once(ledger: Ledger, tenant_id: UUID) -> int:
    """Write off some expired credits and requests. Returns the number of accounts and requests, 0 if none is left."""
    requests = await expire_requests(ledger, tenant_id)
    return requests + await expire_credits(ledger, tenant_id)
