"""createCreditNote, and previewCreditNote with the same input but its key; voidCreditNote."""

from models.errors import LedgerError
from models.money import POINTS
from models.operations.create_credit_note import (
    create_credit_note,
    preview_credit_note,
    preview_void_note,
    void_credit_note,
)
from models.operations.previewing import preview_of_refusal
from resolvers.previews import effects_of
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.create_credit_note import (
    CreateCreditNoteInput,
    CreateCreditNotePayload,
    CreditNotePreview,
    PreviewCreditNoteInput,
    PreviewVoidCreditNoteInput,
    VoidCreditNoteInput,
    VoidCreditNotePayload,
)
from schema.types.errors import user_errors
from schema.types.previews import PostingPreview


async def resolve(info: Info, input: CreateCreditNoteInput) -> CreateCreditNotePayload:  # noqa: A002 - the argument's name in the API
    """Take back a part of an invoice or order, or all of it, by an amount or by lines of goods and services.

    Lowers what is due first. Only the rest is given back: to the credits that had paid, and as new credit for money. Credit
    that an order has sold is not touched.
    """
    try:
        outcome = await info.context.post(create_credit_note, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return CreateCreditNotePayload(user_errors=user_errors(error))
    return CreateCreditNotePayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewCreditNoteInput) -> CreditNotePreview:  # noqa: A002 - as above
    """Return the effects that createCreditNote would have with the same input. Writes nothing."""
    context = info.context
    try:
        command = input.command()
        await context.reads.release()
        preview = await preview_credit_note(context.ledger, context.tenant.id, context.actor, command)
    except LedgerError as error:
        preview = preview_of_refusal(POINTS, error)  # of no invoice: it has no figures
    return CreditNotePreview.of(preview)


async def resolve_void(info: Info, input: VoidCreditNoteInput) -> VoidCreditNotePayload:  # noqa: A002 - as above
    """Void a credit note. What it gave back is taken again, which needs all of it to be there still; the rest is due
    again."""
    try:
        outcome = await info.context.post(void_credit_note, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return VoidCreditNotePayload(user_errors=user_errors(error))
    return VoidCreditNotePayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_void_preview(info: Info, input: PreviewVoidCreditNoteInput) -> PostingPreview:  # noqa: A002 - as above
    """Return the effects that voidCreditNote would have with the same input. Writes nothing."""
    return await effects_of(info, input, preview_void_note)
