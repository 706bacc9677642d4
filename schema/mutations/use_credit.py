"""useCredit."""

from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.planning.using import UseCredit
from schema import texts
from schema.context import Info
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.naming import CustomerBy, ServiceBy, one
from schema.types.account import Account
from schema.types.base import resolved
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput


@strawberry.input
class PreviewUseInput(TextsInput):
    """Service credits whose use to preview."""

    customer_id: strawberry.ID | None = None
    """Customer whose credits are spent."""
    customer_by: CustomerBy | None = None
    """In place of customerId: the customer by external id or id. One of the two is needed."""
    service_id: strawberry.ID | None = None
    """Service to spend them on."""
    service_by: ServiceBy | None = None
    """In place of serviceId: the service by name or id. One of the two is needed."""
    amount: Decimal
    """Number of service credits, a whole number above zero."""
    note: str | None = None
    """Free text of up to 10,000 characters, hidden from customers."""

    def command(self) -> UseCredit:
        """Raises NotFound, Invalid."""
        return UseCredit(
            customer_id=one(self.customer_id, self.customer_by, "Customer", "customerId"),
            service_id=one(self.service_id, self.service_by, "Service", "serviceId"),
            amount=self.amount,
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
        )


@strawberry.input
class UseCreditInput(KeyedInput, PreviewUseInput):
    """Service credits to spend."""


@strawberry.type
class UseCreditPayload(PostingPayload):
    """Result of useCredit."""

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that was posted. Its entries list the credits spent, in burn order."""
        return loaded(info, "Transaction", self.outcome.transaction_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Service credit account after the use."""
        return loaded(info, "Account", self.outcome.account_id)
