"""cancelBulkOperation: cancel a bulk after the chunk under way."""

from models.errors import LedgerError, NotFound
from models.operations.cancel_bulk import cancel_bulk
from schema.context import Info
from schema.mutations.cancel_bulk_operation import CancelBulkOperationInput, CancelBulkOperationPayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: CancelBulkOperationInput) -> CancelBulkOperationPayload:  # noqa: A002 - the argument's name in the API
    """Cancel a bulk that is queued or running, such as a file sent to POST /imports/credits. Rows posted before stay
    posted."""
    try:
        context, operation_id = info.context, input.operation_id()
        operation = await context.loaders.bulk_operations.load(operation_id)
        if operation is None or not operation.may_be_cancelled(context.principal):
            raise NotFound("There is no such bulk operation of yours.", field=("id",))
        changed = await context.change(cancel_bulk, operation_id)
    except LedgerError as error:
        return CancelBulkOperationPayload(user_errors=user_errors(error))
    return CancelBulkOperationPayload(changed=changed, operation_id=operation_id)
