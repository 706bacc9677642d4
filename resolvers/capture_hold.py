"""captureHold: take what is held, as a spend or as a payment; and previewCapture with the same input but its key."""

from auth.roles import Permission
from models.errors import LedgerError
from models.money import POINTS
from models.operations.capture_hold import capture_hold, invoice_to_pay, preview_capture
from models.operations.previewing import preview_of_refusal
from models.planning.capturing import CaptureHold
from schema.context import Context, Info
from schema.mutations.base import idempotency_key
from schema.mutations.capture_hold import CaptureHoldInput, CaptureHoldPayload, PreviewCaptureInput
from schema.types.errors import user_errors
from schema.types.reports import SpendPreview


async def resolve(info: Info, input: CaptureHoldInput) -> CaptureHoldPayload:  # noqa: A002 - the argument's name in the API
    """Take what a hold has set aside, or a part of it: as a spend, or as the payment of an invoice or order, which also
    takes the right to record payments.

    It is there until the hold expires, even if its credits have expired meanwhile.
    """
    context = info.context
    try:
        command = await _permitted(context, input)
        outcome = await context.post(capture_hold, command, idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return CaptureHoldPayload(user_errors=user_errors(error))
    return CaptureHoldPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewCaptureInput) -> SpendPreview | None:  # noqa: A002 - as above
    """Return the effects that captureHold would have with the same input. Writes nothing."""
    context = info.context
    try:
        command = await _permitted(context, input)
        await context.reads.release()
        preview = await preview_capture(context.ledger, context.tenant.id, context.actor, command)
    except LedgerError as error:
        preview = preview_of_refusal(POINTS, error)  # of no hold: its figures are all zero
    return SpendPreview.of(preview)


async def _permitted(context: Context, input: PreviewCaptureInput) -> CaptureHold:  # noqa: A002 - as above
    """Raises Denied if it would pay an invoice, and payments may not be recorded; NotFound, Invalid."""
    command = input.command()
    if not context.may(Permission.WRITE_PAYMENTS):
        await context.reads.release()
        if await invoice_to_pay(context.tenant.id, command) is not None:
            context.require(Permission.WRITE_PAYMENTS)
    return command


def rights(_context: Context, input: PreviewCaptureInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    """Return the rights that paying an invoice takes as well, if one is named. If the hold itself is for one, `resolve`
    looks."""
    if input.invoice_id is not None or input.invoice_by is not None:
        return (Permission.SPEND_CREDIT, Permission.WRITE_PAYMENTS)
    return (Permission.SPEND_CREDIT,)
