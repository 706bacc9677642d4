"""createReward and updateReward."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.configuration_commands import CreateReward, UpdateReward
from models.kinds import RewardKind
from schema import texts
from schema.context import Info
from schema.mutations.base import CreatingInput, CreatingPayload, Payload, loaded
from schema.naming import RewardBy, one
from schema.scalars import AssetCode
from schema.types.base import resolved
from schema.types.reward import Reward


@strawberry.input
class CreateRewardInput(CreatingInput):
    """A reward to add."""

    name: str
    """Unique display name, up to 200 characters."""
    kind: RewardKind
    """Benefit that its coupons give."""
    points_cost: Decimal
    """Price in points; 0 if it costs nothing."""
    value: Decimal | None = None
    """Discount: an amount in `currency` for FIXED, per cent for PERCENT. Not for the other kinds."""
    currency: AssetCode | None = None
    """Currency of the value. For FIXED only."""
    product: str | None = None
    """Product given for free, as text. For FREE_PRODUCT only."""
    validity_days: int | None = None
    """Days after issue for which coupons are valid, up to the end of the last one. Null or 0: they never expire."""
    stock: int | None = None
    """Number of coupons that can be given. Null: any number."""

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


@strawberry.input
class UpdateRewardInput:
    """Changes to a reward. Fields that are null or left out stay as they are, and so do coupons issued before. Kind and
    currency cannot be changed."""

    reward_id: strawberry.ID | None = None
    """Reward to change."""
    reward_by: RewardBy | None = None
    """In place of rewardId: the reward by name or id. One of the two is needed."""
    name: str | None = None
    """New display name, up to 200 characters. Null: unchanged."""
    points_cost: Decimal | None = None
    """New price in points. Null: unchanged."""
    value: Decimal | None = None
    """New discount: an amount for FIXED, per cent for PERCENT. Null: unchanged."""
    product: str | None = None
    """New free product, as text. For FREE_PRODUCT only. Null: unchanged."""
    validity_days: int | None = None
    """New number of days for which coupons are valid. 0: they never expire. Null: unchanged."""
    stock: int | None = None
    """New number of coupons that can still be given. Null: unchanged; unlimitedStock removes the limit."""
    unlimited_stock: bool = False
    """Whether to remove the stock limit. Not together with stock."""
    active: bool | None = None
    """Whether it can be given; false retires it. Null: unchanged."""

    def command(self) -> UpdateReward:
        """Raises NotFound, Invalid."""
        return UpdateReward(
            reward_id=one(self.reward_id, self.reward_by, "Reward", "rewardId"),
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
class RewardPayload(Payload):
    """A reward after it was added or changed."""

    reward_id: strawberry.Private[UUID | None] = None

    @resolved(Reward | None)
    def reward(self, info: Info) -> Pending[Any]:
        """Reward after the call."""
        return loaded(info, "Reward", self.reward_id)


@strawberry.type
class CreateRewardPayload(CreatingPayload, RewardPayload):
    """Result of createReward."""


@strawberry.type
class UpdateRewardPayload(RewardPayload):
    """Result of updateReward."""
