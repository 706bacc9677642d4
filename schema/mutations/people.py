"""updateCustomer, mergeCustomers and eraseCustomer."""

from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.commands import MergeCustomers
from models.operations.people import UpdateCustomer
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import loaded
from schema.types.base import resolved
from schema.types.customer import Customer
from schema.types.errors import UserError


@strawberry.input
class UpdateCustomerInput:
    customer_id: strawberry.ID
    external_id: str | None = None
    name: str | None = None
    email: str | None = strawberry.UNSET

    def command(self) -> UpdateCustomer:
        """Raises NotFound, Invalid."""
        given = None if self.email is strawberry.UNSET else self.email
        return UpdateCustomer(
            customer_id=input_id(self.customer_id, "Customer", "customerId"),
            external_id=texts.optional_name(self.external_id, texts.MAX_EXTERNAL_ID, "externalId"),
            name=texts.optional_name(self.name, texts.MAX_NAME, "name"),
            email=texts.optional(given, texts.MAX_EMAIL, "email"),
            no_email=self.email is None,
        )  # fmt: skip


@strawberry.input
class MergeCustomersInput:
    from_id: strawberry.ID
    into_id: strawberry.ID
    note: str | None = None
    idempotency_key: str

    def command(self) -> MergeCustomers:
        """Raises NotFound, Invalid."""
        return MergeCustomers(
            from_id=input_id(self.from_id, "Customer", "fromId"), into_id=input_id(self.into_id, "Customer", "intoId"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
        )  # fmt: skip


@strawberry.input
class EraseCustomerInput:
    customer_id: strawberry.ID

    def row_id(self) -> UUID:
        """Raises NotFound."""
        return input_id(self.customer_id, "Customer", "customerId")


@strawberry.type
class UpdateCustomerPayload:
    changed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    customer_id: strawberry.Private[UUID | None] = None

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        return loaded(info, "customers", self.customer_id)


@strawberry.type
class MergeCustomersPayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    customer_id: strawberry.Private[UUID | None] = None

    @resolved(Customer | None, "The one that has it all now.")
    def customer(self, info: Info) -> Pending[Any]:
        return loaded(info, "customers", self.customer_id)


@strawberry.type
class EraseCustomerPayload:
    changed: bool = strawberry.field(default=False, description="false: it was done before.")
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    customer_id: strawberry.Private[UUID | None] = None

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        return loaded(info, "customers", self.customer_id)
