"""Limit rules, and the amounts left under them."""

from decimal import Decimal

import strawberry

from auth.roles import Permission
from models import commands, errors
from models.kinds import LimitKind, LimitRole, LimitScope
from models.planning.limits import MONEY, in_own_places
from models.reads import limits
from models.reads.limits import LimitRuleView
from schema.ids import global_id
from schema.nodes import by_ids, node
from schema.scalars import AssetCode
from schema.types.base import Node, Reader


@node(LimitRuleView, by_ids(limits.rules_by_ids), Permission.READ_CONFIG, owner=None)
@strawberry.type
class LimitRule(Node):
    """How much one role may add, spend, or sell as credit. Of all rules that fit, one binds: a holder's before the role's,
    then the asset's before that for money. Amounts are in the asset's own units; null means no such limit."""

    role: LimitRole
    """Role that the rule binds."""
    asset: AssetCode | None
    """Asset that the rule is for; null for each currency without a rule of its own, counted separately."""
    holder: str | None
    """One subject or, for partners, one client; null for everyone in the role."""
    kind: LimitKind
    """Whether the rule limits adding value, spending or selling credit."""
    per_adjustment: Decimal | None
    """Maximum per adjustment; for SELLING_CREDIT, per order; for SPENDING, per spend."""
    per_actor_day: Decimal | None
    """Maximum that one person or client may add in a day, to all customers together; or sell, or spend."""
    per_customer_day: Decimal | None
    """Maximum that one customer may be given in a day, by everyone in the role together; for SPENDING, maximum spent from
    one customer's accounts."""

    @classmethod
    def of(cls, rule: LimitRuleView, _reader: Reader) -> "LimitRule":
        return cls(
            id=global_id("LimitRule", rule.id),
            role=LimitRole(rule.role),
            asset=None if rule.asset == MONEY else AssetCode(rule.asset),
            holder=rule.holder or None,
            kind=LimitKind(rule.kind),
            per_adjustment=in_own_places(rule.per_adjustment, rule.asset),
            per_actor_day=in_own_places(rule.per_actor_day, rule.asset),
            per_customer_day=in_own_places(rule.per_customer_day, rule.asset),
        )


@strawberry.type
class LimitRemaining:
    """Amount left under one limit. Limits that are not set are not listed."""

    scope: LimitScope
    """Scope of the limit: one adjustment, or a day."""
    asset: AssetCode
    """Asset of the amount."""
    remaining: Decimal
    """Amount that can still be added, sold or spent under it, in the asset's own units, such as "175.00"."""
    kind: LimitKind = LimitKind.ADDING
    """Whether the limit is on adding value, on spending or on selling credit."""

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
    """Result of checking an adjustment, a spend or a refund against the limits."""

    allowed: bool
    """Whether it is within every limit."""
    approval_required: bool
    """Whether a second person would have to approve: a limit is exceeded, or proposeOnly was set."""
    remaining: list[LimitRemaining]
    """Amount left under each limit before it."""

    @classmethod
    def of(cls, verdict: commands.LimitVerdict) -> "LimitVerdict":
        remaining = [LimitRemaining.of(left) for left in verdict.remaining]
        return cls(allowed=verdict.allowed, approval_required=verdict.approval_required, remaining=remaining)
