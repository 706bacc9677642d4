"""Every closed list of values that the database stores, and what is worked out of them. The names are the values.

The API shows nearly all of them as they stand here (schema/types/enums.py): these texts are its descriptions.
"""

from enum import StrEnum


class Role(StrEnum):
    """Role in which something is done. Its rights can be narrowed by the token's scopes."""

    STAFF = "STAFF"
    """Employee at the till or desk; adds value within limits."""
    MANAGER = "MANAGER"
    """Employee who can also remove and void value, run bulks and approve requests."""
    ADMIN = "ADMIN"
    """Employee who can also change the configuration and issue tokens."""
    PARTNER = "PARTNER"
    """Program of another business; has only the rights that its scopes name."""
    CUSTOMER = "CUSTOMER"
    """Customer reading their own accounts."""
    SYSTEM = "SYSTEM"
    """Scrip itself: a job, an import or a migration."""


class LimitRole(StrEnum):
    """Role that limits can be set for."""

    STAFF = "STAFF"
    """Staff; without any rule they may add nothing."""
    PARTNER = "PARTNER"
    """Partners' programs; without any rule they may add nothing."""
    MANAGER = "MANAGER"
    """Managers; unlimited unless a rule is set."""
    ADMIN = "ADMIN"
    """Administrators; unlimited unless a rule is set."""


class LimitKind(StrEnum):
    """Activity that a limit is on."""

    ADDING = "ADDING"
    """Adding value: adjustments, bulks, free rewards, what is given back of a spend, credit notes, and what is kept of a
    payment."""
    SELLING_CREDIT = "SELLING_CREDIT"
    """Selling credit: the total of an order's credit lines."""
    SPENDING = "SPENDING"
    """Spending: what is spent, used, held, or paid with account credit. Partners may spend nothing without a rule."""


class LimitScope(StrEnum):
    """Span that a limit covers."""

    PER_ADJUSTMENT = "PER_ADJUSTMENT"
    """One adjustment, refund or credit note; for SELLING_CREDIT, one order; for SPENDING, one spend."""
    PER_ACTOR_DAY = "PER_ACTOR_DAY"
    """All that one person or client does in a day."""
    PER_CUSTOMER_DAY = "PER_CUSTOMER_DAY"
    """All that one customer is given in a day; for SPENDING, all that is spent from one customer's accounts."""


class CounterScope(StrEnum):
    """The subject of a day's counter."""

    PER_ACTOR_DAY = "PER_ACTOR_DAY"
    PER_CUSTOMER_DAY = "PER_CUSTOMER_DAY"
    SOLD_ACTOR_DAY = "SOLD_ACTOR_DAY"
    SPENT_ACTOR_DAY = "SPENT_ACTOR_DAY"
    SPENT_PERSON_DAY = "SPENT_PERSON_DAY"


class TransactionKind(StrEnum):
    """Kind of business event that a transaction records."""

    ADJUSTMENT = "ADJUSTMENT"
    """Value was added or removed by adjustCredit or a bulk."""
    ASSIGNMENT = "ASSIGNMENT"
    """Credit was set against invoices."""
    RELEASE = "RELEASE"
    """Assigned credit went back to its credits."""
    EXPIRY = "EXPIRY"
    """Expired remainders were written off, by a job or before a revival."""
    VOID = "VOID"
    """A credit or an invoice was voided."""
    UPDATE = "UPDATE"
    """A credit's terms were changed; it has no entries."""
    USE = "USE"
    """Service credits were spent on a service."""
    SPEND = "SPEND"
    """Value was spent for a purpose that the note names."""
    REFUND = "REFUND"
    """A spend or a use was given back, or a part of it."""
    HOLD = "HOLD"
    """Value was set aside, for longer, or let go; it has no entries."""
    REWARD = "REWARD"
    """A reward was given; it has entries if points were paid."""
    ORDER = "ORDER"
    """A paid order added the credit that it sold."""
    OVERPAYMENT = "OVERPAYMENT"
    """Money paid beyond what was due became credit."""
    CREDIT_NOTE = "CREDIT_NOTE"
    """A credit note gave back what had been paid."""
    TRANSFER = "TRANSFER"
    """Value moved from one customer to another."""
    REVIVAL = "REVIVAL"
    """Value that had expired was put back on its credit."""
    REVERSAL = "REVERSAL"
    """Something was taken back: the account credit of a voided payment, what was kept of one, the credit of an unpaid
    order, the points of a disabled coupon, what a voided credit note gave back, or a row of a bulk."""
    MERGE = "MERGE"
    """Value moved from one record of a person to another."""
    RESTATEMENT = "RESTATEMENT"
    """A migration corrected a lifetime total in older books; no value moved."""


class Counter(StrEnum):
    """Other side of an entry: where value came from, or went to."""

    ISSUED = "ISSUED"
    """Value given by adjustments."""
    REMOVED = "REMOVED"
    """Value taken away by adjustments, or reversed when a credit was voided or a bulk taken back; above zero, such a removal
    put back."""
    EXPIRED = "EXPIRED"
    """Value written off after its expiry."""
    INVOICES = "INVOICES"
    """Value set against invoices, or used to pay them."""
    REDEEMED = "REDEEMED"
    """Points paid for rewards, and service credits used."""
    SPENT = "SPENT"
    """Value spent by spendCredit."""
    ORDERS = "ORDERS"
    """Value sold by orders, and money paid beyond what was due."""
    NOTES = "NOTES"
    """Money paid that credit notes gave back as credit."""
    TRANSFERRED = "TRANSFERRED"
    """Value moved between customers; sums to zero."""
    MERGED = "MERGED"
    """Value moved between merged records; sums to zero."""
    RESTATED = "RESTATED"
    """Lifetime totals corrected by a migration; no value."""


# Worked out, and stored nowhere.
class CreditStatus(StrEnum):
    """State of a credit."""

    SCHEDULED = "SCHEDULED"
    """It starts on a later day, and cannot be spent yet."""
    OPEN = "OPEN"
    """It has a remainder that can be spent now."""
    EXHAUSTED = "EXHAUSTED"
    """Nothing is left of it."""
    EXPIRED = "EXPIRED"
    """It expired with something left, which can no longer be spent."""
    VOIDED = "VOIDED"
    """It was voided, and its remainder reversed."""


class HoldStatus(StrEnum):
    """State of a hold."""

    HELD = "HELD"
    """Value is set aside, and can be captured."""
    CAPTURED = "CAPTURED"
    """All of it was captured."""
    RELEASED = "RELEASED"
    """It was released, or its credit voided, before all of it was captured."""
    EXPIRED = "EXPIRED"
    """Its time passed before all of it was captured, and the rest was let go."""


class InvoiceKind(StrEnum):
    """Whether an invoice bills free text or sells products."""

    INVOICE = "INVOICE"
    """A plain invoice, whose lines are free text."""
    ORDER = "ORDER"
    """An order, whose lines are products."""


class InvoiceStatus(StrEnum):
    """State of an invoice by what is still due."""

    OPEN = "OPEN"
    """Nothing is paid yet."""
    PART_PAID = "PART_PAID"
    """A part is paid, and the rest is due."""
    PAID = "PAID"
    """Nothing is due any more."""
    VOID = "VOID"
    """It was voided, and nothing is due."""


class AssignmentOrigin(StrEnum):
    """How an assignment came about."""

    AUTO = "AUTO"
    """Scrip applied open credit when the invoice was issued."""
    MANUAL = "MANUAL"
    """A user or program assigned it."""


class PaymentMethod(StrEnum):
    """Means of payment."""

    CASH = "CASH"
    """Coins and notes."""
    CHECK = "CHECK"
    """A cheque."""
    CARD = "CARD"
    """A debit or credit card."""
    TRANSFER = "TRANSFER"
    """A bank transfer."""
    OTHER = "OTHER"
    """Any other means of paying in money."""
    ACCOUNT_CREDIT = "ACCOUNT_CREDIT"
    """The customer's open credit, taken in burn order."""


class GiveBack(StrEnum):
    """Which of an invoice's payments and assignments a credit note gives back first."""

    LAST_FIRST = "LAST_FIRST"
    """The assignments and payments that paid last."""
    IN_PROPORTION = "IN_PROPORTION"
    """A part of what each credit paid, and of the money."""


class ProductKind(StrEnum):
    """Nature of a product: goods, a service or credit."""

    GOODS = "GOODS"
    """Something to hand over."""
    SERVICE = "SERVICE"
    """Something to do for the customer."""
    CREDIT = "CREDIT"
    """Account credit, added once the order is paid in full."""


class RewardKind(StrEnum):
    """Benefit that a reward's coupons give."""

    FIXED = "FIXED"
    """An amount off, in one currency."""
    PERCENT = "PERCENT"
    """A percentage off."""
    FREE_PRODUCT = "FREE_PRODUCT"
    """A product for free."""
    FREE_DELIVERY = "FREE_DELIVERY"
    """Delivery for free."""


class CouponStatus(StrEnum):
    """State of a coupon."""

    ISSUED = "ISSUED"
    """It can be used."""
    USED = "USED"
    """It was used."""
    DISABLED = "DISABLED"
    """It was disabled, and can no longer be used."""
    # Worked out, and not stored.
    EXPIRED = "EXPIRED"
    """Its last day passed unused."""


class ApprovalStatus(StrEnum):
    """State of an approval request."""

    PENDING = "PENDING"
    """It waits for a decision."""
    APPROVED = "APPROVED"
    """It was approved and posted."""
    REJECTED = "REJECTED"
    """A second person rejected it."""
    WITHDRAWN = "WITHDRAWN"
    """The requester withdrew it."""
    EXPIRED = "EXPIRED"
    """Its time ran out before a decision."""


class BulkStatus(StrEnum):
    """Progress of a bulk."""

    QUEUED = "QUEUED"
    """It waits for a worker."""
    RUNNING = "RUNNING"
    """A worker is validating or posting its rows."""
    COMPLETED = "COMPLETED"
    """All rows were tried; look at `failed` for those rejected."""
    FAILED = "FAILED"
    """A row was bad under REJECT_ALL, and no row was posted."""
    CANCELLED = "CANCELLED"
    """It was cancelled; rows posted before stay posted."""


class BulkKind(StrEnum):
    """Kind of a bulk operation."""

    ADJUSTMENT = "ADJUSTMENT"
    """It adjusts its customers, each by a row of its own."""
    REVERSAL = "REVERSAL"
    """It takes another bulk back, row by row."""


class BulkMode(StrEnum):
    """Meaning of a bulk's amounts."""

    ADJUST = "ADJUST"
    """Each is added, or removed if it is negative."""
    SET = "SET"
    """Each is what the customer is to have available: the difference is added or removed, by what is available when the row
    is posted."""


class FileFormat(StrEnum):
    """Kind of file that a bulk was sent as."""

    CSV = "CSV"
    """Text, a line for each row."""
    XLSX = "XLSX"
    """A workbook of a spreadsheet program."""


class BulkErrorPolicy(StrEnum):
    """How a bulk treats bad rows."""

    REJECT_ALL = "REJECT_ALL"
    """One bad row rejects all rows."""
    SKIP_FAILED = "SKIP_FAILED"
    """Good rows are posted, and bad rows are reported."""


class ReceiptState(StrEnum):
    """Whether an entry has a receipt."""

    READY = "READY"
    """It has."""
    PENDING = "PENDING"
    """Not yet: no checkpoint has been made since. Ask again later."""
    TOO_FAR = "TOO_FAR"
    """More than 1,000 entries have followed on its account. An export of the tenant has them all."""
    TOO_OLD = "TOO_OLD"
    """It was posted by a version whose entries cannot be checked one by one. An export has what follows it."""
