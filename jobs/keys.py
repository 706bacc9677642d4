"""Pruning of idempotency keys by age (domain: idempotency)."""

from typing import Final
from uuid import UUID

from models.ledger import Ledger
from models.operations.prune_keys import prune_keys

INTERVAL_S: Final = 3600.0
"""Not urgent: a key kept an hour too long is still recognised, and does no harm."""


async def run_once(ledger: Ledger, tenant_id: UUID) -> int:
    """Delete some outdated idempotency keys. Returns their number, 0 if none is left."""
    return await prune_keys(ledger, tenant_id)
