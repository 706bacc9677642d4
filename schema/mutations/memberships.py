"""startMembership, cancelMembership and reinstateMembership."""

from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.commands import MembershipChange
from schema import texts
from schema.context import Info
from schema.mutations.base import Payload, loaded
from schema.naming import CustomerBy, one
from schema.types.base import resolved
from schema.types.customer import Customer


def _change(
    customer_id: strawberry.ID | None, customer_by: CustomerBy | None, at: datetime | None, note: str | None
) -> MembershipChange:
    """Raises NotFound, Invalid."""
    return MembershipChange(
        customer_id=one(customer_id, customer_by, "Customer", "customerId"),
        at=at,
        note=texts.optional(note, texts.MAX_NOTE, "note"),
    )


@strawberry.input
class StartMembershipInput:
    """A membership to start."""

    customer_id: strawberry.ID | None = None
    """Customer who becomes a member."""
    customer_by: CustomerBy | None = None
    """In place of customerId: the customer by external id or id. One of the two is needed."""
    at: datetime | None = None
    """Instant at which it started. Null: now. Not in the future."""
    note: str | None = None
    """Free text kept in the audit trail."""

    def command(self) -> MembershipChange:
        """Raises NotFound, Invalid."""
        return _change(self.customer_id, self.customer_by, self.at, self.note)


@strawberry.input
class CancelMembershipInput:
    """A membership to cancel."""

    customer_id: strawberry.ID | None = None
    """Member whose membership ends."""
    customer_by: CustomerBy | None = None
    """In place of customerId: the customer by external id or id. One of the two is needed."""
    at: datetime | None = None
    """Instant at which it was cancelled; the grace period runs from then. Null: now. Not in the future."""
    note: str | None = None
    """Free text kept in the audit trail."""

    def command(self) -> MembershipChange:
        """Raises NotFound, Invalid."""
        return _change(self.customer_id, self.customer_by, self.at, self.note)


@strawberry.input
class ReinstateMembershipInput:
    """A cancelled membership to reinstate."""

    customer_id: strawberry.ID | None = None
    """Former member."""
    customer_by: CustomerBy | None = None
    """In place of customerId: the customer by external id or id. One of the two is needed."""
    note: str | None = None
    """Free text kept in the audit trail."""

    def command(self) -> MembershipChange:
        """Raises NotFound, Invalid."""
        return _change(self.customer_id, self.customer_by, None, self.note)


@strawberry.type
class StartMembershipPayload(Payload):
    """Result of startMembership."""

    changed: bool = False
    """Whether this call started it; false if it was running already."""
    customer_id: strawberry.Private[UUID | None] = None

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        """Customer with the membership."""
        return loaded(info, "Customer", self.customer_id)


@strawberry.type
class CancelMembershipPayload(Payload):
    """Result of cancelMembership."""

    changed: bool = False
    """Whether this call cancelled it; false if it had been cancelled before, and the grace period runs from then."""
    customer_id: strawberry.Private[UUID | None] = None

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        """Customer with the membership."""
        return loaded(info, "Customer", self.customer_id)


@strawberry.type
class ReinstateMembershipPayload(Payload):
    """Result of reinstateMembership."""

    changed: bool = False
    """Whether this call reinstated it; false if it was running already."""
    customer_id: strawberry.Private[UUID | None] = None

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        """Customer with the membership."""
        return loaded(info, "Customer", self.customer_id)
