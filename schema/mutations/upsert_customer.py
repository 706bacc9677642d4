"""upsertCustomer."""

from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.commands import UpsertCustomer
from schema import texts
from schema.context import Info
from schema.mutations.base import loaded
from schema.types.base import resolved
from schema.types.customer import Customer
from schema.types.errors import UserError


@strawberry.input
class UpsertCustomerInput:
    external_id: str
    name: str
    email: str | None = None

    def command(self) -> UpsertCustomer:
        """Raises Invalid."""
        return UpsertCustomer(
            external_id=texts.name(self.external_id, texts.MAX_EXTERNAL_ID, "externalId"),
            name=texts.name(self.name, texts.MAX_NAME, "name"),
            email=texts.optional(self.email, texts.MAX_EMAIL, "email"),
        )


@strawberry.type
class UpsertCustomerPayload:
    created: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    customer_id: strawberry.Private[UUID | None] = None

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        return loaded(info, "customers", self.customer_id)
