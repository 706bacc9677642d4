"""holdCredit, and previewHold, whose input is the same without a key."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.planning.holding import HoldCredit
from schema import texts
from schema.context import Info
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.naming import CustomerBy, InvoiceBy, ServiceBy, one, one_or_none, some
from schema.scalars import AssetCode
from schema.types.account import Account
from schema.types.base import resolved
from schema.types.hold import Hold
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput


@strawberry.input
class PreviewHoldInput(TextsInput):
    """A hold to preview."""

    customer_id: strawberry.ID | None = None
    """Customer whose credit or points are set aside."""
    customer_by: CustomerBy | None = None
    """In place of customerId: the customer by external id or id. One of the two is needed."""
    asset: AssetCode
    """Asset to hold, such as GBP, POINTS or SERVICE_CREDITS."""
    amount: Decimal
    """Amount to set aside, above zero, such as "4.50"."""
    note: str | None = None
    """Purpose of the hold: free text of up to 10,000 characters, hidden from customers. Required unless there is a reference
    or an invoice."""
    invoice_id: strawberry.ID | None = None
    """Open invoice or order of the customer that it is for: its captures pay it. Null: they are spends."""
    invoice_by: InvoiceBy | None = None
    """In place of invoiceId: the invoice or order by number or id."""
    service_ids: list[strawberry.ID] | None = None
    """Services that it is for, at most 100: only credits that serve one of them are held. Null or empty: any credit. For
    SERVICE_CREDITS only."""
    services_by: list[ServiceBy] | None = None
    """In place of serviceIds: the same services by name or id."""
    expires_in_minutes: int | None = None
    """Minutes until it expires, at most 43,200 (30 days). Null: 15, unless expiresAt is given."""
    expires_at: datetime | None = None
    """Instant at which it expires, at most 30 days from now, in place of expiresInMinutes."""

    def command(self) -> HoldCredit:
        """Raises NotFound, Invalid."""
        return HoldCredit(
            customer_id=one(self.customer_id, self.customer_by, "Customer", "customerId"),
            asset=self.asset,
            amount=self.amount,
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
            invoice_id=one_or_none(self.invoice_id, self.invoice_by, "Invoice", "invoiceId"),
            service_ids=some(self.service_ids, self.services_by, "Service", "serviceIds") or (),
            expires_in_minutes=self.expires_in_minutes,
            expires_at=self.expires_at,
        )


@strawberry.input
class HoldCreditInput(KeyedInput, PreviewHoldInput):
    """A hold to place."""


@strawberry.type
class HoldCreditPayload(PostingPayload):
    """Result of holdCredit."""

    @resolved(Hold | None)
    def hold(self, info: Info) -> Pending[Any]:
        """Hold that was placed."""
        return loaded(info, "Hold", self.outcome.hold_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account after it."""
        return loaded(info, "Account", self.outcome.account_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction of the hold. It has no entries, since no value moved."""
        return loaded(info, "Transaction", self.outcome.transaction_id)
