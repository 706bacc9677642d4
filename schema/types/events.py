"""Events of the feed: what all of them tell, and those that are no transactions."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

import strawberry

from auth.principal import Principal
from auth.roles import Permission, may
from models.errors import InvariantViolated
from models.event_kinds import EventKind
from models.kinds import ApprovalStatus, BulkStatus, InvoiceKind, PaymentMethod
from models.money import POINTS, to_decimal
from models.reads import events
from models.reads.events import EventView, FeedEnds
from schema.event_rights import NARROWER
from schema.ids import global_id
from schema.nodes import NodeReader, node
from schema.scalars import AssetCode
from schema.types.audit import SUBJECTS
from schema.types.base import Connection, Node, Reader, from_view, of_view

T = TypeVar("T")

MAX_POSITION: Final = 2**63 - 1
TYPES: Final[dict[EventKind, type[Any]]] = {}
"""The type of each kind of event: filled by `tells`."""


def tells(*kinds: EventKind) -> Callable[[type[T]], type[T]]:
    """Events of these kinds are shown as this type."""

    def note(shown: type[T]) -> type[T]:
        for kind in kinds:
            if kind in TYPES:
                raise InvariantViolated(f"{kind} is shown as two types")
            TYPES[kind] = shown
        return shown

    return note


def _customer(view: EventView) -> strawberry.ID | None:
    return None if view.customer_id is None else global_id("Customer", view.customer_id)


async def _events(loaders: NodeReader, ids: list[UUID]) -> dict[UUID, Any]:
    """By the id that is made of its position."""
    found = await events.at_positions(loaders.reads, [row_id.int for row_id in ids if row_id.int <= MAX_POSITION])
    return {UUID(int=view.position): loaders.show(view) for view in found}


@node(EventView, _events, Permission.READ_EVENTS, owner="customer_id")
@from_view(
    id=lambda view: global_id("Event", UUID(int=view.position)),
    position=lambda view: str(view.position),
    kind=lambda view: view.kind,
    occurred_at=lambda view: view.occurred_at,
    recorded_at=lambda view: view.recorded_at,
    customer_id=_customer,
)
@strawberry.interface
class Event(Node):
    """Something that happened. Events tell ids and amounts, never names or notes."""

    position: str
    """Its number in the tenant's feed, from 1 without gaps, in decimal digits."""
    kind: EventKind
    """Kind, by which `types` chooses."""
    occurred_at: datetime
    """Instant since which it is true: of credit that was written off, its expiry."""
    recorded_at: datetime
    """Instant at which it was recorded. It never decreases along the feed."""
    customer_id: strawberry.ID | None
    """Id of the customer's record that it was recorded for; null if it concerns none."""
    view: strawberry.Private[EventView]

    @staticmethod
    def of(view: EventView, _reader: Reader) -> Any:
        return of_view(TYPES[view.kind], view)

    def may_be_seen(self, principal: Principal) -> bool:
        """By those who may read events of its kind."""
        right = NARROWER.get(self.view.kind)
        return right is None or may(principal, right)


def _subject(type_name: str) -> Callable[[EventView], strawberry.ID | None]:
    return lambda view: None if view.subject_id is None else global_id(type_name, view.subject_id)


def _fact(index: int) -> Callable[[EventView], Any]:
    return lambda view: view.facts[index]


def _fact_id(type_name: str, index: int) -> Callable[[EventView], strawberry.ID]:
    return lambda view: global_id(type_name, UUID(view.facts[index]))


def _money(currency: int, minor: int) -> Callable[[EventView], Decimal]:
    return lambda view: to_decimal(view.facts[minor], view.facts[currency])


@tells(EventKind.CREDIT_EXPIRING)
@from_view(
    credit_id=_subject("Credit"),
    account_id=_fact_id("Account", 0),
    asset=_fact(1),
    amount=lambda view: to_decimal(view.amount_minor, view.facts[1]),
)
@strawberry.type
class CreditExpiringEvent(Event):
    """A credit will expire soon: once for each expiry that it is given, as many days before as the tenant has set. A credit
    that is given for a shorter time is not announced."""

    credit_id: strawberry.ID
    """Credit that expires, by its id."""
    account_id: strawberry.ID
    """Account that the credit is on, by its id."""
    asset: AssetCode
    """Asset that the account is kept in."""
    amount: Decimal
    """Amount that was left of it when it was announced."""


@tells(EventKind.HOLD_LAPSED)
@from_view(
    hold_id=_subject("Hold"),
    account_id=_fact_id("Account", 0),
    asset=_fact(1),
    amount=lambda view: to_decimal(view.amount_minor, view.facts[1]),
)
@strawberry.type
class HoldLapsedEvent(Event):
    """A hold's time ran out, and what was left of it is free again. `occurredAt` is the instant itself."""

    hold_id: strawberry.ID
    """Hold that ended, by its id."""
    account_id: strawberry.ID
    """Id of the account that it was on."""
    asset: AssetCode
    """Asset that the account is kept in."""
    amount: Decimal
    """Amount that was left of it."""


_INVOICE: Final = {"invoice_id": _subject("Invoice"), "currency": _fact(1), "total": _money(1, 2)}


@tells(EventKind.INVOICE_ISSUED)
@from_view(**_INVOICE, invoice_kind=lambda view: InvoiceKind(view.facts[0]))
@strawberry.type
class InvoiceIssuedEvent(Event):
    """An invoice or an order was made."""

    invoice_id: strawberry.ID
    """Invoice in question; node(id:) finds it."""
    invoice_kind: InvoiceKind
    """Whether it bills free text or sells products."""
    currency: AssetCode
    """Currency that it is made out in, such as GBP."""
    total: Decimal
    """Sum of its lines."""


@tells(EventKind.INVOICE_PAID)
@from_view(**_INVOICE)
@strawberry.type
class InvoicePaidEvent(Event):
    """Nothing is due of an invoice any more. It comes again if a payment was voided meanwhile."""

    invoice_id: strawberry.ID
    """Invoice in question; node(id:) finds it."""
    currency: AssetCode
    """Currency that it is made out in, such as GBP."""
    total: Decimal
    """Sum of its lines."""


@tells(EventKind.ORDER_PAID)
@from_view(**_INVOICE)
@strawberry.type
class OrderPaidEvent(Event):
    """Nothing is due of an order any more. It comes again if a payment was voided meanwhile."""

    invoice_id: strawberry.ID
    """Order in question; node(id:) finds it."""
    currency: AssetCode
    """Currency that it is made out in, such as GBP."""
    total: Decimal
    """Sum of its lines."""


@tells(EventKind.INVOICE_VOIDED)
@from_view(**_INVOICE, invoice_kind=lambda view: InvoiceKind(view.facts[0]))
@strawberry.type
class InvoiceVoidedEvent(Event):
    """An invoice or an order was voided."""

    invoice_id: strawberry.ID
    """Invoice in question; node(id:) finds it."""
    invoice_kind: InvoiceKind
    """Whether it bills free text or sells products."""
    currency: AssetCode
    """Currency that it is made out in, such as GBP."""
    total: Decimal
    """Sum of its lines."""


_PAYMENT: Final = {
    "payment_id": _subject("Payment"),
    "invoice_id": _fact_id("Invoice", 0),
    "currency": _fact(1),
    "amount": _money(1, 2),
    "method": lambda view: PaymentMethod(view.facts[3]),
}


@tells(EventKind.PAYMENT_RECORDED)
@from_view(**_PAYMENT)
@strawberry.type
class PaymentRecordedEvent(Event):
    """A payment was recorded."""

    payment_id: strawberry.ID
    """Payment in question; node(id:) finds it."""
    invoice_id: strawberry.ID
    """Id of the invoice or order that it pays."""
    currency: AssetCode
    """Currency that it is made out in, such as GBP."""
    amount: Decimal
    """Amount, in `currency`."""
    method: PaymentMethod
    """Means of payment."""


@tells(EventKind.PAYMENT_VOIDED)
@from_view(**_PAYMENT)
@strawberry.type
class PaymentVoidedEvent(Event):
    """A payment was voided."""

    payment_id: strawberry.ID
    """Payment in question; node(id:) finds it."""
    invoice_id: strawberry.ID
    """Id of the invoice or order that it had paid."""
    currency: AssetCode
    """Currency that it is made out in, such as GBP."""
    amount: Decimal
    """Amount, in `currency`."""
    method: PaymentMethod
    """Means of payment."""


@tells(EventKind.CREDIT_NOTE_VOIDED)
@from_view(
    credit_note_id=_subject("CreditNote"), invoice_id=_fact_id("Invoice", 0), currency=_fact(1), amount=_money(1, 2)
)
@strawberry.type
class CreditNoteVoidedEvent(Event):
    """A credit note was voided."""

    credit_note_id: strawberry.ID
    """Credit note in question; node(id:) finds it."""
    invoice_id: strawberry.ID
    """Id of the invoice or order that it was of."""
    currency: AssetCode
    """Currency that it is made out in, such as GBP."""
    amount: Decimal
    """Amount, in `currency`."""


@tells(EventKind.COUPON_ISSUED, EventKind.COUPON_USED, EventKind.COUPON_REOPENED, EventKind.COUPON_DISABLED)
@from_view(
    coupon_id=_subject("Coupon"), reward_id=_fact_id("Reward", 0), points=lambda view: to_decimal(view.facts[1], POINTS)
)
@strawberry.type
class CouponEvent(Event):
    """A coupon was issued, used, reopened or disabled, as `kind` says."""

    coupon_id: strawberry.ID
    """Coupon in question; node(id:) finds it."""
    reward_id: strawberry.ID
    """Reward that it was issued from, by its id."""
    points: Decimal
    """Points that were paid for it."""


@tells(EventKind.TIER_CHANGED)
@from_view(account_id=_fact_id("Account", 0), old_tier=_fact(1), new_tier=_fact(2))
@strawberry.type
class TierChangedEvent(Event):
    """A customer's tier changed."""

    account_id: strawberry.ID
    """Account in points whose total it goes by, by its id."""
    old_tier: str | None
    """Name of the tier before; null for none."""
    new_tier: str | None
    """Name of the tier since; null for none."""


@tells(EventKind.APPROVAL_REQUESTED)
@from_view(approval_request_id=_subject("ApprovalRequest"))
@strawberry.type
class ApprovalRequestedEvent(Event):
    """Something waits for a second person."""

    approval_request_id: strawberry.ID
    """Request in question; node(id:) finds it."""


_DECIDED: Final = {
    EventKind.APPROVAL_APPROVED: ApprovalStatus.APPROVED,
    EventKind.APPROVAL_REJECTED: ApprovalStatus.REJECTED,
    EventKind.APPROVAL_WITHDRAWN: ApprovalStatus.WITHDRAWN,
    EventKind.APPROVAL_EXPIRED: ApprovalStatus.EXPIRED,
}


@tells(*_DECIDED)
@from_view(approval_request_id=_subject("ApprovalRequest"), approval_status=lambda view: _DECIDED[view.kind])
@strawberry.type
class ApprovalDecidedEvent(Event):
    """A request was approved, rejected or withdrawn, or its time ran out."""

    approval_request_id: strawberry.ID
    """Request in question; node(id:) finds it."""
    approval_status: ApprovalStatus
    """Its state since."""


@tells(EventKind.BULK_FINISHED)
@from_view(
    bulk_operation_id=_subject("BulkOperation"),
    bulk_status=lambda view: BulkStatus(view.facts[0]),
    rows=_fact(1),
    succeeded=_fact(2),
    failed=_fact(3),
)
@strawberry.type
class BulkFinishedEvent(Event):
    """A bulk was completed, failed or was cancelled."""

    bulk_operation_id: strawberry.ID
    """Bulk in question; node(id:) finds it."""
    bulk_status: BulkStatus
    """State in which it ended."""
    rows: int
    """Number of its rows."""
    succeeded: int
    """Number of rows that were posted."""
    failed: int
    """Number of rows that were rejected."""


@tells(EventKind.CUSTOMER_CREATED, EventKind.CUSTOMER_UPDATED, EventKind.CUSTOMER_ERASED, EventKind.MEMBERSHIP_CHANGED)
@from_view(action=_fact(0))
@strawberry.type
class CustomerEvent(Event):
    """A customer was added, changed or erased, or a membership was, as `action` says."""

    action: str
    """Action, as the audit calls it: such as customer.created or membership.cancelled."""


@tells(EventKind.CUSTOMER_MERGED)
@from_view(into_customer_id=_subject("Customer"))
@strawberry.type
class CustomerMergedEvent(Event):
    """The record of `customerId` was merged into another. What was recorded for it before stays where it is in the feed."""

    into_customer_id: strawberry.ID
    """Id of the surviving record."""


def _configured(view: EventView) -> strawberry.ID | None:
    type_name = SUBJECTS.get(view.facts[0].split(".")[0])
    return None if type_name is None or view.subject_id is None else global_id(type_name, view.subject_id)


@tells(EventKind.LIMIT_CHANGED, EventKind.REASON_CHANGED, EventKind.TOKEN_CHANGED, EventKind.SETTINGS_CHANGED)
@from_view(action=_fact(0), subject_id=_configured)
@strawberry.type
class ConfigurationEvent(Event):
    """The configuration was changed: only those who may read it are told."""

    action: str
    """Action, as the audit calls it: such as limit.set or token.revoked."""
    subject_id: strawberry.ID | None
    """Id of the object that it was done to, if it has one."""


@tells(EventKind.CHECKPOINT_MADE)
@from_view(
    number=_fact(0),
    until=lambda view: datetime.fromisoformat(view.facts[1]),
    size=_fact(2),
    root=_fact(3),
    note=_fact(4),
)
@strawberry.type
class CheckpointMadeEvent(Event):
    """A checkpoint of the books was made: a signed text, to be kept elsewhere."""

    number: int
    """Its number, from 1."""
    until: datetime
    """Instant that it is of: what was posted before is in it."""
    size: int
    """Number of accounts in its tree."""
    root: str
    """Root of the tree over the accounts' heads, in hexadecimal digits."""
    note: str
    """Signed text."""


@strawberry.type
class EventConnection(Connection[Event]):
    """One page of the feed."""

    oldest: str
    """Position of the oldest event that is kept; of the next one if there is none."""
    newest: str
    """Position of the newest event; 0 if there has been none."""

    @classmethod
    def between(cls, page: Connection[Any], ends: FeedEnds) -> "EventConnection":
        return cls(
            edges=page.edges,
            page_info=page.page_info,
            whole=page.whole,
            oldest=str(ends.oldest),
            newest=str(ends.newest),
        )
