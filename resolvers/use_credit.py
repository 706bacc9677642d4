"""useCredit, and previewUse with the same input but its key."""

from models.errors import LedgerError
from models.money import SERVICE_CREDITS
from models.operations.previewing import preview_of_refusal
from models.operations.use_credit import preview_use, use_credit
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.use_credit import PreviewUseInput, UseCreditInput, UseCreditPayload
from schema.types.errors import user_errors
from schema.types.reports import SpendPreview


async def resolve(info: Info, input: UseCreditInput) -> UseCreditPayload:  # noqa: A002 - the argument's name in the API
    """Spend a customer's service credits on a service."""
    try:
        outcome = await info.context.post(use_credit, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return UseCreditPayload(user_errors=user_errors(error))
    return UseCreditPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewUseInput) -> SpendPreview:  # noqa: A002 - as above
    """Return the effects that useCredit would have with the same input. Writes nothing."""
    context = info.context
    try:
        command = input.command()
        await context.reads.release()
        preview = await preview_use(context.ledger, context.tenant.id, context.actor, command)
    except LedgerError as error:
        preview = preview_of_refusal(SERVICE_CREDITS, error)
    return SpendPreview.of(preview)
