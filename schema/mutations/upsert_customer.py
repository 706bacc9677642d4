"""upsertCustomer."""

from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from schema.context import Info
from schema.mutations.base import Payload, loaded
from schema.types.base import resolved
from schema.types.customer import Customer


@strawberry.type
class UpsertCustomerPayload(Payload):
    """Result of upsertCustomer."""

    created: bool = False
    """Whether the customer was added; false if one with this external id existed."""
    customer_id: strawberry.Private[UUID | None] = None

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        """Customer after the call."""
        return loaded(info, "Customer", self.customer_id)
