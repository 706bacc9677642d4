"""createProduct and updateProduct."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.configuration_commands import CreateProduct, UpdateProduct
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import loaded
from schema.scalars import AssetCode
from schema.types.base import resolved
from schema.types.enums import ProductKind
from schema.types.errors import UserError
from schema.types.product import Product


@strawberry.input
class CreateProductInput:
    name: str = strawberry.field(description="Unique.")
    kind: ProductKind
    currency: AssetCode
    price: Decimal = strawberry.field(description="Of one. A credit product's is what one puts on the account.")

    def command(self) -> CreateProduct:
        """Raises Invalid."""
        name = texts.name(self.name, texts.MAX_PRODUCT_NAME, "name")
        return CreateProduct(name, self.kind.value, self.currency, self.price)


@strawberry.input
class UpdateProductInput:
    product_id: strawberry.ID
    name: str | None = strawberry.field(default=None, description="Blank: as it is.")
    price: Decimal | None = strawberry.field(default=None, description="Blank: as it is.")
    active: bool | None = strawberry.field(default=None, description="false: sold no more. Blank: as it is.")

    def command(self) -> UpdateProduct:
        """Raises NotFound, Invalid."""
        return UpdateProduct(
            product_id=input_id(self.product_id, "Product", "productId"),
            name=None if self.name is None else texts.name(self.name, texts.MAX_PRODUCT_NAME, "name"),
            price=self.price,
            active=self.active,
        )


@strawberry.type
class ProductPayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    product_id: strawberry.Private[UUID | None] = None

    @resolved(Product | None)
    def product(self, info: Info) -> Pending[Any]:
        return loaded(info, "products", self.product_id)


@strawberry.type
class CreateProductPayload(ProductPayload):
    pass


@strawberry.type
class UpdateProductPayload(ProductPayload):
    pass
