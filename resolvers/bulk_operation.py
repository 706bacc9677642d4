"""bulkOperation: progress of a bulk, and the result of each row; bulkOperations: all of them."""

from typing import Annotated

import strawberry

from models.kinds import BulkStatus
from models.reads import requests
from schema import texts
from schema.context import Info
from schema.ids import asked_id
from schema.types.base import Connection
from schema.types.bulk import BulkOperation, only_seen
from schema.types.filters import BulkOperationFilter
from schema.types.pages import USE_FILTER, root_page


async def resolve(info: Info, id: strawberry.ID) -> BulkOperation | None:  # noqa: A002 - the argument's name in the API
    """Return a bulk operation: its progress, and the result of each row.

    id: Bulk operation to return.
    """
    context, operation_id = info.context, asked_id(id, "BulkOperation", "id")
    if operation_id is None:
        return None
    operation = await context.loaders.bulk_operations.load(operation_id)
    return operation if operation is not None and operation.may_be_seen(context.principal) else None


async def resolve_all(
    info: Info,
    status: Annotated[list[BulkStatus] | None, USE_FILTER] = None,
    sent_by: Annotated[str | None, USE_FILTER] = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
    filter: BulkOperationFilter | None = None,  # noqa: A002 - the argument's name in the API
) -> Connection[BulkOperation] | None:
    """List bulks, files and reversals, dry runs included, oldest first. A partner's program sees what its own client
    sent, and what others did if it may read the ledger.

    status: States to list. Null: all.
    sent_by: Subject of the token that sent them. Null: any.
    filter: Which of them to list. Null: all.
    """
    context = info.context
    conditions = [*only_seen(context)]
    if status is not None:
        conditions.append(requests.operation_status(status))
    if sent_by is not None:
        conditions.append(requests.operation_sent_by(texts.argument(sent_by, texts.MAX_SUBJECT, "sentBy")))
    if filter is not None:
        conditions += filter.conditions(context, requests.OPERATIONS)
    return await root_page(
        info, requests.OPERATIONS, context.tenant.id, (first, after, last, before, reverse), *conditions
    )
