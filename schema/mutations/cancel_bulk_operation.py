"""cancelBulkOperation."""

from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import Payload, loaded
from schema.types.base import resolved
from schema.types.bulk import BulkOperation


@strawberry.input
class CancelBulkOperationInput:
    """A bulk operation to cancel."""

    id: strawberry.ID
    """Bulk operation to cancel."""

    def operation_id(self) -> UUID:
        """Raises NotFound."""
        return input_id(self.id, "BulkOperation", "id")


@strawberry.type
class CancelBulkOperationPayload(Payload):
    """Result of cancelBulkOperation."""

    changed: bool = False
    """Whether this call cancelled it; false if it had ended or been cancelled before."""
    operation_id: strawberry.Private[UUID | None] = None

    @resolved(BulkOperation | None)
    def operation(self, info: Info) -> Pending[Any]:
        """Bulk operation after the call. Rows posted before stay posted."""
        return loaded(info, "BulkOperation", self.operation_id)
