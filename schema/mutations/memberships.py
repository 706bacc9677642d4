"""startMembership, cancelMembership and reinstateMembership."""

from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.commands import MembershipChange
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import loaded
from schema.types.base import resolved
from schema.types.customer import Customer
from schema.types.errors import UserError


def _change(customer_id: strawberry.ID, at: datetime | None, note: str | None) -> MembershipChange:
    """Raises NotFound, Invalid."""
    return MembershipChange(
        customer_id=input_id(customer_id, "Customer", "customerId"), at=at,
        note=texts.optional(note, texts.MAX_NOTE, "note"),
    )  # fmt: skip


@strawberry.input
class StartMembershipInput:
    customer_id: strawberry.ID
    at: datetime | None = strawberry.field(default=None, description="Blank: now. Otherwise an instant in the past.")
    note: str | None = None

    def command(self) -> MembershipChange:
        """Raises NotFound, Invalid."""
        return _change(self.customer_id, self.at, self.note)


@strawberry.input
class CancelMembershipInput:
    customer_id: strawberry.ID
    at: datetime | None = strawberry.field(
        default=None, description="Blank: now. Otherwise an instant in the past: the grace period runs from it."
    )
    note: str | None = None

    def command(self) -> MembershipChange:
        """Raises NotFound, Invalid."""
        return _change(self.customer_id, self.at, self.note)


@strawberry.input
class ReinstateMembershipInput:
    customer_id: strawberry.ID
    note: str | None = None

    def command(self) -> MembershipChange:
        """Raises NotFound, Invalid."""
        return _change(self.customer_id, None, self.note)


@strawberry.type
class StartMembershipPayload:
    changed: bool = strawberry.field(default=False, description="false: the membership was running already.")
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    customer_id: strawberry.Private[UUID | None] = None

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        return loaded(info, "customers", self.customer_id)


@strawberry.type
class CancelMembershipPayload:
    changed: bool = strawberry.field(
        default=False, description="false: it had been cancelled before, and the grace period runs from then."
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    customer_id: strawberry.Private[UUID | None] = None

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        return loaded(info, "customers", self.customer_id)


@strawberry.type
class ReinstateMembershipPayload:
    changed: bool = strawberry.field(default=False, description="false: the membership was running already.")
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    customer_id: strawberry.Private[UUID | None] = None

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        return loaded(info, "customers", self.customer_id)
