"""What an admin sets, as far as the API shows it: reasons, services, tiers."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Optional
from uuid import UUID

import strawberry

from models.money import POINTS, to_decimal
from models.tables import Reason
from models.tables import Service as ServiceRow
from models.tables import Tier as TierRow
from schema.ids import global_id
from schema.types.base import Node, Reader
from schema.types.enums import Direction


@strawberry.type(description="Why credit is added or removed.")
class AdjustmentReason:
    code: str
    label: str
    directions: list[Direction]
    moves_lifetime: bool = strawberry.field(description="Whether it moves the lifetime total as well as the balance.")
    note_required: bool
    active: bool

    @classmethod
    def of(cls, row: Reason) -> "AdjustmentReason":
        directions = [Direction.ADD] if row.adds else []
        return cls(
            code=row.code, label=row.label, directions=directions + ([Direction.REMOVE] if row.removes else []),
            moves_lifetime=row.moves_lifetime, note_required=row.note_required, active=row.active,
        )  # fmt: skip


@strawberry.type(description="Something that service credits can be spent on.")
class Service(Node):
    name: str
    active: bool

    @classmethod
    def of(cls, row: ServiceRow, _reader: Reader) -> "Service":
        return cls(id=global_id("Service", row.id), name=row.name, active=row.active)


@strawberry.type(description="A threshold on the lifetime total of points.")
class Tier(Node):
    name: str
    threshold: Decimal
    next: Optional["Tier"]


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

    def named(self, name: str | None) -> Tier | None:
        return next((tier for _, tier in self._falling if tier.name == name), None)
