"""The feed: positions for what happened, soon after; and pruning by age (docs/adr/0061)."""

from typing import Final
from uuid import UUID

from models.ledger import Ledger
from models.operations.keep_feed import keep_feed
from models.operations.prune_feed import prune_feed

INTERVAL_S: Final = 1.0
"""An event is in the feed after this long, as soon as nothing from before it is still being written."""
PATIENCE_S: Final = 10.0
"""A tenant in which nothing happens is looked at this seldom."""
PRUNING_INTERVAL_S: Final = 3600.0


async def relay(ledger: Ledger, tenant_id: UUID) -> int:
    """Give positions to what is settled. Returns the number of events, 0 if none is left."""
    return await keep_feed(ledger, tenant_id)


async def prune(ledger: Ledger, tenant_id: UUID) -> int:
    """Delete some outdated events. Returns their number, 0 if none is left."""
    return await prune_feed(ledger, tenant_id)
