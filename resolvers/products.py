"""products, createProduct and updateProduct."""

from typing import Any

from auth.roles import Permission
from models.errors import LedgerError
from models.operations.products import create_product, update_product
from models.reads import products
from models.reads.paging import Condition
from schema.context import Context, Info
from schema.mutations.products import CreateProductInput, CreateProductPayload, UpdateProductInput, UpdateProductPayload
from schema.types.base import Connection
from schema.types.errors import user_errors
from schema.types.metadata import ReferenceBy
from schema.types.pages import root_page
from schema.types.product import Product


async def resolve_all(
    info: Info,
    active_only: bool | None = True,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
    reference: ReferenceBy | None = None,
) -> Connection[Product] | None:
    """List products, by name; by the beginning of references, in the order of these.

    active_only: Whether to leave out retired products. false takes the right to read the configuration.
    reference: Reference of those to list. Null: all products.
    """
    context = info.context
    conditions: tuple[Condition, ...] = () if active_only is False else (products.ACTIVE,)
    listing = products.PRODUCTS
    if reference is not None:
        asked = reference.reference()
        conditions = (*conditions, asked.of("t.reference"))
        listing = products.BY_REFERENCE if asked.begins else listing
    return await root_page(info, listing, context.tenant.id, (first, after, last, before, reverse), *conditions)


async def resolve_create(info: Info, input: CreateProductInput) -> CreateProductPayload:  # noqa: A002 - the argument's name in the API
    """Create a product for orders to sell."""
    try:
        command = input.command()
        made = await info.context.change(create_product, command, idempotency_key=input.key())
    except LedgerError as error:
        return CreateProductPayload(user_errors=user_errors(error))
    return CreateProductPayload(product_id=made.row_id, replayed=made.replayed)


async def resolve_update(info: Info, input: UpdateProductInput) -> UpdateProductPayload:  # noqa: A002 - the argument's name in the API
    """Rename, reprice or retire a product."""
    try:
        command = input.command()
        await info.context.change(update_product, command)
    except LedgerError as error:
        return UpdateProductPayload(user_errors=user_errors(error))
    return UpdateProductPayload(product_id=command.product_id)


def rights(_context: Context, active_only: bool | None = True, **_arguments: Any) -> tuple[Permission, ...]:
    """Return the rights to list products; retired ones take the right to read the configuration."""
    return (Permission.READ_PRODUCTS, Permission.READ_CONFIG) if active_only is False else (Permission.READ_PRODUCTS,)
