"""Enums of the API. Their values are the names that the ledger itself uses."""

from enum import StrEnum

import strawberry


@strawberry.enum
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


@strawberry.enum
class Direction(StrEnum):
    """Direction of an adjustment."""

    ADD = "ADD"
    """Value is added to an account."""
    REMOVE = "REMOVE"
    """Value is removed from an account."""


@strawberry.enum
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


@strawberry.enum
class TransactionKind(StrEnum):
    """Kind of business event that a transaction records."""

    ADJUSTMENT = "ADJUSTMENT"
    """Value was added or removed by adjustCredit or a bulk."""
    ASSIGNMENT = "ASSIGNMENT"
    """Credit was set against invoices."""
    RELEASE = "RELEASE"
    """Assigned credit went back to its credits."""
    EXPIRY = "EXPIRY"
    """Expired remainders were written off by a job."""
    VOID = "VOID"
    """A credit or an invoice was voided."""
    UPDATE = "UPDATE"
    """A credit's terms were changed; it has no entries."""
    USE = "USE"
    """Service credits were spent on a service."""
    REWARD = "REWARD"
    """A reward was given; it has entries if points were paid."""
    ORDER = "ORDER"
    """A paid order added the credit that it sold."""
    REVERSAL = "REVERSAL"
    """Something was taken back: the account credit of a voided payment, the credit of an unpaid order, or the points of
    a disabled coupon."""
    MERGE = "MERGE"
    """Value moved from one record of a person to another."""
    RESTATEMENT = "RESTATEMENT"
    """A migration corrected a lifetime total in older books; no value moved."""


@strawberry.enum
class MembershipStatus(StrEnum):
    """State of a membership."""

    ACTIVE = "ACTIVE"
    """The membership is running."""
    CANCELLED = "CANCELLED"
    """It was cancelled, and the grace period still runs: service credits can be added."""
    ENDED = "ENDED"
    """It was cancelled, and the grace period is over: service credits cannot be added."""


@strawberry.enum
class Counter(StrEnum):
    """Other side of an entry: where value came from, or went to."""

    ISSUED = "ISSUED"
    """Value given by adjustments."""
    REMOVED = "REMOVED"
    """Value taken away by adjustments, or reversed when a credit was voided."""
    EXPIRED = "EXPIRED"
    """Value written off after its expiry."""
    INVOICES = "INVOICES"
    """Value set against invoices, or used to pay them."""
    REDEEMED = "REDEEMED"
    """Points paid for rewards, and service credits used."""
    ORDERS = "ORDERS"
    """Value sold by orders."""
    MERGED = "MERGED"
    """Value moved between merged records; sums to zero."""
    RESTATED = "RESTATED"
    """Lifetime totals corrected by a migration; no value."""


@strawberry.enum
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


@strawberry.enum
class AssignmentOrigin(StrEnum):
    """How an assignment came about."""

    AUTO = "AUTO"
    """Scrip applied open credit when the invoice was issued."""
    MANUAL = "MANUAL"
    """A user or program assigned it."""


@strawberry.enum
class CouponStatus(StrEnum):
    """State of a coupon."""

    ISSUED = "ISSUED"
    """It can be used."""
    USED = "USED"
    """It was used."""
    DISABLED = "DISABLED"
    """It was disabled, and can no longer be used."""
    EXPIRED = "EXPIRED"
    """Its last day passed unused."""


@strawberry.enum
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


@strawberry.enum
class RequestedOperation(StrEnum):
    """Mutation that an approval request asks for."""

    ADJUST_CREDIT = "adjustCredit"
    """An adjustment, as by adjustCredit."""
    GIVE_REWARD = "giveReward"
    """A reward for a customer, as by giveReward."""
    CREATE_ORDER = "createOrder"
    """A new order, as by createOrder."""


@strawberry.enum
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


@strawberry.enum
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


@strawberry.enum
class BulkErrorPolicy(StrEnum):
    """How a bulk treats bad rows."""

    REJECT_ALL = "REJECT_ALL"
    """One bad row rejects all rows."""
    SKIP_FAILED = "SKIP_FAILED"
    """Good rows are posted, and bad rows are reported."""


@strawberry.enum
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


@strawberry.enum
class InvoiceKind(StrEnum):
    """Whether an invoice bills free text or sells products."""

    INVOICE = "INVOICE"
    """A plain invoice, whose lines are free text."""
    ORDER = "ORDER"
    """An order, whose lines are products."""


@strawberry.enum
class ProductKind(StrEnum):
    """Nature of a product: goods, a service or credit."""

    GOODS = "GOODS"
    """Something to hand over."""
    SERVICE = "SERVICE"
    """Something to do for the customer."""
    CREDIT = "CREDIT"
    """Account credit, added once the order is paid in full."""


@strawberry.enum
class LimitScope(StrEnum):
    """Span that a limit covers."""

    PER_ADJUSTMENT = "PER_ADJUSTMENT"
    """One adjustment or, for SELLING_CREDIT, one order."""
    PER_ACTOR_DAY = "PER_ACTOR_DAY"
    """All that one person or client does in a day."""
    PER_CUSTOMER_DAY = "PER_CUSTOMER_DAY"
    """All that one customer is given in a day."""


@strawberry.enum
class LimitKind(StrEnum):
    """Activity that a limit is on."""

    ADDING = "ADDING"
    """Adding value: adjustments, bulks and free rewards."""
    SELLING_CREDIT = "SELLING_CREDIT"
    """Selling credit: the total of an order's credit lines."""


@strawberry.enum
class UserErrorCode(StrEnum):
    """Code of an expected failure, for clients to branch on. Nothing was changed; each value says what to do."""

    NOT_FOUND = "NOT_FOUND"
    """The named object does not exist, or the token may not see it. Check the id."""
    INVALID = "INVALID"
    """The input cannot be accepted as it is. Correct the `field` as the message says."""
    DUPLICATE = "DUPLICATE"
    """The name, number or id is already taken, or is listed twice. Choose another."""
    BUSY = "BUSY"
    """Others held the account for too long. Send the same request again, with the same idempotency key."""
    UNAVAILABLE = "UNAVAILABLE"
    """This server cannot write at the moment. Send the same request again shortly, with the same idempotency key."""
    OPEN_INVOICES = "OPEN_INVOICES"
    """No longer returned: open invoices follow a merge. Nothing to do."""
    AMOUNT_ZERO = "AMOUNT_ZERO"
    """The amount is zero. Enter an amount above or below zero."""
    AMOUNT_PRECISION = "AMOUNT_PRECISION"
    """The amount has more decimal places than the asset. Round it, such as 10.01 instead of 10.005 for GBP."""
    AMOUNT_OUT_OF_RANGE = "AMOUNT_OUT_OF_RANGE"
    """The amount, or the balance it would lead to, is too large. Check the amount for a typing error."""
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    """Credit and invoice, or product and order, have different currencies. Use one currency throughout."""
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    """The customer has less than that available. Use at most `available`."""
    CREDIT_NOT_OPEN = "CREDIT_NOT_OPEN"
    """The credit has not started, is used up, has expired or was voided. Choose an open credit."""
    CREDIT_ASSIGNED = "CREDIT_ASSIGNED"
    """Part of the credit is set against invoices. Release that first, or pass releaseAssignments: true."""
    CREDIT_SPENT = "CREDIT_SPENT"
    """Credit that the order granted has been used. Give back the `used` amount first, then void again."""
    EXPIRY_IN_PAST = "EXPIRY_IN_PAST"
    """The expiry has passed already, or comes before the start. Choose a later date."""
    EXPIRY_CONFLICT = "EXPIRY_CONFLICT"
    """Two expiries were given, or a date that does not apply here. Give one, or leave it out."""
    REASON_UNKNOWN = "REASON_UNKNOWN"
    """The reason code does not exist or is retired. Choose one from adjustmentReasons."""
    REASON_DIRECTION = "REASON_DIRECTION"
    """The reason does not allow this direction. Choose one that lists it in `directions`."""
    NOTE_REQUIRED = "NOTE_REQUIRED"
    """The reason needs a note. Add one."""
    MEMBERSHIP_GRACE_ENDED = "MEMBERSHIP_GRACE_ENDED"
    """The membership ended longer ago than the grace period. Reinstate or start it before adding service credits."""
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    """The amount is over a limit. Use at most `remaining`, or send it again with requestApproval: true."""
    CURRENCY_NOT_ALLOWED = "CURRENCY_NOT_ALLOWED"
    """Your role may not use this currency. Use one of `currencies`, or ask a manager."""
    REQUEST_CHANGED = "REQUEST_CHANGED"
    """The request's terms changed since it was made. Review `changes`, then approve with `version`."""
    REQUEST_NOT_PENDING = "REQUEST_NOT_PENDING"
    """The request was decided already, or has expired. Reload it; ask again if it is still needed."""
    REQUESTER_NOT_ALLOWED = "REQUESTER_NOT_ALLOWED"
    """The requester may no longer ask for this. Have somebody with the right ask again."""
    TOO_MANY_PENDING = "TOO_MANY_PENDING"
    """You have the maximum of pending requests. Have some decided, or withdraw some."""
    REWARD_INACTIVE = "REWARD_INACTIVE"
    """The reward is retired or out of stock. Choose another reward."""
    INVOICE_NOT_OPEN = "INVOICE_NOT_OPEN"
    """Nothing is due on the invoice. Choose an open one."""
    EXCEEDS_DUE = "EXCEEDS_DUE"
    """The amount is more than is due. Lower it to what is due."""
    EXCEEDS_REMAINING = "EXCEEDS_REMAINING"
    """The amount is more than is left of the credit. Lower it to the remainder."""
    CUSTOMER_MISMATCH = "CUSTOMER_MISMATCH"
    """The objects belong to different customers. Name objects of one customer."""
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    """The idempotency key was sent with another input. Use a new key for a new request."""
    ALREADY_RELEASED = "ALREADY_RELEASED"
    """The assignment was released already. Reload it; nothing more to do."""
    PAYMENT_VOIDED = "PAYMENT_VOIDED"
    """The payment was voided already. Reload it; nothing more to do."""
    INVOICE_PAID = "INVOICE_PAID"
    """The invoice has payments. Void those first."""
    COUPON_NOT_ISSUED = "COUPON_NOT_ISSUED"
    """The coupon was used, disabled or has expired. Give the customer another."""
    NO_MEMBERSHIP = "NO_MEMBERSHIP"
    """The customer never had a membership. Start one with startMembership."""
