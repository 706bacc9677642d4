"""Products and rewards, as plans read them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from models.planning.columns import ASIDE, table


@table("products")
@dataclass(frozen=True, slots=True)
class ProductState:
    """price_minor: of one unit, in minor units, which may have a fraction."""

    id: UUID
    name: str
    kind: str
    currency: str
    price_minor: Decimal
    active: bool


@table("rewards")
@dataclass(slots=True)
class RewardState:
    id: UUID
    terms: Annotated[dict[str, Any], ASIDE]
    points_cost_minor: int
    validity_days: int | None
    stock: int | None
    active: bool
