"""createOrder: issue an order of products; and previewOrder with the same input but its key."""

from auth.roles import Permission
from models.commands import CreateOrder
from models.errors import LedgerError
from models.kinds import ProductKind
from models.operations.create_order import create_order, preview_order
from models.operations.effects import refused
from resolvers.previews import effects_of
from schema.context import Context, Info
from schema.mutations.base import idempotency_key
from schema.mutations.create_order import CreateOrderInput, CreateOrderPayload, PreviewOrderInput
from schema.types.errors import user_errors
from schema.types.previews import PostingPreview


async def resolve(info: Info, input: CreateOrderInput) -> CreateOrderPayload:  # noqa: A002 - the argument's name in the API
    """Issue an order of products. One that sells credit also takes the right to add credit."""
    try:
        command = input.command()
        await _require(info.context, command)
        outcome = await info.context.post(create_order, command, idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return CreateOrderPayload(user_errors=user_errors(error))
    return CreateOrderPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewOrderInput) -> PostingPreview:  # noqa: A002 - as above
    """Return the effects that createOrder would have with the same input: the order, and the credit that would apply itself
    to it. Writes nothing."""
    try:
        await _require(info.context, input.command())
    except LedgerError as error:
        return PostingPreview.of(refused(error))
    return await effects_of(info, input, preview_order)


async def _require(context: Context, command: CreateOrder) -> None:
    """Require the right to add credit if the order sells any: the credit is on the account once it is paid. A product's
    kind never changes."""
    products = await context.loaders.products.load_all([item.product_id for item in command.items])
    if any(product.kind is ProductKind.CREDIT for product in products):
        context.require(Permission.ADD_CREDIT)
