"""The pruning of idempotency keys by age (domain: idempotency)."""

from typing import Final
from uuid import UUID

from models.ledger import Ledger
from models.operations.prune_keys import prune_keys

INTERVAL_S: Final = 3600.0
"""Nobody waits for it: a key that is an hour older than it has to be is known again all the same."""


async def run_once(ledger: Ledger, tenant_id: UUID) -> int:
    """Delete some of the keys that are too old. Answers how many; 0 once nothing is left."""
    return await prune_keys(ledger, tenant_id)
