"""Prune deliveries that are over, by age; and what is left of deleted webhooks."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from models.event_kinds import DeliveryStatus
from models.ledger import Ledger
from models.session import GENERIC_PLANS, settled_instant, tenant_transaction

DELIVERIES_AT_ONCE: Final = 1_000
MAX_STEPS: Final = 100
_OVER: Final = (DeliveryStatus.DELIVERED, DeliveryStatus.FAILED, DeliveryStatus.CANCELLED)
_ALL: Final = (*_OVER, DeliveryStatus.WAITING, DeliveryStatus.RETRYING)

_WEBHOOKS: Final = """
    SELECT w.id, w.deleted_at, n.event_days FROM webhooks w JOIN tenants n ON n.id = $1
    WHERE w.tenant_id = $1 ORDER BY w.deleted_at, w.id LIMIT 100"""
_PRUNE: Final = """
    DELETE FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2 AND status = $3 AND created_at <= (
        SELECT max(d.created_at) FROM (
            SELECT created_at FROM webhook_deliveries
            WHERE tenant_id = $1 AND webhook_id = $2 AND status = $3 AND created_at < $4
            ORDER BY created_at, id LIMIT $5) d)"""
"""Delete the oldest: $5, or a few more that were recorded with them."""
_REMOVE: Final = """
    DELETE FROM webhooks w WHERE w.tenant_id = $1 AND w.id = $2 AND w.deleted_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2)"""


async def prune_webhooks(ledger: Ledger, tenant_id: UUID, at_once: int = DELIVERIES_AT_ONCE) -> int:
    """Delete deliveries that are over and past the tenant's retention of events, and all of deleted webhooks, and these: up
    to a hundred steps, so call again until it returns 0. Returns how many rows were deleted."""
    now = ledger.clock.given or await settled_instant(tenant_id)
    async with tenant_transaction(tenant_id, read_only=True, settings=GENERIC_PLANS) as connection:
        rows = await connection.raw.fetch(_WEBHOOKS, tenant_id)
    deleted = 0
    for row in rows:
        gone = row["deleted_at"] is not None
        before = now + timedelta(days=1) if gone else now - timedelta(days=row["event_days"])
        deleted += await _prune(tenant_id, row["id"], before, _ALL if gone else _OVER, at_once)
        if gone:
            async with tenant_transaction(tenant_id, settings=GENERIC_PLANS) as connection:
                deleted += _number(await connection.raw.execute(_REMOVE, tenant_id, row["id"]))
    return deleted


async def _prune(
    tenant_id: UUID, webhook_id: UUID, before: datetime, statuses: tuple[DeliveryStatus, ...], at_once: int
) -> int:
    deleted = 0
    for status in statuses:
        for _ in range(MAX_STEPS):
            async with tenant_transaction(tenant_id, settings=GENERIC_PLANS) as connection:
                step = _number(await connection.raw.execute(_PRUNE, tenant_id, webhook_id, status, before, at_once))
            deleted += step
            if step < at_once:
                break
    return deleted


def _number(status: str) -> int:
    return int(status.rpartition(" ")[2])
