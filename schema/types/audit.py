"""The audit trail: who did what, when, to whom and why, whether or not it moved value."""

from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final
from uuid import UUID

import orjson
import strawberry
from strawberry.scalars import JSON

from auth.roles import Permission
from gateway.reading import Pending
from models.event_kinds import AuditAction
from models.kinds import Role, TransactionKind
from models.money import decimal_text, to_decimal
from models.reads import audit
from models.reads.audit import AuditView
from schema.cells import NULL, Cell, instant, listed, member, node_id, or_null, text
from schema.context import Info
from schema.ids import global_id
from schema.nodes import by_ids, node
from schema.scalars import AssetCode
from schema.types.base import Node, Reader, resolved
from schema.types.customer import Customer
from schema.types.ledger import Actor, Transaction
from schema.written import Beside, plain

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


@strawberry.type
class AuditChange:
    """One field of what an action added, changed or deleted."""

    field: str
    """Name of the field, as in `details`, such as label or idempotencyKeyDays."""
    before: str | None
    """Value before, as text or, of a list, as JSON; null if there was none, or it is not kept, as a person's own words."""
    after: str | None
    """Value after, in the same form; null if there is none, or it is not kept."""


_ACTIONS: Final = {action.value: action for action in AuditAction}
_ROLES: Final = {each.value: f'"{each.name}"' for each in Role}


def _who(column: str) -> dict[str, Cell]:
    """The fields of an actor whom a column has."""
    return {
        "subject": listed(column, 0),
        "name": listed(column, 1),
        "role": listed(column, 2, _ROLES.__getitem__),
        "client": listed(column, 3),
    }


def _subject(action: str | None, subject_id: UUID | None) -> strawberry.ID | None:
    if action is None or subject_id is None:
        return None
    type_name = SUBJECTS.get(action.split(".")[0])
    return None if type_name is None else global_id(type_name, subject_id)


def _subject_named(action: str | None, subject_id: UUID | None) -> str:
    found = _subject(action, subject_id)
    return NULL if found is None else f'"{found}"'


def _action_name(action: str | None) -> str:
    known = None if action is None else _ACTIONS.get(action)
    return NULL if known is None else f'"{known.name}"'


def _moved(place: int) -> Cell:
    """The asset, the amount or what was held of a record's transaction, by its place in the column."""

    def write(moved: list[str | None] | None) -> str:
        if moved is None or moved[0] is None or (told := moved[place]) is None:
            return NULL
        return f'"{told if place == 0 else decimal_text(int(told), moved[0])}"'

    return Cell("{0}(row['moved'])", ("moved",), write)


@node(AuditView, by_ids(audit.by_ids), Permission.READ_AUDIT, owner=None)
@plain(
    id=node_id("AuditRecord"),
    at=instant("created_at"),
    kind=or_null(partial(member, TransactionKind), "kind"),
    action=or_null(text, "action"),
    action_kind=Cell("{0}(row['action'])", ("action",), _action_name),
    actor=Beside(_who("actor")),
    approved_by=Beside(_who("approver"), unless="approver"),
    reason=or_null(text, "reason"),
    note=or_null(text, "note"),
    asset=_moved(0),
    amount=_moved(1),
    held=_moved(2),
    subject_id=Cell("{0}(row['action'], row['subject_id'])", ("action", "subject_id"), _subject_named),
    request_id=or_null(text, "request_id"),
    address=or_null(text, "address"),
)
@strawberry.type
class AuditRecord(Node):
    """One thing that one user, program or job did. Records are never changed or removed."""

    at: datetime
    """Instant at which it was done."""
    kind: TransactionKind | None
    """Kind of the transaction; null if no value moved."""
    action: str | None
    """Name of the action if no value moved, such as reason.created or access.denied; else null."""
    action_kind: AuditAction | None
    """Kind of the action if no value moved, such as REASON_CREATED or ACCESS_DENIED; else null, and for an action of
    another version of Scrip that this one does not know."""
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
    the denied field and the missing right. `changes` has what changed in a form that does not depend on the action."""
    changes: list[AuditChange] | None
    """With an action that adds, changes or deletes something: what it was and became, field by field. Null for all else,
    and once the person whom it was about has been erased."""
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
            action_kind=_action(view),
            actor=Actor.of(view.actor),
            approved_by=None if view.approved_by is None else Actor.of(view.approved_by),
            reason=view.reason,
            note=view.note,
            asset=None if view.asset is None else AssetCode(view.asset),
            amount=_figure(view, view.amount_minor),
            held=_figure(view, view.held_minor),
            subject_id=_subject(view.action, view.subject_id),
            details=view.details,
            changes=_changes(view),
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


_ADDS: Final = frozenset({"created", "issued"})
_DELETES: Final = frozenset({"deleted", "removed"})


def _action(view: AuditView) -> AuditAction | None:
    return None if view.action is None else _ACTIONS.get(view.action)


def _changes(view: AuditView) -> list[AuditChange] | None:
    """Return the changes that an action's details tell: the whole of what was made or deleted, the pairs of what was
    changed, the terms that an approver agreed to, or of a customer, whose words are not kept, names alone."""
    told = view.details
    if view.action is None or not isinstance(told, dict):
        return None
    verb = view.action.rpartition(".")[2]
    if view.action == AuditAction.CUSTOMER_UPDATED:
        return [AuditChange(field=str(name), before=None, after=None) for name in told.get("changed", ())]
    if view.action == AuditAction.APPROVAL_APPROVED:
        return [AuditChange(**change) for change in told.get("changes", ())]
    pairs = {name: value for name, value in told.items() if isinstance(value, list) and len(value) == 2}
    if verb in _ADDS or (view.action == AuditAction.LIMIT_SET and not pairs):
        return [AuditChange(field=name, before=None, after=_text(value)) for name, value in told.items()]
    if verb in _DELETES:
        return [AuditChange(field=name, before=_text(value), after=None) for name, value in told.items()]
    if view.action in _CHANGES:
        return [AuditChange(field=name, before=_text(old), after=_text(new)) for name, (old, new) in pairs.items()]
    return None


_CHANGES: Final = frozenset(
    action
    for action in AuditAction
    if action.value.rpartition(".")[2]
    in {"updated", "set", "suspended", "resumed", "started", "cancelled", "reinstated", "enabled", "disabled"}
    or action is AuditAction.WEBHOOK_REPLAYED
) - {AuditAction.BULK_CANCELLED, AuditAction.COUPON_DISABLED}
"""Actions whose details have [before, after] of what they changed."""


def _text(value: Any) -> str | None:
    """A value as JSON has it, as text."""
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
