"""What a ledger is about, as anyone would write it down, and nothing of models/."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

PLACES = {"GBP": 2, "JPY": 0, "KWD": 3, "SERVICE_CREDITS": 0, "POINTS": 0}
WHOLE = ("SERVICE_CREDITS", "POINTS")
MOST = 10**15
VAST = Decimal(10**10)
"""Lots above this are what fills an account."""
REASONS = {  # adds, removes, moves the lifetime total, needs a note
    "GOODWILL": (True, False, True, False),
    "POLICY": (False, True, True, False),
    "OTHER": (True, True, True, True),
    "CORRECTION": (True, True, True, False),
    "REFUND": (True, True, False, False),
}
STAFF_LIMITS = {"MONEY": Decimal(100), "SERVICE_CREDITS": Decimal(10), "POINTS": Decimal(1000)}
SPENDING_LIMITS = {"GBP": (40, 90, 60), "SERVICE_CREDITS": (8, 20, 12)}
"""What staff may spend: at a time, in a day, of one person's in a day. Of other assets, anything."""
TIERS = (("Silver", 500), ("Gold", 2000))
GRACE_DAYS = 60
LONGEST_HOLD = timedelta(days=30)
APPROVAL_DAYS = 7
METHODS = ("CASH", "CHECK", "CARD", "TRANSFER", "OTHER", "ACCOUNT_CREDIT")
NOTHING = Decimal(0)


@lru_cache(maxsize=10_000)
def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """Searched for, by hours and then to the minute, from an instant that is surely before it."""
    instant = datetime.combine(day, time(0), tzinfo=UTC) - timedelta(hours=16)
    for step in (timedelta(hours=1), timedelta(minutes=1)):
        while (instant + step).astimezone(zone).date() < day:
            instant += step
    return instant + timedelta(minutes=1)


@dataclass
class Customer:
    """One record of a person. into: the record that it was merged into; that one may have been merged again."""

    external: str
    name: str
    started: datetime | None = None
    cancelled: datetime | None = None
    into: int | None = None
    erased: bool = False

    @property
    def is_member(self) -> bool:
        return self.started is not None and self.cancelled is None


@dataclass
class Request:
    """What waits for a second person: an operation's name and facts."""

    name: str
    facts: dict[str, Any]
    expires: datetime
    has_days: bool
    """That are counted in the tenant's zone."""
    terms: tuple[Any, ...] = ()
    """That it was asked for under."""
    status: str = "PENDING"


ADDED, USED, RETURNED, REMOVED, TAKEN_BACK, EXPIRED = "ADDED", "USED", "RETURNED", "REMOVED", "TAKEN_BACK", "EXPIRED"
REVIVED = "REVIVED"
"""What happens to a lot. REVIVED: what had expired was put back. REMOVED: under a reason that does not move the lifetime
total. TAKEN_BACK: under one that does, voided, or reversed."""


@dataclass
class Lot:
    """Value with a history. customer: the record that it was added to; whose it is now is that record's person.

    home: the record on whose account it stands: what is left moves in a merge, and what comes back later moves then.
    place: of the credit that it is on that account, among all; the later one has the higher id. reason: None where it was
    not adjusted; of one that was transferred, why the value was first given. source: what opened it. revoked: whether what
    granted it, an order or a payment of too much, is no longer paid.
    """

    customer: int
    asset: str
    created: datetime
    effective: date
    starts: datetime
    expires: datetime | None
    services: frozenset[int]
    auto_apply: bool
    serial: int
    counts: bool
    home: int
    place: int
    reason: str | None
    source: str = "ADJUSTMENT"
    movements: tuple[tuple[str, Decimal], ...] = ()
    swept: bool = False
    voided: bool = False
    revoked: bool = False

    def move(self, kind: str, amount: Decimal) -> None:
        """A positive amount puts something on it."""
        if amount:
            self.movements = (*self.movements, (kind, amount))

    def total(self, *kinds: str) -> Decimal:
        return sum((amount for kind, amount in self.movements if kind in kinds), NOTHING)

    @property
    def amount(self) -> Decimal:
        return self.total(ADDED)

    @property
    def left(self) -> Decimal:
        return sum((amount for _, amount in self.movements), NOTHING)

    @property
    def used(self) -> Decimal:
        """Assigned, spent or redeemed, and not given back."""
        return -self.total(USED, RETURNED)

    @property
    def gone(self) -> Decimal:
        return -self.total(REMOVED, TAKEN_BACK, EXPIRED, REVIVED)

    @property
    def lapsed(self) -> Decimal:
        """Expired, and not put back."""
        return -self.total(EXPIRED, REVIVED)

    @property
    def lifetime(self) -> Decimal:
        """What of the lifetime total is its."""
        return self.total(ADDED, TAKEN_BACK) if self.counts else NOTHING

    def has_expired(self, now: datetime) -> bool:
        return self.expires is not None and self.expires <= now

    def is_open(self, now: datetime) -> bool:
        """As far as it is not held."""
        return self.starts <= now and not self.has_expired(now) and self.left > 0


@dataclass
class Invoice:
    """An invoice or an order. sold: what each line of credit puts on the account once all is paid. granted: the lots
    that it has put there. lines: the quantity and total of each, and whether it sells credit. noted: what credit notes
    have taken back; paid and credited are less what they gave back."""

    customer: int
    currency: str
    total: Decimal
    serial: int
    sold: tuple[Decimal, ...] = ()
    granted: tuple[int, ...] = ()
    paid: Decimal = NOTHING
    credited: Decimal = NOTHING
    void: bool = False
    noted: Decimal = NOTHING
    lines: tuple[tuple[Decimal, Decimal, bool], ...] = ()
    reference: str | None = None

    @property
    def due(self) -> Decimal:
        return self.total - self.noted - self.paid - self.credited

    @property
    def goods(self) -> Decimal:
        """What it comes to without credit, less what was noted: credit pays for no more, and no more can be noted."""
        return self.total - sum(self.sold) - self.noted

    @property
    def due_to_credit(self) -> Decimal:
        return min(self.due, self.goods - self.credited)

    @property
    def status(self) -> str:
        if self.void:
            return "VOID"
        if self.due == 0:
            return "PAID"
        return "PART_PAID" if self.paid + self.credited else "OPEN"

    @property
    def is_open(self) -> bool:
        return self.status in ("OPEN", "PART_PAID")


@dataclass(frozen=True)
class Line:
    """What an invoice or an order has a line of. price: None is the product's own."""

    quantity: int | Decimal
    price: Decimal | None
    percent: Decimal | None = None
    off: Decimal | None = None
    tax: Decimal | None = None

    def total(self, places: int) -> Decimal:
        """Without the tax: rounded once, half away from zero."""
        scaled = self.exact * 10**places
        return Decimal(floor(abs(scaled) + Fraction(1, 2))).scaleb(-places) * (1 if scaled >= 0 else -1)

    def with_tax(self, places: int) -> Decimal:
        return self.total(places) + (self.tax or NOTHING)

    @property
    def exact(self) -> Fraction:
        whole = Fraction(self.quantity) * Fraction(self.price or 0)
        return whole * (1 - Fraction(self.percent or 0) / 100) - Fraction(self.off or 0)

    def faults(self, currency: str, kind: str | None = None) -> set[str]:
        """What is wrong with it, whatever the rest of the bill is."""
        price, percent, found = self.price or NOTHING, self.percent or NOTHING, set[str]()
        found |= {"AMOUNT_PRECISION"} if is_finer(price) else set()
        found |= {"AMOUNT_OUT_OF_RANGE"} if abs(price) * 10 ** PLACES[currency] > MOST else set()
        for extra in (self.off or NOTHING, self.tax or NOTHING):
            found |= bad_amount(extra, currency) - {"AMOUNT_ZERO"} | ({"INVALID"} if extra < 0 else set())
        odd = price < 0 or self.exact < 0 or not 0 <= percent <= 100 or is_finer(percent)
        odd = odd or self.quantity <= 0 or is_finer(Decimal(self.quantity)) or self.quantity >= 10**10
        if kind == "CREDIT":
            odd = odd or bool(percent or self.off or self.tax)
            found |= {"AMOUNT_PRECISION"} if self.exact != Fraction(self.total(PLACES[currency])) else set()
        return found | ({"INVALID"} if odd else set())


def is_finer(value: Decimal) -> bool:
    """Than anything is written: with more than four decimal places."""
    return value * 10_000 != int(value * 10_000)


@dataclass
class Assignment:
    """Of a lot, set against an invoice; payment: the one with account credit that it belongs to. noted: what credit notes
    gave back of it."""

    lot: int
    invoice: int
    amount: Decimal
    serial: int
    at: datetime
    payment: int | None = None
    live: bool = True
    noted: Decimal = NOTHING


@dataclass
class Payment:
    """place: among those of the same instant; its id's, which it has before it waits for its turn."""

    invoice: int
    amount: Decimal
    method: str
    at: datetime
    live: bool = True
    noted: Decimal = NOTHING
    place: int = 0
    kept: Decimal = NOTHING
    lot: int | None = None
    """What it has put on the account, being too much."""


@dataclass(frozen=True)
class Part:
    """What a credit note gave back of an assignment, or of a payment in money, and to which lot. gone: with what had
    expired or was voided."""

    amount: Decimal
    lot: int
    gone: bool
    assignment: int | None = None
    payment: int | None = None


NotedLines = tuple[tuple[int, Decimal | None, Decimal | None], ...]
"""Lines by their places, each with a quantity and an amount, or one of them, or neither."""


@dataclass
class Note:
    """A credit note. lowered: what it took of what was due. lines: those that it names, with quantity and amount."""

    invoice: int
    amount: Decimal
    lowered: Decimal
    parts: tuple[Part, ...]
    lines: tuple[tuple[int, Decimal | None, Decimal], ...]
    live: bool = True

    @property
    def lot(self) -> int | None:
        """What money had paid became this."""
        return next((part.lot for part in self.parts if part.payment is not None), None)


@dataclass
class Spend:
    """What was taken for a purpose, or used. taken: from which lots, how much, in that order. returned: how much of all
    that has come back."""

    customer: int
    asset: str
    taken: tuple[tuple[int, Decimal], ...]
    returned: Decimal = NOTHING
    reference: str | None = None

    @property
    def left(self) -> Decimal:
        return sum((amount for _, amount in self.taken), NOTHING) - self.returned


@dataclass
class Hold:
    """What is set aside. parts: of which lots how much, in the order in which it is captured; what a lot has left of it."""

    customer: int
    asset: str
    amount: Decimal
    parts: tuple[tuple[int, Decimal], ...]
    placed: datetime
    expires: datetime
    invoice: int | None = None
    captured: Decimal = NOTHING

    @property
    def left(self) -> Decimal:
        return sum((amount for _, amount in self.parts), NOTHING)

    def is_live(self, now: datetime) -> bool:
        return self.left > 0 and self.expires > now


@dataclass
class Product:
    kind: str
    currency: str
    price: Decimal
    active: bool = True


@dataclass
class Prize:
    price: int
    stock: int | None
    active: bool
    days: int | None = None


@dataclass
class Coupon:
    """taken: from which lots, how much, in that order. invoice: what it was used on. reopened: its one use was undone."""

    customer: int
    points: int
    expires: datetime | None
    taken: tuple[tuple[int, Decimal], ...]
    prize: int
    status: str = "ISSUED"
    invoice: int | None = None
    reopened: bool = False


@dataclass(frozen=True)
class Effect:
    """What a posted row of a bulk did: the lot that it added, or what it took from which lots, and as what. taken_back:
    whether that was undone."""

    lot: int | None = None
    taken: tuple[tuple[int, Decimal], ...] = ()
    kind: str = ""
    taken_back: bool = False


@dataclass
class Bulk:
    """A bulk or a file. rows: what those did that were posted. file: its number; posts only once it has run."""

    rows: tuple[Effect, ...] = ()
    file: int | None = None


@dataclass(frozen=True)
class FileRow:
    """What one row of a file asks for, of whoever has this external id. asset, reason: None is the file's own."""

    external: str
    amount: Decimal
    asset: str | None = None
    reason: str | None = None
    days: int | None = None
    until: date | None = None


@dataclass
class QueuedRow:
    """facts: of the adjustment that it asks for. errors: one of these is what it was refused with."""

    facts: dict[str, Any]
    errors: frozenset[str] = frozenset()
    posted: bool = False


@dataclass
class QueuedFile:
    rows: tuple[QueuedRow, ...]
    skip: bool
    dry_run: bool
    status: str = "QUEUED"
    succeeded: int = 0
    failed: int = 0

    def twin(self) -> "QueuedFile":
        """A copy that shares no row."""
        rows = tuple(QueuedRow(row.facts, row.errors, row.posted) for row in self.rows)
        return QueuedFile(rows, self.skip, self.dry_run, self.status, self.succeeded, self.failed)


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody asks for, in words: customers, credits, invoices, services and rewards by their number."""

    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    role: str = "MANAGER"


class Refusal(Exception):
    def __init__(self, codes: Iterable[str]) -> None:
        super().__init__(sorted(codes))
        self.codes = frozenset(codes)


def refuse(faults: Iterable[str]) -> None:
    """Raises Refusal where there are any."""
    if faults:
        raise Refusal(faults)


def minor(amount: Decimal, asset: str) -> int:
    return int(amount * 10 ** PLACES[asset])


def bad_amount(amount: Decimal, asset: str) -> set[str]:
    """What is wrong with an amount, whatever it is for."""
    scaled = amount * 10 ** PLACES[asset]
    if scaled != int(scaled):
        return {"AMOUNT_PRECISION"}
    if abs(scaled) > MOST:
        return {"AMOUNT_OUT_OF_RANGE"}
    return set() if scaled else {"AMOUNT_ZERO"}
