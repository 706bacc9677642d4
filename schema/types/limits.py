"""The rules about what may be added, and what a limit leaves."""

from decimal import Decimal
from enum import StrEnum

import strawberry

from models import commands, errors
from models.planning.config import LimitRuleValues
from models.planning.limits import MONEY, in_own_places
from schema.scalars import AssetCode
from schema.types.enums import LimitKind, LimitScope


@strawberry.enum
class LimitRole(StrEnum):
    """Whom limits can be set for."""

    STAFF = "STAFF"
    PARTNER = "PARTNER"
    MANAGER = "MANAGER"
    ADMIN = "ADMIN"


@strawberry.type(
    description="How much one role may add, or sell of credit. Of those of a kind that fit, one rule binds: a holder's "
    "before the role's, and then the asset's before money's. Amounts are in the asset's own units; null is no such limit."
)
class LimitRule:
    role: LimitRole
    asset: AssetCode | None = strawberry.field(
        description="Null for money: of each currency that has no rule of its own, counted by itself."
    )
    holder: str | None = strawberry.field(
        description="Null for everyone of the role; else one subject or, of partners, one client."
    )
    kind: LimitKind
    per_adjustment: Decimal | None = strawberry.field(description="Of SELLING_CREDIT: per order.")
    per_actor_day: Decimal | None = strawberry.field(description="Of one person or client, to all customers together.")
    per_customer_day: Decimal | None = strawberry.field(description="To one customer, by all of the role together.")

    @classmethod
    def of(cls, rule: LimitRuleValues) -> "LimitRule":
        return cls(
            role=LimitRole(rule.role), asset=None if rule.asset == MONEY else AssetCode(rule.asset),
            holder=rule.holder or None, kind=LimitKind(rule.kind),
            per_adjustment=in_own_places(rule.per_adjustment, rule.asset),
            per_actor_day=in_own_places(rule.per_actor_day, rule.asset),
            per_customer_day=in_own_places(rule.per_customer_day, rule.asset),
        )  # fmt: skip


@strawberry.type(description="What one limit leaves; only limits that exist are listed.")
class LimitRemaining:
    scope: LimitScope
    asset: AssetCode
    remaining: Decimal
    kind: LimitKind = LimitKind.ADDING

    @classmethod
    def of(cls, left: errors.LimitRemaining) -> "LimitRemaining":
        return cls(
            scope=LimitScope(left.scope),
            asset=AssetCode(left.asset),
            remaining=left.remaining,
            kind=LimitKind(left.kind),
        )


@strawberry.type
class LimitVerdict:
    allowed: bool
    approval_required: bool = strawberry.field(description="By a limit, or since it is only proposed.")
    remaining: list[LimitRemaining]

    @classmethod
    def of(cls, verdict: commands.LimitVerdict) -> "LimitVerdict":
        remaining = [LimitRemaining.of(left) for left in verdict.remaining]
        return cls(allowed=verdict.allowed, approval_required=verdict.approval_required, remaining=remaining)
