"""voidPayment: void a payment."""

from models.errors import LedgerError
from models.operations.record_payment import void_payment
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.void_payment import VoidPaymentInput, VoidPaymentPayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: VoidPaymentInput) -> VoidPaymentPayload:  # noqa: A002 - the argument's name in the API
    """Void a payment. The amount is due again, and credit that a paid order granted is taken back."""
    try:
        outcome = await info.context.post(void_payment, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return VoidPaymentPayload(user_errors=user_errors(error))
    return VoidPaymentPayload(outcome=outcome, replayed=outcome.replayed)
