"""Webhooks, and what was delivered to them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from models.event_kinds import DeliveryError, DeliveryStatus, EventKind, WebhookPause, WebhookStatus
from models.pool import Raw
from models.reads.columns import actor, columns, rows, who
from models.reads.keys import id_key, time_key
from models.reads.paging import Listing, Through
from models.reads.session import ReadSession
from models.views import ActorView

MAX_LOOKED_AT: Final = 10_000
"""Tenants."""
_KEYS: Final = "SELECT secret_key FROM webhooks WHERE tenant_id = $1 AND deleted_at IS NULL"


@dataclass(frozen=True, slots=True)
class WebhookView:
    """kinds: None for all. settled: the position up to which everything was delivered, or given up. waiting: how many
    deliveries wait."""

    id: UUID
    url: str
    description: str | None
    kinds: tuple[EventKind, ...] | None
    status: WebhookStatus
    status_since: datetime
    pause_reason: WebhookPause | None
    position: int
    settled: int
    waiting: int
    failing_since: datetime | None
    look_at: datetime | None
    delivered_at: datetime | None
    former_until: datetime | None
    created_at: datetime
    created_by: ActorView


@dataclass(frozen=True, slots=True)
class WebhookDeliveryView:
    """position, kind: None for a ping."""

    id: UUID
    webhook_id: UUID
    position: int | None
    kind: EventKind | None
    status: DeliveryStatus
    attempts: int
    created_at: datetime
    attempted_at: datetime | None
    next_at: datetime | None
    duration_ms: int | None
    response_status: int | None
    response: str | None
    error: DeliveryError | None


def _kinds(text: str) -> tuple[EventKind, ...]:
    return tuple(map(EventKind, text.split()))


_WAITING: Final = """(
    select count(*)::int from webhook_deliveries d
     where d.tenant_id = $1 and d.webhook_id = t.id and d.status in ('WAITING', 'RETRYING'))"""
_COLUMNS: Final = columns(WebhookView, waiting=_WAITING, created_by=who("created_by_id"))
_view: Final = rows(WebhookView, kinds=_kinds, status=WebhookStatus, pause_reason=WebhookPause, created_by=actor)
_DELIVERY_COLUMNS: Final = columns(WebhookDeliveryView)
_delivery: Final = rows(WebhookDeliveryView, kind=EventKind, status=DeliveryStatus, error=DeliveryError)

WEBHOOKS: Final = Listing(
    name="webhooks",
    columns=_COLUMNS,
    table="webhooks t",
    parent="t.tenant_id",
    keys=(time_key("t.created_at"), id_key("t.id")),
    view=_view,
    alone="t.deleted_at is null",
)
"""A tenant's webhooks by creation time: the parent is the tenant."""
_DELIVERIES: Final = Listing(
    name="webhook-deliveries",
    columns=_DELIVERY_COLUMNS,
    table="webhook_deliveries t",
    parent="t.status",
    keys=(time_key("t.created_at"), id_key("t.id")),
    view=_delivery,
    through=Through("(select unnest({0}::text[]) as status) c", "c.status", values=(tuple(DeliveryStatus),)),
    alone="t.webhook_id = p.id",
)


def deliveries(statuses: Collection[DeliveryStatus] | None) -> Listing[WebhookDeliveryView]:
    """A webhook's deliveries, of these statuses or of all: the parent is the webhook."""
    if statuses is None:
        return _DELIVERIES
    chosen = Through("(select unnest({0}::text[]) as status) c", "c.status", values=(tuple(sorted(statuses)),))
    return replace(_DELIVERIES, through=chosen)


async def by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[WebhookView]:
    return [_view(row) for row in await session.fetch(_BY_ID, list(ids))]


async def deliveries_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[WebhookDeliveryView]:
    return [_delivery(row) for row in await session.fetch_by_ids("webhook_deliveries", _DELIVERY_COLUMNS, ids)]


_BY_ID: Final = f"""
    select {_COLUMNS} from unnest($2::uuid[]) k(id)
      join webhooks t on t.tenant_id = $1 and t.id = k.id and t.deleted_at is null"""


async def keys_in_use(raw: Raw) -> set[bytes]:
    """Fingerprints of the keys that the webhooks of all tenants have their secrets from: for the operator's checkup. None in
    a database that is not migrated as far."""
    found = set[bytes]()
    if not await raw.fetchval("SELECT to_regclass('public.webhooks') IS NOT NULL"):
        return found
    async with raw.transaction(readonly=True):
        await raw.execute("SET LOCAL scrip.directory = 'on'")
        tenants = await raw.fetch("SELECT id FROM tenants WHERE deletion_began_at IS NULL LIMIT $1", MAX_LOOKED_AT)
        for tenant in tenants:
            await raw.execute(f"SET LOCAL scrip.tenant = '{UUID(str(tenant['id']))}'")
            rows = await raw.fetch(_KEYS, tenant["id"])
            found |= {row["secret_key"] for row in rows}
    return found
