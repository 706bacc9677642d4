"""The audit trail: who did what, when, to whom and why, whether or not it moved value."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import strawberry
from strawberry.scalars import JSON

from auth.roles import Permission
from gateway.reading import Pending
from models.money import to_decimal
from models.reads.audit import AuditView
from schema.context import Info
from schema.ids import global_id
from schema.scalars import AssetCode
from schema.types.base import Reader, resolved
from schema.types.customer import Customer
from schema.types.enums import TransactionKind
from schema.types.ledger import Actor, Transaction

NODES: Final = {
    "approval": "ApprovalRequest", "bulk": "BulkOperation", "coupon": "Coupon", "customer": "Customer",
    "invoice": "Invoice", "membership": "Customer", "payment": "Payment", "product": "Product", "reward": "Reward",
    "service": "Service", "tenant": "Tenant", "tier": "Tier", "token": "PartnerToken",
}  # fmt: skip
"""What the subject of an action is, by the action's first word, where it has an id in this API."""


@strawberry.type(description="One thing that somebody did. Never removed.")
class AuditRecord:
    at: datetime
    kind: TransactionKind | None = strawberry.field(description="Of a transaction; null for what moves no value.")
    action: str | None = strawberry.field(description="What moved no value, such as reason.created; else null.")
    actor: Actor
    approved_by: Actor | None
    reason: str | None
    note: str | None
    asset: AssetCode | None = strawberry.field(description="Null where nothing moved, or several assets did.")
    amount: Decimal | None = strawberry.field(description="Signed: the sum of the transaction's entries.")
    subject_id: strawberry.ID | None = strawberry.field(description="What an action was done to, where it has an id.")
    details: JSON | None = strawberry.field(
        description="Of an action: what was made, or [before, after] of each thing that was changed. Of access.denied: "
        "which field, and which right was missing."
    )
    request_id: str | None = strawberry.field(description="Of an action: the X-Request-Id of the request that did it.")
    address: str | None = strawberry.field(description="Of an action: the network address that the request came from.")
    view: strawberry.Private[AuditView]

    @classmethod
    def of(cls, view: AuditView, _reader: Reader) -> "AuditRecord":
        return cls(
            at=view.at, kind=None if view.kind is None else TransactionKind(view.kind), action=view.action,
            actor=Actor.of(view.actor), approved_by=None if view.approved_by is None else Actor.of(view.approved_by),
            reason=view.reason, note=view.note, asset=None if view.asset is None else AssetCode(view.asset),
            amount=_amount(view), subject_id=_subject(view), details=view.details,
            request_id=view.request_id, address=view.address, view=view,
        )  # fmt: skip

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_CUSTOMERS)
        customer_id = self.view.customer_id
        return None if customer_id is None else info.context.loaders.customers.get(customer_id)

    @resolved(Transaction | None, "With its entries; null for what moves no value.")
    def transaction(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_LEDGER)
        return None if self.view.kind is None else info.context.loaders.transactions.get(self.view.id)


def _amount(view: AuditView) -> Decimal | None:
    if view.asset is None or view.amount_minor is None:
        return None
    return to_decimal(view.amount_minor, view.asset)


def _subject(view: AuditView) -> strawberry.ID | None:
    if view.action is None or view.subject_id is None:
        return None
    type_name = NODES.get(view.action.split(".")[0])
    return None if type_name is None else global_id(type_name, view.subject_id)
