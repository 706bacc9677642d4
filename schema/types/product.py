"""Products that orders sell."""

from decimal import Decimal

import strawberry

from auth.roles import Permission
from models.kinds import ProductKind
from models.money import to_price
from models.reads import products
from models.views import ProductView
from schema.ids import global_id
from schema.nodes import by_ids, node
from schema.scalars import AssetCode
from schema.types.base import Node, Reader
from schema.types.metadata import MetadataPair, shown_metadata


@node(ProductView, by_ids(products.by_ids), Permission.READ_PRODUCTS, owner=None)
@strawberry.type
class Product(Node):
    """A product that orders sell: goods, a service, or credit."""

    name: str
    """Unique display name."""
    kind: ProductKind
    """Goods, service or credit."""
    currency: AssetCode
    """Currency of the price, an ISO 4217 code."""
    price: Decimal
    """Price of one unit, possibly finer than the currency's minor unit. One unit of a credit product adds this amount to the
    account."""
    active: bool
    """Whether new orders can sell it; false once it is retired."""
    reference: str | None
    """Reference that the tenant's own system gave it; null if there is none."""
    metadata: list[MetadataPair] | None
    """Pairs that the tenant's own system attached to it, by key; null to customers."""

    @classmethod
    def of(cls, view: ProductView, reader: Reader) -> "Product":
        return cls(
            id=global_id("Product", view.id),
            name=view.name,
            kind=ProductKind(view.kind),
            currency=AssetCode(view.currency),
            price=to_price(view.price_minor, view.currency),
            active=view.active,
            reference=view.reference,
            metadata=shown_metadata(view.metadata, to_customer=reader.for_customer),
        )
