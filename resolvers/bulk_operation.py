"""bulkOperation: progress of a bulk, and the result of each row."""

import strawberry

from schema.context import Info
from schema.ids import asked_id
from schema.types.requests import BulkOperation


async def resolve(info: Info, id: strawberry.ID) -> BulkOperation | None:  # noqa: A002 - the argument's name in the API
    """Return a bulk operation: its progress, and the result of each row.

    id: Bulk operation to return.
    """
    operation_id = asked_id(id, "BulkOperation", "id")
    return None if operation_id is None else await info.context.loaders.bulk_operations.load(operation_id)
