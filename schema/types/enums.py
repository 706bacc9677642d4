"""Enums of the API: the ledger's own, described in models/kinds.py, and those that only the API has."""

from enum import StrEnum

import strawberry

from models import event_kinds, kinds

for kind in (
    kinds.ApprovalStatus,
    kinds.AssignmentOrigin,
    event_kinds.AuditAction,
    kinds.BulkErrorPolicy,
    kinds.BulkKind,
    kinds.BulkMode,
    kinds.BulkStatus,
    kinds.Counter,
    kinds.CouponStatus,
    kinds.CreditStatus,
    event_kinds.DeliveryError,
    event_kinds.DeliveryStatus,
    event_kinds.EventKind,
    kinds.FileFormat,
    kinds.ReceiptState,
    kinds.GiveBack,
    kinds.HoldStatus,
    kinds.InvoiceKind,
    kinds.InvoiceStatus,
    kinds.LimitKind,
    kinds.LimitRole,
    kinds.LimitScope,
    kinds.PaymentMethod,
    kinds.ProductKind,
    kinds.RewardKind,
    kinds.Role,
    kinds.TransactionKind,
    event_kinds.WebhookPause,
    event_kinds.WebhookStatus,
):
    strawberry.enum(kind)


@strawberry.enum
class Direction(StrEnum):
    """Direction of an adjustment."""

    ADD = "ADD"
    """Value is added to an account."""
    REMOVE = "REMOVE"
    """Value is removed from an account."""


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
class RequestedOperation(StrEnum):
    """Mutation that an approval request asks for."""

    ADJUST_CREDIT = "adjustCredit"
    """An adjustment, as by adjustCredit."""
    GIVE_REWARD = "giveReward"
    """A reward for a customer, as by giveReward."""
    CREATE_ORDER = "createOrder"
    """A new order, as by createOrder."""
    REFUND_SPEND = "refundSpend"
    """A refund of what was spent, as by refundSpend."""
    RECORD_PAYMENT = "recordPayment"
    """A payment of which a part is to be kept as credit, as by recordPayment."""
    CREATE_CREDIT_NOTE = "createCreditNote"
    """A credit note on an invoice or order, as by createCreditNote."""
    TRANSFER_CREDIT = "transferCredit"
    """A transfer to another customer, as by transferCredit."""
    REVIVE_CREDIT = "reviveCredit"
    """A return of what has expired, as by reviveCredit."""


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
    """The amount has more decimal places than the asset, or a price more than four; or a line of credit does not come to a
    whole number of minor units. Round it, such as 10.01 instead of 10.005 for GBP."""
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
    CREDIT_HELD = "CREDIT_HELD"
    """Part of the credit is held. Release or capture that first, or pass releaseHolds: true. What others hold, a partner's
    program cannot release."""
    CREDIT_SPENT = "CREDIT_SPENT"
    """Credit that the order granted, the credit note gave back, or that was kept of the payment, has been used; of a note's,
    or has expired since. Give back the `used` amount first, then void again."""
    CREDIT_NOTED = "CREDIT_NOTED"
    """A credit note has given back a part of it. Void that note first, then undo this."""
    CREDIT_NOTE_VOIDED = "CREDIT_NOTE_VOIDED"
    """The credit note was voided before. Nothing to do."""
    EXPIRY_IN_PAST = "EXPIRY_IN_PAST"
    """The expiry has passed already, or comes before the start. Choose a later date."""
    EXPIRY_CONFLICT = "EXPIRY_CONFLICT"
    """Two expiries were given, or a date that does not apply here. Give one, or leave it out."""
    REASON_UNKNOWN = "REASON_UNKNOWN"
    """The reason code does not exist or is retired. Choose one from adjustmentReasons."""
    REASON_DIRECTION = "REASON_DIRECTION"
    """The reason does not allow this direction. Choose one that lists it in `directions`."""
    NOTE_REQUIRED = "NOTE_REQUIRED"
    """The reason needs a note, or a spend a note or a reference. Add one."""
    MEMBERSHIP_GRACE_ENDED = "MEMBERSHIP_GRACE_ENDED"
    """The membership ended longer ago than the grace period. Reinstate or start it before adding service credits."""
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    """The amount is over a limit. Use at most `remaining`, or send it again with requestApproval: true if the input has
    it."""
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
    """The amount is more than is due. Lower it to what is due, or keep the rest of a payment with keepExcess."""
    EXCEEDS_REMAINING = "EXCEEDS_REMAINING"
    """The amount is more than is left: of the credit or the hold, of the spend to give back, of the invoice or line to note,
    of the expired credit to revive. Lower it to the remainder."""
    HOLD_ENDED = "HOLD_ENDED"
    """The hold was captured or released, or has expired. Use what is available, or hold that."""
    TOO_MANY_HOLDS = "TOO_MANY_HOLDS"
    """The account has the maximum of holds. Capture or release some, or wait for them to expire."""
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
    BULK_NOT_REVERSIBLE = "BULK_NOT_REVERSIBLE"
    """The bulk runs, has posted nothing, is a reversal, or was or is being taken back. Wait for the end of one that runs."""
    BULK_NOT_RETRYABLE = "BULK_NOT_RETRYABLE"
    """The file runs, has posted nothing, was taken back, or has no row that could be tried as it is. Send what is left as a
    new file."""
    COUPON_NOT_USED = "COUPON_NOT_USED"
    """Only a used coupon can be reopened. Reload it; nothing more to do."""
    COUPON_REOPENED = "COUPON_REOPENED"
    """A use is undone once, and its points are then not given back. Give the customer another coupon if that is meant."""
    NO_MEMBERSHIP = "NO_MEMBERSHIP"
    """The customer never had a membership. Start one with startMembership."""
