"""Webhooks: where a tenant's feed is delivered to, and how each delivery went."""

from typing import ClassVar

from tortoise import fields

from models.tables.base import Privileges, TenantRow


class Webhook(TenantRow):
    """An endpoint of the tenant's. Its secret is derived, and stored nowhere (models/webhooks.py).

    kinds: EventKinds that it is told, separated by spaces; null for all. rights: names of those rights, of which some kinds
    take one, that its maker had. status, pause_reason: a WebhookStatus, a WebhookPause. secret_salt, secret_key: what the
    secret is derived with, and the fingerprint of the key that it is derived from; former_salt, former_key: those of the
    secret before, which signs as well until former_until.

    position: everything up to there was delivered, or waits in webhook_deliveries. settled: everything up to there was
    delivered, given up or cancelled. version: raised when somebody sets the position, or changes what is sent or where: then
    what is under way is not recorded. due_at: when the first of what waits is due. ping_at: since when a ping waits.
    look_at: nothing else is tried before then. failing_since: since when attempts fail and none succeeds. claimed_by: the
    worker that delivers, until claimed_until.
    """

    url = fields.CharField(max_length=2000)
    description = fields.CharField(max_length=255, null=True)
    kinds = fields.CharField(max_length=4000, null=True)
    rights = fields.CharField(max_length=255)
    status = fields.CharField(max_length=16)
    status_since = fields.DatetimeField()
    pause_reason = fields.CharField(max_length=16, null=True)
    secret_salt = fields.BinaryField()
    secret_key = fields.BinaryField()
    former_salt = fields.BinaryField(null=True)
    former_key = fields.BinaryField(null=True)
    former_until = fields.DatetimeField(null=True)
    position = fields.BigIntField()
    settled = fields.BigIntField()
    version = fields.IntField()
    due_at = fields.DatetimeField(null=True)
    ping_at = fields.DatetimeField(null=True)
    look_at = fields.DatetimeField(null=True)
    failing_since = fields.DatetimeField(null=True)
    delivered_at = fields.DatetimeField(null=True)
    claimed_by = fields.UUIDField(null=True)
    claimed_until = fields.DatetimeField(null=True)
    created_by_id = fields.UUIDField()
    created_at = fields.DatetimeField()
    deleted_at = fields.DatetimeField(null=True)

    app_may: ClassVar = Privileges(
        updates=(
            "url",
            "description",
            "kinds",
            "rights",
            "status",
            "status_since",
            "pause_reason",
            "secret_salt",
            "secret_key",
            "former_salt",
            "former_key",
            "former_until",
            "position",
            "settled",
            "version",
            "due_at",
            "ping_at",
            "look_at",
            "failing_since",
            "delivered_at",
            "claimed_by",
            "claimed_until",
            "deleted_at",
        ),
        deletes=True,
    )

    class Meta:
        table = "webhooks"


class WebhookDelivery(TenantRow):
    """The delivery of one event, or of a ping, to one webhook.

    position, kind: of the event; null for a ping. status: a DeliveryStatus. next_at: when it is due; null if it waits for
    another one of its account, or is over. attempted_at, duration_ms, response_status, response, error: of the last
    attempt; error is a DeliveryError, null if it was answered well.
    """

    webhook_id = fields.UUIDField()
    position = fields.BigIntField(null=True)
    kind = fields.CharField(max_length=32, null=True)
    status = fields.CharField(max_length=16)
    attempts = fields.IntField()
    created_at = fields.DatetimeField()
    attempted_at = fields.DatetimeField(null=True)
    next_at = fields.DatetimeField(null=True)
    duration_ms = fields.IntField(null=True)
    response_status = fields.IntField(null=True)
    response = fields.CharField(max_length=1000, null=True)
    error = fields.CharField(max_length=32, null=True)

    app_may: ClassVar = Privileges(
        updates=(
            "status",
            "attempts",
            "attempted_at",
            "next_at",
            "duration_ms",
            "response_status",
            "response",
            "error",
        ),
        deletes=True,
    )

    class Meta:
        table = "webhook_deliveries"
