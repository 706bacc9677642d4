"""Prune the feed, and the outbox behind it, by age."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from models.feed import EMPTY, LOCK, PRUNE, PRUNED
from models.ledger import Ledger
from models.session import GENERIC_PLANS, settled_instant, tenant_transaction

EVENTS_AT_ONCE: Final = 1_000
MAX_STEPS: Final = 100


async def prune_feed(ledger: Ledger, tenant_id: UUID, at_once: int = EVENTS_AT_ONCE) -> int:
    """Delete events past the tenant's retention, and rows of the outbox that have long had their position: up to a
    hundred steps, so call again until it returns 0. Returns how many were deleted.

    The head tells how far back the feed still goes. Safe to run repeatedly and concurrently.
    """
    now = ledger.clock.given or await settled_instant(tenant_id)
    deleted = 0
    for _ in range(MAX_STEPS):
        async with tenant_transaction(tenant_id, settings=GENERIC_PLANS) as connection:
            raw = connection.raw
            head = await raw.fetchrow(LOCK, tenant_id)
            if head is None:
                break
            days = await raw.fetchval("SELECT event_days FROM tenants WHERE id = $1", tenant_id)
            before = now - timedelta(days=days)
            events = _number(await raw.execute(PRUNE, tenant_id, before, at_once))
            if events:
                await raw.execute(PRUNED, tenant_id, events)
            step = events + _number(await raw.execute(EMPTY, tenant_id, min(before, head["at"]), at_once))
        deleted += step
        if not step:
            break
    return deleted


def _number(status: str) -> int:
    return int(status.rpartition(" ")[2])
