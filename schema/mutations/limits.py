"""setLimit and removeLimit."""

from dataclasses import replace
from decimal import Decimal

import strawberry

from models.configuration_commands import RemoveLimit, SetLimit
from schema import texts
from schema.scalars import AssetCode
from schema.types.enums import LimitKind
from schema.types.errors import UserError
from schema.types.limits import LimitRole, LimitRule

ASSET = "Null for money of every currency that has no rule of its own."
HOLDER = "Null for everyone of the role; else one subject or, of partners, one client."
KIND = "What the limit is about. Of SELLING_CREDIT perAdjustment is per order, and there is no perCustomerDay."
NO_LIMIT = "In the asset's own units. Null or left out: no limit of this kind. 0: nothing at all."


@strawberry.input
class Limits:
    """What a rule says, whoever it is for."""

    asset: AssetCode | None = strawberry.field(default=None, description=ASSET)
    per_adjustment: Decimal | None = strawberry.field(default=None, description=NO_LIMIT)
    per_actor_day: Decimal | None = strawberry.field(default=None, description=NO_LIMIT)
    per_customer_day: Decimal | None = strawberry.field(default=None, description=NO_LIMIT)

    def rule(self, role: str, holder: str | None) -> SetLimit:
        """As it is set for them."""
        return SetLimit(
            role=role, asset=self.asset, holder=holder, per_adjustment=self.per_adjustment,
            per_actor_day=self.per_actor_day, per_customer_day=self.per_customer_day,
        )  # fmt: skip


@strawberry.input(description="The whole rule, in place of the one of this kind for the same role, asset and holder.")
class SetLimitInput(Limits):
    role: LimitRole
    holder: str | None = strawberry.field(default=None, description=HOLDER)
    kind: LimitKind = strawberry.field(default=LimitKind.ADDING, description=KIND)

    def command(self) -> SetLimit:
        """Raises Invalid."""
        return replace(self.rule(self.role.value, _holder(self.holder)), kind=self.kind.value)


@strawberry.input
class RemoveLimitInput:
    role: LimitRole
    asset: AssetCode | None = strawberry.field(default=None, description=ASSET)
    holder: str | None = strawberry.field(default=None, description=HOLDER)
    kind: LimitKind = strawberry.field(default=LimitKind.ADDING, description=KIND)

    def command(self) -> RemoveLimit:
        """Raises Invalid."""
        return RemoveLimit(role=self.role.value, asset=self.asset, holder=_holder(self.holder), kind=self.kind.value)


def _holder(holder: str | None) -> str | None:
    return None if holder is None else texts.required(holder, texts.MAX_SUBJECT, "holder")


@strawberry.type
class SetLimitPayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    rule: LimitRule | None = None


@strawberry.type
class RemoveLimitPayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)
