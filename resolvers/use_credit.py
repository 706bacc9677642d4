"""useCredit: spend service credits on a service."""

from models.errors import LedgerError
from models.operations.use_credit import use_credit
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.use_credit import UseCreditInput, UseCreditPayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: UseCreditInput) -> UseCreditPayload:  # noqa: A002 - the argument's name in the API
    """Spend a customer's service credits on a service."""
    try:
        outcome = await info.context.post(use_credit, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return UseCreditPayload(user_errors=user_errors(error))
    return UseCreditPayload(outcome=outcome, replayed=outcome.replayed)
