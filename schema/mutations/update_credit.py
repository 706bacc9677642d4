"""updateCredit, and previewUpdateCredit, whose input is the same without a key."""

from datetime import datetime
from typing import Any

import strawberry

from gateway.reading import Pending
from models.planning.releasing import UpdateCredit
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.naming import ServiceBy, some
from schema.types.account import Credit
from schema.types.base import resolved
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput


@strawberry.input
class PreviewUpdateCreditInput(TextsInput):
    """Changes to a credit, to preview. Fields that are null or left out stay as they are."""

    credit_id: strawberry.ID
    """Open or scheduled credit to change."""
    expires_in_days: int | None = None
    """New expiry: days from today or, if it starts later, from its start. 0: never. Null: unchanged."""
    expires_at: datetime | None = None
    """New instant of expiry, in place of expiresInDays. Null: unchanged; neverExpires removes it."""
    never_expires: bool | None = False
    """Whether to remove the expiry. Null: as false."""
    auto_apply: bool | None = None
    """Whether the remainder is applied to the next invoice. false pauses it. Null: unchanged."""
    service_ids: list[strawberry.ID] | None = None
    """New services to restrict the credit to. Empty: any service. Null: unchanged."""
    services_by: list[ServiceBy] | None = None
    """In place of serviceIds: the same services by name or id. Null: unchanged."""
    note: str | None = None
    """Free text of up to 10,000 characters kept with the change, hidden from customers. Null: none."""

    def command(self) -> UpdateCredit:
        """Raises NotFound, Invalid."""
        return UpdateCredit(
            credit_id=input_id(self.credit_id, "Credit", "creditId"),
            expires_in_days=self.expires_in_days,
            expires_at=self.expires_at,
            never_expires=bool(self.never_expires),
            auto_apply=self.auto_apply,
            service_ids=some(self.service_ids, self.services_by, "Service", "serviceIds"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
        )


@strawberry.input
class UpdateCreditInput(KeyedInput, PreviewUpdateCreditInput):
    """Changes to a credit. Fields that are null or left out stay as they are."""


@strawberry.type
class UpdateCreditPayload(PostingPayload):
    """Result of updateCredit."""

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        """Credit after the change."""
        return loaded(info, "Credit", self.outcome.credit_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction of the change. It has no entries, since no value moved."""
        return loaded(info, "Transaction", self.outcome.transaction_id)
