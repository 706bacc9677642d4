"""A webhook as one worker's: claimed, delivered from, and what came of it recorded (docs/adr/0063).

A worker claims a webhook for a limited time, sends some requests, and records them. In between nothing is
locked. If it dies, what it sent unrecorded is sent again by the next, with the same ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from models.commands import Actor
from models.event_kinds import DeliveryError, DeliveryStatus, EventKind, WebhookPause, WebhookStatus
from models.kinds import Role
from models.ledger import Ledger
from models.lookups import each
from models.operations.auditing import doer_of, record_event
from models.patience import patiently
from models.session import GENERIC_PLANS, TenantConnection, tenant_transaction

CLAIM: Final = timedelta(seconds=90)
"""If a worker dies, its webhooks pause for as long."""
SYSTEM: Final = Actor(subject="scrip", role=Role.SYSTEM, client="webhooks", name="Scrip")

_CLAIM: Final = """
    WITH k AS MATERIALIZED (
        SELECT id FROM webhooks
        WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL AND (claimed_until IS NULL OR claimed_until <= $3)
            AND (SELECT suspended_at IS NULL FROM tenants WHERE id = $1)
        FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE webhooks w SET claimed_by = $4, claimed_until = $5 FROM k WHERE w.tenant_id = $1 AND w.id = k.id
    RETURNING w.id, w.url, w.kinds, w.rights, w.status, w.secret_salt, w.secret_key, w.former_salt, w.former_key,
        w.former_until, w.position, w.version, w.look_at, w.failing_since, w.delivered_at"""
_LOCK: Final = """SELECT version, status FROM webhooks
    WHERE tenant_id = $1 AND id = $2 AND claimed_by = $3 AND deleted_at IS NULL FOR NO KEY UPDATE"""
_STILL: Final = """SELECT version, status FROM webhooks
    WHERE tenant_id = $1 AND id = $2 AND claimed_by = $3 AND deleted_at IS NULL
        AND (SELECT suspended_at IS NULL FROM tenants WHERE id = $1)"""
_ADD: Final = """
    INSERT INTO webhook_deliveries (tenant_id, webhook_id, created_at, id, position, kind, status, attempts, attempted_at,
        next_at, duration_ms, response_status, response, error)
    SELECT w.tenant_id, w.id, $3, u.*
    FROM webhooks w CROSS JOIN unnest($4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::int[], $9::timestamptz[],
        $10::timestamptz[], $11::int[], $12::int[], $13::text[], $14::text[]) u
    WHERE w.tenant_id = $1 AND w.id = $2"""
_CHANGE: Final = f"""
    UPDATE webhook_deliveries d SET status = u.status, attempts = u.attempts, attempted_at = u.attempted_at,
        next_at = u.next_at, duration_ms = u.duration_ms, response_status = u.response_status, response = u.response,
        error = u.error
    FROM {
    each(
        "id uuid",
        "status text",
        "attempts int",
        "attempted_at timestamptz",
        "next_at timestamptz",
        "duration_ms int",
        "response_status int",
        "response text",
        "error text",
    )
} u
    WHERE d.tenant_id = $1 AND d.id = u.id"""
_DELAY: Final = f"""
    UPDATE webhook_deliveries d SET status = u.status, next_at = u.next_at
    FROM {each("id uuid", "status text", "next_at timestamptz")} u
    WHERE d.tenant_id = $1 AND d.id = u.id"""
_OPEN: Final = """SELECT min({}) FROM webhook_deliveries
    WHERE tenant_id = $1 AND webhook_id = $2 AND status IN ('WAITING', 'RETRYING') AND position IS {} NULL"""
_MOVE: Final = f"""
    UPDATE webhooks SET position = $3,
        settled = least($3, coalesce(({_OPEN.format("position - 1", "NOT")}), $3)),
        due_at = ({_OPEN.format("next_at", "NOT")}), ping_at = ({_OPEN.format("next_at", "")}),
        look_at = CASE WHEN $7 THEN look_at ELSE $4 END, failing_since = CASE WHEN $7 THEN failing_since ELSE $5 END,
        delivered_at = coalesce($6, delivered_at), claimed_by = NULL, claimed_until = NULL
    WHERE tenant_id = $1 AND id = $2"""
_RELEASE: Final = """UPDATE webhooks SET claimed_by = NULL, claimed_until = NULL
    WHERE tenant_id = $1 AND id = $2 AND claimed_by = $3"""
_PAUSE: Final = """UPDATE webhooks SET status = 'PAUSED', pause_reason = $3, status_since = $4
    WHERE tenant_id = $1 AND id = $2"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A webhook that this worker has, as it was when it was claimed. kinds: None for all. by: the claim's own id.

    secrets: fingerprint and salt of the secret, and of the former one while it signs as well, until `former_until`.
    """

    webhook_id: UUID
    by: UUID
    url: str
    kinds: frozenset[str] | None
    rights: frozenset[str]
    active: bool
    secrets: tuple[tuple[bytes, bytes], ...]
    position: int
    version: int
    look_at: datetime | None
    failing_since: datetime | None
    delivered_at: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it is since. id: None if it has no row yet. position, kind: of its event. attempted_at: None if it
    was not tried this time; what was told of earlier attempts stays. The rest as in models/tables/webhooks.py."""

    id: UUID | None
    position: int | None
    kind: EventKind | None
    status: DeliveryStatus
    attempts: int = 0
    attempted_at: datetime | None = None
    next_at: datetime | None = None
    duration_ms: int | None = None
    response_status: int | None = None
    response: str | None = None
    error: DeliveryError | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Result of a look at a webhook. position: its cursor since. look_at: nothing is tried before then.
    failing_since: null if something was delivered, or nothing failed. pause: why it is stopped, if it is."""

    deliveries: tuple[Delivery, ...]
    position: int
    look_at: datetime | None = None
    failing_since: datetime | None = None
    delivered_at: datetime | None = None
    pause: WebhookPause | None = None


@patiently
async def claim_webhook(ledger: Ledger, tenant_id: UUID, webhook_id: UUID) -> Claim | None:
    """Claim it. None if another worker has it, it is gone, or its tenant is suspended."""
    by = ledger.source.new_id()
    async with tenant_transaction(tenant_id) as connection:
        now = await ledger.stamp(connection)
        row = await connection.raw.fetchrow(_CLAIM, tenant_id, webhook_id, now, by, now + CLAIM)
    return None if row is None else _claim(row, by, now)


@patiently
async def record_look(ledger: Ledger, tenant_id: UUID, claim: Claim, record: Record) -> bool:
    """Record what came of it, and release the claim. False if this worker had lost it, or somebody has changed the webhook
    or set its cursor meanwhile: then nothing is recorded, and what was sent is sent again, as it is to be by now."""
    doer = await doer_of(ledger, tenant_id, SYSTEM) if record.pause is not None else None
    async with tenant_transaction(tenant_id) as connection:
        raw, now = connection.raw, await ledger.stamp(connection)
        row = await raw.fetchrow(_LOCK, tenant_id, claim.webhook_id, claim.by)
        if row is None or row["version"] != claim.version:
            await raw.execute(_RELEASE, tenant_id, claim.webhook_id, claim.by)
            return False
        await _write(connection, ledger, claim.webhook_id, record.deliveries, now)
        await raw.execute(
            _MOVE,
            tenant_id,
            claim.webhook_id,
            record.position,
            record.look_at,
            record.failing_since,
            record.delivered_at,
            # One that has learnt nothing of it, as of a ping alone, leaves what enabling it has set meanwhile.
            (record.look_at, record.failing_since) == (claim.look_at, claim.failing_since),
        )
        if record.pause is not None and doer is not None and row["status"] == WebhookStatus.ACTIVE:
            await raw.execute(_PAUSE, tenant_id, claim.webhook_id, record.pause, now)
            details = {"url": claim.url, "reason": record.pause}
            await record_event(connection, ledger, doer, "webhook.paused", claim.webhook_id, details=details)
    return True


async def is_as_claimed(tenant_id: UUID, claim: Claim) -> bool:
    """Whether what goes by this claim may still be sent: nobody has changed the webhook since, set its cursor, stopped or
    deleted it, this worker has it, and the tenant is not suspended."""
    async with tenant_transaction(tenant_id, read_only=True, settings=GENERIC_PLANS) as connection:
        row = await connection.raw.fetchrow(_STILL, tenant_id, claim.webhook_id, claim.by)
    if row is None or row["version"] != claim.version:
        return False
    return not claim.active or WebhookStatus(row["status"]) is WebhookStatus.ACTIVE


async def release_webhook(tenant_id: UUID, claim: Claim) -> None:
    """Let others have it."""
    async with tenant_transaction(tenant_id) as connection:
        await connection.raw.execute(_RELEASE, tenant_id, claim.webhook_id, claim.by)


async def _write(
    connection: TenantConnection, ledger: Ledger, webhook_id: UUID, deliveries: Sequence[Delivery], now: datetime
) -> None:
    new = [one for one in deliveries if one.id is None]
    old = [one for one in deliveries if one.id is not None and one.attempted_at is not None]
    untried = [one for one in deliveries if one.id is not None and one.attempted_at is None]
    if new:
        ids = [ledger.source.new_id() for _ in new]
        columns = (ids, [one.position for one in new], [one.kind for one in new], *_columns(new))
        await connection.raw.execute(_ADD, connection.tenant_id, webhook_id, now, *columns)
    if old:
        await connection.raw.execute(_CHANGE, connection.tenant_id, [one.id for one in old], *_columns(old))
    if untried:
        columns = ([one.id for one in untried], [one.status for one in untried], [one.next_at for one in untried])
        await connection.raw.execute(_DELAY, connection.tenant_id, *columns)


_COLUMNS: Final = (
    "status",
    "attempts",
    "attempted_at",
    "next_at",
    "duration_ms",
    "response_status",
    "response",
    "error",
)


def _columns(deliveries: Sequence[Delivery]) -> list[list[Any]]:
    return [[getattr(one, name) for one in deliveries] for name in _COLUMNS]


def _claim(row: Any, by: UUID, now: datetime) -> Claim:
    secrets = [(row["secret_key"], row["secret_salt"])]
    if row["former_until"] is not None and row["former_until"] > now:
        secrets.append((row["former_key"], row["former_salt"]))
    return Claim(
        webhook_id=row["id"],
        by=by,
        url=row["url"],
        kinds=None if row["kinds"] is None else frozenset(row["kinds"].split()),
        rights=frozenset(row["rights"].split()),
        active=row["status"] == WebhookStatus.ACTIVE,
        secrets=tuple(secrets),
        position=row["position"],
        version=row["version"],
        look_at=row["look_at"],
        failing_since=row["failing_since"],
        delivered_at=row["delivered_at"],
        now=now,
    )
