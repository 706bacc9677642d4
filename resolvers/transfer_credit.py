"""transferCredit, and previewTransfer with the same input but its key."""

from auth.roles import Permission
from models.errors import LedgerError
from models.operations.previewing import preview_of_refusal
from models.operations.transfer_credit import preview_transfer, transfer_credit
from schema.context import Context, Info
from schema.mutations.base import idempotency_key
from schema.mutations.transfer_credit import PreviewTransferInput, TransferCreditInput, TransferCreditPayload
from schema.types.errors import user_errors
from schema.types.moving import TransferPreview


async def resolve(info: Info, input: TransferCreditInput) -> TransferCreditPayload:  # noqa: A002 - the argument's name in the API
    """Move available credit, points or service credits from one customer to another.

    Every credit that it takes from continues as one of the receiver's, with its expiry, services, source and age. Lifetime
    totals stay: the receiver's does not rise, the giver's does not fall. What was spent before and comes back goes to the
    giver.
    """
    try:
        outcome = await info.context.post(transfer_credit, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return TransferCreditPayload(user_errors=user_errors(error))
    return TransferCreditPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewTransferInput) -> TransferPreview:  # noqa: A002 - as above
    """Return the effects that transferCredit would have with the same input. Writes nothing."""
    context = info.context
    try:
        command = input.command()
        await context.reads.release()
        preview = await preview_transfer(context.ledger, context.tenant.id, context.actor, command)
    except LedgerError as error:
        preview = preview_of_refusal(input.asset, error)
    return TransferPreview.of(preview)


def rights(_context: Context, input: PreviewTransferInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    """A narrowed token needs the scopes of both sides: to take, and to add."""
    return Permission.TRANSFER, Permission.ADD_CREDIT
