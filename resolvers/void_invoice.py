"""voidInvoice: void an invoice and release its assignments; and previewVoidInvoice, without a key."""

from models.errors import LedgerError
from models.operations.releasing import preview_void_invoice, void_invoice
from resolvers.previews import effects_of
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.void_invoice import PreviewVoidInvoiceInput, VoidInvoiceInput, VoidInvoicePayload
from schema.types.errors import user_errors
from schema.types.previews import PostingPreview


async def resolve(info: Info, input: VoidInvoiceInput) -> VoidInvoicePayload:  # noqa: A002 - the argument's name in the API
    """Void an invoice or order, and release the credit set against it. Void its payments first."""
    try:
        outcome = await info.context.post(void_invoice, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return VoidInvoicePayload(user_errors=user_errors(error))
    return VoidInvoicePayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewVoidInvoiceInput) -> PostingPreview:  # noqa: A002 - as above
    """Return the effects that voidInvoice would have with the same input. Writes nothing."""
    return await effects_of(info, input, preview_void_invoice)
