"""createOrder: issue an order of products."""

from auth.roles import Permission
from models.commands import CreateOrder
from models.errors import LedgerError
from models.kinds import ProductKind
from models.operations.create_order import create_order
from schema.context import Context, Info
from schema.mutations.base import idempotency_key
from schema.mutations.create_order import CreateOrderInput, CreateOrderPayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: CreateOrderInput) -> CreateOrderPayload:  # noqa: A002 - the argument's name in the API
    """Issue an order of products. One that sells credit also takes the right to add credit."""
    try:
        command = input.command()
        await _require(info.context, command)
        outcome = await info.context.post(create_order, command, idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return CreateOrderPayload(user_errors=user_errors(error))
    return CreateOrderPayload(outcome=outcome, replayed=outcome.replayed)


async def _require(context: Context, command: CreateOrder) -> None:
    """Require the right to add credit if the order sells any: the credit is on the account once it is paid. A product's
    kind never changes."""
    products = await context.loaders.products.load_all([item.product_id for item in command.items])
    if any(product.kind is ProductKind.CREDIT for product in products):
        context.require(Permission.ADD_CREDIT)
