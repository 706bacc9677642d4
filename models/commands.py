"""Commands to the ledger, and their outcomes. Plain frozen values, no behaviour.

Amounts are exact decimals in the asset's own units, as sent: the planner converts them to minor units, or refuses.
Ids are the database's.
"""

from dataclasses import field, fields
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from models.errors import LedgerError
from models.frozen import frozen
from models.kinds import BulkErrorPolicy, BulkMode, GiveBack, Role
from models.texts import Texts

_PARTNER: Final = Role.PARTNER
"""Read many times in each posting; looking up an enum's member costs 0.3 µs each time."""
LATER: Final = {"later": True}
"""Metadata of a field added to a command later. At its default it is left out of the hash stored with a used
idempotency key: a request retried after an upgrade still matches. And of a command that is stored: the version before,
which serves beside this one during an upgrade, does not know it."""


@lru_cache
def later(kind: Any) -> tuple[tuple[str, object], ...]:
    """The fields added to the command later (`LATER`), with their defaults."""
    return tuple((f.name, f.default) for f in fields(kind) if f.metadata == LATER)


Asker = tuple[str, str]
"""A subject, and its client if that is a partner's program; '' for a person, with any of their tokens."""


@frozen
class Actor:
    """The actor of a command: the token's subject, in one role (`STAFF` …), through one client (None: none named).

    request_id, address: of the request, for the audit. The same actor can send many. keeps_keys: whether its postings
    come from a file, and its idempotency keys are never pruned. Of no request.
    """

    subject: str
    role: str
    client: str | None = None
    name: str | None = None
    request_id: str | None = field(default=None, compare=False)
    address: str | None = field(default=None, compare=False)
    keeps_keys: bool = field(default=False, compare=False)

    @property
    def holder(self) -> str:
        """The holder of the daily limit that it counts against: a partner's client, or else the subject."""
        return self.client if self.role == _PARTNER and self.client else self.subject

    @property
    def asker(self) -> Asker:
        """The requester under whom approval requests are counted: a partner's client and a person of the same subject
        are two."""
        return self.subject, self.holder if self.role == "PARTNER" else ""

    def may_withdraw_of(self, asker: "Actor") -> bool:
        """Whether a request of `asker` is this actor's own to withdraw: the same subject, and of partners the same
        client. A partner's client and a person of the same subject are two."""
        program, by_program = self.role == _PARTNER, asker.role == _PARTNER
        return self.subject == asker.subject and program == by_program and (not program or self.client == asker.client)


class Command:
    """Properties of every command that the writer needs.

    alone: whether it is posted by itself, in the lane of large units. is_bulk: whether it is many rows' adjustments.
    """

    __slots__ = ()
    alone = False
    is_bulk = False

    @property
    def note(self) -> str | None:
        """The note recorded with it, for people to read."""
        return None

    @property
    def texts(self) -> Texts | None:
        """The tenant's own texts, for each transaction that it makes."""
        return None

    @property
    def dry_run(self) -> bool:
        """Whether it only reports, and posts nothing."""
        return False


@frozen
class AdjustCredit(Command):
    """Add (positive) or remove (negative) value on one customer's one asset. See domain: adjusting.

    request_approval: over a limit, it becomes an approval request. propose_only: it always does.
    """

    customer_id: UUID
    asset: str
    amount: Decimal
    reason: str
    note: str | None = None
    expires_in_days: int | None = None
    expires_at: datetime | None = None
    effective_on: date | None = None
    service_ids: tuple[UUID, ...] = ()
    credit_id: UUID | None = None
    request_approval: bool = False
    auto_apply: bool = True
    propose_only: bool = field(default=False, metadata=LATER)
    texts: Texts | None = field(default=None, metadata=LATER)


@frozen
class BulkItem:
    customer_id: UUID | None  # None: an id of no customer
    amount: Decimal


@frozen
class BulkCredit(Command):
    """Adjust many customers' one asset. error_policy: REJECT_ALL or SKIP_FAILED. dry_run: report, post nothing.

    texts: of rows that have none of their own. row_texts: the rows' own, in their order; empty if no row has any. mode: what
    the amounts are.
    """

    alone = is_bulk = True

    items: tuple[BulkItem, ...]
    asset: str
    reason: str
    note: str | None = None
    expires_in_days: int | None = None
    expires_at: datetime | None = None
    error_policy: str = BulkErrorPolicy.REJECT_ALL
    dry_run: bool = False
    allow_duplicate_customers: bool = False
    texts: Texts | None = field(default=None, metadata=LATER)
    row_texts: tuple[Texts | None, ...] = field(default=(), metadata=LATER)
    effective_on: date | None = field(default=None, metadata=LATER)
    service_ids: tuple[UUID, ...] = field(default=(), metadata=LATER)
    mode: str = field(default=BulkMode.ADJUST.value, metadata=LATER)

    @property
    def sets(self) -> bool:
        """Whether its amounts are what is to be available."""
        return bool(self.mode == BulkMode.SET)


@frozen
class RowAdjustment:
    """sets: whether its amount is what is to be available, and not what is added or removed."""

    row: int
    adjustment: AdjustCredit
    sets: bool = False


@frozen
class PostRows(Command):
    """Post some rows of a continuing bulk, and record each row's result. all_or_nothing: one bad row refuses all."""

    alone = is_bulk = True

    operation_id: UUID
    rows: tuple[RowAdjustment, ...]
    all_or_nothing: bool


@frozen
class RowToReverse:
    """A posted row of a bulk. customer_id: the person's record now. amount: as the row asked for."""

    id: UUID
    row: int
    transaction_id: UUID
    customer_id: UUID
    asset: str
    amount: Decimal


@frozen
class ReverseRows(Command):
    """Take back some posted rows of a bulk, and record what became of each under the reversal's operation."""

    alone = is_bulk = True

    operation_id: UUID
    rows: tuple[RowToReverse, ...]
    note: str | None = None
    texts: Texts | None = None


@frozen
class GiveReward(Command):
    customer_id: UUID
    reward_id: UUID
    deduct_points: bool
    note: str | None = None
    request_approval: bool = field(default=False, metadata=LATER)
    propose_only: bool = field(default=False, metadata=LATER)
    texts: Texts | None = field(default=None, metadata=LATER)


@frozen
class OrderItem:
    """unit_price None: the product's own. Of the figures after it: models/planning/lines.py."""

    product_id: UUID
    quantity: int
    unit_price: Decimal | None = None
    quantity_decimal: Decimal | None = field(default=None, metadata=LATER)
    discount_percent: Decimal | None = field(default=None, metadata=LATER)
    discount_amount: Decimal | None = field(default=None, metadata=LATER)
    tax_amount: Decimal | None = field(default=None, metadata=LATER)


@frozen
class CreateOrder(Command):
    """An invoice of product lines. Credit products add their worth to the account once the order is paid in full.

    invoice_texts: the order's own, and not those of transactions.
    """

    customer_id: UUID
    number: str
    currency: str
    items: tuple[OrderItem, ...]
    issued_on: date | None = None
    due_on: date | None = None
    auto_apply: bool = False
    request_approval: bool = field(default=False, metadata=LATER)
    propose_only: bool = field(default=False, metadata=LATER)
    invoice_texts: Texts | None = field(default=None, metadata=LATER)


@frozen
class NewExpiry:
    """A new expiry for what has expired: days from today, an instant, or never. At most one of them; none: it has none."""

    in_days: int | None = None
    at: datetime | None = None
    never: bool = False

    @property
    def ways(self) -> tuple[str, ...]:
        """The fields by which it was given."""
        given = (
            ("expiresInDays", self.in_days is not None),
            ("expiresAt", self.at is not None),
            ("neverExpires", self.never),
        )
        return tuple(name for name, is_given in given if is_given)


@frozen
class RefundSpend(Command):
    """Give back what a transaction has spent or used, or a part of it. amount: None for all that was not given back yet.

    customer_id, asset: only of one that waits for approval, to be listed and shown by; its amount is then known.
    new_expiry: of what comes back to credits that have expired.
    """

    transaction_id: UUID
    amount: Decimal | None = None
    note: str | None = None
    request_approval: bool = False
    propose_only: bool = False
    customer_id: UUID | None = None
    asset: str | None = None
    new_expiry: NewExpiry = field(default=NewExpiry(), metadata=LATER)
    texts: Texts | None = field(default=None, metadata=LATER)


@frozen
class RecordPayment(Command):
    """Pay an invoice. keep_excess: what is paid beyond what is due becomes a credit; only such a payment can wait.

    customer_id, asset, kept: only of one that waits for approval, to be listed and shown by; kept: what would be kept, which
    is the most that its approval may keep.
    """

    invoice_id: UUID
    amount: Decimal
    method: str
    received_on: date | None = None
    keep_excess: bool = field(default=False, metadata=LATER)
    request_approval: bool = field(default=False, metadata=LATER)
    propose_only: bool = field(default=False, metadata=LATER)
    customer_id: UUID | None = field(default=None, metadata=LATER)
    asset: str | None = field(default=None, metadata=LATER)
    kept: Decimal | None = field(default=None, metadata=LATER)
    texts: Texts | None = field(default=None, metadata=LATER)


@frozen
class NotedLine:
    """A line that a credit note takes back, or a part of it: a quantity, or an amount (of a quantity, if both are given).
    Neither: all that no note has taken back yet."""

    line_id: UUID
    quantity: Decimal | None = None
    amount: Decimal | None = None


@frozen
class CreateCreditNote(Command):
    """Take back a part of an invoice or order, or all of it. amount: None for what the lines come to; without lines, for all
    that no note has taken back yet.

    customer_id, asset: only of one that waits for approval, to be listed and shown by; its amounts are then known.
    """

    invoice_id: UUID
    amount: Decimal | None = None
    lines: tuple[NotedLine, ...] = ()
    give_back: str = GiveBack.LAST_FIRST
    note: str | None = None
    request_approval: bool = False
    propose_only: bool = False
    customer_id: UUID | None = None
    asset: str | None = None
    texts: Texts | None = field(default=None, metadata=LATER)


@frozen
class TransferCredit(Command):
    """Move available value of one customer's to another customer. credit_id: off this credit; None: in burn order."""

    customer_id: UUID
    to_customer_id: UUID
    asset: str
    amount: Decimal
    credit_id: UUID | None = None
    note: str | None = None
    request_approval: bool = False
    propose_only: bool = False
    texts: Texts | None = field(default=None, metadata=LATER)


@frozen
class ReviveCredit(Command):
    """Put back what has expired of a credit, or a part of it. amount: None for all that was not put back yet.

    customer_id, asset: only of one that waits for approval, to be listed and shown by; its amount is then known.
    """

    credit_id: UUID
    reason: str
    new_expiry: NewExpiry
    amount: Decimal | None = None
    note: str | None = None
    request_approval: bool = False
    propose_only: bool = False
    customer_id: UUID | None = None
    asset: str | None = None
    texts: Texts | None = field(default=None, metadata=LATER)


Approvable = (
    AdjustCredit
    | GiveReward
    | CreateOrder
    | RefundSpend
    | CreateCreditNote
    | RecordPayment
    | TransferCredit
    | ReviveCredit
)
"""Commands that can wait for a second person's approval."""


@frozen
class MergeCustomers(Command):
    """Move everything of one record of a person to another one, and mark the first as merged into it."""

    alone = True

    from_id: UUID
    into_id: UUID
    note: str | None = None
    texts: Texts | None = field(default=None, metadata=LATER)


@frozen
class MembershipChange:
    """Start, cancel or reinstate. at: None for now, or the past instant at which it happened."""

    customer_id: UUID
    at: datetime | None = None
    note: str | None = None


@frozen
class Outcome:
    """The outcome of a unit: the ids of the rows it made or touched; None for those that its operation does not have.

    views: those rows right after the unit, if the posting knew them, so that they need not be read again
    (models/views.py; empty for a replay).
    """

    transaction_id: UUID | None = None
    account_id: UUID | None = None
    credit_id: UUID | None = None
    invoice_id: UUID | None = None
    payment_id: UUID | None = None
    coupon_id: UUID | None = None
    credit_note_id: UUID | None = None
    hold_id: UUID | None = None
    approval_request_id: UUID | None = None
    bulk_operation_id: UUID | None = None
    assignment_ids: tuple[UUID, ...] = ()
    replayed: bool = False
    views: tuple[Any, ...] = ()


@frozen
class LimitVerdict:
    """allowed: within every limit. remaining: the amount that each existing limit leaves before this adjustment."""

    allowed: bool
    approval_required: bool
    remaining: tuple[Any, ...]


@frozen
class CreditEffect:
    """A credit that a request would open (credit_id None), put back on, take from or change; minor units. The rest is as it
    would be afterwards."""

    credit_id: UUID | None
    amount_minor: int
    remaining_after_minor: int
    expires_at: datetime | None
    auto_apply: bool
    service_ids: tuple[UUID, ...]


@frozen
class Preview:
    """The effect of an adjustment, a spend, a hold, a refund, a credit note, a payment, a transfer or a revival, had it been
    posted now. account_id None: it would open the account. received: of a transfer, the effect on the receiver's account.
    due_after_minor, kept_minor: of a payment's invoice, and of the payment. views: of the rows that it would make or touch.
    """

    asset: str
    account_id: UUID | None
    available_after_minor: int
    lifetime_after_minor: int
    tier_after: str | None
    credits: tuple[CreditEffect, ...]
    limit: LimitVerdict
    errors: tuple[LedgerError, ...] = field(default=())
    due_after_minor: int | None = None
    kept_minor: int = 0
    views: tuple[Any, ...] = ()
    held_after_minor: int = 0
    received: "Preview | None" = None
