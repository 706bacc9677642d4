"""The locked state that plans work on, and the changes they make: both can be rolled back, unit by unit."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from operator import attrgetter
from typing import Annotated, Any, Final, Protocol
from uuid import UUID

from models.commands import Actor, Approvable, Asker
from models.frozen import frozen
from models.kinds import InvoiceStatus
from models.planning.catalogue import ProductState
from models.planning.columns import AS_JSON, ASIDE, LATER, UNREAD, table
from models.planning.config import TenantConfig
from models.planning.drafts import (
    AuditDraft,
    BulkOperationDraft,
    BulkRowDraft,
    CreditChangeDraft,
    EntryDraft,
    EventDraft,
    GrantDraft,
    GrantRevocation,
    InvoiceLineDetailDraft,
    InvoiceLineDraft,
    InvoiceTextDraft,
    MergedCustomer,
    OverpaymentDraft,
    OverpaymentRevocation,
    RefundDraft,
    ReversedRowDraft,
    RevivalDraft,
    RowReport,
    RowResult,
    TierChangeDraft,
    TransactionDraft,
    TransactionTextDraft,
    TransferDraft,
    TransferredCreditDraft,
)
from models.planning.hold_rows import Held, HoldLotDraft, HoldState
from models.planning.lapsed import LapsedState
from models.planning.lots import Lots
from models.planning.noted import CreditNoteLineDraft, CreditNotePartDraft, CreditNoteState, LineState
from models.planning.reward_rows import CouponState, RewardState
from models.planning.spend_rows import SpendRecord, SpendState
from models.texts import Texts
from turns.steps import Steps, finish

AccountKey = tuple[UUID, str]
"""Customer and asset: identify an account that may not exist yet."""

CounterKey = tuple[str, str, str, str, date]
"""Scope, role, holder, asset, day."""


class Source(Protocol):
    """The source of ids and randomness. Passed in, so that a plan is a function of its arguments."""

    def new_id(self) -> UUID: ...
    def new_salt(self) -> bytes: ...
    def new_coupon_code(self) -> str: ...
    def new_secret(self) -> bytes: ...


@table("customers")
@dataclass(slots=True)
class CustomerState:
    """merged_into_id: only set on a merged record not translated to its survivor (models/planning/persons.py)."""

    id: UUID
    membership_cancelled_at: datetime | None
    membership_started_at: datetime | None = None
    merged_into_id: UUID | None = None
    erased: Annotated[bool, ASIDE] = False
    updated_at: Annotated[datetime | None, UNREAD, LATER] = None


@table("accounts")
@dataclass(slots=True)
class AccountState:
    """An account under lock. scheduled, expired and held_minor: parts of the balance that cannot be spent at `Books.now`;
    what is held of expired credits is held. held: as it was loaded; None if nothing is. holds: how many are live."""

    id: UUID
    customer_id: UUID
    asset: str
    balance_minor: int
    lifetime_minor: int
    sequence: int
    head_hash: bytes | None
    posted_at: datetime | None
    held_until: datetime | None = None
    scheduled_minor: Annotated[int, ASIDE] = 0
    expired_minor: Annotated[int, ASIDE] = 0
    held_minor: Annotated[int, ASIDE] = 0
    held: Annotated[Held | None, ASIDE] = None
    holds: Annotated[int, ASIDE] = 0

    @property
    def available_minor(self) -> int:
        return self.balance_minor - self.scheduled_minor - self.expired_minor - self.held_minor

    def stamp(self, now: datetime) -> datetime:
        """The time of an entry made now: never before the newest one's."""
        return now if self.posted_at is None else max(now, self.posted_at)


@table("credits", restricted=bool)
@dataclass(slots=True)
class CreditState:
    """counts: whether adding it raised the lifetime total. gone_minor: taken back or expired; the rest of what has left
    it was used. opened_sequence: of the entry that put it on its account. origin_id: the credit that it was before a
    merge; successor_id: the one that continues it after one. source_id: the transaction that first gave its value,
    before all transfers and merges; only read if it may be transferred. held_minor: the part of the remainder that is
    held."""

    id: UUID
    account_id: UUID
    transaction_id: UUID
    amount_minor: int
    remaining_minor: int
    effective_on: date
    starts_at: datetime
    expires_at: datetime | None
    service_ids: Annotated[tuple[UUID, ...], ASIDE]
    auto_apply: bool
    created_at: datetime
    swept_at: Annotated[datetime | None, LATER] = None
    voided_at: Annotated[datetime | None, LATER] = None
    counts: bool = False
    gone_minor: int = 0
    opened_sequence: int = 1
    origin_id: UUID | None = None
    source_id: Annotated[UUID | None, ASIDE] = None
    successor_id: Annotated[UUID | None, UNREAD, LATER] = None
    held_minor: Annotated[int, ASIDE] = 0

    @property
    def free_minor(self) -> int:
        """The part of the remainder that is not held."""
        return self.remaining_minor - self.held_minor

    @property
    def restricted(self) -> bool:
        """Whether it can be spent for some services only."""
        return bool(self.service_ids)

    @property
    def lot_id(self) -> UUID:
        """The first of the credits that it continues after merges; its own id if it continues none."""
        return self.origin_id or self.id

    @property
    def used_minor(self) -> int:
        """The amount assigned, spent, redeemed or held, and not given back."""
        return self.amount_minor - self.remaining_minor - self.gone_minor + self.held_minor


@table("invoices")
@dataclass(slots=True)
class InvoiceState:
    """customer_id: the surviving record, whichever record it was issued to.

    creditable_minor: the sum of its lines other than credit products: the most that account credit may pay.
    noted_minor: taken back by credit notes. paid_minor, credited_minor: net of what they gave back.

    credit_lines: the amount that each credit product's line adds to the account. grants: the ids of the credits granted
    and not taken back. tax_minor: the part of the total that its lines give as tax. limited_on: the day whose limits of
    its actor's it used. That, auto_apply, actor and created_at: only of a new one.
    """

    id: UUID
    number: str
    customer_id: UUID
    currency: str
    total_minor: int
    creditable_minor: int
    paid_minor: int
    credited_minor: int
    status: str
    issued_on: date
    due_on: date | None
    kind: str
    voided_at: Annotated[datetime | None, LATER] = None
    noted_minor: Annotated[int, LATER] = 0
    tax_minor: int = 0
    credit_lines: Annotated[tuple[int, ...], ASIDE] = ()
    grants: Annotated[tuple[UUID, ...], ASIDE] = ()
    limited_on: Annotated[date | None, UNREAD] = None
    auto_apply: Annotated[bool, UNREAD] = True
    actor: Actor | None = None
    created_at: Annotated[datetime | None, UNREAD] = None

    @property
    def due_minor(self) -> int:
        """Nothing of a void one."""
        if self.status == InvoiceStatus.VOID:
            return 0
        return self.total_minor - self.noted_minor - self.paid_minor - self.credited_minor

    @property
    def due_to_credit_minor(self) -> int:
        """The part of what is due that account credit may pay."""
        return min(self.due_minor, self.creditable_minor - self.noted_minor - self.credited_minor)


@table("assignments")
@dataclass(slots=True)
class AssignmentState:
    """payment_id: the payment with account credit that it is a part of, if any. noted_minor: given back by credit notes."""

    id: UUID
    credit_id: UUID
    invoice_id: UUID
    transaction_id: UUID
    amount_minor: int
    origin: str
    assigned_at: datetime
    released_at: Annotated[datetime | None, LATER]
    payment_id: Annotated[UUID | None, ASIDE]
    noted_minor: Annotated[int, LATER] = 0
    release_transaction_id: Annotated[UUID | None, UNREAD, LATER] = None


@table("payments")
@dataclass(slots=True)
class PaymentState:
    """transaction_id: the event that moved the account credit it was made with; None for money received. actor: only of a
    new one. kept_minor: the part of the amount that was kept as the credit kept_credit_id, and pays nothing of the invoice.
    noted_minor: given back by credit notes, of money received."""

    id: UUID
    invoice_id: UUID
    amount_minor: int
    method: str
    received_on: date
    voided_at: Annotated[datetime | None, LATER]
    transaction_id: UUID | None
    created_at: datetime | None = None
    noted_minor: Annotated[int, LATER] = 0
    kept_minor: Annotated[int, ASIDE] = 0
    kept_credit_id: Annotated[UUID | None, ASIDE] = None
    actor: Actor | None = None


@table("approval_requests", requested_subject=str, decided_subject=str)
@dataclass(slots=True)
class ApprovalState:
    """A request for a second person's approval; command: the stored input.

    requester_allowed: whether the requester may still make it, as far as known (models/loading/approvals.py).
    terms: those it was made under (models/planning/binding.py); None if they were not stored.
    """

    id: UUID
    operation: str
    command: Annotated[Approvable, AS_JSON]
    customer_id: UUID
    status: str
    requested_by: Actor
    created_at: datetime
    expires_at: datetime
    requester_allowed: Annotated[bool, ASIDE] = True
    decided_by: Annotated[Actor | None, LATER] = None
    decided_at: Annotated[datetime | None, LATER] = None
    decision_note: Annotated[str | None, LATER] = None
    transaction_id: Annotated[UUID | None, LATER] = None
    invoice_id: Annotated[UUID | None, LATER] = None
    terms: dict[str, str | None] | None = None

    @property
    def requested_subject(self) -> str:
        return self.requested_by.subject

    @property
    def decided_subject(self) -> str | None:
        return None if self.decided_by is None else self.decided_by.subject


@table("limit_counters")
@dataclass(slots=True)
class CounterState:
    """read_minor: its sum if it was only read; it is then raised by the difference after all other writes. is_new: whether
    it has no row yet."""

    id: UUID
    used_minor: int
    read_minor: Annotated[int | None, ASIDE] = None
    is_new: Annotated[bool, ASIDE] = False


@frozen
class PostingContext:
    """The actor, their idempotency key, and the id of the result to be (a replay finds it by that).

    approved_by: the second person who approved it; then no limit applies. shown: whether the outcome has details
    and not only ids, which are enough for ten thousand rows. texts: of each transaction that is begun in it.
    """

    actor: Actor
    key: str | None
    result_id: UUID
    approved_by: Actor | None = None
    shown: bool = True
    texts: Texts | None = None

    def beside(self, transaction_id: UUID) -> "PostingContext":
        """For another event of the same unit, which nobody asked for by itself. A second person stands on what was asked for
        alone, and so does their key, which may be in another name space than the actor's."""
        return PostingContext(self.actor, None if self.approved_by else self.key, transaction_id)


@dataclass(slots=True)
class Writes:
    """Rows that a batch will write, in lists that only grow, so that a unit is rolled back by cutting them short."""

    transactions: list[TransactionDraft] = field(default_factory=list)
    transaction_texts: list[TransactionTextDraft] = field(default_factory=list)
    entries: list[EntryDraft] = field(default_factory=list)
    credits: list[CreditState] = field(default_factory=list)
    credit_changes: list[CreditChangeDraft] = field(default_factory=list)
    tier_changes: list[TierChangeDraft] = field(default_factory=list)
    invoices: list[InvoiceState] = field(default_factory=list)
    invoice_texts: list[InvoiceTextDraft] = field(default_factory=list)
    invoice_lines: list[InvoiceLineDraft] = field(default_factory=list)
    invoice_line_details: list[InvoiceLineDetailDraft] = field(default_factory=list)
    payments: list[PaymentState] = field(default_factory=list)
    assignments: list[AssignmentState] = field(default_factory=list)
    grants: list[GrantDraft] = field(default_factory=list)
    overpayments: list[OverpaymentDraft] = field(default_factory=list)
    refunds: list[RefundDraft] = field(default_factory=list)
    credit_notes: list[CreditNoteState] = field(default_factory=list)
    credit_note_parts: list[CreditNotePartDraft] = field(default_factory=list)
    credit_note_lines: list[CreditNoteLineDraft] = field(default_factory=list)
    transfers: list[TransferDraft] = field(default_factory=list)
    transferred_credits: list[TransferredCreditDraft] = field(default_factory=list)
    revivals: list[RevivalDraft] = field(default_factory=list)
    holds: list[HoldState] = field(default_factory=list)
    hold_lots: list[HoldLotDraft] = field(default_factory=list)
    coupons: list[CouponState] = field(default_factory=list)
    approvals: list[ApprovalState] = field(default_factory=list)
    bulk_operations: list[BulkOperationDraft] = field(default_factory=list)
    bulk_rows: list[BulkRowDraft] = field(default_factory=list)
    audits: list[AuditDraft] = field(default_factory=list)
    events: list[EventDraft] = field(default_factory=list)
    touched_accounts: list[AccountState] = field(default_factory=list)
    held_accounts: list[AccountState] = field(default_factory=list)
    touched_holds: list[HoldState] = field(default_factory=list)
    moved_holds: list[HoldState] = field(default_factory=list)
    touched_credits: list[CreditState] = field(default_factory=list)
    amended_credits: list[CreditState] = field(default_factory=list)
    moved_credits: list[CreditState] = field(default_factory=list)
    touched_invoices: list[InvoiceState] = field(default_factory=list)
    touched_assignments: list[AssignmentState] = field(default_factory=list)
    touched_payments: list[PaymentState] = field(default_factory=list)
    voided_notes: list[CreditNoteState] = field(default_factory=list)
    touched_coupons: list[CouponState] = field(default_factory=list)
    touched_approvals: list[ApprovalState] = field(default_factory=list)
    touched_rewards: list[RewardState] = field(default_factory=list)
    touched_counters: list[CounterState] = field(default_factory=list)
    revoked_grants: list[GrantRevocation] = field(default_factory=list)
    revoked_overpayments: list[OverpaymentRevocation] = field(default_factory=list)
    row_results: list[RowResult] = field(default_factory=list)
    reversed_rows: list[ReversedRowDraft] = field(default_factory=list)
    row_reports: list[RowReport] = field(default_factory=list)
    memberships: list[CustomerState] = field(default_factory=list)
    merged_customers: list[MergedCustomer] = field(default_factory=list)
    all: tuple[list[Any], ...] = field(init=False, repr=False, compare=False)
    """All of them: each unit, and each row of a bulk, begins by noting their lengths."""

    def __post_init__(self) -> None:
        self.all = _all_of(self)

    def lengths(self) -> tuple[int, ...]:
        return tuple(map(len, self.all))

    def cut(self, lengths: tuple[int, ...]) -> None:
        for rows, length in zip(self.all, lengths, strict=True):
            del rows[length:]


_all_of: Final[Callable[[Writes], tuple[list[Any], ...]]] = attrgetter(*(f.name for f in fields(Writes) if f.init))
_LARGE: Final = 2_000
"""Number of changes that makes a plan large."""
_AT_ONCE: Final = 200
"""Number of changes freed in a step."""

Savepoint = tuple[int, tuple[int, ...]]


@dataclass(slots=True)
class Books:
    """Everything that the units of one batch may read or change, at one instant `now`.

    credits: by account, the requested ones that have a remainder, in burn order. by_id: every loaded credit, also under
    its ids from before merges. other_ids: by a credit's own id, those ids. homes: for accounts not locked because their
    customer's record was merged, the account that their credits belong to now. persons: merged records, each with its
    survivor. lapsed: by lot, what has expired, if any of it may be put back. actor_ids: of the requesters of `approvals`.
    pending_requests: number of each requester's pending requests, once a unit requests an approval. senders: by partners'
    clients whose bulk continues after its request, the scopes of each of their tokens; clients without any are left out.
    opened: by transaction, the credit that it opened and that is to be taken back. reversed_rows: rows of bulks that were
    taken back before.
    """

    config: TenantConfig
    now: datetime
    source: Source
    customers: dict[UUID, CustomerState] = field(default_factory=dict)
    accounts: dict[AccountKey, AccountState] = field(default_factory=dict)
    accounts_by_id: dict[UUID, AccountState] = field(default_factory=dict)
    credits: dict[UUID, Lots["CreditState"]] = field(default_factory=dict)
    credits_by_id: dict[UUID, CreditState] = field(default_factory=dict)
    other_ids: dict[UUID, tuple[UUID, ...]] = field(default_factory=dict)
    homes: dict[UUID, AccountKey] = field(default_factory=dict)
    persons: dict[UUID, UUID] = field(default_factory=dict)
    invoices: dict[UUID, InvoiceState] = field(default_factory=dict)
    invoice_numbers: set[str] = field(default_factory=set)
    assignments: dict[UUID, AssignmentState] = field(default_factory=dict)
    payments: dict[UUID, PaymentState] = field(default_factory=dict)
    lines: dict[UUID, LineState] = field(default_factory=dict)
    credit_notes: dict[UUID, CreditNoteState] = field(default_factory=dict)
    spend_records: list[SpendRecord] = field(default_factory=list)
    given_back: dict[UUID, SpendState] = field(default_factory=dict)
    lapsed: dict[UUID, LapsedState] = field(default_factory=dict)
    holds: dict[UUID, HoldState] = field(default_factory=dict)
    products: dict[UUID, ProductState] = field(default_factory=dict)
    rewards: dict[UUID, RewardState] = field(default_factory=dict)
    coupons: dict[UUID, CouponState] = field(default_factory=dict)
    approvals: dict[UUID, ApprovalState] = field(default_factory=dict)
    actor_ids: dict[Actor, UUID] = field(default_factory=dict)
    pending_requests: dict[Asker, int] = field(default_factory=dict)
    senders: dict[str, tuple[frozenset[str], ...]] = field(default_factory=dict)
    counters: dict[CounterKey, CounterState] = field(default_factory=dict)
    opened: dict[UUID, UUID] = field(default_factory=dict)
    reversed_rows: set[UUID] = field(default_factory=set)
    writes: Writes = field(default_factory=Writes)
    _rollback: list[tuple[Callable[..., object], tuple[Any, ...]]] = field(default_factory=list)

    def savepoint(self) -> Savepoint:
        """A point that `rollback_to` returns to."""
        return len(self._rollback), self.writes.lengths()

    def rollback_to(self, savepoint: Savepoint) -> None:
        """Undo everything planned since `savepoint`."""
        finish(self.rolling_back_to(savepoint))

    def rolling_back_to(self, savepoint: Savepoint) -> Steps[None]:
        """The same in steps."""
        kept, lengths = savepoint
        while len(self._rollback) > kept:
            action, arguments = self._rollback.pop()
            action(*arguments)
            yield
        self.writes.cut(lengths)

    @property
    def is_large(self) -> bool:
        """Whether so much is planned that a pass over all of it takes long."""
        return len(self._rollback) >= _LARGE

    def let_go(self) -> Steps[None]:
        """Free a large plan in steps, now that it is written: in one go that takes as long as any other pass over
        it."""
        if not self.is_large:
            return
        for rows in (self._rollback, *self.writes.all):
            while rows:
                del rows[-_AT_ONCE:]
                yield
        self.credits.clear()  # each credit is in credits_by_id as well
        for by_id in (self.credits_by_id, self.other_ids, self.assignments, self.invoices, self.accounts_by_id):
            while by_id:
                for _ in range(min(_AT_ONCE, len(by_id))):
                    by_id.popitem()
                yield

    def change(self, row: Any, **values: Any) -> None:
        """Set attributes of a state row, so that the change can be rolled back."""
        before = {}
        for name, value in values.items():  # in one pass: the rows of a bulk come by here thrice each
            before[name] = getattr(row, name)
            setattr(row, name, value)
        self._rollback.append((_set_all, (row, before)))

    def change_item(self, rows: dict[Any, Any], name: Any, value: Any) -> None:
        """Set `rows[name]`, so that the change can be rolled back."""
        self._rollback.append((rows.__setitem__, (name, rows[name])))
        rows[name] = value

    def on_rollback(self, action: Callable[..., object], *arguments: Any) -> None:
        self._rollback.append((action, arguments))


def _set_all(row: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
