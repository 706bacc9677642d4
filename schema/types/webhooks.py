"""Webhooks, and their deliveries. Never a secret: that is shown once, by the mutation that makes it."""

from datetime import datetime

import strawberry

from auth.roles import Permission
from models.event_kinds import DeliveryError, DeliveryStatus, EventKind, WebhookPause, WebhookStatus
from models.reads import webhooks
from models.reads.events import EVENTS
from models.reads.paging import Key
from models.reads.webhooks import WebhookDeliveryView, WebhookView
from schema.ids import global_id
from schema.nodes import by_ids, node
from schema.types.base import Node, Reader
from schema.types.ledger import Actor


@node(WebhookView, by_ids(webhooks.by_ids), Permission.READ_CONFIG, Permission.WRITE_WEBHOOKS, owner=None)
@strawberry.type
class Webhook(Node):
    """An endpoint that the feed is delivered to. Its secret is never shown again."""

    url: str
    """URL that events are posted to."""
    description: str | None
    """Text that tells it apart; null if it has none."""
    types: list[EventKind] | None
    """Kinds of events to deliver; null for all that the administrator who set it up can read."""
    status: WebhookStatus
    """State that it is in."""
    status_since: datetime
    """Instant since which it is in that state."""
    pause_reason: WebhookPause | None
    """Reason for which Scrip has stopped delivering; null if it has not."""
    delivered_through: str
    """Position in the feed up to which everything was delivered, or given up."""
    cursor: str
    """The same as a cursor: events(after:) begins with what it has not got."""
    waiting: int
    """Number of deliveries that wait: for another attempt, or for an earlier event of the same account."""
    failing_since: datetime | None
    """Instant since which attempts fail and none succeeds; null if the last look delivered something."""
    next_attempt_at: datetime | None
    """Instant before which it is left alone, because it fails; null if it does not."""
    last_delivered_at: datetime | None
    """Instant of its last delivery; null if there has been none."""
    old_secret_until: datetime | None
    """Instant until which the secret before the last rotation signs as well; null if there is none."""
    created_at: datetime
    """Instant at which it was made."""
    created_by: Actor
    """Administrator who made it."""

    @classmethod
    def of(cls, view: WebhookView, reader: Reader) -> "Webhook":
        overlaps = view.former_until is not None and view.former_until > reader.now
        return cls(
            id=global_id("Webhook", view.id),
            url=view.url,
            description=view.description,
            types=None if view.kinds is None else list(view.kinds),
            status=view.status,
            status_since=view.status_since,
            pause_reason=view.pause_reason,
            delivered_through=str(view.settled),
            cursor=EVENTS.cursor(Key((view.settled,))),
            waiting=view.waiting,
            failing_since=view.failing_since,
            next_attempt_at=view.look_at,
            last_delivered_at=view.delivered_at,
            old_secret_until=view.former_until if overlaps else None,
            created_at=view.created_at,
            created_by=Actor.of(view.created_by),
        )


@node(
    WebhookDeliveryView,
    by_ids(webhooks.deliveries_by_ids),
    Permission.READ_CONFIG,
    Permission.WRITE_WEBHOOKS,
    owner=None,
)
@strawberry.type
class WebhookDelivery(Node):
    """The delivery of one event, or of a ping, to one webhook, with its last attempt."""

    webhook_id: strawberry.ID
    """Webhook that it is for, by its id."""
    position: str | None
    """Position of the event in the feed; null for a ping."""
    kind: EventKind | None
    """Kind of the event; null for a ping."""
    status: DeliveryStatus
    """State that it is in."""
    attempts: int
    """Number of attempts so far."""
    created_at: datetime
    """Instant at which it was recorded first."""
    attempted_at: datetime | None
    """Instant of the last attempt; null if there was none."""
    next_attempt_at: datetime | None
    """Instant from which it is tried next; null if it is over, or waits for an earlier event of the same account."""
    duration_ms: int | None
    """Milliseconds that the last attempt took; null if there was none."""
    response_status: int | None
    """HTTP status of the last answer; null if there was none."""
    response: str | None
    """First characters of the last answer, 500 at most; null if there was none."""
    error: DeliveryError | None
    """Reason for which the last attempt failed; null if it did not."""

    @classmethod
    def of(cls, view: WebhookDeliveryView, _reader: Reader) -> "WebhookDelivery":
        return cls(
            id=global_id("WebhookDelivery", view.id),
            webhook_id=global_id("Webhook", view.webhook_id),
            position=None if view.position is None else str(view.position),
            kind=view.kind,
            status=view.status,
            attempts=view.attempts,
            created_at=view.created_at,
            attempted_at=view.attempted_at,
            next_attempt_at=view.next_at,
            duration_ms=view.duration_ms,
            response_status=view.response_status,
            response=view.response,
            error=view.error,
        )
