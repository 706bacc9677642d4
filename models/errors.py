"""Expected failures, each with a stable code that clients branch on; and the one failure that is our own bug.

A `LedgerError` is an answer, not an accident: it is raised before the first write, nothing has moved, and
it reaches the client as a `userError`. `field` is the path in the command that it speaks of.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Final, Self

from models.kinds import LimitKind

MAX_TOLD: Final = 5
"""Of many differences, those that a message tells. The error has all."""
NOT_THAT_VERSION: Final = "Its terms are not those of the version that was named: look at it again."


class InvariantViolated(Exception):
    """A rule that the ledger relies on does not hold: a bug of ours, never an answer to a client."""


class DatabaseAway(Exception):
    """The database cannot be used now: it is out of reach, full or read-only. No answer of the ledger's, and no bug.

    unknown: COMMIT was sent and its answer lost, so that nobody can tell whether it was done; otherwise it was not.
    again: whether the same may be tried on another connection at once.
    """

    def __init__(self, *, unknown: bool = False, again: bool = False) -> None:
        super().__init__(
            "The database went away before it could say whether this was done. Send the same request again, with the same "
            "idempotency key."
            if unknown
            else "The database cannot be used now. Send the same request again, in a moment."
        )
        self.unknown = unknown
        self.again = again


class LedgerError(Exception):
    """Base of all expected failures.

    code: stable name, one of the contract's `UserErrorCode`. field: path in the input, or None.
    row: index in a bulk, from 0, or None.
    """

    code: ClassVar[str] = "INVALID"

    def __init__(self, message: str, *, field: tuple[str, ...] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.row: int | None = None

    def at(self, *field: str) -> Self:
        """The same failure, said of another field."""
        self.field = field
        return self


class LedgerErrors(LedgerError):
    """Several failures of one request at once: a bulk's bad rows, each with its `row`."""

    def __init__(self, errors: "tuple[LedgerError, ...]") -> None:
        super().__init__(f"{len(errors)} rows cannot be posted; nothing was.")
        self.errors = errors


class Invalid(LedgerError):
    """Input that no state of the ledger could accept."""

    code = "INVALID"


class NotFound(LedgerError):
    """No such thing in this tenant (or none that this caller may know of)."""

    code = "NOT_FOUND"


class Duplicate(LedgerError):
    """Something of that name exists already, or comes twice in one input."""

    code = "DUPLICATE"


class Busy(LedgerError):
    """The rows were held by others for too long; the same request may be sent again."""

    code = "BUSY"

    def __init__(self, message: str = "The account is busy. Nothing was changed; send the same request again.") -> None:
        super().__init__(message)


class Unavailable(LedgerError):
    """This server writes nothing now, since its clock is not the ledger's; another one may."""

    code = "UNAVAILABLE"

    def __init__(self, skew_s: float) -> None:
        """skew_s: seconds by which its clock is ahead of the database's."""
        super().__init__(
            f"This server's clock is {skew_s:+.1f} s from the ledger's. Nothing was changed; send the same request again."
        )
        self.skew_s = skew_s


class AssetUnknown(LedgerError):
    """Neither an ISO 4217 code nor an asset of ours."""

    code = "INVALID"

    def __init__(self, asset: str) -> None:
        super().__init__(f"{asset[:32]!r} is not an ISO 4217 currency, SERVICE_CREDITS or POINTS.", field=("asset",))


class AmountZero(LedgerError):
    code = "AMOUNT_ZERO"

    def __init__(self) -> None:
        super().__init__("The amount is zero.", field=("amount",))


class AmountPrecision(LedgerError):
    code = "AMOUNT_PRECISION"

    def __init__(self, *, amount: Decimal, asset: str, places: int) -> None:
        super().__init__(f"{amount} has more than the {places} decimal places of {asset}.", field=("amount",))


class AmountOutOfRange(LedgerError):
    code = "AMOUNT_OUT_OF_RANGE"

    def __init__(self, *, amount: Decimal | int, asset: str) -> None:
        super().__init__(f"{amount} {asset} is past what an account can hold.", field=("amount",))


class CurrencyMismatch(LedgerError):
    code = "CURRENCY_MISMATCH"

    def __init__(self, have: str, want: str) -> None:
        super().__init__(f"{have} cannot be set against {want}: currencies are never mixed.")


class InsufficientBalance(LedgerError):
    """More was asked for than can be spent now. Carries the figure that can be."""

    code = "INSUFFICIENT_BALANCE"

    def __init__(self, available: Decimal, asset: str, *, what: str = "available") -> None:
        super().__init__(f"Only {available} {asset} is {what}.", field=("amount",))
        self.available = available


class CreditNotOpen(LedgerError):
    code = "CREDIT_NOT_OPEN"

    def __init__(self, status: str) -> None:
        super().__init__(f"The credit is {status.lower()}, not open.", field=("creditId",))


class CreditAssigned(LedgerError):
    code = "CREDIT_ASSIGNED"

    def __init__(self) -> None:
        super().__init__(
            "A part of the credit is set against invoices; release that first, or with releaseAssignments.",
            field=("creditId",),
        )


class CreditSpent(LedgerError):
    """What an order granted is to be taken back, and was used. Carries how much of it."""

    code = "CREDIT_SPENT"

    def __init__(self, used: Decimal, granted: Decimal, currency: str) -> None:
        super().__init__(
            f"Of the {granted} {currency} that the order granted {used} {currency} has been used: give that back first."
        )
        self.used = used


class CouponNotIssued(LedgerError):
    code = "COUPON_NOT_ISSUED"

    def __init__(self, status: str) -> None:
        super().__init__(f"The coupon is {status.lower()}.", field=("couponId",))


class AlreadyReleased(LedgerError):
    code = "ALREADY_RELEASED"

    def __init__(self) -> None:
        super().__init__("The assignment has been released already.")


class PaymentVoided(LedgerError):
    code = "PAYMENT_VOIDED"

    def __init__(self) -> None:
        super().__init__("The payment has been voided already.", field=("paymentId",))


class InvoicePaid(LedgerError):
    code = "INVOICE_PAID"

    def __init__(self, paid: Decimal, currency: str) -> None:
        super().__init__(f"{paid} {currency} was paid on the invoice: void the payments first.", field=("invoiceId",))


class ExpiryInPast(LedgerError):
    code = "EXPIRY_IN_PAST"

    def __init__(
        self,
        field: str = "expiresAt",
        message: str = "The credit would already have expired, or expire before it starts.",
    ) -> None:
        super().__init__(message, field=(field,))


class ExpiryConflict(LedgerError):
    """Two ways of saying one date, or a date where none belongs."""

    code = "EXPIRY_CONFLICT"


class ReasonUnknown(LedgerError):
    code = "REASON_UNKNOWN"

    def __init__(self, code: str) -> None:
        super().__init__(f"There is no active reason {code[:64]!r}.", field=("reason",))


class ReasonDirection(LedgerError):
    code = "REASON_DIRECTION"

    def __init__(self, code: str, direction: str) -> None:
        super().__init__(f"The reason {code} does not serve to {direction}.", field=("reason",))


class NoteRequired(LedgerError):
    code = "NOTE_REQUIRED"

    def __init__(self, code: str) -> None:
        super().__init__(f"The reason {code} needs a note.", field=("note",))


class MembershipGraceEnded(LedgerError):
    code = "MEMBERSHIP_GRACE_ENDED"

    def __init__(self, grace_days: int) -> None:
        super().__init__(
            f"The membership was cancelled more than {grace_days} days ago: service credits can only be removed.",
            field=("customerId",),
        )


class NoMembership(LedgerError):
    code = "NO_MEMBERSHIP"

    def __init__(self) -> None:
        super().__init__("The customer has never had a membership: start one.", field=("customerId",))


class LimitRemaining:
    """What one limit leaves: scope PER_ADJUSTMENT, PER_ACTOR_DAY or PER_CUSTOMER_DAY; amount in the asset's own units.

    kind: ADDING, or SELLING_CREDIT, where PER_ADJUSTMENT is per order.
    """

    __slots__ = ("asset", "kind", "remaining", "scope")

    def __init__(self, scope: str, asset: str, remaining: Decimal, kind: str = LimitKind.ADDING) -> None:
        self.scope = scope
        self.asset = asset
        self.remaining = remaining
        self.kind = kind


class LimitExceeded(LedgerError):
    """Over a limit of the actor's. Carries what each limit still leaves."""

    code = "LIMIT_EXCEEDED"

    def __init__(self, remaining: tuple[LimitRemaining, ...]) -> None:
        left = ", ".join(f"{r.remaining} {r.asset} {r.scope.lower().replace('_', ' ')}" for r in remaining)
        super().__init__(f"Over your limit. What is left: {left}.", field=("amount",))
        self.remaining = remaining


class CurrencyNotAllowed(LedgerError):
    """A limited role uses a currency that is not among those which the tenant lists for them."""

    code = "CURRENCY_NOT_ALLOWED"

    def __init__(self, currency: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"You may not use {currency}, only {', '.join(allowed)}.", field=("asset",))
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class TermChange:
    """One of the terms of a request: as it was when it was asked for, and as it is now. None: there was, or is, none."""

    field: str
    before: str | None
    after: str | None


class RequestChanged(LedgerError):
    """What a request was asked under, or is to be approved by, holds no more. Carries the difference to what was asked,
    and the version of what holds now.

    changes: none where it is as it was asked, but not as in the version that was named (or nobody knows how it was).
    """

    code = "REQUEST_CHANGED"

    def __init__(self, changes: tuple[TermChange, ...], version: str) -> None:
        told = "; ".join(f"{c.field} was {c.before}, is {c.after}" for c in changes[:MAX_TOLD])
        message = f"It is not what was asked for any more: {told}." if told else NOT_THAT_VERSION
        super().__init__(message, field=("requestId",))
        self.changes = changes
        self.version = version


class RequestNotPending(LedgerError):
    """Somebody has decided already, or nobody did in time."""

    code = "REQUEST_NOT_PENDING"

    def __init__(self, status: str) -> None:
        super().__init__(f"The request is {status.lower()}, not pending.", field=("requestId",))


class RequesterNotAllowed(LedgerError):
    """Whoever asked may not ask for it any more."""

    code = "REQUESTER_NOT_ALLOWED"

    def __init__(self, client: str | None) -> None:
        super().__init__(f"No token of {client} may do this any more.", field=("requestId",))


class TooManyPending(LedgerError):
    """As many of one's requests wait for a second person as may."""

    code = "TOO_MANY_PENDING"

    def __init__(self, most: int, *, field: str = "requestApproval") -> None:
        super().__init__(f"{most} of your requests wait for approval already: that is the most.", field=(field,))


class OwnRequest(LedgerError):
    """Nobody decides what they asked for themselves. (The API answers FORBIDDEN.)"""

    def __init__(self) -> None:
        super().__init__("Another person has to decide.", field=("requestId",))


class OthersRequest(LedgerError):
    """Only who asked can withdraw. (The API answers FORBIDDEN.)"""

    def __init__(self) -> None:
        super().__init__("It was somebody else who asked for this.", field=("requestId",))


class RewardInactive(LedgerError):
    code = "REWARD_INACTIVE"

    def __init__(self, why: str) -> None:
        super().__init__(f"The reward is {why}.", field=("rewardId",))


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
        super().__init__(f"The {what} is another customer's.")


class IdempotencyKeyReused(LedgerError):
    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__("This idempotency key was used for another request.", field=("idempotencyKey",))
