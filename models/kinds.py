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


class EventKind(StrEnum):
    """Kind of an event in the feed."""

    CREDIT_ADJUSTED = "CREDIT_ADJUSTED"
    """Value was added or removed by adjustCredit or a bulk."""
    CREDIT_ASSIGNED = "CREDIT_ASSIGNED"
    """Credit was set against invoices."""
    CREDIT_RELEASED = "CREDIT_RELEASED"
    """Assigned credit went back to its credits."""
    CREDIT_EXPIRED = "CREDIT_EXPIRED"
    """Credit had expired, and what was left of it was written off."""
    CREDIT_EXPIRING = "CREDIT_EXPIRING"
    """Credit expires in so many days as the tenant has set, or fewer."""
    CREDIT_VOIDED = "CREDIT_VOIDED"
    """A credit or an invoice was voided."""
    CREDIT_UPDATED = "CREDIT_UPDATED"
    """A credit's terms were changed."""
    CREDIT_USED = "CREDIT_USED"
    """Service credits were spent on a service."""
    CREDIT_SPENT = "CREDIT_SPENT"
    """Value was spent for a purpose."""
    CREDIT_REFUNDED = "CREDIT_REFUNDED"
    """A spend or a use was given back, or a part of it."""
    CREDIT_HELD = "CREDIT_HELD"
    """Value was set aside, for longer, or let go."""
    HOLD_LAPSED = "HOLD_LAPSED"
    """A hold's time ran out before all of it was captured or let go."""
    CREDIT_SOLD = "CREDIT_SOLD"
    """A paid order added the credit that it sold."""
    CREDIT_KEPT = "CREDIT_KEPT"
    """Money paid beyond what was due became credit."""
    CREDIT_NOTED = "CREDIT_NOTED"
    """A credit note was made, and gave back what had been paid."""
    CREDIT_NOTE_VOIDED = "CREDIT_NOTE_VOIDED"
    """A credit note was voided."""
    CREDIT_TRANSFERRED = "CREDIT_TRANSFERRED"
    """Value moved from one customer to another."""
    CREDIT_REVIVED = "CREDIT_REVIVED"
    """Value that had expired was put back on its credit."""
    CREDIT_REVERSED = "CREDIT_REVERSED"
    """Something was taken back: account credit of a voided payment, credit of an unpaid order, points of a coupon."""
    CREDIT_MERGED = "CREDIT_MERGED"
    """Value moved from one record of a person to another."""
    LIFETIME_RESTATED = "LIFETIME_RESTATED"
    """A migration corrected a lifetime total in older books."""
    REWARD_GIVEN = "REWARD_GIVEN"
    """A reward was given."""
    TIER_CHANGED = "TIER_CHANGED"
    """A lifetime total crossed a tier's threshold, or a threshold crossed it."""
    COUPON_ISSUED = "COUPON_ISSUED"
    """A coupon was issued."""
    COUPON_USED = "COUPON_USED"
    """A coupon was used."""
    COUPON_REOPENED = "COUPON_REOPENED"
    """A used coupon was made usable again."""
    COUPON_DISABLED = "COUPON_DISABLED"
    """A coupon was disabled."""
    INVOICE_ISSUED = "INVOICE_ISSUED"
    """An invoice or an order was made."""
    INVOICE_PAID = "INVOICE_PAID"
    """Nothing is due of an invoice any more."""
    INVOICE_VOIDED = "INVOICE_VOIDED"
    """An invoice or an order was voided."""
    ORDER_PAID = "ORDER_PAID"
    """Nothing is due of an order any more."""
    PAYMENT_RECORDED = "PAYMENT_RECORDED"
    """A payment was recorded."""
    PAYMENT_VOIDED = "PAYMENT_VOIDED"
    """A payment was voided."""
    APPROVAL_REQUESTED = "APPROVAL_REQUESTED"
    """Something waits for a second person."""
    APPROVAL_APPROVED = "APPROVAL_APPROVED"
    """A request was approved, and posted."""
    APPROVAL_REJECTED = "APPROVAL_REJECTED"
    """A second person rejected a request."""
    APPROVAL_WITHDRAWN = "APPROVAL_WITHDRAWN"
    """The requester withdrew a request."""
    APPROVAL_EXPIRED = "APPROVAL_EXPIRED"
    """A request's time ran out before a decision."""
    BULK_FINISHED = "BULK_FINISHED"
    """A bulk was completed, failed or was cancelled."""
    CUSTOMER_CREATED = "CUSTOMER_CREATED"
    """A customer was added."""
    CUSTOMER_UPDATED = "CUSTOMER_UPDATED"
    """A customer's name, e-mail, external id or texts were changed."""
    CUSTOMER_MERGED = "CUSTOMER_MERGED"
    """A customer's record was merged into another."""
    CUSTOMER_ERASED = "CUSTOMER_ERASED"
    """A person was erased."""
    MEMBERSHIP_CHANGED = "MEMBERSHIP_CHANGED"
    """A membership was started, cancelled or reinstated."""
    LIMIT_CHANGED = "LIMIT_CHANGED"
    """A limit was set or removed."""
    REASON_CHANGED = "REASON_CHANGED"
    """An adjustment reason was added or changed."""
    TOKEN_CHANGED = "TOKEN_CHANGED"  # noqa: S105 - no secret
    """A partner's token was issued, rotated or revoked."""
    SETTINGS_CHANGED = "SETTINGS_CHANGED"
    """Another part of the configuration was changed: tiers, rewards, services, products, or the tenant itself."""
    CHECKPOINT_MADE = "CHECKPOINT_MADE"
    """A signed checkpoint of the books was made."""


class WebhookStatus(StrEnum):
    """State of a webhook."""

    ACTIVE = "ACTIVE"
    """Events are delivered."""
    DISABLED = "DISABLED"
    """Somebody has disabled it."""
    PAUSED = "PAUSED"
    """Scrip has stopped delivering, for the reason that `pauseReason` gives, until somebody enables it."""


class WebhookPause(StrEnum):
    """Reason for which Scrip has stopped delivering."""

    FAILING = "FAILING"
    """Nothing could be delivered for three days."""
    GONE = "GONE"
    """The endpoint answered 410 Gone."""
    KEY_UNKNOWN = "KEY_UNKNOWN"
    """The key that its secret was derived from is not known here: rotate the secret."""
    PRUNED = "PRUNED"
    """Events that it has not got are not kept any more: say from where to go on, by replayWebhook."""


class DeliveryStatus(StrEnum):
    """State of a delivery."""

    WAITING = "WAITING"
    """It waits for an earlier event of the same account, or for its turn."""
    RETRYING = "RETRYING"
    """It has failed, and will be tried again."""
    DELIVERED = "DELIVERED"
    """The endpoint has taken it, with a status from 200 to 299."""
    FAILED = "FAILED"
    """It was given up."""
    CANCELLED = "CANCELLED"
    """A replay took its place."""


class DeliveryError(StrEnum):
    """Reason for which an attempt failed."""

    STATUS = "STATUS"
    """The endpoint answered with another status than 200 to 299."""
    REDIRECT = "REDIRECT"
    """The endpoint answered with a redirect. None is followed."""
    TIMEOUT = "TIMEOUT"
    """The endpoint took longer than 15 seconds."""
    CONNECTION = "CONNECTION"
    """No connection came about, or it broke."""
    TLS = "TLS"
    """The endpoint's certificate is not valid for its name, or no encryption could be agreed on."""
    NAME = "NAME"
    """The host's name is not known."""
    ADDRESS = "ADDRESS"
    """The host is in a network to which the operator allows no requests."""
    PROTOCOL = "PROTOCOL"
    """The answer was not HTTP."""
