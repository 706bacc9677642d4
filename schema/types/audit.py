"""The audit trail: who did what, when, to whom and why, whether or not it moved value."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import strawberry
from strawberry.scalars import JSON

from auth.roles import Permission
from gateway.reading import Pending
from models.kinds import TransactionKind
from models.money import to_decimal
from models.reads import audit
from models.reads.audit import AuditView
from schema.context import Info
from schema.ids import global_id
from schema.nodes import by_ids, node
from schema.scalars import AssetCode
from schema.types.base import Node, Reader, resolved
from schema.types.customer import Customer
from schema.types.ledger import Actor, Transaction

SUBJECTS: Final = {
    "approval": "ApprovalRequest",
    "bulk": "BulkOperation",
    "coupon": "Coupon",
    "customer": "Customer",
    "invoice": "Invoice",
    "membership": "Customer",
    "payment": "Payment",
    "product": "Product",
    "reward": "Reward",
    "service": "Service",
    "tenant": "Tenant",
    "tier": "Tier",
    "token": "PartnerToken",
    "webhook": "Webhook",
}
"""Type of an action's subject, by the action's first word, if it has an id in this API."""


@node(AuditView, by_ids(audit.by_ids), Permission.READ_AUDIT, owner=None)
@strawberry.type
class AuditRecord(Node):
    """One thing that one user, program or job did. Records are never changed or removed."""

    at: datetime
    """Instant at which it was done."""
    kind: TransactionKind | None
    """Kind of the transaction; null if no value moved."""
    action: str | None
    """Name of the action if no value moved, such as reason.created or access.denied; else null."""
    actor: Actor
    """User, program or job that did it."""
    approved_by: Actor | None
    """Second person who approved it; null if no approval was needed."""
    reason: str | None
    """Code of the adjustment reason, such as GOODWILL; null if none was given."""
    note: str | None
    """Free text given with it; null if none was given."""
    asset: AssetCode | None
    """Asset that moved, or of which a hold set something aside; null if there is none, or several assets moved."""
    amount: Decimal | None
    """Sum of the transaction's entries, negative if value was removed; null if nothing moved."""
    held: Decimal | None
    """With HOLD: amount that was set aside, negative if it was released, zero if only its expiry changed; else null."""
    subject_id: strawberry.ID | None
    """Id of the object that an action was done to, if it has one; null for transactions."""
    details: JSON | None
    """Particulars of an action: the object as it was made, or [before, after] of each changed field. For access.denied
    the denied field and the missing right."""
    request_id: str | None
    """X-Request-Id of the request that did it; set for actions only."""
    address: str | None
    """Network address that the request came from; set for actions only."""
    view: strawberry.Private[AuditView]

    @classmethod
    def of(cls, view: AuditView, _reader: Reader) -> "AuditRecord":
        return cls(
            id=global_id("AuditRecord", view.id),
            at=view.at,
            kind=None if view.kind is None else TransactionKind(view.kind),
            action=view.action,
            actor=Actor.of(view.actor),
            approved_by=None if view.approved_by is None else Actor.of(view.approved_by),
            reason=view.reason,
            note=view.note,
            asset=None if view.asset is None else AssetCode(view.asset),
            amount=_figure(view, view.amount_minor),
            held=_figure(view, view.held_minor),
            subject_id=_subject(view),
            details=view.details,
            request_id=view.request_id,
            address=view.address,
            view=view,
        )

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        """Customer whom it concerns; null if it concerns none."""
        info.context.require(Permission.READ_CUSTOMERS)
        customer_id = self.view.customer_id
        return None if customer_id is None else info.context.loaders.customers.get(customer_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction with its entries; null if no value moved."""
        info.context.require(Permission.READ_LEDGER)
        return None if self.view.kind is None else info.context.loaders.transactions.get(self.view.id)


def _figure(view: AuditView, minor: int | None) -> Decimal | None:
    return None if view.asset is None or minor is None else to_decimal(minor, view.asset)


def _subject(view: AuditView) -> strawberry.ID | None:
    if view.action is None or view.subject_id is None:
        return None
    type_name = SUBJECTS.get(view.action.split(".")[0])
    return None if type_name is None else global_id(type_name, view.subject_id)
