"""New rows of a batch: one dataclass per table, one field per column (models/planning/columns.py).

Rows that are also loaded and changed are in models/planning/state.py, in the same way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from models.commands import Actor
from models.frozen import frozen
from models.kinds import Counter, TransactionKind
from models.planning.columns import ASIDE, LATER, UNREAD, table
from models.texts import Texts


@frozen
class Limited:
    """An event's use of its actor's daily limits, on its customer: asset, amount, day."""

    asset: str
    amount_minor: int
    day: date


@table("transactions")
@dataclass(slots=True)
class TransactionDraft:
    """created_at: its latest entry's; the batch's if it has none. limited: its use of daily limits.

    key_use, key_at: how and when its key was claimed, where no seal says so. note_digest, digest: made when it is written.
    texts: the tenant's own.
    """

    id: UUID
    customer_id: UUID
    kind: TransactionKind
    reason: str | None
    actor: Actor
    approved_by: Actor | None
    idempotency_key: str | None
    created_at: datetime
    note: Annotated[str | None, ASIDE]
    salt: Annotated[bytes | None, ASIDE]
    limited_asset: str | None = None
    limited_minor: int | None = None
    limited_on: date | None = None
    key_use: bytes | None = None
    key_at: datetime | None = None
    note_digest: bytes | None = None
    digest: bytes | None = None
    texts: Annotated[Texts | None, ASIDE] = None


@table("transaction_texts", referenced_at=datetime)
@frozen
class TransactionTextDraft:
    """id: the transaction's. note: empty for none."""

    id: UUID
    note: str
    salt: bytes
    transaction: Annotated[TransactionDraft, ASIDE]
    reference: str | None = None
    metadata: str | None = None

    @property
    def referenced_at(self) -> datetime | None:
        """The transaction's time, by which those of one reference are listed."""
        return None if self.reference is None else self.transaction.created_at


@table("entries", transaction_id=UUID)
@dataclass(slots=True)
class EntryDraft:
    """credit_id: None if only the lifetime total moves, in a merge. previous_hash, hash: made when it is written."""

    id: UUID
    account_id: UUID
    sequence: int
    transaction: Annotated[TransactionDraft, ASIDE]
    credit_id: UUID | None
    counter: Counter
    amount_minor: int
    lifetime_minor: int
    balance_after_minor: int
    created_at: datetime
    previous_hash: bytes | None = None
    hash: bytes | None = None

    @property
    def transaction_id(self) -> UUID:
        return self.transaction.id


@table("credit_services")
@frozen
class CreditServiceDraft:
    """A service that a credit is restricted to."""

    id: UUID
    credit_id: UUID
    service_id: UUID


@table("credit_changes")
@frozen
class CreditChangeDraft:
    """A credit's terms before a change, and after it."""

    id: UUID
    credit_id: UUID
    transaction_id: UUID
    old_expires_at: datetime | None
    new_expires_at: datetime | None
    old_auto_apply: bool
    new_auto_apply: bool
    old_services: list[UUID]
    new_services: list[UUID]
    created_at: datetime


@table("limit_counters")
@frozen
class CounterDraft:
    """A day's counter that has no row yet."""

    id: UUID
    scope: str
    role: str
    holder: str
    asset: str
    day: date
    used_minor: int


@table("tier_changes")
@frozen
class TierChangeDraft:
    """None is no tier."""

    id: UUID
    account_id: UUID
    transaction_id: UUID
    old_tier: str | None
    new_tier: str | None
    created_at: datetime


@table("invoice_texts")
@frozen
class InvoiceTextDraft:
    """The tenant's own texts on an invoice. id: the invoice's. metadata: JSON. referenced_at: the invoice's time, if there
    is a reference."""

    id: UUID
    reference: str | None
    metadata: str | None
    referenced_at: datetime | None


@table("invoice_lines")
@frozen
class InvoiceLineDraft:
    """kind, product_id: only in an order's lines. One with details counts as one unit of its total."""

    id: UUID
    invoice_id: UUID
    position: int
    description: str
    quantity: int
    unit_price_minor: int
    kind: str | None
    product_id: UUID | None


@table("invoice_line_details")
@frozen
class InvoiceLineDetailDraft:
    """The make-up of a line's total that is more than a whole number of units at a whole price. id: the line's.

    unit_price_minor: in minor units, which may have a fraction. amount_minor: the line's total, without tax_minor.
    """

    id: UUID
    quantity: Decimal
    unit_price_minor: Decimal
    discount_percent: Decimal
    discount_minor: int
    tax_minor: int
    amount_minor: int


@table("grants")
@frozen
class GrantDraft:
    """Credit that an order added to an account, once it was paid in full. id: the credit's."""

    id: UUID
    invoice_id: UUID
    credit_id: UUID
    transaction_id: UUID


@table("grants")
@frozen
class GrantRevocation:
    """The revocation of a grant. id: the grant's."""

    id: UUID
    revoked_transaction_id: Annotated[UUID, LATER]
    revoked_minor: Annotated[int, LATER]


@table("overpayments")
@frozen
class OverpaymentDraft:
    """The part of a payment beyond what was due, which became a credit. id: the payment's."""

    id: UUID
    credit_id: UUID
    transaction_id: UUID
    amount_minor: int


@table("overpayments")
@frozen
class OverpaymentRevocation:
    """Its credit taken back, when the payment is voided. id: the payment's."""

    id: UUID
    revoked_transaction_id: Annotated[UUID, LATER]
    revoked_minor: Annotated[int, LATER]


@table("refunds")
@frozen
class RefundDraft:
    """A part of a spend, or all of it, that was given back. id: the transaction's that gave it back. taken_minor: all
    that the spend took. before_minor: what of that had been given back before."""

    id: UUID
    spend_id: UUID
    amount_minor: int
    taken_minor: int
    before_minor: int


@table("transfers")
@frozen
class TransferDraft:
    """A transfer between customers. id: of the transaction that took; received_id: of the one that gave."""

    id: UUID
    received_id: UUID


@table("transferred_credits")
@frozen
class TransferredCreditDraft:
    """A credit that a transfer opened. id: the credit's. from_id: the credit that it was taken from. source_id: the
    transaction that first gave the value."""

    id: UUID
    transfer_id: UUID
    from_id: UUID
    source_id: UUID


@table("revivals")
@frozen
class RevivalDraft:
    """A part of what had expired of a lot that was put back. lot_id: the credit, or the first of those that it continues.
    expired_minor: all that had expired of the lot; before_minor: what of that had been put back before. expired_at: the
    expiry that the credit had."""

    id: UUID
    transaction_id: UUID
    credit_id: UUID
    account_id: UUID
    lot_id: UUID
    amount_minor: int
    expired_minor: int
    before_minor: int
    expired_at: datetime | None
    revived_at: datetime


@table("audit_events")
@frozen
class AuditDraft:
    id: UUID
    action: str
    subject_id: UUID
    customer_id: UUID | None
    actor: Actor
    note: str | None
    details: Mapping[str, Any] | None
    request_id: str | None
    address: str | None
    created_at: datetime


@table("bulk_operations")
@frozen
class BulkOperationDraft:
    """A bulk that is complete when it is written: all of its rows were one unit. command: the mode of its amounts, unless
    they are added and removed."""

    id: UUID
    status: str
    asset: str
    error_policy: str
    dry_run: bool
    total: int
    processed: int
    succeeded: int
    failed: int
    actor: Actor
    cancel_requested: bool
    created_at: datetime
    finished_at: datetime
    command: dict[str, Any] | None


@table("bulk_rows")
@frozen
class BulkRowDraft:
    """details: of a row that sets what is available, the amount that it moved."""

    id: UUID
    operation_id: UUID
    row: int
    customer_id: UUID | None
    amount: Decimal
    transaction_id: UUID | None
    error: dict[str, Any] | None
    details: dict[str, Any] | None


@table("bulk_rows")
@frozen
class RowResult:
    """The result of a stored row of a bulk. Found by its operation and number. moved: of a row that sets what is
    available, the amount that it took."""

    operation_id: Annotated[UUID, UNREAD, LATER]
    row: Annotated[int, UNREAD, LATER]
    transaction_id: Annotated[UUID | None, LATER]
    error: Annotated[dict[str, Any] | None, LATER]
    moved: Annotated[Decimal | None, ASIDE] = None


@table("reversed_rows")
@frozen
class ReversedRowDraft:
    """The mark of a bulk's row that was taken back. id: the row's. transaction_id: what took it back. amount_minor: what
    that took off the row's credit (below zero), or put back of its removal. used_minor: what was in use, and so left."""

    id: UUID
    transaction_id: UUID
    amount_minor: int
    used_minor: int


@table("bulk_rows")
@frozen
class RowReport:
    """A reversal's report on a row, under the reversal's operation and that row's number."""

    id: UUID
    operation_id: UUID
    row: int
    customer_id: UUID
    amount: Decimal
    transaction_id: UUID | None
    error: dict[str, Any] | None
    details: dict[str, Any] | None


@table("outbox")
@frozen
class EventDraft:
    id: UUID
    topic: str
    subject_id: UUID
    created_at: datetime


@frozen
class MergedCustomer:
    """A record merged into another one."""

    from_id: UUID
    into_id: UUID
