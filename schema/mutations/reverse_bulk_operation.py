"""reverseBulkOperation."""

from typing import Any

import strawberry

from gateway.reading import Pending
from models.operations.reverse_bulk import ReverseBulk
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.types.base import resolved
from schema.types.bulk import BulkOperation
from schema.types.metadata import TextsInput


@strawberry.input
class ReverseBulkOperationInput(TextsInput, KeyedInput):
    """A bulk operation to take back."""

    operation_id: strawberry.ID
    """Bulk operation to take back: one that has ended and posted something, by bulkCredit or from a file."""
    dry_run: bool | None = False
    """Whether to report only, without taking anything back. A dry run stores no key."""
    note: str | None = None
    """Free text of up to 10,000 characters for every row's transaction and the audit trail, hidden from customers."""

    def command(self) -> ReverseBulk:
        """Raises NotFound, Invalid."""
        return ReverseBulk(
            operation_id=input_id(self.operation_id, "BulkOperation", "operationId"),
            dry_run=bool(self.dry_run),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
        )


@strawberry.type
class ReverseBulkOperationPayload(PostingPayload):
    """Result of reverseBulkOperation."""

    @resolved(BulkOperation | None)
    def operation(self, info: Info) -> Pending[Any]:
        """Operation that takes the bulk back: its progress, and what becomes of each row."""
        return loaded(info, "BulkOperation", self.outcome.bulk_operation_id)
