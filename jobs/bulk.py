"""Large bulks: validated, then posted in chunks, by any free worker (domain: bulk)."""

from typing import Final
from uuid import UUID

from models.ledger import Ledger
from models.operations.run_bulks import run_bulk

INTERVAL_S: Final = 2.0
"""Short, because users wait for it; polling the queue costs one index look-up."""


async def run_once(ledger: Ledger, tenant_id: UUID) -> int:
    """Resume the oldest unclaimed bulk. Returns the number of rows settled, 0 if none."""
    return await run_bulk(ledger, tenant_id)
