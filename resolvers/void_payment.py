"""voidPayment: void a payment; and previewVoidPayment with the same input but its key."""

from models.errors import LedgerError
from models.operations.record_payment import preview_void_payment, void_payment
from resolvers.previews import effects_of
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.void_payment import PreviewVoidPaymentInput, VoidPaymentInput, VoidPaymentPayload
from schema.types.errors import user_errors
from schema.types.previews import PostingPreview


async def resolve(info: Info, input: VoidPaymentInput) -> VoidPaymentPayload:  # noqa: A002 - the argument's name in the API
    """Void a payment. The amount is due again, and credit that a paid order granted is taken back."""
    try:
        outcome = await info.context.post(void_payment, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return VoidPaymentPayload(user_errors=user_errors(error))
    return VoidPaymentPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewVoidPaymentInput) -> PostingPreview:  # noqa: A002 - as above
    """Return the effects that voidPayment would have with the same input. Writes nothing."""
    return await effects_of(info, input, preview_void_payment)
