"""cancelBulkOperation."""

from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import loaded
from schema.types.base import resolved
from schema.types.errors import UserError
from schema.types.requests import BulkOperation


@strawberry.input
class CancelBulkOperationInput:
    id: strawberry.ID

    def operation_id(self) -> UUID:
        """Raises NotFound."""
        return input_id(self.id, "BulkOperation", "id")


@strawberry.type
class CancelBulkOperationPayload:
    changed: bool = strawberry.field(
        default=False, description="false: it was over, or had been cancelled before. What was posted stays posted."
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    operation_id: strawberry.Private[UUID | None] = None

    @resolved(BulkOperation | None)
    def operation(self, info: Info) -> Pending[Any]:
        return loaded(info, "bulk_operations", self.operation_id)
