"""Webhooks: made, changed and deleted by admins. Delivering is `deliver_webhooks`.

This module gets salts and fingerprints, never secrets. Creating takes no idempotency key, since the secret is shown only
once: a retry after a lost response is refused for its URL, and the secret of the webhook that is there can be rotated.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from models.commands import Actor
from models.configuration_commands import (
    CreateWebhook,
    FeedPlace,
    PingWebhook,
    ReplayWebhook,
    RotateWebhookSecret,
    UpdateWebhook,
    WebhookNamed,
)
from models.errors import Invalid, NotFound
from models.event_kinds import DeliveryStatus, WebhookPause, WebhookStatus
from models.ledger import Ledger
from models.operations.configuring import Configuring, configuring
from models.patience import patiently
from models.webhooks import checked_url

MAX_WEBHOOKS: Final = 20
"""Maximum per tenant."""
MAX_OVERLAP_MINUTES: Final = 7 * 24 * 60
MAX_PINGS: Final = 10
"""Maximum that wait to be sent, per webhook."""
_HEAD: Final = "SELECT position, pruned FROM feed_heads WHERE tenant_id = $1 AND id = $1"
_AT: Final = "SELECT recorded_at FROM feed WHERE tenant_id = $1 AND position = $2"
_OPEN: Final = "status IN ('WAITING', 'RETRYING')"


@patiently
async def create_webhook(ledger: Ledger, tenant_id: UUID, actor: Actor, command: CreateWebhook) -> None:
    """Create it. Raises Invalid, Duplicate at `url`."""
    url = checked_url(ledger.webhooks, command.url)
    async with configuring(ledger, tenant_id, actor, taken="url") as change:
        sql = "SELECT count(*) FROM webhooks WHERE tenant_id = $1 AND deleted_at IS NULL"
        if (await change.fetchrow(sql))[0] >= MAX_WEBHOOKS:
            raise Invalid(f"There are already {MAX_WEBHOOKS}, which is the maximum. Delete one first.")
        now = await ledger.stamp(change.connection)
        newest, pruned = await _ends(change)
        position = newest if command.after is None else await _kept(change, command.after, newest, pruned)
        values = {"url": url, "description": command.description, "kinds": _joined(command.kinds)}
        await _insert(
            change,
            values
            | {
                "id": command.webhook_id,
                "rights": " ".join(sorted(command.rights)),
                "status": WebhookStatus.ACTIVE,
                "status_since": now,
                "secret_salt": command.secret_salt,
                "secret_key": command.secret_key,
                "position": position,
                "settled": position,
                "version": 1,
                "created_by_id": change.doer_id,
                "created_at": now,
            },
        )
        await change.record("webhook.created", command.webhook_id, values | {"position": position})


@patiently
async def update_webhook(ledger: Ledger, tenant_id: UUID, actor: Actor, command: UpdateWebhook) -> None:
    """Change it. From then on it is told no more than this actor may read, and at its URL of now: a worker that delivers
    stops within a second or two, and what is not recorded by then is sent anew. At another URL, what failed is due at once.

    Raises NotFound, Invalid, Duplicate.
    """
    if command.kinds is not None and command.all_kinds:
        raise Invalid("Give either types or allTypes, not both.", field=("allTypes",))
    url = None if command.url is None else checked_url(ledger.webhooks, command.url)
    async with configuring(ledger, tenant_id, actor, taken="url") as change:
        row = await _row(change, command.webhook_id)
        wanted = {
            "url": url,
            "description": command.description,
            "kinds": _joined(command.kinds),
            "rights": " ".join(sorted(command.rights)),
        }
        cleared = ["kinds"] if command.all_kinds and row["kinds"] is not None else []
        cleared += ["description"] if command.description == "" else []
        await change.update("webhooks", "webhook.updated", row, wanted, cleared=cleared)
        others = (wanted[name] not in (None, row[name]) for name in ("url", "kinds", "rights"))
        if any(others) or "kinds" in cleared:
            await _begin_anew(change, ledger, row, elsewhere=url not in (None, row["url"]))


@patiently
async def rotate_webhook_secret(ledger: Ledger, tenant_id: UUID, actor: Actor, command: RotateWebhookSecret) -> None:
    """Give it another secret. The old one signs as well for a while; one that was before that no more. What was paused for
    the old one's key goes on, or is paused for the events that have been pruned meanwhile.

    Raises NotFound, Invalid.
    """
    if not 0 <= command.overlap_minutes <= MAX_OVERLAP_MINUTES:
        raise Invalid(f"The overlap must be between 0 and {MAX_OVERLAP_MINUTES} minutes.", field=("overlapMinutes",))
    async with configuring(ledger, tenant_id, actor) as change:
        row = await _row(change, command.webhook_id)
        overlaps = command.overlap_minutes > 0
        until = await ledger.stamp(change.connection) + timedelta(minutes=command.overlap_minutes)
        await _set(
            change,
            row,
            {
                "secret_salt": command.secret_salt,
                "secret_key": command.secret_key,
                "former_salt": row["secret_salt"] if overlaps else None,
                "former_key": row["secret_key"] if overlaps else None,
                "former_until": until if overlaps else None,
            },
        )
        # A worker that has just found the old one's key unknown pauses it for that no more.
        if not overlaps or ledger.webhooks.key(row["secret_key"]) is None:
            await _begin_anew(change, ledger, row, elsewhere=False)
        await change.record("webhook.rotated", row["id"], {"overlap_minutes": command.overlap_minutes})
        if row["pause_reason"] != WebhookPause.KEY_UNKNOWN:
            return
        if await _pruned(change, row) is None:
            await _activate(change, ledger, row)
        else:
            await _set(change, row, {"pause_reason": WebhookPause.PRUNED})
            await change.record("webhook.paused", row["id"], {"url": row["url"], "reason": WebhookPause.PRUNED})


@patiently
async def disable_webhook(ledger: Ledger, tenant_id: UUID, actor: Actor, command: WebhookNamed) -> None:
    """Stop delivering. What happens meanwhile is delivered once it is enabled. Raises NotFound."""
    async with configuring(ledger, tenant_id, actor) as change:
        row = await _row(change, command.webhook_id)
        if row["status"] != WebhookStatus.DISABLED:
            await _set_status(change, ledger, row, WebhookStatus.DISABLED, "webhook.disabled")


@patiently
async def enable_webhook(ledger: Ledger, tenant_id: UUID, actor: Actor, command: WebhookNamed) -> None:
    """Deliver again, after it was disabled or paused: what failed is due at once, with all its attempts.

    Raises NotFound; Invalid if events that it has not got are not kept any more, or if its secret is not known here.
    """
    async with configuring(ledger, tenant_id, actor) as change:
        row = await _row(change, command.webhook_id)
        if row["status"] == WebhookStatus.ACTIVE:
            return
        pruned = await _pruned(change, row)
        if pruned is not None:
            raise Invalid(
                f"Events that it has not got have been pruned: the oldest that is kept is {pruned + 1}. Say from where to "
                "go on, by replayWebhook; then enable it.",
                field=("webhookId",),
            )
        if ledger.webhooks.key(row["secret_key"]) is None:
            raise Invalid("Its secret is not known here. Rotate it first.", field=("webhookId",))
        await _activate(change, ledger, row)


@patiently
async def delete_webhook(ledger: Ledger, tenant_id: UUID, actor: Actor, command: WebhookNamed) -> None:
    """Delete it: at once for everybody; its deliveries go in small steps. Raises NotFound."""
    async with configuring(ledger, tenant_id, actor) as change:
        row = await _row(change, command.webhook_id)
        await _set(change, row, {"deleted_at": await ledger.stamp(change.connection)})
        await change.record("webhook.deleted", row["id"], {"url": row["url"]})


@patiently
async def ping_webhook(ledger: Ledger, tenant_id: UUID, actor: Actor, command: PingWebhook) -> None:
    """Have a ping sent, once, whatever state the webhook is in. Raises NotFound, Invalid."""
    async with configuring(ledger, tenant_id, actor) as change:
        row = await _row(change, command.webhook_id)
        waiting = f"""SELECT count(*) FROM webhook_deliveries
            WHERE tenant_id = $1 AND webhook_id = $2 AND {_OPEN} AND position IS NULL"""
        if (await change.fetchrow(waiting, row["id"]))[0] >= MAX_PINGS:
            raise Invalid(f"{MAX_PINGS} pings are waiting to be sent already.", field=("webhookId",))
        now = await ledger.stamp(change.connection)
        await change.connection.raw.execute(
            """INSERT INTO webhook_deliveries (tenant_id, id, webhook_id, status, attempts, created_at, next_at)
            VALUES ($1, $2, $3, $4, 0, $5, $5)""",
            tenant_id,
            command.delivery_id,
            row["id"],
            DeliveryStatus.WAITING,
            now,
        )
        await _set(change, row, {"ping_at": now})
        await change.record("webhook.tested", row["id"], {"url": row["url"]})


@patiently
async def replay_webhook(ledger: Ledger, tenant_id: UUID, actor: Actor, command: ReplayWebhook) -> None:
    """Deliver what follows the position, again or for the first time; what waits is cancelled.

    Raises NotFound, and Invalid, at `after`, if what follows it is not all kept, or it is ahead of the feed.
    """
    async with configuring(ledger, tenant_id, actor) as change:
        row = await _row(change, command.webhook_id)
        newest, pruned = await _ends(change)
        position = pruned if command.after is None else await _kept(change, command.after, newest, pruned)
        sql = f"""UPDATE webhook_deliveries SET status = 'CANCELLED', next_at = NULL
            WHERE tenant_id = $1 AND webhook_id = $2 AND {_OPEN} AND position IS NOT NULL"""
        await change.connection.raw.execute(sql, tenant_id, row["id"])
        values = {"position": position, "settled": position, "version": row["version"] + 1, "look_at": None}
        await _set(change, row, values | {"failing_since": None})
        if row["pause_reason"] == WebhookPause.PRUNED:
            await _set_status(change, ledger, row, WebhookStatus.ACTIVE, "webhook.enabled")
        await change.record("webhook.replayed", row["id"], {"position": [row["position"], position]})


async def _begin_anew(change: Configuring, ledger: Ledger, row: Any, *, elsewhere: bool) -> None:
    """Have nothing more sent as it was. elsewhere: at another URL, which has failed nothing yet."""
    values: dict[str, Any] = {"version": row["version"] + 1}
    if elsewhere:
        now = await ledger.stamp(change.connection)
        sql = f"""UPDATE webhook_deliveries SET next_at = $3
            WHERE tenant_id = $1 AND webhook_id = $2 AND {_OPEN} AND position IS NOT NULL AND next_at > $3"""
        await change.connection.raw.execute(sql, change.connection.tenant_id, row["id"], now)
        values |= {"look_at": None, "failing_since": None, "due_at": row["due_at"] and now}
    await _set(change, row, values)


async def _activate(change: Configuring, ledger: Ledger, row: Any) -> None:
    """Have it go on from where it stopped."""
    now = await ledger.stamp(change.connection)
    sql = f"""UPDATE webhook_deliveries
        SET status = 'WAITING', attempts = 0, attempted_at = NULL, next_at = $3
        WHERE tenant_id = $1 AND webhook_id = $2 AND {_OPEN} AND next_at IS NOT NULL"""
    await change.connection.raw.execute(sql, change.connection.tenant_id, row["id"], now)
    await _set_status(change, ledger, row, WebhookStatus.ACTIVE, "webhook.enabled", due_at=now)


async def _row(change: Configuring, webhook_id: UUID) -> Any:
    row = await change.fetchrow(
        "SELECT * FROM webhooks WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE", webhook_id
    )
    if row is None:
        raise NotFound("There is no webhook with this id.", field=("webhookId",))
    return row


async def _ends(change: Configuring) -> tuple[int, int]:
    """The last position that was given, and the last that was pruned."""
    head = await change.fetchrow(_HEAD)
    return (0, 0) if head is None else (head["position"], head["pruned"])


async def _pruned(change: Configuring, row: Any) -> int | None:
    """The last position that was pruned, if it has not got all events up to there; else None."""
    _, pruned = await _ends(change)
    return pruned if row["settled"] < pruned else None


async def _kept(change: Configuring, after: FeedPlace, newest: int, pruned: int) -> int:
    """Its position. Raises Invalid if what follows it is not all kept, or it is not of this feed."""
    position = after.position
    if position < pruned:
        raise Invalid(
            f"Events that followed this cursor have been pruned: the oldest that is kept is {pruned + 1}.",
            field=("after",),
        )
    if position > newest:
        raise Invalid("This cursor is ahead of the feed.", field=("after",))
    there = await change.fetchrow(_AT, position)
    if there is not None and after.recorded_at not in (None, there["recorded_at"]):
        raise Invalid(
            "This cursor is of an event that is not in the feed any more: the books have been restored since.",
            field=("after",),
        )
    return position


def _joined(kinds: frozenset[str] | None) -> str | None:
    return None if kinds is None else " ".join(sorted(kinds))


async def _insert(change: Configuring, values: Mapping[str, Any]) -> None:
    places = ", ".join(f"${n}" for n in range(2, len(values) + 2))
    sql = f"INSERT INTO webhooks (tenant_id, {', '.join(values)}) VALUES ($1, {places})"
    await change.connection.raw.execute(sql, change.connection.tenant_id, *values.values())


async def _set(change: Configuring, row: Any, values: Mapping[str, Any]) -> None:
    sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(values, start=3))
    await change.connection.raw.execute(
        f"UPDATE webhooks SET {sets} WHERE tenant_id = $1 AND id = $2",
        change.connection.tenant_id,
        row["id"],
        *values.values(),
    )


async def _set_status(
    change: Configuring, ledger: Ledger, row: Any, status: WebhookStatus, action: str, **more: object
) -> None:
    now = await ledger.stamp(change.connection)
    fresh = {"look_at": None, "failing_since": None} if status is WebhookStatus.ACTIVE else {}
    await _set(change, row, {"status": status, "status_since": now, "pause_reason": None} | fresh | more)
    await change.record(action, row["id"], {"status": [row["status"], status]})
