"""A ledger as anyone would write it down: lists, decimals and the rules of the domain, and nothing of models/.

What is asked of it is a `Wish`: an operation's name and its facts. What it refuses, it refuses with every code that the
rules allow for that wish, since they say nothing of which fault is named first.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from copy import deepcopy
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


@lru_cache(maxsize=10_000)
def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """Searched for, to the minute, from an instant that is surely before it."""
    instant = datetime.combine(day, time(0), tzinfo=UTC) - timedelta(hours=16)
    while instant.astimezone(zone).date() < day:
        instant += timedelta(minutes=1)
    return instant


@dataclass
class Lot:
    customer: int
    asset: str
    amount: Decimal
    left: Decimal
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
    customer: int
    currency: str
    total: Decimal
    paid: Decimal = Decimal(0)
    credited: Decimal = Decimal(0)
    void: bool = False

    @property
    def due(self) -> Decimal:
        return self.total - self.paid - self.credited

    @property
    def status(self) -> str:
        if self.void:
            return "VOID"
        if self.due == 0:
            return "PAID"
        return "OPEN" if self.due == self.total else "PART_PAID"


@dataclass
class Part:
    lot: int
    bill: int
    amount: Decimal
    live: bool = True


@dataclass
class Prize:
    price: int
    stock: int | None
    active: bool


@dataclass(frozen=True)
class Wish:
    """What somebody asks for, in words: customers, credits, invoices, services and rewards by their number."""

    name: str
    facts: dict[str, Any]
    role: str = "MANAGER"


class Refusal(Exception):
    def __init__(self, codes: Iterable[str]) -> None:
        super().__init__(sorted(codes))
        self.codes = frozenset(codes)


@dataclass
class Reference:
    zone: ZoneInfo
    customers: int
    services: list[bool]  # whether each is still offered
    prizes: list[Prize]
    cancelled: dict[int, datetime]
    lots: list[Lot] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    coupons: list[tuple[int, int, int]] = field(default_factory=list)  # customer, prize, points
    lifetime: Counter[tuple[int, str]] = field(default_factory=Counter)
    used: Counter[tuple[str, str, str, date]] = field(default_factory=Counter)  # whose, asset, day: minor units
    accounts: set[tuple[int, str]] = field(default_factory=set)
    requests: int = 0

    def do(self, wish: Wish, now: datetime) -> str:
        """`done` or `requested`. Raises Refusal, and has changed nothing then."""
        doing: Callable[..., str] = getattr(self, f"_{wish.name}")
        return doing(now=now, role=wish.role, **wish.facts)

    # What there is

    def balance(self, customer: int, asset: str) -> Decimal:
        return sum((lot.left for lot in self._of(customer, asset)), Decimal(0))

    def available(self, customer: int, asset: str, now: datetime, service: Iterable[int] = ()) -> Decimal:
        return sum((lot.left for lot in self.burning(customer, asset, now, service)), Decimal(0))

    def burning(self, customer: int, asset: str, now: datetime, service: Iterable[int] = ()) -> list[Lot]:
        """Open lots in burn order, those that serve one of the services if any is named."""
        wanted = set(service)
        lots = [lot for lot in self._of(customer, asset) if lot.is_open(now)]
        if wanted:
            lots = [lot for lot in lots if not lot.services or lot.services & wanted]
        never = datetime.max.replace(tzinfo=UTC)
        return sorted(lots, key=lambda lot: (lot.expires or never, not lot.services, lot.serial))

    def tier(self, customer: int) -> str | None:
        reached = [name for name, threshold in TIERS if self.lifetime[customer, "POINTS"] >= threshold]
        return reached[-1] if reached else None

    def _of(self, customer: int, asset: str) -> list[Lot]:
        return [lot for lot in self.lots if (lot.customer, lot.asset) == (customer, asset)]

    def today(self, now: datetime) -> date:
        return now.astimezone(self.zone).date()

    # Adjusting

    def _adjust(
        self, *, now: datetime, role: str, customer: int, asset: str, amount: Decimal, reason: str,
        note: str | None = None, days: int | None = None, expires: datetime | None = None,
        effective: date | None = None,
        services: tuple[int, ...] = (), credit: int | None = None, approval: bool = False, auto_apply: bool = True,
    ) -> str:  # fmt: skip
        faults = bad_amount(amount, asset)
        if faults:
            raise Refusal(faults)
        adding = amount > 0
        faults |= self._bad_reason(reason, note, adding=adding) | self._bad_services(asset, services, adding=adding)
        if not 0 <= customer < self.customers:
            raise Refusal(faults | {"NOT_FOUND"})
        if not adding:
            return self._take(now, customer, asset, -amount, reason, faults, days, expires, effective, services, credit)
        starts = now if effective is None else first_instant(effective, self.zone)
        ends, bad_dates = self._expiry(now, days, expires, effective, starts)
        faults |= bad_dates | ({"INVALID"} if credit is not None else set())
        if asset == "SERVICE_CREDITS" and self._grace_is_over(customer, now):
            faults.add("MEMBERSHIP_GRACE_ENDED")
        over = self._over_limit(now, role, customer, asset, amount)
        if over and approval and not faults:
            self.requests += 1
            return "requested"
        if faults or over:
            raise Refusal(faults | ({"LIMIT_EXCEEDED"} if over else set()))
        self._use_limit(now, role, customer, asset, amount)
        self.accounts.add((customer, asset))
        self.lots.append(
            Lot(
                customer, asset, amount, amount, starts, ends, frozenset(services), auto_apply, len(self.lots),
                counted=REASONS[reason][2],
            )
        )  # fmt: skip
        if REASONS[reason][2]:
            self.lifetime[customer, asset] += minor(amount, asset)
        return "done"

    def _take(
        self, now: datetime, customer: int, asset: str, amount: Decimal, reason: str, faults: set[str],
        days: int | None, expires: datetime | None, effective: date | None, services: tuple[int, ...],
        credit: int | None,
    ) -> str:  # fmt: skip
        if days or expires is not None or (effective is not None and effective > self.today(now)):
            faults.add("EXPIRY_CONFLICT")
        moves = reason in REASONS and REASONS[reason][2]
        if moves and minor(amount, asset) > self.lifetime[customer, asset]:
            faults.add("INSUFFICIENT_BALANCE")
        if credit is None:
            lots = self.burning(customer, asset, now, services)
            if amount > sum(lot.left for lot in lots):
                faults.add("INSUFFICIENT_BALANCE")
        else:
            lots = [self.lots[credit]]
            faults |= self._bad_named(lots[0], customer, asset, amount, now, services)
        if faults:
            raise Refusal(faults)
        self._burn(lots, amount)
        if moves:
            self.lifetime[customer, asset] -= minor(amount, asset)
        return "done"

    def _bad_named(
        self, lot: Lot, customer: int, asset: str, amount: Decimal, now: datetime, services: tuple[int, ...]
    ) -> set[str]:
        if (lot.customer, lot.asset) != (customer, asset):
            # Where there is no account at all, that may be said instead.
            return {"NOT_FOUND"} if (customer, asset) in self.accounts else {"NOT_FOUND", "INSUFFICIENT_BALANCE"}
        faults = set()
        if services and lot.services and not lot.services & set(services):
            faults.add("INVALID")
        if not lot.is_open(now):
            faults.add("CREDIT_NOT_OPEN")
        elif amount > lot.left:
            faults.add("INSUFFICIENT_BALANCE")
        return faults

    def _burn(self, lots: list[Lot], amount: Decimal) -> None:
        for lot in lots:
            taken = min(lot.left, amount)
            lot.left -= taken
            amount -= taken

    def _bad_reason(self, reason: str, note: str | None, *, adding: bool) -> set[str]:
        if reason not in REASONS:
            return {"REASON_UNKNOWN"}
        adds, removes, _, needs_note = REASONS[reason]
        faults = set() if (adds if adding else removes) else {"REASON_DIRECTION"}
        return faults | ({"NOTE_REQUIRED"} if needs_note and not (note or "").strip() else set())

    def _bad_services(self, asset: str, services: tuple[int, ...], *, adding: bool) -> set[str]:
        if services and asset != "SERVICE_CREDITS":
            return {"INVALID"}
        return {"INVALID"} if adding and not all(self.services[s] for s in services) else set()

    def _expiry(
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

    def _grace_is_over(self, customer: int, now: datetime) -> bool:
        cancelled = self.cancelled.get(customer)
        return cancelled is not None and (self.today(now) - self.today(cancelled)).days > GRACE_DAYS

    def _names(self, role: str, customer: int, asset: str, day: date) -> list[tuple[int, tuple[str, str, str, date]]]:
        return [(5, (role, "actor", asset, day)), (2, (role, f"customer {customer}", asset, day))]

    def _over_limit(self, now: datetime, role: str, customer: int, asset: str, amount: Decimal) -> bool:
        if role != "STAFF":
            return False
        most = minor(STAFF_LIMITS["MONEY" if asset not in WHOLE else asset], asset)
        wanted = minor(amount, asset)
        names = self._names(role, customer, asset, self.today(now))
        return wanted > most or any(self.used[name] + wanted > most * times for times, name in names)

    def _use_limit(self, now: datetime, role: str, customer: int, asset: str, amount: Decimal) -> None:
        if role == "STAFF":
            for _, name in self._names(role, customer, asset, self.today(now)):
                self.used[name] += minor(amount, asset)

    def _bulk(
        self, *, now: datetime, role: str, rows: tuple[tuple[int, Decimal], ...], asset: str, reason: str, skip: bool,
        dry_run: bool, days: int | None = None,
    ) -> str:  # fmt: skip
        trial = self if skip and not dry_run else deepcopy(self)
        failed, seen = False, set[int]()
        for customer, amount in rows:
            try:
                if customer in seen:
                    raise Refusal({"DUPLICATE"})
                seen.add(customer)
                trial._adjust(now=now, role=role, customer=customer, asset=asset, amount=amount, reason=reason,
                              days=days if amount > 0 else None)  # fmt: skip
            except Refusal:
                failed = True
        if failed and not skip and not dry_run:
            raise Refusal({"INVALID"})
        if trial is not self and not dry_run:
            self.__dict__.update(trial.__dict__)
        return "done"

    # Invoices

    def _invoice(
        self, *, now: datetime, role: str, customer: int, currency: str, lines: tuple[tuple[int, Decimal], ...],
        auto: bool,
    ) -> str:  # fmt: skip
        if any(bad_amount(price, currency) - {"AMOUNT_ZERO"} for _, price in lines):
            raise Refusal({"AMOUNT_PRECISION", "AMOUNT_OUT_OF_RANGE"})
        if any(quantity < 1 or price < 0 for quantity, price in lines):
            raise Refusal({"INVALID"})
        bill = Bill(customer, currency, sum((quantity * price for quantity, price in lines), Decimal(0)))
        self.bills.append(bill)
        for lot in self.burning(customer, currency, now) if auto else ():
            if lot.auto_apply and bill.due:
                self._set_against(lot, bill, min(lot.left, bill.due))
        return "done"

    def _set_against(self, lot: Lot, bill: Bill, amount: Decimal) -> None:
        lot.left -= amount
        bill.credited += amount
        self.parts.append(Part(self.lots.index(lot), self.bills.index(bill), amount))

    def _pay(self, *, now: datetime, role: str, bill: int, amount: Decimal) -> str:
        paid = self.bills[bill]
        faults = bad_amount(amount, paid.currency)
        if paid.status not in ("OPEN", "PART_PAID"):
            faults.add("INVOICE_NOT_OPEN")
        elif amount > paid.due:
            faults.add("EXCEEDS_DUE")
        if amount < 0:
            faults.add("INVALID")
        if faults:
            raise Refusal(faults)
        paid.paid += amount
        return "done"

    def _assign(self, *, now: datetime, role: str, credit: int, items: tuple[tuple[int, Decimal | None], ...]) -> str:
        lot = self.lots[credit]
        if lot.asset in WHOLE:
            raise Refusal({"INVALID"})
        if not lot.is_open(now):
            raise Refusal({"CREDIT_NOT_OPEN"})
        left, seen, amounts = lot.left, set[int](), []
        for number, amount in items:
            faults, given = self._bad_item(lot, number, amount, left)
            faults |= {"DUPLICATE"} if number in seen else set()
            if faults:
                raise Refusal(faults)
            seen.add(number)
            left -= given
            amounts.append(given)
        for (number, _), given in zip(items, amounts, strict=True):
            self._set_against(lot, self.bills[number], given)
        return "done"

    def _bad_item(self, lot: Lot, number: int, amount: Decimal | None, left: Decimal) -> tuple[set[str], Decimal]:
        bill, faults = self.bills[number], set[str]()
        if bill.customer != lot.customer:
            faults.add("CUSTOMER_MISMATCH")
        if bill.currency != lot.asset:
            faults.add("CURRENCY_MISMATCH")
        if bill.status not in ("OPEN", "PART_PAID"):
            faults.add("INVOICE_NOT_OPEN")
        if amount is None:
            return faults | ({"EXCEEDS_REMAINING"} if left == 0 else set()), min(left, bill.due)
        faults |= bad_amount(amount, bill.currency)
        if amount < 0:
            faults.add("INVALID")
        if amount > bill.due:
            faults.add("EXCEEDS_DUE")
        if amount > left:
            faults.add("EXCEEDS_REMAINING")
        return faults, amount

    # Undoing

    def _release(self, *, now: datetime, role: str, parts: tuple[int, ...]) -> str:
        faults = set()
        chosen = [self.parts[number] for number in parts]
        if any(not part.live for part in chosen):
            faults.add("ALREADY_RELEASED")
        if len(set(parts)) < len(parts):
            faults.add("DUPLICATE")
        if len({self.lots[part.lot].customer for part in chosen}) > 1:
            faults.add("INVALID")
        if faults:
            raise Refusal(faults)
        self._put_back(chosen, now)
        return "done"

    def _put_back(self, parts: list[Part], now: datetime) -> None:
        for part in parts:
            part.live = False
            lot = self.lots[part.lot]
            self.bills[part.bill].credited -= part.amount
            lot.left += part.amount
            if lot.has_expired(now):  # it comes back, and expires
                lot.left, lot.swept = Decimal(0), True

    def _void_invoice(self, *, now: datetime, role: str, bill: int) -> str:
        voided = self.bills[bill]
        if voided.void:
            raise Refusal({"INVOICE_NOT_OPEN"})
        if voided.paid:
            raise Refusal({"INVOICE_PAID"})
        self._put_back([part for part in self.parts if part.live and part.bill == bill], now)
        voided.void = True
        return "done"

    def _void_credit(self, *, now: datetime, role: str, credit: int, release: bool) -> str:
        lot = self.lots[credit]
        parts = [part for part in self.parts if part.live and part.lot == credit]
        gone = lot.voided or lot.left == 0 or lot.has_expired(now)
        if gone and not parts:
            raise Refusal({"CREDIT_NOT_OPEN"})
        if parts and not release:
            raise Refusal({"CREDIT_ASSIGNED"})
        back = lot.left + sum(part.amount for part in parts)
        earned = minor(back, lot.asset) if lot.counted and not lot.has_expired(now) else 0
        if earned > self.lifetime[lot.customer, lot.asset]:
            raise Refusal({"INSUFFICIENT_BALANCE"})
        self._put_back(parts, now)
        self.lifetime[lot.customer, lot.asset] -= earned
        lot.left, lot.voided = Decimal(0), not lot.swept
        return "done"

    def _sweep(self, *, now: datetime, role: str) -> str:
        for lot in self.lots:
            if lot.left and lot.has_expired(now):
                lot.left, lot.swept = Decimal(0), True
        return "done"

    # Services and rewards

    def _use(self, *, now: datetime, role: str, customer: int, service: int, amount: Decimal) -> str:
        faults = bad_amount(amount, "SERVICE_CREDITS") | ({"INVALID"} if amount < 0 else set())
        if amount > self.available(customer, "SERVICE_CREDITS", now, (service,)):
            faults.add("INSUFFICIENT_BALANCE")
        if faults:
            raise Refusal(faults)
        self._burn(self.burning(customer, "SERVICE_CREDITS", now, (service,)), amount)
        return "done"

    def _give(self, *, now: datetime, role: str, customer: int, prize: int, deduct: bool) -> str:
        given, faults = self.prizes[prize], set()
        if not given.active or given.stock == 0:
            faults.add("REWARD_INACTIVE")
        price = Decimal(given.price)
        if deduct and price > self.available(customer, "POINTS", now):
            faults.add("INSUFFICIENT_BALANCE")
        if not deduct and price and self._over_limit(now, role, customer, "POINTS", price):
            faults.add("LIMIT_EXCEEDED")
        if faults:
            raise Refusal(faults)
        if deduct:
            self._burn(self.burning(customer, "POINTS", now), price)
        else:
            self._use_limit(now, role, customer, "POINTS", price)
        if given.stock is not None:
            given.stock -= 1
        self.coupons.append((customer, prize, given.price if deduct else 0))
        return "done"


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
