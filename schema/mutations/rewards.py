"""createReward and updateReward."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.configuration_commands import CreateReward, UpdateReward
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import loaded
from schema.scalars import AssetCode
from schema.types.base import resolved
from schema.types.enums import RewardKind
from schema.types.errors import UserError
from schema.types.reward import Reward


@strawberry.input
class CreateRewardInput:
    name: str = strawberry.field(description="Unique.")
    kind: RewardKind
    points_cost: Decimal = strawberry.field(description="Its price; 0 for one that costs nothing.")
    value: Decimal | None = strawberry.field(
        default=None, description="What is taken off: with FIXED in currency, with PERCENT in per cent."
    )
    currency: AssetCode | None = strawberry.field(default=None, description="With FIXED.")
    product: str | None = strawberry.field(default=None, description="What is free, with FREE_PRODUCT.")
    validity_days: int | None = strawberry.field(
        default=None, description="Coupons can be used until the end of the Nth day after; blank or 0: for ever."
    )
    stock: int | None = strawberry.field(default=None, description="How many can be given; blank: any number.")

    def command(self) -> CreateReward:
        """Raises Invalid."""
        return CreateReward(
            name=texts.name(self.name, texts.MAX_REWARD_NAME, "name"),
            kind=self.kind.value,
            points_cost=self.points_cost,
            value=self.value,
            currency=self.currency,
            product=texts.optional_name(self.product, texts.MAX_REWARD_NAME, "product"),
            validity_days=self.validity_days,
            stock=self.stock,
        )


@strawberry.input(
    description="What is left out or null stays as it is, and so do the coupons that were given. Kind and currency do."
)
class UpdateRewardInput:
    reward_id: strawberry.ID
    name: str | None = None
    points_cost: Decimal | None = None
    value: Decimal | None = None
    product: str | None = None
    validity_days: int | None = strawberry.field(default=None, description="0: for ever.")
    stock: int | None = strawberry.field(default=None, description="How many more can be given.")
    unlimited_stock: bool = strawberry.field(default=False, description="Any number can be given.")
    active: bool | None = strawberry.field(default=None, description="false retires it: it is given no more.")

    def command(self) -> UpdateReward:
        """Raises NotFound, Invalid."""
        return UpdateReward(
            reward_id=input_id(self.reward_id, "Reward", "rewardId"),
            name=texts.optional_name(self.name, texts.MAX_REWARD_NAME, "name"),
            points_cost=self.points_cost,
            value=self.value,
            product=texts.optional_name(self.product, texts.MAX_REWARD_NAME, "product"),
            validity_days=self.validity_days,
            stock=self.stock,
            unlimited_stock=self.unlimited_stock,
            active=self.active,
        )


@strawberry.type
class RewardPayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    reward_id: strawberry.Private[UUID | None] = None

    @resolved(Reward | None)
    def reward(self, info: Info) -> Pending[Any]:
        return loaded(info, "rewards", self.reward_id)


@strawberry.type
class CreateRewardPayload(RewardPayload):
    pass


@strawberry.type
class UpdateRewardPayload(RewardPayload):
    pass
