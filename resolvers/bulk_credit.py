"""bulkCredit: adjust many customers at once."""

from models.errors import LedgerError
from models.operations.bulk_credit import bulk_credit
from models.slices import in_slices
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.bulk_credit import BulkCreditInput, BulkCreditPayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: BulkCreditInput) -> BulkCreditPayload:  # noqa: A002 - the argument's name in the API
    try:
        command = await in_slices(input.command())
        outcome = await info.context.post(bulk_credit, command, idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return BulkCreditPayload(user_errors=user_errors(error))
    return BulkCreditPayload(outcome=outcome, replayed=outcome.replayed)
