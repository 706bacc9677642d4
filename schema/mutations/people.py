"""updateCustomer, mergeCustomers and eraseCustomer."""

from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.commands import MergeCustomers
from schema import texts
from schema.context import Info
from schema.mutations.base import KeyedInput, Payload, loaded
from schema.naming import CustomerBy, one
from schema.types.base import resolved
from schema.types.customer import Customer
from schema.types.metadata import TextsInput


@strawberry.input
class PreviewMergeInput(TextsInput):
    """Two records of one person whose merge to preview."""

    from_id: strawberry.ID | None = None
    """Record to merge into the other. Its ids name the other record from then on."""
    from_by: CustomerBy | None = None
    """In place of fromId: the customer by external id or id. One of the two is needed."""
    into_id: strawberry.ID | None = None
    """Record that survives."""
    into_by: CustomerBy | None = None
    """In place of intoId: the customer by external id or id. One of the two is needed."""
    note: str | None = None
    """Free text kept in the audit trail."""

    def command(self) -> MergeCustomers:
        """Raises NotFound, Invalid."""
        return MergeCustomers(
            from_id=one(self.from_id, self.from_by, "Customer", "fromId"),
            into_id=one(self.into_id, self.into_by, "Customer", "intoId"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
        )


@strawberry.input
class MergeCustomersInput(KeyedInput, PreviewMergeInput):
    """Two records of one person to merge. Its reference and metadata are the transactions' by which value moves."""


@strawberry.input
class EraseCustomerInput:
    """A customer to erase."""

    customer_id: strawberry.ID | None = None
    """Customer to erase. Cannot be undone."""
    customer_by: CustomerBy | None = None
    """In place of customerId: the customer by external id or id. One of the two is needed."""

    def row_id(self) -> UUID:
        """Raises NotFound."""
        return one(self.customer_id, self.customer_by, "Customer", "customerId")


@strawberry.type
class UpdateCustomerPayload(Payload):
    """Result of updateCustomer."""

    changed: bool = False
    """Whether anything changed."""
    customer_id: strawberry.Private[UUID | None] = None

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        """Customer after the change."""
        return loaded(info, "Customer", self.customer_id)


@strawberry.type
class MergeCustomersPayload(Payload):
    """Result of mergeCustomers."""

    replayed: bool = False
    """Whether this idempotency key had been used for the same request before; nothing moved this time."""
    customer_id: strawberry.Private[UUID | None] = None

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        """Surviving record, which now holds everything."""
        return loaded(info, "Customer", self.customer_id)


@strawberry.type
class EraseCustomerPayload(Payload):
    """Result of eraseCustomer."""

    changed: bool = False
    """Whether this call erased the customer; false if it was done before."""
    customer_id: strawberry.Private[UUID | None] = None

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        """Customer without personal data."""
        return loaded(info, "Customer", self.customer_id)
