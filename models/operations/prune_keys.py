"""Prune idempotency keys by age: a later retry is a new request (domain: idempotency)."""

from datetime import datetime
from typing import Final
from uuid import UUID

from models.idempotency import LOOKED_UP, note_pruning, prune
from models.ledger import Ledger
from models.session import tenant_transaction

KEYS_AT_ONCE: Final = 250
"""Maximum keys per transaction. A claim of one of them waits for that: some hundredths of a second."""
MAX_STEPS: Final = 100


async def prune_keys(ledger: Ledger, tenant_id: UUID) -> int:
    """Delete keys past the tenant's retention: up to 25,000, so call again until it returns 0.

    Before any is deleted, the tenant's row records how far back keys must still exist (`keys_pruned_at`, used by
    `verify`). Keys of files, bulks and requests still waiting are kept. Safe to run repeatedly and concurrently.
    """
    async with tenant_transaction(tenant_id, settings=LOOKED_UP) as connection:
        before = await note_pruning(connection, await ledger.stamp(connection))
    if before is None:
        return 0
    since: datetime | None = None
    pruned = 0
    for _ in range(MAX_STEPS):
        async with tenant_transaction(tenant_id, settings=LOOKED_UP) as connection:
            ages = await prune(connection, before, since, KEYS_AT_ONCE)
        pruned += len(ages)
        if len(ages) < KEYS_AT_ONCE:
            break
        since = max(ages)
    return pruned
