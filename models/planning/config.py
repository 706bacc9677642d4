"""An admin's settings for a tenant, as plans use them."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from models.kinds import LimitKind


@dataclass(frozen=True, slots=True)
class ReasonRule:
    code: str
    adds: bool
    removes: bool
    moves_lifetime: bool
    note_required: bool
    active: bool


@dataclass(frozen=True, slots=True)
class TierRule:
    name: str
    threshold_minor: int


@dataclass(frozen=True, slots=True)
class LimitRuleValues:
    """One rule, in the asset's own units; None if it sets no limit of that kind."""

    role: str
    asset: str
    holder: str
    per_adjustment: Decimal | None
    per_actor_day: Decimal | None
    per_customer_day: Decimal | None
    kind: str = LimitKind.ADDING


@dataclass(frozen=True, slots=True)
class TenantConfig:
    """An admin's settings, as of `version`."""

    tenant_id: UUID
    version: int
    zone: ZoneInfo
    grace_days: int
    approval_lifetime: timedelta
    reasons: dict[str, ReasonRule]
    services: dict[UUID, bool]  # id -> active
    tiers: tuple[TierRule, ...]  # by rising threshold
    limits: dict[tuple[str, str, str], LimitRuleValues]  # (role, asset or MONEY, holder or '')
    currencies: dict[str, int] = field(default_factory=dict)  # code -> exponent, of currencies in the books
    selling_limits: dict[tuple[str, str, str], LimitRuleValues] = field(default_factory=dict)
    spending_limits: dict[tuple[str, str, str], LimitRuleValues] = field(default_factory=dict)
    limited_currencies: frozenset[str] = frozenset()  # allowed for limited roles; empty: all
    service_names: dict[UUID, str] = field(default_factory=dict)

    def tier_name(self, lifetime_minor: int) -> str | None:
        """The highest tier whose threshold has been reached, or None."""
        name = None
        for tier in self.tiers:
            if tier.threshold_minor > lifetime_minor:
                break
            name = tier.name
        return name
