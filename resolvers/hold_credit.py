"""holdCredit, and previewHold with the same input but its key."""

from models.errors import LedgerError
from models.operations.hold_credit import hold_credit, preview_hold
from models.operations.previewing import preview_of_refusal
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.hold_credit import HoldCreditInput, HoldCreditPayload, PreviewHoldInput
from schema.types.errors import user_errors
from schema.types.reports import SpendPreview


async def resolve(info: Info, input: HoldCreditInput) -> HoldCreditPayload:  # noqa: A002 - the argument's name in the API
    """Set a customer's credit, points or service credits aside, for a purpose that the note names or for an invoice.

    Open credits are held in burn order. What is held cannot be spent otherwise, and can be captured until the hold expires.
    """
    try:
        outcome = await info.context.post(hold_credit, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return HoldCreditPayload(user_errors=user_errors(error))
    return HoldCreditPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewHoldInput) -> SpendPreview:  # noqa: A002 - as above
    """Return the effects that holdCredit would have with the same input. Writes nothing."""
    context = info.context
    try:
        command = input.command()
        await context.reads.release()
        preview = await preview_hold(context.ledger, context.tenant.id, context.actor, command)
    except LedgerError as error:
        preview = preview_of_refusal(input.asset, error)
    return SpendPreview.of(preview)
