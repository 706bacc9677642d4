"""upsertCustomer."""

from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.commands import UpsertCustomer
from schema import texts
from schema.context import Info
from schema.mutations.base import Payload, loaded
from schema.types.base import resolved
from schema.types.customer import Customer


@strawberry.input
class UpsertCustomerInput:
    """A customer to add, or to edit if the external id exists."""

    external_id: str
    """Unique id that your own systems use for the customer, up to 255 characters, such as "C-1001"."""
    name: str
    """Display name, up to 255 characters."""
    email: str | None = None
    """E-mail address, up to 320 characters."""

    def command(self) -> UpsertCustomer:
        """Raises Invalid."""
        return UpsertCustomer(
            external_id=texts.name(self.external_id, texts.MAX_EXTERNAL_ID, "externalId"),
            name=texts.name(self.name, texts.MAX_NAME, "name"),
            email=texts.optional(self.email, texts.MAX_EMAIL, "email"),
        )


@strawberry.type
class UpsertCustomerPayload(Payload):
    """Result of upsertCustomer."""

    created: bool = False
    """Whether the customer was added; false if one with this external id existed."""
    customer_id: strawberry.Private[UUID | None] = None

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        """Customer after the call."""
        return loaded(info, "customers", self.customer_id)
