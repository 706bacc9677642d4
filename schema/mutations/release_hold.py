"""releaseHold, and extendHold."""

from datetime import datetime
from typing import Any

import strawberry

from gateway.reading import Pending
from models.planning.holding import ExtendHold, ReleaseHold
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.types.account import Account
from schema.types.base import resolved
from schema.types.hold import Hold
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput


@strawberry.input
class ReleaseHoldInput(TextsInput, KeyedInput):
    """A hold to release."""

    hold_id: strawberry.ID
    """Hold whose value is to be given back to its credits."""
    note: str | None = None
    """Free text of up to 10,000 characters, hidden from customers."""

    def command(self) -> ReleaseHold:
        """Raises NotFound, Invalid."""
        return ReleaseHold(
            hold_id=input_id(self.hold_id, "Hold", "holdId"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
        )


@strawberry.type
class ReleaseHoldPayload(PostingPayload):
    """Result of releaseHold."""

    @resolved(Hold | None)
    def hold(self, info: Info) -> Pending[Any]:
        """Hold after it was released."""
        return loaded(info, "Hold", self.outcome.hold_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account after the release."""
        return loaded(info, "Account", self.outcome.account_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction of the release. It has no entries, since no value moved."""
        return loaded(info, "Transaction", self.outcome.transaction_id)


@strawberry.input
class ExtendHoldInput(TextsInput, KeyedInput):
    """A hold to extend. One of the two expiries is needed."""

    hold_id: strawberry.ID
    """Hold that is to last longer."""
    expires_in_minutes: int | None = None
    """Minutes from now until it expires."""
    expires_at: datetime | None = None
    """Instant at which it expires, in place of expiresInMinutes: later than before, and at most 30 days after it was
    placed."""
    note: str | None = None
    """Free text of up to 10,000 characters, hidden from customers."""

    def command(self) -> ExtendHold:
        """Raises NotFound, Invalid."""
        return ExtendHold(
            hold_id=input_id(self.hold_id, "Hold", "holdId"),
            expires_in_minutes=self.expires_in_minutes,
            expires_at=self.expires_at,
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
        )


@strawberry.type
class ExtendHoldPayload(PostingPayload):
    """Result of extendHold."""

    @resolved(Hold | None)
    def hold(self, info: Info) -> Pending[Any]:
        """Hold with its new expiry."""
        return loaded(info, "Hold", self.outcome.hold_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction of the change. It has no entries, since no value moved."""
        return loaded(info, "Transaction", self.outcome.transaction_id)
