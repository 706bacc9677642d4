"""Parts of the configuration that the API shows: reasons, services, tiers."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Optional
from uuid import UUID

import strawberry

from auth.roles import Permission
from models.money import MAX_AMOUNT_MINOR, POINTS, to_decimal
from models.reads import configuration
from models.tables import Reason
from models.tables import Service as ServiceRow
from models.tables import Tier as TierRow
from schema.ids import global_id
from schema.nodes import by_ids, node
from schema.types.base import Node, Reader
from schema.types.enums import Direction


@node(Reason, by_ids(configuration.reasons_by_ids), Permission.READ_CATALOGUE, owner=None)
@strawberry.type
class AdjustmentReason(Node):
    """A reason for adding or removing value, from the tenant's list."""

    code: str
    """Code to send as `reason`, such as GOODWILL. It never changes."""
    label: str
    """Text to show to people, such as "Goodwill gesture"."""
    directions: list[Direction]
    """Directions that the reason may be used for: adding, removing, or both."""
    moves_lifetime: bool
    """Whether an adjustment under this reason changes the lifetime total as well as the balance."""
    note_required: bool
    """Whether an adjustment under this reason needs a note."""
    active: bool
    """Whether new adjustments can use the reason; false once it is retired."""

    @classmethod
    def of(cls, row: Reason, _reader: Reader) -> "AdjustmentReason":
        directions = [Direction.ADD] if row.adds else []
        return cls(
            id=global_id("AdjustmentReason", row.id),
            code=row.code,
            label=row.label,
            directions=directions + ([Direction.REMOVE] if row.removes else []),
            moves_lifetime=row.moves_lifetime,
            note_required=row.note_required,
            active=row.active,
        )


@node(ServiceRow, by_ids(configuration.services_by_ids), Permission.READ_CATALOGUE, owner=None)
@strawberry.type
class Service(Node):
    """A service that service credits can be spent on, such as a wash or a lesson."""

    name: str
    """Unique display name."""
    active: bool
    """Whether new credits can be restricted to the service; false once it is retired."""

    @classmethod
    def of(cls, row: ServiceRow, _reader: Reader) -> "Service":
        return cls(id=global_id("Service", row.id), name=row.name, active=row.active)


async def _tiers_by_id(loaders: Any, ids: list[UUID]) -> dict[UUID, "Tier"]:
    tiers: Tiers = await loaders.tiers()
    return {tier_id: tiers.by_id[tier_id] for tier_id in ids if tier_id in tiers.by_id}


@node(TierRow, _tiers_by_id, Permission.READ_REWARDS, owner=None)
@strawberry.type
class Tier(Node):
    """A level that a customer reaches by lifetime points."""

    name: str
    """Unique display name, such as "Gold"."""
    threshold: Decimal
    """Lifetime total at which the tier begins, in whole points."""
    next: Optional["Tier"]
    """Tier with the next higher threshold; null for the highest."""


class Tiers:
    """A tenant's tiers by rising threshold, each knowing the next."""

    def __init__(self, rows: Sequence[TierRow]) -> None:
        above: Tier | None = None
        ladder: list[tuple[int, Tier]] = []
        self.by_id: dict[UUID, Tier] = {}
        for row in reversed(rows):
            threshold = to_decimal(row.threshold_minor, POINTS)
            above = Tier(id=global_id("Tier", row.id), name=row.name, threshold=threshold, next=above)
            ladder.append((row.threshold_minor, above))
            self.by_id[row.id] = above
        self._falling = ladder

    @property
    def rising(self) -> list[Tier]:
        return [tier for _, tier in reversed(self._falling)]

    def reached(self, lifetime_minor: int) -> Tier | None:
        """The highest tier whose threshold is not above the lifetime total."""
        return next((tier for threshold, tier in self._falling if threshold <= lifetime_minor), None)

    def reach(self, tier_id: UUID) -> tuple[int, int]:
        """The lifetime totals of a tier: from the first to before the second; none for an unknown id."""
        above = MAX_AMOUNT_MINOR + 1
        for threshold, tier in self._falling:
            if self.by_id.get(tier_id) is tier:
                return threshold, above
            above = threshold
        return above, above

    def id_of(self, name: str) -> UUID:
        """The id of the tier with this name, or one that no tier has."""
        return next((row_id for row_id, tier in self.by_id.items() if tier.name == name), UUID(int=0))

    def named(self, name: str | None) -> Tier | None:
        return next((tier for _, tier in self._falling if tier.name == name), None)
