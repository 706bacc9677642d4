"""The large bulks: validated, then posted in chunks, by whichever worker has the time (domain: bulk)."""

from typing import Final
from uuid import UUID

from models.ledger import Ledger
from models.operations.run_bulks import run_bulk

INTERVAL_S: Final = 2.0
"""Somebody waits for it, and looking for what is queued is one look into an index."""


async def run_once(ledger: Ledger, tenant_id: UUID) -> int:
    """Go on with the oldest bulk that nobody works on. Answers how many rows were settled; 0 once there is none."""
    return await run_bulk(ledger, tenant_id)
