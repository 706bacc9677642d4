"""createProduct and updateProduct."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.configuration_commands import CreateProduct, UpdateProduct
from models.kinds import ProductKind
from schema import texts
from schema.context import Info
from schema.mutations.base import CreatingInput, CreatingPayload, Payload, loaded
from schema.naming import ProductBy, one
from schema.scalars import AssetCode
from schema.types.base import resolved
from schema.types.metadata import MetadataInput, TextsInput, given, pairs, reference
from schema.types.product import Product


@strawberry.input
class CreateProductInput(CreatingInput, TextsInput):
    """A product to add."""

    name: str
    """Unique display name, up to 200 characters."""
    kind: ProductKind
    """Goods, service or credit."""
    currency: AssetCode
    """Currency of the price, an ISO 4217 code."""
    price: Decimal
    """Price of one unit, not negative, with up to four decimal places in any currency. One unit of a credit product adds
    this amount to the account."""

    def command(self) -> CreateProduct:
        """Raises Invalid."""
        name = texts.name(self.name, texts.MAX_PRODUCT_NAME, "name")
        own, metadata = reference(self.reference), tuple(pairs(self.metadata))
        return CreateProduct(name, self.kind.value, self.currency, self.price, own, metadata)


@strawberry.input
class UpdateProductInput:
    """Changes to a product. Fields that are left out stay as they are, and name, price and active if they are null."""

    product_id: strawberry.ID | None = None
    """Product to change."""
    product_by: ProductBy | None = None
    """In place of productId: the product by name or id. One of the two is needed."""
    name: str | None = None
    """New display name, up to 200 characters. Null: unchanged."""
    price: Decimal | None = None
    """New price of one unit. Orders made before keep theirs. Null: unchanged."""
    active: bool | None = None
    """Whether new orders can sell it; false retires it. Null: unchanged."""
    reference: str | None = strawberry.UNSET
    """New reference, up to 255 characters. Left out: unchanged. Null: removed."""
    metadata: list[MetadataInput] | None = strawberry.UNSET
    """New metadata, at most 20 pairs, in place of all there were. Left out: unchanged. Null: removed."""

    def command(self) -> UpdateProduct:
        """Raises NotFound, Invalid."""
        own, metadata = reference(given(self.reference)), tuple(pairs(given(self.metadata)))
        empty = {"reference": own is None, "metadata": not metadata}
        return UpdateProduct(
            product_id=one(self.product_id, self.product_by, "Product", "productId"),
            name=None if self.name is None else texts.name(self.name, texts.MAX_PRODUCT_NAME, "name"),
            price=self.price,
            active=self.active,
            reference=own,
            metadata=metadata,
            removed=frozenset(n for n in empty if empty[n] and getattr(self, n) is not strawberry.UNSET),
        )


@strawberry.type
class ProductPayload(Payload):
    """A product after it was added or changed."""

    product_id: strawberry.Private[UUID | None] = None

    @resolved(Product | None)
    def product(self, info: Info) -> Pending[Any]:
        """Product after the call."""
        return loaded(info, "Product", self.product_id)


@strawberry.type
class CreateProductPayload(CreatingPayload, ProductPayload):
    """Result of createProduct."""


@strawberry.type
class UpdateProductPayload(ProductPayload):
    """Result of updateProduct."""
