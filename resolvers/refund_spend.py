"""refundSpend, and previewRefund with the same input but its key."""

from auth.roles import Permission
from models.errors import LedgerError
from models.money import POINTS
from models.operations.previewing import preview_of_refusal
from models.operations.refund_spend import preview_refund, refund_spend
from schema.context import Context, Info
from schema.mutations.base import idempotency_key
from schema.mutations.refund_spend import PreviewRefundInput, RefundSpendInput, RefundSpendPayload
from schema.types.errors import user_errors
from schema.types.reports import SpendPreview


async def resolve(info: Info, input: RefundSpendInput) -> RefundSpendPayload:  # noqa: A002 - the argument's name in the API
    """Give back what spendCredit or useCredit has taken, or a part of it, to the credits that it came from.

    What was taken last comes back first, under each credit's own expiry; what has expired since comes back and expires at
    once, unless a manager gives it a new expiry. All parts together are never more than was taken.
    """
    try:
        outcome = await info.context.post(refund_spend, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return RefundSpendPayload(user_errors=user_errors(error))
    return RefundSpendPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewRefundInput) -> SpendPreview:  # noqa: A002 - as above
    """Return the effects that refundSpend would have with the same input. Writes nothing."""
    context = info.context
    try:
        command = input.command()
        await context.reads.release()
        preview = await preview_refund(context.ledger, context.tenant.id, context.actor, command)
    except LedgerError as error:
        preview = preview_of_refusal(POINTS, error)  # of no spend: its figures are all zero
    return SpendPreview.of(preview)


def rights(_context: Context, input: PreviewRefundInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    """Under a new expiry, what has expired is revived."""
    return (Permission.REFUND_SPEND, Permission.REVIVE) if input.new_expiry().ways else (Permission.REFUND_SPEND,)
