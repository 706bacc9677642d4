"""retryBulkOperation."""

from typing import Any

import strawberry

from gateway.reading import Pending
from models.operations.retry_bulk import RetryBulk
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.types.base import resolved
from schema.types.bulk import BulkOperation


@strawberry.input
class RetryBulkOperationInput(KeyedInput):
    """A file whose rows are to be tried again, if they were not posted."""

    id: strawberry.ID
    """Bulk operation of a file that was completed or cancelled, and was not taken back."""

    def command(self) -> RetryBulk:
        """Raises NotFound."""
        return RetryBulk(input_id(self.id, "BulkOperation", "id"))


@strawberry.type
class RetryBulkOperationPayload(PostingPayload):
    """Result of retryBulkOperation."""

    @resolved(BulkOperation | None)
    def operation(self, info: Info) -> Pending[Any]:
        """The same bulk operation, queued again."""
        return loaded(info, "BulkOperation", self.outcome.bulk_operation_id)
