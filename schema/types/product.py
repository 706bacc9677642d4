"""Products: what orders sell."""

from decimal import Decimal

import strawberry

from models.money import to_decimal
from models.views import ProductView
from schema.ids import global_id
from schema.scalars import AssetCode
from schema.types.base import Node, Reader
from schema.types.enums import ProductKind


@strawberry.type(description="What orders sell.")
class Product(Node):
    name: str
    kind: ProductKind
    currency: AssetCode
    price: Decimal
    active: bool

    @classmethod
    def of(cls, view: ProductView, _reader: Reader) -> "Product":
        return cls(
            id=global_id("Product", view.id), name=view.name, kind=ProductKind(view.kind),
            currency=AssetCode(view.currency), price=to_decimal(view.price_minor, view.currency), active=view.active,
        )  # fmt: skip
