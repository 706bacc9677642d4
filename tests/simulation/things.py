"""What a ledger is about, as anyone would write it down, and nothing of models/."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

PLACES = {"GBP": 2, "JPY": 0, "KWD": 3, "SERVICE_CREDITS": 0, "POINTS": 0}
WHOLE = ("SERVICE_CREDITS", "POINTS")
MOST = 10**15
REASONS = {  # adds, removes, moves the lifetime total, needs a note
    "GOODWILL": (True, False, True, False), "POLICY": (False, True, True, False), "OTHER": (True, True, True, True),
    "CORRECTION": (True, True, True, False), "REFUND": (True, True, False, False),
}  # fmt: skip
STAFF_LIMITS = {"MONEY": Decimal(100), "SERVICE_CREDITS": Decimal(10), "POINTS": Decimal(1000)}
TIERS = (("Silver", 500), ("Gold", 2000))
GRACE_DAYS = 60
APPROVAL_DAYS = 7
METHODS = ("CASH", "CHECK", "CARD", "TRANSFER", "OTHER", "ACCOUNT_CREDIT")


@lru_cache(maxsize=10_000)
def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """Searched for, by hours and then to the minute, from an instant that is surely before it."""
    instant = datetime.combine(day, time(0), tzinfo=UTC) - timedelta(hours=16)
    for step in (timedelta(hours=1), timedelta(minutes=1)):
        while (instant + step).astimezone(zone).date() < day:
            instant += step
    return instant + timedelta(minutes=1)


@dataclass
class Request:
    """What waits for a second person: an operation's name and facts."""

    name: str
    facts: dict[str, Any]
    expires: datetime
    status: str = "PENDING"


@dataclass
class Lot:
    customer: int
    asset: str
    amount: Decimal
    left: Decimal
    effective: date
    starts: datetime
    expires: datetime | None
    services: frozenset[int]
    auto_apply: bool
    serial: int
    counted: bool = True  # in the lifetime total, as it was opened
    swept: bool = False
    voided: bool = False

    def has_expired(self, now: datetime) -> bool:
        return self.expires is not None and self.expires <= now

    def is_open(self, now: datetime) -> bool:
        return self.left > 0 and self.starts <= now and not self.has_expired(now)


@dataclass
class Bill:
    """sold: what each line of credit puts on the account once all is paid. granted: the lots that it has put there."""

    customer: int
    currency: str
    total: Decimal
    serial: int
    sold: tuple[Decimal, ...] = ()
    granted: tuple[int, ...] = ()
    paid: Decimal = Decimal(0)
    credited: Decimal = Decimal(0)
    void: bool = False

    @property
    def due(self) -> Decimal:
        return self.total - self.paid - self.credited

    @property
    def due_to_credit(self) -> Decimal:
        """Credit pays for anything but credit."""
        return min(self.due, self.total - sum(self.sold) - self.credited)

    @property
    def status(self) -> str:
        if self.void:
            return "VOID"
        if self.due == 0:
            return "PAID"
        return "OPEN" if self.due == self.total else "PART_PAID"

    @property
    def is_open(self) -> bool:
        return self.status in ("OPEN", "PART_PAID")


@dataclass
class Part:
    """Of a lot, set against a bill; payment: the one with account credit that it belongs to."""

    lot: int
    bill: int
    amount: Decimal
    payment: int | None = None
    live: bool = True


@dataclass
class Payment:
    bill: int
    amount: Decimal
    method: str
    live: bool = True


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
    """taken: from which lots, how much, in that order."""

    customer: int
    points: int
    expires: datetime | None
    taken: tuple[tuple[int, Decimal], ...]
    status: str = "ISSUED"


@dataclass
class Membership:
    started: datetime | None = None
    cancelled: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wish:
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
