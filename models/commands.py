"""What can be asked of the ledger, and what it answers. Plain frozen values, no behaviour.

Amounts are exact decimals in the asset's own units, as they came in: the planner turns them into minor units,
or refuses. Ids are the database's.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from models.errors import LedgerError


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the token's subject, in one role (`STAFF` …), through one client (None: none named)."""

    subject: str
    role: str
    client: str | None = None
    name: str | None = None

    @property
    def holder(self) -> str:
        """Whose daily limit this uses up: a partner's client, everybody else's own."""
        return self.client if self.role == "PARTNER" and self.client else self.subject


@dataclass(frozen=True, slots=True)
class AdjustCredit:
    """Add (positive) or remove (negative) value on one customer's one asset. See domain: adjusting."""

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


@dataclass(frozen=True, slots=True)
class BulkItem:
    customer_id: UUID | None  # None: an id that is no customer's id at all
    amount: Decimal


@dataclass(frozen=True, slots=True)
class BulkCredit:
    """Adjust many customers' one asset. error_policy: REJECT_ALL or SKIP_FAILED. dry_run: report, post nothing."""

    items: tuple[BulkItem, ...]
    asset: str
    reason: str
    note: str | None = None
    expires_in_days: int | None = None
    expires_at: datetime | None = None
    error_policy: str = "REJECT_ALL"
    dry_run: bool = False
    allow_duplicate_customers: bool = False


@dataclass(frozen=True, slots=True)
class InvoiceAmount:
    invoice_id: UUID
    amount: Decimal | None  # None: as much as possible


@dataclass(frozen=True, slots=True)
class AssignCredit:
    """Set one money credit against one or several invoices of the same customer, all or nothing."""

    credit_id: UUID
    assignments: tuple[InvoiceAmount, ...]


@dataclass(frozen=True, slots=True)
class GiveReward:
    customer_id: UUID
    reward_id: UUID
    deduct_points: bool
    note: str | None = None


@dataclass(frozen=True, slots=True)
class InvoiceLineItem:
    description: str
    quantity: int
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class CreateInvoice:
    """issued_on: today in the tenant's zone unless given. auto_apply: take the customer's open auto-applying credit."""

    customer_id: UUID
    number: str
    currency: str
    lines: tuple[InvoiceLineItem, ...]
    issued_on: date | None = None
    due_on: date | None = None
    auto_apply: bool = True


@dataclass(frozen=True, slots=True)
class RecordPayment:
    invoice_id: UUID
    amount: Decimal
    method: str
    received_on: date | None = None


@dataclass(frozen=True, slots=True)
class UpsertCustomer:
    external_id: str
    name: str
    email: str | None = None


Command = AdjustCredit | BulkCredit | AssignCredit | GiveReward | CreateInvoice | RecordPayment


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a unit did: the ids of what it made or touched; those that its operation has none of are None.

    views: those rows as they stood right after, where the posting knew them, so that nobody has to read them again
    (models/views.py; empty for a replay).
    """

    transaction_id: UUID | None = None
    account_id: UUID | None = None
    credit_id: UUID | None = None
    invoice_id: UUID | None = None
    payment_id: UUID | None = None
    coupon_id: UUID | None = None
    approval_request_id: UUID | None = None
    bulk_operation_id: UUID | None = None
    assignment_ids: tuple[UUID, ...] = ()
    replayed: bool = False
    views: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitVerdict:
    """allowed: within every limit. remaining: what each limit that exists leaves before this adjustment."""

    allowed: bool
    approval_required: bool
    remaining: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class CreditEffect:
    """A credit that an adjustment would open (credit_id None) or take from; minor units."""

    credit_id: UUID | None
    amount_minor: int
    remaining_after_minor: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What an adjustment would do, had it been posted now. account_id None: it would open the account."""

    asset: str
    account_id: UUID | None
    available_after_minor: int
    lifetime_after_minor: int
    tier_after: str | None
    credits: tuple[CreditEffect, ...]
    limit: LimitVerdict
    errors: tuple[LedgerError, ...] = field(default=())
