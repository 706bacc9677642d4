"""Every closed list of values that the database stores, and those computed from them. The names are the values."""

from enum import StrEnum


class Role(StrEnum):
    STAFF = "STAFF"
    MANAGER = "MANAGER"
    ADMIN = "ADMIN"
    PARTNER = "PARTNER"
    CUSTOMER = "CUSTOMER"
    SYSTEM = "SYSTEM"


class LimitRole(StrEnum):
    """Roles that can have limits."""

    STAFF = "STAFF"
    MANAGER = "MANAGER"
    ADMIN = "ADMIN"
    PARTNER = "PARTNER"


class LimitKind(StrEnum):
    ADDING = "ADDING"
    SELLING_CREDIT = "SELLING_CREDIT"


class LimitScope(StrEnum):
    PER_ADJUSTMENT = "PER_ADJUSTMENT"
    PER_ACTOR_DAY = "PER_ACTOR_DAY"
    PER_CUSTOMER_DAY = "PER_CUSTOMER_DAY"


class CounterScope(StrEnum):
    """The subject of a day's counter."""

    PER_ACTOR_DAY = "PER_ACTOR_DAY"
    PER_CUSTOMER_DAY = "PER_CUSTOMER_DAY"
    SOLD_ACTOR_DAY = "SOLD_ACTOR_DAY"


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
    RESTATEMENT = "RESTATEMENT"


class Counter(StrEnum):
    """The other side of an entry."""

    ISSUED = "ISSUED"
    REMOVED = "REMOVED"
    EXPIRED = "EXPIRED"
    INVOICES = "INVOICES"
    REDEEMED = "REDEEMED"
    ORDERS = "ORDERS"
    MERGED = "MERGED"
    RESTATED = "RESTATED"


class CreditStatus(StrEnum):
    """Computed, and stored nowhere."""

    SCHEDULED = "SCHEDULED"
    OPEN = "OPEN"
    EXHAUSTED = "EXHAUSTED"
    EXPIRED = "EXPIRED"
    VOIDED = "VOIDED"


class InvoiceKind(StrEnum):
    INVOICE = "INVOICE"
    ORDER = "ORDER"


class InvoiceStatus(StrEnum):
    OPEN = "OPEN"
    PART_PAID = "PART_PAID"
    PAID = "PAID"
    VOID = "VOID"


class AssignmentOrigin(StrEnum):
    AUTO = "AUTO"
    MANUAL = "MANUAL"


class PaymentMethod(StrEnum):
    """ACCOUNT_CREDIT is account credit's own method."""

    CASH = "CASH"
    CHECK = "CHECK"
    CARD = "CARD"
    TRANSFER = "TRANSFER"
    OTHER = "OTHER"
    ACCOUNT_CREDIT = "ACCOUNT_CREDIT"


class ProductKind(StrEnum):
    GOODS = "GOODS"
    SERVICE = "SERVICE"
    CREDIT = "CREDIT"


class RewardKind(StrEnum):
    FIXED = "FIXED"
    PERCENT = "PERCENT"
    FREE_PRODUCT = "FREE_PRODUCT"
    FREE_DELIVERY = "FREE_DELIVERY"


class CouponStatus(StrEnum):
    """EXPIRED is computed, and not stored."""

    ISSUED = "ISSUED"
    USED = "USED"
    DISABLED = "DISABLED"
    EXPIRED = "EXPIRED"


class ApprovalStatus(StrEnum):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


class BulkStatus(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class BulkErrorPolicy(StrEnum):
    REJECT_ALL = "REJECT_ALL"
    SKIP_FAILED = "SKIP_FAILED"
