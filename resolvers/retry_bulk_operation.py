"""retryBulkOperation: try the rows of a file again that were not posted."""

from auth.roles import Permission
from models.errors import LedgerError, NotFound
from models.operations.retry_bulk import retry_bulk
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.retry_bulk_operation import RetryBulkOperationInput, RetryBulkOperationPayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: RetryBulkOperationInput) -> RetryBulkOperationPayload:  # noqa: A002 - the argument's name in the API
    """Try the rows of an ended file again that were not posted, under its sender's limits: those that failed and were
    understood, and those that a cancellation left. What was posted stays posted once. Rows with errors in the file itself
    stay failed: correct them in the report, and send that as a new file."""
    try:
        context, command = info.context, input.command()
        operation = await context.loaders.bulk_operations.load(command.operation_id)
        if operation is None or not operation.may_be_cancelled(context.principal):
            raise NotFound("There is no such bulk operation of yours.", field=("id",))
        if operation.may_remove:
            context.require(Permission.REMOVE_CREDIT)
        outcome = await context.post(retry_bulk, command, idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return RetryBulkOperationPayload(user_errors=user_errors(error))
    return RetryBulkOperationPayload(outcome=outcome, replayed=outcome.replayed)
