"""bulkCredit: adjust many customers at once."""

from auth.roles import Permission
from models.errors import LedgerError
from models.kinds import BulkMode
from models.operations.bulk_credit import bulk_credit
from schema.context import Context, Info
from schema.mutations.base import idempotency_key
from schema.mutations.bulk_credit import BulkCreditInput, BulkCreditPayload
from schema.types.errors import user_errors
from turns.slices import in_slices


async def resolve(info: Info, input: BulkCreditInput) -> BulkCreditPayload:  # noqa: A002 - the argument's name in the API
    """Adjust up to 10,000 customers at once. With a negative amount in any row, or the mode SET, it also takes the right to
    remove credit."""
    try:
        command = await in_slices(input.command())
        outcome = await info.context.post(bulk_credit, command, idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return BulkCreditPayload(user_errors=user_errors(error))
    return BulkCreditPayload(outcome=outcome, replayed=outcome.replayed)


def rights(_context: Context, input: BulkCreditInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    """Return the right to run bulks, and to remove if any row removes, or may: even if that row fails, and in a dry run."""
    removes = input.mode is BulkMode.SET or any(item.amount < 0 for item in input.items)
    return (Permission.BULK, Permission.REMOVE_CREDIT) if removes else (Permission.BULK,)
