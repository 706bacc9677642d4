"""Views of the ledger: plain frozen values, the same whether a posting made them or a read found them."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from models.frozen import frozen
from models.kinds import ApprovalStatus, CouponStatus, CreditStatus, HoldStatus, InvoiceStatus


@frozen
class AccountView:
    """available: spendable at the time of the view. scheduled: starts later. held: set aside. balance: the ledger's, with
    expired unswept."""

    id: UUID
    customer_id: UUID
    asset: str
    balance_minor: int
    available_minor: int
    scheduled_minor: int
    held_minor: int
    lifetime_minor: int


@frozen
class CreditView:
    id: UUID
    account_id: UUID
    asset: str
    transaction_id: UUID
    amount_minor: int
    remaining_minor: int
    effective_on: date
    starts_at: datetime
    expires_at: datetime | None
    service_ids: tuple[UUID, ...]
    auto_apply: bool
    swept_at: datetime | None
    voided_at: datetime | None

    def status(self, now: datetime) -> str:
        """The contract's CreditStatus at `now`: expiry is true the instant it passes, swept or not."""
        if self.voided_at is not None:
            return CreditStatus.VOIDED
        if self.remaining_minor == 0:
            return CreditStatus.EXHAUSTED if self.swept_at is None else CreditStatus.EXPIRED
        if self.expires_at is not None and self.expires_at <= now:
            return CreditStatus.EXPIRED
        return CreditStatus.SCHEDULED if self.starts_at > now else CreditStatus.OPEN


@frozen
class HoldView:
    """account_id: on which it was placed. left: neither captured nor let go by a command; nothing is held from expires_at
    on."""

    id: UUID
    account_id: UUID
    asset: str
    amount_minor: int
    left_minor: int
    captured_minor: int
    invoice_id: UUID | None
    expires_at: datetime
    created_at: datetime

    def status(self, now: datetime) -> str:
        """The contract's HoldStatus at `now`."""
        if self.left_minor == 0:
            return HoldStatus.CAPTURED if self.captured_minor == self.amount_minor else HoldStatus.RELEASED
        return HoldStatus.EXPIRED if self.expires_at <= now else HoldStatus.HELD

    def held_minor(self, now: datetime) -> int:
        """The amount held at `now`."""
        return self.left_minor if self.expires_at > now else 0


@frozen
class ActorView:
    subject: str
    name: str | None
    role: str
    client: str | None


@frozen
class TransactionView:
    """metadata: JSON."""

    id: UUID
    customer_id: UUID
    kind: str
    reason: str | None
    note: str | None
    reference: str | None
    metadata: str | None
    actor: ActorView
    approved_by: ActorView | None
    created_at: datetime


@frozen
class EntryView:
    """credit_id: None if only the lifetime total moved, in a merge."""

    id: UUID
    account_id: UUID
    asset: str
    sequence: int
    transaction_id: UUID
    credit_id: UUID | None
    counter: str
    amount_minor: int
    balance_after_minor: int
    created_at: datetime


@frozen
class InvoiceView:
    id: UUID
    number: str
    customer_id: UUID
    currency: str
    status: str
    total_minor: int
    paid_minor: int
    credited_minor: int
    creditable_minor: int
    noted_minor: int
    kind: str
    issued_on: date
    due_on: date | None
    tax_minor: int

    @property
    def due_minor(self) -> int:
        """Nothing of a void one."""
        if self.status == InvoiceStatus.VOID:
            return 0
        return self.total_minor - self.noted_minor - self.paid_minor - self.credited_minor


@frozen
class CreditNoteView:
    """id: that of the transaction that made it. lowered_minor: the part that lowered what was due. credit_id: of the credit
    that what money had paid became."""

    id: UUID
    invoice_id: UUID
    currency: str
    amount_minor: int
    lowered_minor: int
    credit_id: UUID | None
    created_at: datetime
    voided_at: datetime | None
    void_transaction_id: UUID | None


@frozen
class NotedLineView:
    """quantity: None if only an amount was named."""

    id: UUID
    note_id: UUID
    currency: str
    line_id: UUID
    quantity: Decimal | None
    amount_minor: int


@frozen
class InvoiceTextView:
    """The tenant's own texts on an invoice. metadata: JSON."""

    id: UUID
    reference: str | None
    metadata: str | None


@frozen
class AssignmentView:
    id: UUID
    credit_id: UUID
    invoice_id: UUID
    currency: str
    amount_minor: int
    origin: str
    assigned_at: datetime
    released_at: datetime | None
    noted_minor: int


@frozen
class PaymentView:
    id: UUID
    invoice_id: UUID
    currency: str
    amount_minor: int
    method: str
    received_on: date
    voided_at: datetime | None
    transaction_id: UUID | None
    noted_minor: int


@frozen
class InvoiceLineView:
    """kind, product_id: of an order's lines alone. The exact figures and what follows: of a line with details alone, of
    which quantity × unit_price_minor is the total all the same."""

    id: UUID
    invoice_id: UUID
    currency: str
    description: str
    quantity: int
    unit_price_minor: int
    kind: str | None
    product_id: UUID | None
    exact_quantity: Decimal | None
    exact_price_minor: Decimal | None
    discount_percent: Decimal | None
    discount_minor: int | None
    tax_minor: int | None

    @property
    def amount_minor(self) -> int:
        return self.quantity * self.unit_price_minor


@frozen
class ProductView:
    """metadata: JSON."""

    id: UUID
    name: str
    kind: str
    currency: str
    price_minor: Decimal
    active: bool
    reference: str | None
    metadata: str | None


@frozen
class RewardView:
    """value: the amount off, in `currency` for FIXED, in per cent for PERCENT. validity_days: None or 0 never expires."""

    id: UUID
    name: str
    kind: str
    value: Decimal | None
    currency: str | None
    product: str | None
    points_cost_minor: int
    validity_days: int | None
    stock: int | None
    active: bool


@frozen
class CouponView:
    """terms: `name`, `kind`, `value` (as text), `currency` and `product` of the reward when this was issued.

    transaction_id: the event that issued it. refund_transaction_id: the one that put its points back. closed_at: when
    it was used or disabled. invoice_id: what it was used on. reopened_at: when its use was undone.
    """

    id: UUID
    code: str
    reward_id: UUID
    customer_id: UUID
    points_spent_minor: int
    stored_status: str
    issued_at: datetime
    expires_at: datetime | None
    closed_at: datetime | None
    terms: Mapping[str, Any]
    transaction_id: UUID
    refund_transaction_id: UUID | None
    invoice_id: UUID | None = None
    reopened_at: datetime | None = None

    def status(self, now: datetime) -> str:
        """The contract's CouponStatus at `now`."""
        if self.stored_status == CouponStatus.ISSUED and self.expires_at is not None and self.expires_at <= now:
            return CouponStatus.EXPIRED
        return self.stored_status


@frozen
class TierChangeView:
    """Names as they were then; None is no tier. transaction_id: None if an admin moved the thresholds."""

    id: UUID
    account_id: UUID
    transaction_id: UUID | None
    old_tier: str | None
    new_tier: str | None
    created_at: datetime


@frozen
class ApprovalRequestView:
    """operation: `adjustCredit`, `giveReward` or `createOrder`; its input, from `asset` to `asked`, as requested.

    asset, amount, reason: of an adjustment; of an order, the sum of its credit lines. reward_id: of a reward.
    expires_in_days, credit_expires_at, effective_on: of the credit to be. asked: the whole command
    (models/commands.py). terms: those it was made under. expires_at: of the request. transaction_id, or of an order
    invoice_id: its result.
    """

    id: UUID
    operation: str
    stored_status: str
    customer_id: UUID
    asset: str | None
    amount_minor: int | None
    reason: str | None
    note: str | None
    reward_id: UUID | None
    expires_in_days: int | None
    credit_expires_at: datetime | None
    effective_on: date | None
    service_ids: tuple[UUID, ...]
    asked: Any
    terms: dict[str, str | None] | None
    requested_by: ActorView
    created_at: datetime
    expires_at: datetime
    decided_by: ActorView | None = None
    decided_at: datetime | None = None
    decision_note: str | None = None
    transaction_id: UUID | None = None
    invoice_id: UUID | None = None

    def status(self, now: datetime) -> str:
        """The contract's ApprovalStatus at `now`."""
        return (
            ApprovalStatus.EXPIRED
            if self.stored_status == ApprovalStatus.PENDING and self.expires_at <= now
            else self.stored_status
        )


@frozen
class BulkOperationView:
    """reverses_id: the bulk that it takes back, if it is a reversal. digest: of the file that it came from, in hex. file: as
    what it was sent, as stored. sums: by asset, the amounts asked for, as texts; None if they were not added up as it came.
    mode: of its amounts. removes: whether any row removes, or may; true if that is not known."""

    id: UUID
    status: str
    asset: str
    total: int
    processed: int
    succeeded: int
    failed: int
    sent_by: ActorView
    created_at: datetime
    finished_at: datetime | None = None
    dry_run: bool = False
    reverses_id: UUID | None = None
    digest: str | None = None
    sums: dict[str, str] | None = None
    mode: str = "ADJUST"
    file: dict[str, Any] | None = None
    retries: int = 0
    removes: bool = True
