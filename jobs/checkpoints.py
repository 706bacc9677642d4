"""Checkpoints: signed, and brought where they are kept (docs/adr/0064)."""

from typing import Final
from uuid import UUID

from models.ledger import Ledger
from models.operations.keep_checkpoints import keep_checkpoints, waiting_since
from models.operations.make_checkpoint import make_checkpoint

INTERVAL_S: Final = 30.0
NAME: Final = "checkpoints"


async def run_once(ledger: Ledger, tenant_id: UUID) -> int:
    """Make a checkpoint if one is due, and bring those elsewhere that are not there yet. Returns the number of steps that
    this took; 0 if nothing is left, or if nobody signs."""
    notary = ledger.notary
    if notary is None:
        return 0
    since = await waiting_since(tenant_id, notary)
    if since is None:
        return 0
    ledger.metrics.job(NAME).found((ledger.clock() - since).total_seconds())
    made = await make_checkpoint(ledger, tenant_id, notary)
    return made + await keep_checkpoints(ledger, tenant_id, notary)
