"""recordPayment: record a payment on an invoice or order."""

from auth.roles import Permission
from models.errors import LedgerError
from models.kinds import PaymentMethod
from models.operations.record_payment import record_payment
from schema.context import Context, Info
from schema.mutations.base import idempotency_key
from schema.mutations.record_payment import RecordPaymentInput, RecordPaymentPayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: RecordPaymentInput) -> RecordPaymentPayload:  # noqa: A002 - the argument's name in the API
    """Record a payment received, or pay with the customer's account credit, which also takes the right to spend it."""
    try:
        outcome = await info.context.post(record_payment, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return RecordPaymentPayload(user_errors=user_errors(error))
    return RecordPaymentPayload(outcome=outcome, replayed=outcome.replayed)


def rights(_context: Context, input: RecordPaymentInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    """Return the right to spend credit as well if the payment is made with account credit."""
    if input.method is PaymentMethod.ACCOUNT_CREDIT:
        return (Permission.WRITE_PAYMENTS, Permission.PAY_WITH_CREDIT)
    return (Permission.WRITE_PAYMENTS,)
