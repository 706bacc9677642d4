"""Products that orders sell."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from models.reads.paging import Condition, Listing, text_key
from models.reads.session import ReadSession
from models.views import ProductView

_PRODUCT: Final = "t.id, t.name, t.kind, t.currency, t.price_minor, t.active"


def _product(row: Any) -> ProductView:
    return ProductView(row["id"], row["name"], row["kind"], row["currency"], row["price_minor"], row["active"])


PRODUCTS: Final = Listing("products", _PRODUCT, "products t", "t.tenant_id", (text_key("t.name"),), _product)
"""All of a tenant's products by name, which is unique: the parent is the tenant."""

ACTIVE: Final = Condition("t.active")


async def by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[ProductView]:
    return [_product(row) for row in await session.fetch_by_ids("products", _PRODUCT, ids)]
