"""voidCredit: reverse the remainder of a credit."""

from auth.roles import Permission
from models.errors import LedgerError
from models.operations.releasing import void_credit
from schema.context import Context, Info
from schema.mutations.base import idempotency_key
from schema.mutations.void_credit import VoidCreditInput, VoidCreditPayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: VoidCreditInput) -> VoidCreditPayload:  # noqa: A002 - the argument's name in the API
    """Void a credit: reverse its remainder."""
    try:
        outcome = await info.context.post(void_credit, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return VoidCreditPayload(user_errors=user_errors(error))
    return VoidCreditPayload(outcome=outcome, replayed=outcome.replayed)


def rights(_context: Context, input: VoidCreditInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    return (Permission.VOID, Permission.RELEASE) if input.release_assignments else (Permission.VOID,)
