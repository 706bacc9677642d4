"""Products, as plans read them."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from models.planning.columns import table


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
