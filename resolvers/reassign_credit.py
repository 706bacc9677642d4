"""reassignCredit: set assigned credit against other invoices instead."""

from auth.roles import Permission
from models.errors import LedgerError
from models.operations.releasing import reassign_credit
from schema.context import Context, Info
from schema.mutations.base import idempotency_key
from schema.mutations.reassign_credit import ReassignCreditInput, ReassignCreditPayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: ReassignCreditInput) -> ReassignCreditPayload:  # noqa: A002 - the argument's name in the API
    """Release one assignment and set its credit against other invoices instead. All or nothing."""
    try:
        outcome = await info.context.post(reassign_credit, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return ReassignCreditPayload(user_errors=user_errors(error))
    return ReassignCreditPayload(outcome=outcome, replayed=outcome.replayed)


def rights(_context: Context, input: ReassignCreditInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    return (Permission.RELEASE, Permission.ASSIGN)
