"""assignCredit: set a credit against invoices."""

from models.errors import LedgerError
from models.operations.assign import assign_credit
from schema.context import Info
from schema.mutations.assign import AssignCreditInput, AssignCreditPayload
from schema.mutations.base import idempotency_key
from schema.types.errors import user_errors


async def resolve(info: Info, input: AssignCreditInput) -> AssignCreditPayload:  # noqa: A002 - the argument's name in the API
    """Set one credit against one or more invoices. All or nothing."""
    try:
        outcome = await info.context.post(assign_credit, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return AssignCreditPayload(user_errors=user_errors(error))
    return AssignCreditPayload(outcome=outcome, replayed=outcome.replayed)
