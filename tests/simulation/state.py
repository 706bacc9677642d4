"""What the reference knows, and how value moves in it."""

from collections import Counter
from collections.abc import Collection, Iterable
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Self
from zoneinfo import ZoneInfo

from tests.simulation.records import (
    ADDED,
    EXPIRED,
    GRACE_DAYS,
    MOST,
    NOTHING,
    RETURNED,
    SPENDING_LIMITS,
    STAFF_LIMITS,
    TAKEN_BACK,
    TIERS,
    VAST,
    WHOLE,
    Assignment,
    Bulk,
    Coupon,
    Customer,
    Effect,
    Hold,
    Invoice,
    Lot,
    Note,
    Payment,
    Prize,
    Product,
    QueuedFile,
    Refusal,
    Request,
    Spend,
    first_instant,
    minor,
    refuse,
)

Day = tuple[str, str, str, date]
"""Of a daily limit: role, whose (`actor`, `customer 3`, and of what is spent `actor spending`, `customer 3 spending`),
asset, day."""


@dataclass
class State:
    zone: ZoneInfo
    customers: list[Customer]
    services: list[bool]  # whether each is still offered
    prizes: list[Prize]
    products: list[Product]
    tiers: list[int] = field(default_factory=lambda: [threshold for _, threshold in TIERS])
    grace_days: int = GRACE_DAYS
    lots: list[Lot] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    coupons: list[Coupon] = field(default_factory=list)
    spends: list[Spend] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    used: Counter[Day] = field(default_factory=Counter)  # minor units
    settled: set[Day] = field(default_factory=set)  # that were over when a merge could have added them up
    requests: list[Request] = field(default_factory=list)
    files: list[QueuedFile] = field(default_factory=list)
    bulks: list[Bulk] = field(default_factory=list)
    effect: Effect = field(default_factory=Effect)  # of the last adjustment
    places: int = 0  # that lots have had
    figures: dict[str, set[Decimal]] = field(default_factory=dict)  # by code, those that the refusal may carry
    has_vast: bool = False  # whether a lot was ever that large
    is_full: bool = False  # whether an account has held more than it may, at least for a moment
    answered: str | None = None  # the code that the ledger refused this very command with, None where it did it

    def trial(self) -> Self:
        """Another of the same, to try something on."""
        other = copy(self)
        for name, value in vars(self).items():
            setattr(other, name, [_twin(thing) for thing in value] if isinstance(value, list) else copy(value))
        return other

    def become(self, trial: Self) -> None:
        self.__dict__.update(trial.__dict__)

    def may_refuse(self, codes: Collection[str]) -> None:
        """Here the rules allow both: raises Refusal where the ledger has refused for one of these reasons."""
        if self.answered is not None and self.answered in codes:
            raise Refusal(codes)

    def short(self, left: Decimal) -> set[str]:
        """The refusal of more than that."""
        self.figures.setdefault("INSUFFICIENT_BALANCE", set()).add(left)
        return {"INSUFFICIENT_BALANCE"}

    def fill(self, customer: int, asset: str) -> None:
        """Something has come onto this account."""
        self.is_full = self.is_full or (self.has_vast and self.exceeds(customer, asset))

    def exceeds(self, customer: int, asset: str, more: Decimal = NOTHING) -> bool:
        return minor(self.balance(customer, asset) + more, asset) > MOST

    def check_room(self) -> None:
        """Raises Refusal where an account holds more than it may, and may do so where one did for a moment."""
        held = {(self.person(lot.customer), lot.asset) for lot in self.lots if lot.amount > VAST}
        refuse({"AMOUNT_OUT_OF_RANGE"} if any(self.exceeds(*key) for key in held) else set())
        if self.is_full:
            self.may_refuse({"AMOUNT_OUT_OF_RANGE"})

    # People

    def person(self, customer: int) -> int:
        """The record that this one is now."""
        into = self.customers[customer].into
        return customer if into is None else self.person(into)

    def people(self) -> list[int]:
        """Each person once, by the record that they are now."""
        return [number for number, customer in enumerate(self.customers) if customer.into is None]

    def known(self, customer: int) -> bool:
        return 0 <= customer < len(self.customers)

    def kept(self, customer: int, reference: str | None) -> str | None:
        """The reference as it is kept: of nobody who was erased."""
        return None if self.is_erased(customer) else (reference or "").strip() or None

    def is_erased(self, customer: int) -> bool:
        return self.customers[self.person(customer)].erased

    # What there is

    def balance(self, customer: int, asset: str) -> Decimal:
        return sum((lot.left for lot in self.lots_of(customer, asset)), NOTHING)

    def available(self, customer: int, asset: str, now: datetime, service: Iterable[int] = ()) -> Decimal:
        return sum((self.free(lot, now) for lot in self.burning(customer, asset, now, service)), NOTHING)

    def held(self, lot: Lot, now: datetime) -> Decimal:
        """What is set aside of it."""
        parts = (part for hold in self.holds if hold.is_live(now) for part in hold.parts)
        return sum((amount for number, amount in parts if number == lot.serial), NOTHING)

    def free(self, lot: Lot, now: datetime) -> Decimal:
        return lot.left - self.held(lot, now)

    def held_on(self, customer: int, asset: str, now: datetime) -> Decimal:
        return sum((self.held(lot, now) for lot in self.lots_of(customer, asset)), NOTHING)

    def scheduled(self, customer: int, asset: str, now: datetime) -> Decimal:
        return sum((lot.left for lot in self.lots_of(customer, asset) if lot.starts > now), NOTHING)

    def lifetime(self, customer: int, asset: str) -> Decimal:
        return sum((lot.lifetime for lot in self.lots_of(customer, asset)), NOTHING)

    def owed(self, now: datetime) -> Counter[tuple[str, str | None, str, str | None]]:
        """What has not expired, or is held, in minor units: by asset, the month that it expires in, what opened it, and
        the reason."""
        owed = Counter[tuple[str, str | None, str, str | None]]()
        for lot in self.lots:
            left = self.held(lot, now) if lot.has_expired(now) else lot.left
            if left:
                last = None if lot.expires is None else lot.expires - timedelta(microseconds=1)
                month = None if last is None else f"{last.astimezone(self.zone):%Y-%m}"
                owed[lot.asset, month, lot.source, lot.reason] += minor(left, lot.asset)
        return owed

    def burning(self, customer: int, asset: str, now: datetime, service: Iterable[int] = ()) -> list[Lot]:
        """Open lots in burn order, those that serve one of the services if any is named."""
        wanted = set(service)
        lots = [lot for lot in self.lots_of(customer, asset) if lot.is_open(now) and self.free(lot, now)]
        if wanted:
            lots = [lot for lot in lots if not lot.services or lot.services & wanted]
        return sorted(lots, key=burn_order)

    def tier(self, customer: int) -> int | None:
        """The threshold of the tier they are in."""
        points = self.lifetime(customer, "POINTS")
        return max((tier for tier in self.tiers if points >= tier), default=None)

    def today(self, now: datetime) -> date:
        return now.astimezone(self.zone).date()

    def lots_of(self, customer: int, asset: str) -> list[Lot]:
        """Of whoever this record is now."""
        person = self.person(customer)
        return [lot for lot in self.lots if lot.asset == asset and self.person(lot.customer) == person]

    # How value moves

    def _open(
        self,
        customer: int,
        asset: str,
        amount: Decimal,
        now: datetime,
        *,
        effective: date | None = None,
        expires: datetime | None = None,
        services: Iterable[int] = (),
        auto_apply: bool = True,
        counts: bool = True,
        reason: str | None = None,
        source: str = "ADJUSTMENT",
    ) -> Lot:
        starts = now if effective is None else first_instant(effective, self.zone)
        lot = Lot(
            self.person(customer),
            asset,
            now,
            effective or self.today(now),
            starts,
            expires,
            frozenset(services),
            auto_apply,
            len(self.lots),
            counts,
            self.person(customer),
            self._place(),
            reason,
            source,
        )
        lot.move(ADDED, amount)
        self.lots.append(lot)
        self.has_vast = self.has_vast or amount > VAST
        self.fill(customer, asset)
        return lot

    def _place(self) -> int:
        self.places += 1
        return self.places

    def _move_home(self, lot: Lot) -> None:
        """Onto the account of whoever its record is now."""
        person = self.person(lot.customer)
        if lot.home != person:
            lot.home, lot.place = person, self._place()

    def _burn(self, lots: list[Lot], amount: Decimal, kind: str, now: datetime) -> tuple[tuple[int, Decimal], ...]:
        """From which how much was taken."""
        taken = []
        for lot in lots:
            part = min(self.free(lot, now), amount)
            if part:
                taken.append((lot.serial, part))
                lot.move(kind, -part)
            amount -= part
        return tuple(taken)

    def _give_back(self, lot: Lot, amount: Decimal, now: datetime, kind: str = RETURNED) -> None:
        self._move_home(lot)
        lot.move(kind, amount)
        self.fill(lot.customer, lot.asset)
        if lot.voided:  # it comes back, and goes as the rest did
            lot.move(TAKEN_BACK, -amount)
        elif lot.has_expired(now):  # it comes back, and expires
            self._expire(lot, now)

    def _expire(self, lot: Lot, now: datetime) -> None:
        """As far as it is not held."""
        lot.move(TAKEN_BACK if lot.voided else EXPIRED, -self.free(lot, now))
        lot.swept = True

    def _void(self, lot: Lot) -> None:
        lot.move(TAKEN_BACK, -lot.left)
        lot.voided = True

    def _new_expiry(
        self, now: datetime, days: int | None, expires: datetime | None, effective: date | None, starts: datetime
    ) -> tuple[datetime | None, set[str]]:
        if days and expires is not None:
            return None, {"EXPIRY_CONFLICT"}
        if expires is not None:
            return expires, {"EXPIRY_IN_PAST"} if expires <= max(now, starts) else set()
        if not days:
            return None, set()
        first = max(self.today(now), effective or date.min)
        return first_instant(first + timedelta(days=days + 1), self.zone), set()

    # Limits

    def _over_limit(self, now: datetime, role: str, customer: int, asset: str, amount: Decimal) -> bool:
        if role != "STAFF":
            return False
        most = minor(STAFF_LIMITS["MONEY" if asset not in WHOLE else asset], asset)
        wanted = minor(amount, asset)
        days = self._days(role, customer, asset, self.today(now))
        return wanted > most or any(self.used[day] + wanted > most * times for times, day in days)

    def _use_limit(self, now: datetime, role: str, customer: int, asset: str, amount: Decimal) -> None:
        if role == "STAFF":
            for _, day in self._days(role, customer, asset, self.today(now)):
                self.used[day] += minor(amount, asset)

    def _may_spend(self, now: datetime, role: str, customer: int, asset: str, amount: Decimal) -> set[str]:
        """Why the limits on spending do not allow it."""
        if role != "STAFF" or asset not in SPENDING_LIMITS:
            return set()
        at_a_time, *by_day = SPENDING_LIMITS[asset]
        wanted = minor(amount, asset)
        left = [minor(Decimal(at_a_time), asset)]
        for most, day in zip(by_day, self._spending_days(role, customer, asset, self.today(now)), strict=True):
            left.append(minor(Decimal(most), asset) - self.used[day])
        return {"LIMIT_EXCEEDED"} if wanted > min(left) else set()

    def _count_spent(self, now: datetime, role: str, customer: int, asset: str, amount: Decimal) -> None:
        if role == "STAFF" and asset in SPENDING_LIMITS:
            for day in self._spending_days(role, customer, asset, self.today(now)):
                self.used[day] += minor(amount, asset)

    def _spending_days(self, role: str, customer: int, asset: str, day: date) -> list[Day]:
        whose = ("actor spending", f"customer {self.person(customer)} spending")
        return [(role, each, asset, day) for each in whose]

    def _days(self, role: str, customer: int, asset: str, day: date) -> list[tuple[int, Day]]:
        return [(5, (role, "actor", asset, day)), (2, (role, f"customer {self.person(customer)}", asset, day))]


def burn_order(lot: Lot) -> tuple[datetime, bool, datetime, int]:
    """The soonest expiry first and never last; the restricted before the general; the older; by id."""
    return (lot.expires or datetime.max.replace(tzinfo=UTC), not lot.services, lot.created, lot.place)


def _twin(thing: Any) -> Any:
    """A copy of a row, in a tenth of the time that `copy` takes; of anything else, the thing itself."""
    if isinstance(thing, QueuedFile):
        return thing.twin()
    if not hasattr(thing, "__dict__"):
        return thing
    twin = object.__new__(type(thing))
    twin.__dict__.update(thing.__dict__)
    return twin
