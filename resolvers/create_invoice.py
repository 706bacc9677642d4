"""createInvoice: issue an invoice; and previewInvoice with the same input but its key."""

from models.errors import LedgerError
from models.operations.create_invoice import create_invoice, preview_invoice
from resolvers.previews import effects_of
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.create_invoice import CreateInvoiceInput, CreateInvoicePayload, PreviewInvoiceInput
from schema.types.errors import user_errors
from schema.types.previews import PostingPreview


async def resolve(info: Info, input: CreateInvoiceInput) -> CreateInvoicePayload:  # noqa: A002 - the argument's name in the API
    """Issue an invoice."""
    try:
        outcome = await info.context.post(create_invoice, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return CreateInvoicePayload(user_errors=user_errors(error))
    return CreateInvoicePayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewInvoiceInput) -> PostingPreview:  # noqa: A002 - as above
    """Return the effects that createInvoice would have with the same input: the invoice, and the credit that would apply
    itself to it. Writes nothing."""
    return await effects_of(info, input, preview_invoice)
