"""Expected failures, each with a stable code that clients branch on; and the one that is a bug in Scrip.

A `LedgerError` is an expected answer: it is raised before the first write, and reaches the client as a `userError`.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Final, Self

from models.kinds import LimitKind

MAX_TOLD: Final = 5
"""Maximum differences listed in a message. The error has all."""
NOT_THAT_VERSION: Final = "The request is not as in the version given. Review it, then approve it again."


class InvariantViolated(Exception):
    """A rule that the ledger relies on is violated: a bug in Scrip, never an answer to a client."""


class DatabaseAway(Exception):
    """The database cannot be used now: it is unreachable, full or read-only. Neither a refusal by the ledger nor a bug.

    unknown: COMMIT was sent and its answer lost, so that it is unknown whether it was done; otherwise it was not.
    again: whether an immediate retry on another connection is allowed.
    """

    def __init__(self, *, unknown: bool = False, again: bool = False) -> None:
        super().__init__(
            "The connection to the database was lost before it confirmed this. Send the same request again with the same "
            "idempotency key: it will not be done twice."
            if unknown
            else "The database cannot be reached at the moment. Send the same request again shortly."
        )
        self.unknown = unknown
        self.again = again


class LedgerError(Exception):
    """Base of all expected failures.

    code: stable name, one of the contract's `UserErrorCode`. field: path in the input, or None. row: index in a bulk,
    from 0, or None. others: what else is wrong with that row.
    """

    code: ClassVar[str] = "INVALID"
    others: "tuple[LedgerError, ...]" = ()

    def __init__(self, message: str, *, field: tuple[str, ...] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.row: int | None = None

    def at(self, *field: str) -> Self:
        """The same failure, at another field."""
        self.field = field
        return self


class LedgerErrors(LedgerError):
    """Several failures of one request at once: a bulk's bad rows, each with its `row`."""

    def __init__(self, errors: "tuple[LedgerError, ...]") -> None:
        super().__init__(f"{len(errors)} rows cannot be posted, so no row was. Correct them, or skip failed rows.")
        self.errors = errors


class Invalid(LedgerError):
    """Input that no state of the ledger could accept."""

    code = "INVALID"


class NotFound(LedgerError):
    """The object does not exist in this tenant (or the caller may not know of it)."""

    code = "NOT_FOUND"


class Duplicate(LedgerError):
    """The name exists already, or twice in one input."""

    code = "DUPLICATE"


class Busy(LedgerError):
    """Others held the rows for too long; the client may retry."""

    code = "BUSY"

    def __init__(self, message: str = "This account is in use by others. Nothing was changed; try again.") -> None:
        super().__init__(message)


class Unavailable(LedgerError):
    """This server writes nothing now, because its clock differs too much from the database's; another server may."""

    code = "UNAVAILABLE"

    def __init__(self, skew_s: float) -> None:
        """skew_s: seconds by which its clock is ahead of the database's."""
        super().__init__(
            f"This server's clock is {skew_s:+.1f} s off, so it cannot write. Nothing was changed; try again shortly."
        )
        self.skew_s = skew_s


class AssetUnknown(LedgerError):
    """Neither an ISO 4217 code nor one of Scrip's own assets."""

    code = "INVALID"

    def __init__(self, asset: str) -> None:
        super().__init__(
            f"{asset[:32]!r} is no asset. Use an ISO 4217 currency such as GBP, SERVICE_CREDITS or POINTS.",
            field=("asset",),
        )


class AmountZero(LedgerError):
    code = "AMOUNT_ZERO"

    def __init__(self) -> None:
        super().__init__("The amount is zero. Enter another one.", field=("amount",))


class AmountPrecision(LedgerError):
    code = "AMOUNT_PRECISION"

    def __init__(self, *, amount: Decimal, asset: str, places: int) -> None:
        allowed = f"has {places} decimal places" if places else "is counted in whole numbers"
        super().__init__(f"{amount} has too many decimal places: {asset} {allowed}.", field=("amount",))


class AmountOutOfRange(LedgerError):
    code = "AMOUNT_OUT_OF_RANGE"

    def __init__(self, *, amount: Decimal | int, asset: str) -> None:
        super().__init__(f"{amount} {asset} is more than an account can hold. Check the amount.", field=("amount",))


class CurrencyMismatch(LedgerError):
    """want: None if any currency would do, and `have` is none."""

    code = "CURRENCY_MISMATCH"

    def __init__(self, have: str, want: str | None = None) -> None:
        if want is None:
            super().__init__(f"{have} is not a currency. Use one, such as GBP.")
        else:
            super().__init__(f"{have} cannot be used for {want}: both must be in the same currency.")


class InsufficientBalance(LedgerError):
    """The amount is more than can be spent now. Carries the amount that can."""

    code = "INSUFFICIENT_BALANCE"

    def __init__(self, available: Decimal, asset: str, *, what: str = "available") -> None:
        left = f"only {available} {asset}" if available else "nothing"
        super().__init__(f"Not enough: {left} is {what}.", field=("amount",))
        self.available, self.asset = available, asset


class CreditNotOpen(LedgerError):
    code = "CREDIT_NOT_OPEN"

    def __init__(self, status: str) -> None:
        super().__init__(
            f"The credit is {status.lower()}, so it cannot be used. Choose an open one.", field=("creditId",)
        )


class CreditAssigned(LedgerError):
    code = "CREDIT_ASSIGNED"

    def __init__(self) -> None:
        super().__init__(
            "Part of the credit is set against invoices. Release that first, or void it with releaseAssignments.",
            field=("creditId",),
        )


class CreditSpent(LedgerError):
    """Credit that an order granted, a credit note gave back, or that was kept of a payment, must be taken back, but was
    used. Carries the used amount."""

    code = "CREDIT_SPENT"

    def __init__(self, used: Decimal, granted: Decimal, currency: str, which: str = "the order granted") -> None:
        super().__init__(
            f"{used} {currency} of the {granted} {currency} that {which} has been used. Give that back first."
        )
        self.used, self.asset = used, currency


class ReturnSpent(CreditSpent):
    """The same of what a credit note gave back: what has expired since is gone as well."""

    def __init__(self, used: Decimal, given: Decimal, currency: str) -> None:
        LedgerError.__init__(
            self, f"{used} {currency} of the {given} {currency} that the credit note gave back is no longer there."
        )
        self.used, self.asset = used, currency


class CreditNoted(LedgerError):
    """A credit note has given back a part of what is to be undone."""

    code = "CREDIT_NOTED"

    def __init__(self, what: str) -> None:
        super().__init__(f"A credit note has given back a part of the {what}. Void that note first.")


class CreditNoteVoided(LedgerError):
    code = "CREDIT_NOTE_VOIDED"

    def __init__(self) -> None:
        super().__init__("The credit note was voided before. Nothing was changed.", field=("creditNoteId",))


class CouponNotIssued(LedgerError):
    code = "COUPON_NOT_ISSUED"

    def __init__(self, status: str) -> None:
        super().__init__(f"The coupon is already {status.lower()}.", field=("couponId",))


class AlreadyReleased(LedgerError):
    code = "ALREADY_RELEASED"

    def __init__(self) -> None:
        super().__init__("The assignment was released before. Nothing was changed.")


class PaymentVoided(LedgerError):
    code = "PAYMENT_VOIDED"

    def __init__(self) -> None:
        super().__init__("The payment was voided before. Nothing was changed.", field=("paymentId",))


class InvoicePaid(LedgerError):
    code = "INVOICE_PAID"

    def __init__(self, paid: Decimal, currency: str) -> None:
        super().__init__(
            f"{paid} {currency} has been paid on the invoice. Void the payments first.", field=("invoiceId",)
        )


class ExpiryInPast(LedgerError):
    code = "EXPIRY_IN_PAST"

    def __init__(
        self,
        field: str = "expiresAt",
        message: str = "The expiry has passed already, or comes before the start. Choose a later date.",
    ) -> None:
        super().__init__(message, field=(field,))


class ExpiryConflict(LedgerError):
    """One date given in two ways, or a date that is not allowed there."""

    code = "EXPIRY_CONFLICT"


class ReasonUnknown(LedgerError):
    code = "REASON_UNKNOWN"

    def __init__(self, code: str) -> None:
        super().__init__(
            f"{code[:64]!r} is not an active reason. Choose one from the list of reasons.", field=("reason",)
        )


class ReasonDirection(LedgerError):
    code = "REASON_DIRECTION"

    def __init__(self, code: str, direction: str) -> None:
        super().__init__(
            f"The reason {code} cannot be used to {direction} value. Choose another one.", field=("reason",)
        )


class NoteRequired(LedgerError):
    code = "NOTE_REQUIRED"

    def __init__(self, code: str) -> None:
        super().__init__(f"The reason {code} needs a note. Add one.", field=("note",))


class PurposeRequired(LedgerError):
    """Value is spent or held for nothing that anybody has named."""

    code = "NOTE_REQUIRED"

    def __init__(self) -> None:
        super().__init__(
            "A spend or hold needs a note or a reference that says what it is for. Add one.", field=("note",)
        )


class MembershipGraceEnded(LedgerError):
    code = "MEMBERSHIP_GRACE_ENDED"

    def __init__(self, grace_days: int) -> None:
        super().__init__(
            f"The membership was cancelled more than {grace_days} days ago, so service credits can only be removed. "
            "Reinstate it to add some.",
            field=("customerId",),
        )


class NoMembership(LedgerError):
    code = "NO_MEMBERSHIP"

    def __init__(self) -> None:
        super().__init__("The customer never had a membership. Start one first.", field=("customerId",))


class LimitRemaining:
    """The amount that one limit leaves: scope PER_ADJUSTMENT, PER_ACTOR_DAY or PER_CUSTOMER_DAY; in the asset's own units.

    kind: ADDING; SELLING_CREDIT, where PER_ADJUSTMENT is per order; or SPENDING, where it is per spend.
    """

    __slots__ = ("asset", "kind", "remaining", "scope")

    def __init__(self, scope: str, asset: str, remaining: Decimal, kind: str = LimitKind.ADDING) -> None:
        self.scope = scope
        self.asset = asset
        self.remaining = remaining
        self.kind = kind


_SPANS: Final = {
    ("PER_ADJUSTMENT", "ADDING"): "at a time",
    ("PER_ACTOR_DAY", "ADDING"): "more today",
    ("PER_CUSTOMER_DAY", "ADDING"): "more to this customer today",
    ("PER_ADJUSTMENT", "SELLING_CREDIT"): "in one order",
    ("PER_ACTOR_DAY", "SELLING_CREDIT"): "more today",
    ("PER_ADJUSTMENT", "SPENDING"): "at a time",
    ("PER_ACTOR_DAY", "SPENDING"): "more today",
    ("PER_CUSTOMER_DAY", "SPENDING"): "more of this customer's today",
}
_VERBS: Final = {"ADDING": "give", "SELLING_CREDIT": "sell", "SPENDING": "spend"}
"""A limit's span as messages name it, by its scope and kind."""


class LimitExceeded(LedgerError):
    """Over a limit of the actor's. Carries the amount that each limit still leaves."""

    code = "LIMIT_EXCEEDED"

    def __init__(self, remaining: tuple[LimitRemaining, ...]) -> None:
        kind = next((left.kind for left in remaining if left.kind != "ADDING"), "ADDING")
        what = " of credit" if kind == "SELLING_CREDIT" else ""
        each = [f"{left.remaining} {left.asset}{what} {_SPANS[left.scope, left.kind]}" for left in remaining]
        possible = f"you can {_VERBS[kind]} {', '.join(each)}" if each else "you may not give any"
        todo = "Ask a manager to do it." if kind == "SPENDING" else "A manager can approve more."
        super().__init__(f"Over your limit: {possible}. {todo}", field=("amount",))
        self.remaining = remaining


class CurrencyNotAllowed(LedgerError):
    """A limited role uses a currency that the tenant does not allow for it."""

    code = "CURRENCY_NOT_ALLOWED"

    def __init__(self, currency: str, allowed: tuple[str, ...]) -> None:
        super().__init__(
            f"You may not use {currency}, only {', '.join(allowed)}. A manager can approve it.", field=("asset",)
        )
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class TermChange:
    """One of the terms of a request: when it was made, and now. None: there was, or is, none."""

    field: str
    before: str | None
    after: str | None


class RequestChanged(LedgerError):
    """The terms that a request was made under, or is to be approved by, are no longer in force. Carries the difference
    to the terms it was made under, and the version of those in force.

    changes: none if they are as when it was made, but not as in the named version (or the original terms are unknown).
    """

    code = "REQUEST_CHANGED"

    def __init__(self, changes: tuple[TermChange, ...], version: str) -> None:
        told = "; ".join(f"{c.field} was {c.before or 'unset'}, is {c.after or 'unset'}" for c in changes[:MAX_TOLD])
        message = f"The request has changed since it was made: {told}. Review it first." if told else NOT_THAT_VERSION
        super().__init__(message, field=("requestId",))
        self.changes = changes
        self.version = version


class RequestNotPending(LedgerError):
    """The request has been decided already, or was not decided in time."""

    code = "REQUEST_NOT_PENDING"

    def __init__(self, status: str) -> None:
        super().__init__(f"The request is already {status.lower()}. Nothing was changed.", field=("requestId",))


class RequesterNotAllowed(LedgerError):
    """The requester may no longer make this request."""

    code = "REQUESTER_NOT_ALLOWED"

    def __init__(self, client: str | None, *, field: tuple[str, ...] | None = ("requestId",)) -> None:
        who = "The requester" if client is None else f"The client {client}"
        todo = " Reject the request; somebody else can make it again." if field else ""
        super().__init__(f"{who} may no longer ask for this.{todo}", field=field)


class TooManyPending(LedgerError):
    """The requester has the maximum number of requests waiting for a second person."""

    code = "TOO_MANY_PENDING"

    def __init__(self, most: int, *, field: str = "requestApproval") -> None:
        super().__init__(
            f"{most} of your requests wait for approval, which is the maximum. Withdraw some, or have them decided.",
            field=(field,),
        )


class OwnRequest(LedgerError):
    """A requester cannot decide their own request. (The API answers FORBIDDEN.)"""

    def __init__(self) -> None:
        super().__init__(
            "You cannot decide your own request. Ask another person who may approve.", field=("requestId",)
        )


class OthersRequest(LedgerError):
    """Only the requester can withdraw. (The API answers FORBIDDEN.)"""

    def __init__(self) -> None:
        super().__init__(
            "Only the requester can withdraw a request. If you may approve, you can reject it.", field=("requestId",)
        )


class RewardInactive(LedgerError):
    code = "REWARD_INACTIVE"

    def __init__(self, why: str) -> None:
        super().__init__(f"The reward is {why}. Choose another one.", field=("rewardId",))


class InvoiceNotOpen(LedgerError):
    code = "INVOICE_NOT_OPEN"

    def __init__(self, status: str) -> None:
        super().__init__(f"The invoice is {status.lower()}: nothing is due on it.", field=("invoiceId",))


class ExceedsDue(LedgerError):
    code = "EXCEEDS_DUE"

    def __init__(self, due: Decimal, currency: str, *, what: str = "is due") -> None:
        super().__init__(f"Only {due} {currency} {what}.", field=("amount",))


class ExceedsRemaining(LedgerError):
    code = "EXCEEDS_REMAINING"

    def __init__(self, remaining: Decimal, asset: str, *, what: str = "is left of the credit") -> None:
        super().__init__(f"Only {remaining} {asset} {what}.", field=("amount",))


class CustomerMismatch(LedgerError):
    code = "CUSTOMER_MISMATCH"

    def __init__(self, what: str) -> None:
        super().__init__(f"The {what} belongs to another customer.")


class IdempotencyKeyReused(LedgerError):
    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__(
            "This idempotency key was used for another request. Nothing was changed; use a new key.",
            field=("idempotencyKey",),
        )
