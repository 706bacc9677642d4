"""bulkOperation: progress of a bulk, and the result of each row."""

import strawberry

from schema.context import Info
from schema.ids import asked_id
from schema.types.bulks import BulkOperation


async def resolve(info: Info, id: strawberry.ID) -> BulkOperation | None:  # noqa: A002 - the argument's name in the API
    """Return a bulk operation: its progress, and the result of each row.

    id: Bulk operation to return.
    """
    context, operation_id = info.context, asked_id(id, "BulkOperation", "id")
    if operation_id is None:
        return None
    operation = await context.loaders.bulk_operations.load(operation_id)
    return operation if operation is not None and operation.may_be_seen(context.principal) else None
