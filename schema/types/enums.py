"""The API's enums. Their values are the names that the ledger itself uses."""

from enum import StrEnum

import strawberry


@strawberry.enum
class Role(StrEnum):
    STAFF = "STAFF"
    MANAGER = "MANAGER"
    ADMIN = "ADMIN"
    PARTNER = "PARTNER"
    CUSTOMER = "CUSTOMER"
    SYSTEM = "SYSTEM"  # Scrip itself: a job or an import


@strawberry.enum
class Direction(StrEnum):
    ADD = "ADD"
    REMOVE = "REMOVE"


@strawberry.enum
class CreditStatus(StrEnum):
    SCHEDULED = "SCHEDULED"
    OPEN = "OPEN"
    EXHAUSTED = "EXHAUSTED"
    EXPIRED = "EXPIRED"
    VOIDED = "VOIDED"


@strawberry.enum
class TransactionKind(StrEnum):
    ADJUSTMENT = "ADJUSTMENT"
    ASSIGNMENT = "ASSIGNMENT"
    RELEASE = "RELEASE"
    EXPIRY = "EXPIRY"
    VOID = "VOID"
    UPDATE = "UPDATE"
    USE = "USE"
    REWARD = "REWARD"
    ORDER = "ORDER"
    REVERSAL = "REVERSAL"
    MERGE = "MERGE"
    RESTATEMENT = "RESTATEMENT"  # books of before a rule that came later, brought to it by a migration


@strawberry.enum
class MembershipStatus(StrEnum):
    ACTIVE = "ACTIVE"
    CANCELLED = "CANCELLED"  # within the grace period: service credits can still be added
    ENDED = "ENDED"  # and the grace period is over


@strawberry.enum
class Counter(StrEnum):
    """The other side of an entry."""

    ISSUED = "ISSUED"
    REMOVED = "REMOVED"
    EXPIRED = "EXPIRED"
    INVOICES = "INVOICES"
    REDEEMED = "REDEEMED"
    ORDERS = "ORDERS"
    MERGED = "MERGED"
    RESTATED = "RESTATED"  # no value moves: a lifetime total is brought to a rule that came later


@strawberry.enum
class InvoiceStatus(StrEnum):
    OPEN = "OPEN"
    PART_PAID = "PART_PAID"
    PAID = "PAID"
    VOID = "VOID"


@strawberry.enum
class AssignmentOrigin(StrEnum):
    AUTO = "AUTO"
    MANUAL = "MANUAL"


@strawberry.enum
class CouponStatus(StrEnum):
    ISSUED = "ISSUED"
    USED = "USED"
    DISABLED = "DISABLED"
    EXPIRED = "EXPIRED"


@strawberry.enum
class RewardKind(StrEnum):
    FIXED = "FIXED"  # an amount off
    PERCENT = "PERCENT"  # so many per cent off
    FREE_PRODUCT = "FREE_PRODUCT"
    FREE_DELIVERY = "FREE_DELIVERY"


@strawberry.enum
class RequestedOperation(StrEnum):
    """What an approval request asks for."""

    ADJUST_CREDIT = "adjustCredit"
    GIVE_REWARD = "giveReward"
    CREATE_ORDER = "createOrder"


@strawberry.enum
class ApprovalStatus(StrEnum):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


@strawberry.enum
class BulkStatus(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@strawberry.enum
class BulkErrorPolicy(StrEnum):
    REJECT_ALL = "REJECT_ALL"
    SKIP_FAILED = "SKIP_FAILED"


@strawberry.enum
class PaymentMethod(StrEnum):
    CASH = "CASH"
    CHECK = "CHECK"
    CARD = "CARD"
    TRANSFER = "TRANSFER"
    OTHER = "OTHER"
    ACCOUNT_CREDIT = "ACCOUNT_CREDIT"  # takes the customer's open credit, in burn order


@strawberry.enum
class InvoiceKind(StrEnum):
    INVOICE = "INVOICE"
    ORDER = "ORDER"


@strawberry.enum
class ProductKind(StrEnum):
    GOODS = "GOODS"
    SERVICE = "SERVICE"
    CREDIT = "CREDIT"  # puts its worth on the account once its order is paid in full


@strawberry.enum
class LimitScope(StrEnum):
    PER_ADJUSTMENT = "PER_ADJUSTMENT"
    PER_ACTOR_DAY = "PER_ACTOR_DAY"
    PER_CUSTOMER_DAY = "PER_CUSTOMER_DAY"


@strawberry.enum
class LimitKind(StrEnum):
    """What a limit is about."""

    ADDING = "ADDING"  # whatever adds value
    SELLING_CREDIT = "SELLING_CREDIT"  # what an order's credit lines come to; PER_ADJUSTMENT is per order


@strawberry.enum
class UserErrorCode(StrEnum):
    """Why a mutation changed nothing. Clients branch on it."""

    NOT_FOUND = "NOT_FOUND"
    INVALID = "INVALID"
    DUPLICATE = "DUPLICATE"
    BUSY = "BUSY"
    UNAVAILABLE = "UNAVAILABLE"
    OPEN_INVOICES = "OPEN_INVOICES"  # not answered any more: a merge takes open invoices along
    AMOUNT_ZERO = "AMOUNT_ZERO"
    AMOUNT_PRECISION = "AMOUNT_PRECISION"
    AMOUNT_OUT_OF_RANGE = "AMOUNT_OUT_OF_RANGE"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    CREDIT_NOT_OPEN = "CREDIT_NOT_OPEN"
    CREDIT_ASSIGNED = "CREDIT_ASSIGNED"
    CREDIT_SPENT = "CREDIT_SPENT"
    EXPIRY_IN_PAST = "EXPIRY_IN_PAST"
    EXPIRY_CONFLICT = "EXPIRY_CONFLICT"
    REASON_UNKNOWN = "REASON_UNKNOWN"
    REASON_DIRECTION = "REASON_DIRECTION"
    NOTE_REQUIRED = "NOTE_REQUIRED"
    MEMBERSHIP_GRACE_ENDED = "MEMBERSHIP_GRACE_ENDED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    CURRENCY_NOT_ALLOWED = "CURRENCY_NOT_ALLOWED"
    REQUEST_CHANGED = "REQUEST_CHANGED"
    REQUEST_NOT_PENDING = "REQUEST_NOT_PENDING"
    REQUESTER_NOT_ALLOWED = "REQUESTER_NOT_ALLOWED"
    TOO_MANY_PENDING = "TOO_MANY_PENDING"
    REWARD_INACTIVE = "REWARD_INACTIVE"
    INVOICE_NOT_OPEN = "INVOICE_NOT_OPEN"
    EXCEEDS_DUE = "EXCEEDS_DUE"
    EXCEEDS_REMAINING = "EXCEEDS_REMAINING"
    CUSTOMER_MISMATCH = "CUSTOMER_MISMATCH"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    ALREADY_RELEASED = "ALREADY_RELEASED"
    PAYMENT_VOIDED = "PAYMENT_VOIDED"
    INVOICE_PAID = "INVOICE_PAID"
    COUPON_NOT_ISSUED = "COUPON_NOT_ISSUED"
    NO_MEMBERSHIP = "NO_MEMBERSHIP"
