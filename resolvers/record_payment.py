"""recordPayment, and previewPayment with the same input but its key."""

from auth.roles import Permission
from models.errors import LedgerError
from models.kinds import PaymentMethod
from models.money import POINTS
from models.operations.previewing import preview_of_refusal
from models.operations.record_payment import preview_payment, record_payment
from schema.context import Context, Info
from schema.mutations.base import idempotency_key
from schema.mutations.record_payment import PreviewPaymentInput, RecordPaymentInput, RecordPaymentPayload
from schema.types.errors import user_errors
from schema.types.reports import PaymentPreview


async def resolve(info: Info, input: RecordPaymentInput) -> RecordPaymentPayload:  # noqa: A002 - the argument's name in the API
    """Record a payment received, or pay with the customer's account credit, which also takes the right to spend it. With
    keepExcess, what is paid beyond what is due becomes a credit, which takes the right to keep it."""
    try:
        outcome = await info.context.post(record_payment, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return RecordPaymentPayload(user_errors=user_errors(error))
    return RecordPaymentPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewPaymentInput) -> PaymentPreview | None:  # noqa: A002 - as above
    """Return the effects that recordPayment would have with the same input. Writes nothing."""
    context = info.context
    try:
        command = input.command()
        await context.reads.release()
        preview = await preview_payment(context.ledger, context.tenant.id, context.actor, command)
    except LedgerError as error:
        preview = preview_of_refusal(POINTS, error)  # of no invoice: its figures are all zero
    return PaymentPreview.of(preview)


def rights(_context: Context, input: PreviewPaymentInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    """Return the right to spend credit as well if the payment is made with account credit, and the right to keep what is
    too much if that is asked for."""
    with_credit = (Permission.PAY_WITH_CREDIT,) if input.method is PaymentMethod.ACCOUNT_CREDIT else ()
    return (Permission.WRITE_PAYMENTS, *with_credit, *((Permission.KEEP_EXCESS,) if input.keep_excess else ()))
