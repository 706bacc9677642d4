"""createTier, updateTier and deleteTier."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.configuration_commands import CreateTier, DeleteTier, UpdateTier
from schema import texts
from schema.context import Info
from schema.mutations.base import CreatingInput, CreatingPayload, Payload, loaded
from schema.naming import TierBy, one
from schema.types.base import resolved
from schema.types.configuration import Tier

MOVED = "How many customers are in another tier now. Each has an event of their own: Account.tierChanges."


@strawberry.input
class CreateTierInput(CreatingInput):
    """A tier to add."""

    name: str
    """Unique display name, up to 200 characters."""
    threshold: Decimal
    """Lifetime total at which the tier begins, in whole points."""

    def command(self) -> CreateTier:
        """Raises Invalid."""
        return CreateTier(texts.name(self.name, texts.MAX_TIER_NAME, "name"), self.threshold)


@strawberry.input
class UpdateTierInput:
    """Changes to a tier. Fields that are null or left out stay as they are."""

    tier_id: strawberry.ID | None = None
    """Tier to change."""
    tier_by: TierBy | None = None
    """In place of tierId: the tier by name or id. One of the two is needed."""
    name: str | None = None
    """New display name. It moves nobody. Null: unchanged."""
    threshold: Decimal | None = None
    """New lifetime total at which the tier begins, in whole points. Null: unchanged."""

    def command(self) -> UpdateTier:
        """Raises NotFound, Invalid."""
        return UpdateTier(
            tier_id=one(self.tier_id, self.tier_by, "Tier", "tierId"),
            name=texts.optional_name(self.name, texts.MAX_TIER_NAME, "name"),
            threshold=self.threshold,
        )


@strawberry.input
class DeleteTierInput:
    """A tier to delete."""

    tier_id: strawberry.ID | None = None
    """Tier to delete."""
    tier_by: TierBy | None = None
    """In place of tierId: the tier by name or id. One of the two is needed."""

    def command(self) -> DeleteTier:
        """Raises NotFound."""
        return DeleteTier(one(self.tier_id, self.tier_by, "Tier", "tierId"))


@strawberry.type
class TierPayload(Payload):
    """A tier after it was added or changed."""

    customers_moved: int = 0
    """Number of customers whose tier changed by this call. Account.tierChanges lists each move."""
    tier_id: strawberry.Private[UUID | None] = None

    @resolved(Tier | None)
    def tier(self, info: Info) -> Pending[Any]:
        """Tier after the call."""
        return loaded(info, "Tier", self.tier_id)


@strawberry.type
class CreateTierPayload(CreatingPayload, TierPayload):
    """Result of createTier."""


@strawberry.type
class UpdateTierPayload(TierPayload):
    """Result of updateTier."""


@strawberry.type
class DeleteTierPayload(Payload):
    """Result of deleteTier."""

    deleted_tier_id: strawberry.ID | None = None
    """Id that the deleted tier had."""
    customers_moved: int = 0
    """Number of customers whose tier changed. Account.tierChanges lists each move."""
