"""spendCredit, and previewSpend with the same input but its key."""

from models.errors import LedgerError
from models.operations.previewing import preview_of_refusal
from models.operations.spend_credit import preview_spend, spend_credit
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.spend_credit import PreviewSpendInput, SpendCreditInput, SpendCreditPayload
from schema.types.errors import user_errors
from schema.types.reports import SpendPreview


async def resolve(info: Info, input: SpendCreditInput) -> SpendCreditPayload:  # noqa: A002 - the argument's name in the API
    """Spend a customer's credit, points or service credits on a purpose that the note or the reference names.

    Takes open credits in burn order. What pays an invoice or an order is recorded with recordPayment instead, and points
    for a reward with giveReward.
    """
    try:
        outcome = await info.context.post(spend_credit, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return SpendCreditPayload(user_errors=user_errors(error))
    return SpendCreditPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewSpendInput) -> SpendPreview:  # noqa: A002 - as above
    """Return the effects that spendCredit would have with the same input. Writes nothing."""
    context = info.context
    try:
        command = input.command()
        await context.reads.release()
        preview = await preview_spend(context.ledger, context.tenant.id, context.actor, command)
    except LedgerError as error:
        preview = preview_of_refusal(input.asset, error)
    return SpendPreview.of(preview)
