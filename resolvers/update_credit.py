"""updateCredit: change a credit's expiry, pause, restriction or note."""

from models.errors import LedgerError
from models.operations.releasing import update_credit
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.update_credit import UpdateCreditInput, UpdateCreditPayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: UpdateCreditInput) -> UpdateCreditPayload:  # noqa: A002 - the argument's name in the API
    """Change a credit's expiry, pause, service restriction or note."""
    try:
        outcome = await info.context.post(update_credit, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return UpdateCreditPayload(user_errors=user_errors(error))
    return UpdateCreditPayload(outcome=outcome, replayed=outcome.replayed)
