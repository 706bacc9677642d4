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
from schema.mutations.base import Payload, loaded
from schema.types.base import resolved
from schema.types.customer import Customer


def _change(customer_id: strawberry.ID, at: datetime | None, note: str | None) -> MembershipChange:
    """Raises NotFound, Invalid."""
    return MembershipChange(
        customer_id=input_id(customer_id, "Customer", "customerId"),
        at=at,
        note=texts.optional(note, texts.MAX_NOTE, "note"),
    )


@strawberry.input
class StartMembershipInput:
    """A membership to start."""

    customer_id: strawberry.ID
    """Customer who becomes a member."""
    at: datetime | None = None
    """Instant at which it started. Null: now. Not in the future."""
    note: str | None = None
    """Free text kept in the audit trail."""

    def command(self) -> MembershipChange:
        """Raises NotFound, Invalid."""
        return _change(self.customer_id, self.at, self.note)


@strawberry.input
class CancelMembershipInput:
    """A membership to cancel."""

    customer_id: strawberry.ID
    """Member whose membership ends."""
    at: datetime | None = None
    """Instant at which it was cancelled; the grace period runs from then. Null: now. Not in the future."""
    note: str | None = None
    """Free text kept in the audit trail."""

    def command(self) -> MembershipChange:
        """Raises NotFound, Invalid."""
        return _change(self.customer_id, self.at, self.note)


@strawberry.input
class ReinstateMembershipInput:
    """A cancelled membership to reinstate."""

    customer_id: strawberry.ID
    """Former member."""
    note: str | None = None
    """Free text kept in the audit trail."""

    def command(self) -> MembershipChange:
        """Raises NotFound, Invalid."""
        return _change(self.customer_id, None, self.note)


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
