"""adjustCredit, and previewAdjustment with the same input but its key; adjustmentPreview, which takes a key for nothing."""

from auth.roles import Permission
from models.commands import LimitVerdict, Preview
from models.errors import LedgerError
from models.operations.adjust import adjust_credit, preview_adjustment
from schema.context import Context, Info
from schema.mutations.adjust import AdjustCreditInput, AdjustCreditPayload, PreviewAdjustmentInput
from schema.mutations.base import idempotency_key
from schema.types.errors import user_errors
from schema.types.reports import AdjustmentPreview


async def resolve(info: Info, input: AdjustCreditInput) -> AdjustCreditPayload:  # noqa: A002 - the argument's name in the API
    """Add value to an account or, with a negative amount, remove value from it."""
    try:
        outcome = await info.context.post(adjust_credit, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return AdjustCreditPayload(user_errors=user_errors(error))
    return AdjustCreditPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_old_preview(info: Info, input: AdjustCreditInput) -> AdjustmentPreview:  # noqa: A002 - as above
    """Return the effects that adjustCredit would have with the same input. Writes nothing, and ignores the key."""
    return await resolve_preview(info, input)


async def resolve_preview(info: Info, input: PreviewAdjustmentInput) -> AdjustmentPreview:  # noqa: A002 - as above
    """Return the effects that adjustCredit would have with the same input. Writes nothing."""
    context = info.context
    try:
        command = input.command()
        await context.reads.release()
        preview = await preview_adjustment(context.ledger, context.tenant.id, context.actor, command)
    except LedgerError as error:
        preview = Preview(input.asset, None, 0, 0, None, (), LimitVerdict(False, False, ()), (error,))
    return AdjustmentPreview.of(preview)


def rights(_context: Context, input: PreviewAdjustmentInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    """Return the right to add or to remove, by the sign."""
    return (Permission.REMOVE_CREDIT if input.amount < 0 else Permission.ADD_CREDIT,)
