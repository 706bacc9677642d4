"""The expiry sweep: it writes the rows that say what has been true since the expiry passed (domain: expiry), of credits
and of approval requests."""

from typing import Final
from uuid import UUID

from models.ledger import Ledger
from models.operations.approvals import expire_requests
from models.operations.expire import expire_credits

INTERVAL_S: Final = 60.0
"""Nobody waits for it: balances, spends, queries and approvals go by the expiry itself."""


async def run_once(ledger: Ledger, tenant_id: UUID) -> int:
    """Write off some of what has expired. Answers how many accounts and requests that was; 0 once nothing is left."""
    requests = await expire_requests(ledger, tenant_id)
    return requests + await expire_credits(ledger, tenant_id)
