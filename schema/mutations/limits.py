"""setLimit and removeLimit."""

from dataclasses import replace
from decimal import Decimal

import strawberry

from models.configuration_commands import RemoveLimit, SetLimit
from models.kinds import LimitKind, LimitRole
from schema import texts
from schema.mutations.base import Payload
from schema.scalars import AssetCode
from schema.types.limits import LimitRule

ASSET = "Null for money of every currency that has no rule of its own."
HOLDER = "Null for everyone of the role; else one subject or, of partners, one client."
KIND = "What the limit is about. Per order of SELLING_CREDIT (and none perCustomerDay), per spend of SPENDING."
NO_LIMIT = "In the asset's own units. Null or left out: no limit of this kind. 0: nothing at all."


@strawberry.input
class Limits:
    """Amounts of a limit rule."""

    asset: AssetCode | None = None
    """Asset that the rule is for. Null: money in each currency that has no rule of its own."""
    per_adjustment: Decimal | None = None
    """Maximum per adjustment, for SELLING_CREDIT per order, for SPENDING per spend, in the asset's own units. Null: no
    such limit. 0: nothing allowed."""
    per_actor_day: Decimal | None = None
    """Maximum per person or client and day, in the asset's own units. Null: no such limit. 0: nothing allowed."""
    per_customer_day: Decimal | None = None
    """Maximum per customer and day, in the asset's own units; not for SELLING_CREDIT. Null: no such limit. 0: nothing
    allowed."""

    def rule(self, role: str, holder: str | None) -> SetLimit:
        """Return the command that sets the rule for this role and holder."""
        return SetLimit(
            role=role,
            asset=self.asset,
            holder=holder,
            per_adjustment=self.per_adjustment,
            per_actor_day=self.per_actor_day,
            per_customer_day=self.per_customer_day,
        )


@strawberry.input
class SetLimitInput(Limits):
    """A whole limit rule. It replaces the rule of the same kind, role, asset and holder: an amount that is left out is
    without bound from then on."""

    role: LimitRole
    """Role that the rule binds."""
    holder: str | None = None
    """One subject or, for partners, one client. Null: everyone in the role."""
    kind: LimitKind = LimitKind.ADDING
    """Whether the rule limits adding value, spending or selling credit."""

    def command(self) -> SetLimit:
        """Raises Invalid."""
        return replace(self.rule(self.role.value, _holder(self.holder)), kind=self.kind.value)


@strawberry.input
class RemoveLimitInput:
    """Limit rule to delete, named by its role, asset, holder and kind."""

    role: LimitRole
    """Role that the rule binds."""
    asset: AssetCode | None = None
    """Asset that the rule is for. Null: the rule for money in each currency without one of its own."""
    holder: str | None = None
    """One subject or, for partners, one client. Null: the rule for everyone in the role."""
    kind: LimitKind = LimitKind.ADDING
    """Whether the rule limits adding value, spending or selling credit."""

    def command(self) -> RemoveLimit:
        """Raises Invalid."""
        return RemoveLimit(role=self.role.value, asset=self.asset, holder=_holder(self.holder), kind=self.kind.value)


def _holder(holder: str | None) -> str | None:
    return None if holder is None else texts.required(holder, texts.MAX_SUBJECT, "holder")


@strawberry.type
class SetLimitPayload(Payload):
    """Result of setLimit."""

    rule: LimitRule | None = None
    """Limit rule now in force."""


@strawberry.type
class RemoveLimitPayload(Payload):
    """Result of removeLimit."""
