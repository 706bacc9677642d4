"""Totals for reports: the sums so far, every few hundred transactions (docs/adr/0041)."""

from typing import Final
from uuid import UUID

from models.ledger import Ledger
from models.operations.keep_totals import keep_totals

INTERVAL_S: Final = 60.0
"""Not urgent: a report itself adds up later transactions."""


async def run_once(ledger: Ledger, tenant_id: UUID) -> int:
    """Add the totals that are due. Returns the number of rows, 0 if none is left."""
    return await keep_totals(ledger, tenant_id)
