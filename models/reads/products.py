"""Products that orders sell."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from models.reads.columns import columns, rows
from models.reads.keys import text_key
from models.reads.paging import Condition, Listing
from models.reads.session import ReadSession
from models.views import ProductView

_PRODUCT: Final = columns(ProductView)
_product: Final = rows(ProductView)


PRODUCTS: Final = Listing("products", _PRODUCT, "products t", "t.tenant_id", (text_key("t.name"),), _product)
"""All of a tenant's products by name, which is unique: the parent is the tenant."""

BY_REFERENCE: Final = Listing(
    "products-by-reference",
    _PRODUCT,
    "products t",
    "t.tenant_id",
    (text_key("t.reference"), text_key("t.name")),
    _product,
)
"""All of a tenant's products that have references, by these."""

ACTIVE: Final = Condition("t.active")


async def by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[ProductView]:
    return [_product(row) for row in await session.fetch_by_ids("products", _PRODUCT, ids)]


async def product_ids(session: ReadSession, names: Iterable[str]) -> dict[str, UUID]:
    """The ids of the existing products among these, by name."""
    sql = "select name, id from products where tenant_id = $1 and name = any($2::text[])"
    return {row["name"]: row["id"] for row in await session.fetch(sql, list(names))}
