"""reviveCredit, and previewRevival with the same input but its key."""

from models.errors import LedgerError
from models.money import POINTS
from models.operations.previewing import preview_of_refusal
from models.operations.revive_credit import preview_revival, revive_credit
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.revive_credit import PreviewRevivalInput, ReviveCreditInput, ReviveCreditPayload
from schema.types.errors import user_errors
from schema.types.moving import RevivalPreview


async def resolve(info: Info, input: ReviveCreditInput) -> ReviveCreditPayload:  # noqa: A002 - the argument's name in the API
    """Put back what has expired of a credit, or a part of it, on that credit and under a new expiry.

    All revivals of a credit together are never more than has expired of it. The lifetime total stays, and what was voided
    stays voided.
    """
    try:
        outcome = await info.context.post(revive_credit, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return ReviveCreditPayload(user_errors=user_errors(error))
    return ReviveCreditPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewRevivalInput) -> RevivalPreview:  # noqa: A002 - as above
    """Return the effects that reviveCredit would have with the same input. Writes nothing."""
    context = info.context
    try:
        command = input.command()
        await context.reads.release()
        preview = await preview_revival(context.ledger, context.tenant.id, context.actor, command)
    except LedgerError as error:
        preview = preview_of_refusal(POINTS, error)  # of no credit: its figures are all zero
    return RevivalPreview.of(preview)
