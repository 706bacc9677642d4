"""Commands that change the configuration, as in models/commands.py: reasons, services, tiers, rewards, products,
limits, partners' tokens, the tenant."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from models.kinds import LimitKind
from models.texts import Pairs


@dataclass(frozen=True, slots=True)
class CreateReason:
    code: str
    label: str
    adds: bool
    removes: bool
    moves_lifetime: bool = True
    note_required: bool = False


@dataclass(frozen=True, slots=True)
class UpdateReason:
    """None leaves as it is. The code stays: transactions name it."""

    code: str
    label: str | None = None
    adds: bool | None = None
    removes: bool | None = None
    moves_lifetime: bool | None = None
    note_required: bool | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class CreateService:
    name: str


@dataclass(frozen=True, slots=True)
class UpdateService:
    """None leaves as it is."""

    service_id: UUID
    name: str | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class CreateTier:
    """threshold: the lifetime total, in points, from which on a customer is in it."""

    name: str
    threshold: Decimal


@dataclass(frozen=True, slots=True)
class UpdateTier:
    """None leaves as it is."""

    tier_id: UUID
    name: str | None = None
    threshold: Decimal | None = None


@dataclass(frozen=True, slots=True)
class DeleteTier:
    tier_id: UUID


@dataclass(frozen=True, slots=True)
class CreateReward:
    """kind: FIXED (value off in currency), PERCENT (value off in per cent), FREE_PRODUCT (product) or FREE_DELIVERY.

    validity_days: None or 0 never expires. stock: None is without end.
    """

    name: str
    kind: str
    points_cost: Decimal
    value: Decimal | None = None
    currency: str | None = None
    product: str | None = None
    validity_days: int | None = None
    stock: int | None = None


@dataclass(frozen=True, slots=True)
class UpdateReward:
    """None leaves as it is; coupons already given do not change. unlimited_stock: remove the stock's limit."""

    reward_id: UUID
    name: str | None = None
    points_cost: Decimal | None = None
    value: Decimal | None = None
    product: str | None = None
    validity_days: int | None = None
    stock: int | None = None
    unlimited_stock: bool = False
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class CreateProduct:
    """kind: GOODS, SERVICE or CREDIT."""

    name: str
    kind: str
    currency: str
    price: Decimal
    reference: str | None = None
    metadata: Pairs = ()


@dataclass(frozen=True, slots=True)
class UpdateProduct:
    """None leaves as it is. Past sales do not change. removed: columns to empty."""

    product_id: UUID
    name: str | None = None
    price: Decimal | None = None
    active: bool | None = None
    reference: str | None = None
    metadata: Pairs = ()
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class UpdateTenant:
    """None leaves as it is. time_zone: an IANA name. grace_days: see domain: membership gate. approval_hours: how long
    an approval request made from now on waits. key_days: how long an idempotency key is kept.
    event_days: how long an event is kept in the feed. expiry_notice_days: how long before its expiry a credit is
    announced; 0 for not at all. limited_currencies: those that limited roles may use from now on; none named: all."""

    name: str | None = None
    time_zone: str | None = None
    grace_days: int | None = None
    approval_hours: int | None = None
    limited_currencies: tuple[str, ...] | None = None
    key_days: int | None = None
    event_days: int | None = None
    expiry_notice_days: int | None = None


@dataclass(frozen=True, slots=True)
class SetLimit:
    """A whole rule, replacing the one of the same kind for the same role, asset and holder, if there is one.

    kind: ADDING; SPENDING, where per_adjustment is per spend; or SELLING_CREDIT, on the sum of an order's credit lines:
    per_adjustment is per order then, and there is none by customer. asset: None for money of every currency that has no
    rule of its own. holder: None for everyone of the role, else one subject or, of partners, one client. The limits: in
    the asset's own units, None for no limit of that kind.
    """

    role: str
    asset: str | None = None
    holder: str | None = None
    per_adjustment: Decimal | None = None
    per_actor_day: Decimal | None = None
    per_customer_day: Decimal | None = None
    kind: str = LimitKind.ADDING


@dataclass(frozen=True, slots=True)
class RemoveLimit:
    """asset, holder, kind: as in SetLimit."""

    role: str
    asset: str | None = None
    holder: str | None = None
    kind: str = LimitKind.ADDING


@dataclass(frozen=True, slots=True)
class IssueToken:
    """A token for a partner's client. The caller makes the secret and returns it to the token's holder; only its digest
    is passed here.

    scopes: by name, of those that a partner can use. limits: for the client as a whole, replacing those it has; an
    asset that is left out stays as it is. expires_at: None never expires.
    """

    token_id: UUID
    secret_hash: bytes
    client: str
    name: str
    scopes: frozenset[str]
    limits: tuple[SetLimit, ...] = ()
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RotateToken:
    """Another secret for the client, under a token of its own. replaces_id: the token it replaces.

    overlap_minutes: how long the old one stays valid. grantable: the scopes that may be granted.
    """

    token_id: UUID
    secret_hash: bytes
    replaces_id: UUID
    grantable: frozenset[str]
    overlap_minutes: int = 0


@dataclass(frozen=True, slots=True)
class RevokeToken:
    token_id: UUID


@dataclass(frozen=True, slots=True)
class FeedPlace:
    """A position in the feed, and when the event there was recorded; None if that is not known."""

    position: int
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CreateWebhook:
    """An endpoint for the feed. The caller derives the secret from the key with the salt, and returns it once.

    kinds: None for all. rights: names of those rights, of which some kinds take one, that the caller has. secret_key: the
    key's fingerprint. after: begin after this event; None: with what happens from now on.
    """

    webhook_id: UUID
    url: str
    secret_salt: bytes
    secret_key: bytes
    rights: frozenset[str]
    description: str | None = None
    kinds: frozenset[str] | None = None
    after: FeedPlace | None = None


@dataclass(frozen=True, slots=True)
class UpdateWebhook:
    """None leaves as it is. all_kinds: it is told all kinds again. rights: as in CreateWebhook, of this actor."""

    webhook_id: UUID
    rights: frozenset[str]
    url: str | None = None
    description: str | None = None
    kinds: frozenset[str] | None = None
    all_kinds: bool = False


@dataclass(frozen=True, slots=True)
class RotateWebhookSecret:
    """overlap_minutes: for how long the old secret signs as well."""

    webhook_id: UUID
    secret_salt: bytes
    secret_key: bytes
    overlap_minutes: int


@dataclass(frozen=True, slots=True)
class WebhookNamed:
    """A webhook to enable, disable or delete."""

    webhook_id: UUID


@dataclass(frozen=True, slots=True)
class PingWebhook:
    """A ping to send. delivery_id: of its delivery."""

    webhook_id: UUID
    delivery_id: UUID


@dataclass(frozen=True, slots=True)
class ReplayWebhook:
    """Deliver again what follows this event; None: all that is kept."""

    webhook_id: UUID
    after: FeedPlace | None = None
