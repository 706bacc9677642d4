"""reverseBulkOperation: take a bulk back, row by row."""

from auth.roles import Permission
from models.errors import LedgerError, NotFound
from models.operations.reverse_bulk import reverse_bulk
from schema.context import Context, Info
from schema.mutations.base import idempotency_key
from schema.mutations.reverse_bulk_operation import ReverseBulkOperationInput, ReverseBulkOperationPayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: ReverseBulkOperationInput) -> ReverseBulkOperationPayload:  # noqa: A002 - the argument's name in the API
    """Take a bulk back, each row once: what is left of a row's credit is taken away, and what the row removed is put back.
    What is in use is reported, and taken when it comes back. Up to 500 rows are done at once, more by a worker."""
    try:
        context, command = info.context, input.command()
        operation = await context.loaders.bulk_operations.load(command.operation_id)
        if operation is None or not operation.may_be_cancelled(context.principal):
            raise NotFound("There is no such bulk operation of yours.", field=("operationId",))
        outcome = await context.post(reverse_bulk, command, idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return ReverseBulkOperationPayload(user_errors=user_errors(error))
    return ReverseBulkOperationPayload(outcome=outcome, replayed=outcome.replayed)


def rights(_context: Context, input: ReverseBulkOperationInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    """Return the rights to reverse bulks and to remove: whatever the bulk's rows are, and in a dry run too."""
    return Permission.REVERSE_BULK, Permission.REMOVE_CREDIT
