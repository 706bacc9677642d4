"""createOrder: issue an order of products."""

from models.errors import LedgerError
from models.operations.create_order import create_order
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.create_order import CreateOrderInput, CreateOrderPayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: CreateOrderInput) -> CreateOrderPayload:  # noqa: A002 - the argument's name in the API
    try:
        outcome = await info.context.post(create_order, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return CreateOrderPayload(user_errors=user_errors(error))
    return CreateOrderPayload(outcome=outcome, replayed=outcome.replayed)
