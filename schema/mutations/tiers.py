"""createTier, updateTier and deleteTier."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.configuration_commands import CreateTier, DeleteTier, UpdateTier
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import loaded
from schema.types.base import resolved
from schema.types.configuration import Tier
from schema.types.errors import UserError

MOVED = "How many customers are in another tier now. Each has an event of their own: Account.tierChanges."


@strawberry.input
class CreateTierInput:
    name: str = strawberry.field(description="Unique.")
    threshold: Decimal = strawberry.field(description="The lifetime total that it takes: a whole number of points.")

    def command(self) -> CreateTier:
        """Raises Invalid."""
        return CreateTier(texts.name(self.name, texts.MAX_TIER_NAME, "name"), self.threshold)


@strawberry.input(description="What is left out or null stays as it is.")
class UpdateTierInput:
    tier_id: strawberry.ID
    name: str | None = strawberry.field(default=None, description="A new name moves nobody.")
    threshold: Decimal | None = None

    def command(self) -> UpdateTier:
        """Raises NotFound, Invalid."""
        return UpdateTier(
            tier_id=input_id(self.tier_id, "Tier", "tierId"),
            name=texts.optional_name(self.name, texts.MAX_TIER_NAME, "name"),
            threshold=self.threshold,
        )


@strawberry.input
class DeleteTierInput:
    tier_id: strawberry.ID

    def command(self) -> DeleteTier:
        """Raises NotFound."""
        return DeleteTier(input_id(self.tier_id, "Tier", "tierId"))


@strawberry.type
class TierPayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    customers_moved: int = strawberry.field(default=0, description=MOVED)
    tier_id: strawberry.Private[UUID | None] = None

    @resolved(Tier | None)
    def tier(self, info: Info) -> Pending[Any]:
        return loaded(info, "tiers_by_id", self.tier_id)


@strawberry.type
class CreateTierPayload(TierPayload):
    pass


@strawberry.type
class UpdateTierPayload(TierPayload):
    pass


@strawberry.type
class DeleteTierPayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    deleted_tier_id: strawberry.ID | None = None
    customers_moved: int = strawberry.field(default=0, description=MOVED)
