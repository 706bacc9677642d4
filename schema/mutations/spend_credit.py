"""spendCredit, and previewSpend, whose input is the same without a key."""

from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.planning.spending import SpendCredit
from schema import texts
from schema.context import Info
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.naming import CustomerBy, ServiceBy, one, some
from schema.scalars import AssetCode
from schema.types.account import Account
from schema.types.base import resolved
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput


@strawberry.input
class PreviewSpendInput(TextsInput):
    """A spend to preview."""

    customer_id: strawberry.ID | None = None
    """Customer whose credit or points are spent."""
    customer_by: CustomerBy | None = None
    """In place of customerId: the customer by external id or id. One of the two is needed."""
    asset: AssetCode
    """Asset to spend, such as GBP, POINTS or SERVICE_CREDITS."""
    amount: Decimal
    """Amount to spend, above zero, such as "4.50"."""
    note: str | None = None
    """Purpose of the spend: free text of up to 10,000 characters, hidden from customers. Required unless there is a
    reference."""
    service_ids: list[strawberry.ID] | None = None
    """Services that it is spent on, at most 100: only credits that serve one of them are taken. Null or empty: any credit.
    For SERVICE_CREDITS only."""
    services_by: list[ServiceBy] | None = None
    """In place of serviceIds: the same services by name or id."""

    def command(self) -> SpendCredit:
        """Raises NotFound, Invalid."""
        return SpendCredit(
            customer_id=one(self.customer_id, self.customer_by, "Customer", "customerId"),
            asset=self.asset,
            amount=self.amount,
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
            service_ids=some(self.service_ids, self.services_by, "Service", "serviceIds") or (),
        )


@strawberry.input
class SpendCreditInput(KeyedInput, PreviewSpendInput):
    """A spend to post."""


@strawberry.type
class SpendCreditPayload(PostingPayload):
    """Result of spendCredit."""

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that was posted, which refundSpend gives back. Its entries list the credits spent, in burn order."""
        return loaded(info, "Transaction", self.outcome.transaction_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account after the spend."""
        return loaded(info, "Account", self.outcome.account_id)
