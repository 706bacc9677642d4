"""Totals for reports: the sums so far, every few hundred transactions, and those of some seconds ago (docs/adr/0041)."""

from typing import Final
from uuid import UUID

from models.ledger import Ledger
from models.operations.keep_totals import keep_all

INTERVAL_S: Final = 5.0
"""A report itself adds up what was posted since."""
PATIENCE_S: Final = 60.0
"""Seconds for which a tenant in which nothing happens is left out."""


async def run_once(ledger: Ledger, tenant_id: UUID) -> int:
    """Add the totals that are due, and then bring the latest ones up to now. Returns the number of rows, 0 if nothing was
    posted since."""
    return await keep_all(ledger, tenant_id)
