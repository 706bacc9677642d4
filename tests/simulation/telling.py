"""The reference, telling of what it does: the events that have to be in the feed, in the order in which they happen.

A posting tells of each of its transactions, with what that moved on which record's account. What happens is told of in three
parts, as it is written down: transactions, what they bring about, and what else is changed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.simulation.records import NOTHING, Command, Effect, Invoice, Lot, minor
from tests.simulation.reference import Reference

TRANSACTION, BROUGHT_ABOUT, CHANGED = range(3)
NOTICE = timedelta(days=7)
"""So long before a credit expires it is announced."""


@dataclass(frozen=True, slots=True)
class Moved:
    """On the account of a record, in minor units; balance: after it, by so many entries."""

    record: int
    asset: str
    amount: int
    balance: int
    entries: int


@dataclass(frozen=True, slots=True)
class Told:
    """An event. customer: the record, as it was then. about: what else it is about, by its number. since: when it was true
    before it was written down. loose: whether it has no place among those of its part of this instant."""

    kind: str
    customer: int | None
    part: int
    moved: tuple[Moved, ...] = ()
    about: tuple[str, int] | None = None
    since: datetime | None = None
    amount: int | None = None
    loose: bool = False


def _single(name: str, kind: str, named: str, *, always: bool = True) -> Any:
    """A command that is one transaction, or begins with one; of whoever has what it names."""

    def asked(self: "Postings", **facts: Any) -> str:
        done = getattr(super(Postings, self), name)
        return self._one(kind, self._whose(named, facts), lambda: done(**facts), always=always)

    return asked


@dataclass
class Postings(Reference):
    """told: by the last command. noticed, lapsed: the last credit and hold that was announced, by expiry and number."""

    told: list[Told] = field(default_factory=list)
    orders: set[int] = field(default_factory=set)
    asked_for: list[int] = field(default_factory=list)  # by request: whose it was then
    noticed: tuple[datetime, int] | None = None
    lapsed: tuple[datetime, int] | None = None
    pending: tuple[str, int, bool] | None = None
    before: dict[int, tuple[int, int, Decimal]] = field(default_factory=dict)  # by lot: movements, home, left
    lifetimes: dict[int, Decimal] = field(default_factory=dict)
    ended_on: dict[int, int] = field(default_factory=dict)  # by hold that ended before a merge: the record
    ended: datetime | None = None  # of what the transaction has written off, when the last of it expired
    ordering: bool = False

    def do(self, command: Command, now: datetime, answered: str | None = None) -> str:
        self.told, self.pending, self.ordering = [], None, False
        return super().do(command, now, answered)

    # One transaction after the other

    def _begins(self, kind: str, customer: int, *, always: bool = True) -> None:
        """always: whether it is one even where it moves nothing."""
        self.pending = (kind, self.person(customer), always)
        self.before = {lot.serial: (len(lot.movements), lot.home, lot.left) for lot in self.lots}
        self.lifetimes = {person: self.lifetime(person, "POINTS") for person in self.people()}
        self.ended = None

    def _ends(self, *, loose: bool = False) -> None:
        if self.pending is None:
            return
        kind, customer, always = self.pending
        self.pending = None
        moved = self._moved()
        if moved or always:
            since = self.ended if kind == "CREDIT_EXPIRED" else None
            self.told.append(Told(kind, customer, TRANSACTION, moved, since=since, loose=loose))
        self._tell_of_tiers(loose=loose)

    def _moved(self) -> tuple[Moved, ...]:
        sums, numbers = dict[tuple[int, str], Decimal](), dict[tuple[int, str], int]()
        for lot in self.lots:
            number, home, left = self.before.get(lot.serial, (0, lot.home, NOTHING))
            moves = [(lot.home, amount) for _, amount in lot.movements[number:]]
            if home != lot.home and left:  # a merge has carried it along
                moves = [(home, -left), (lot.home, left), *moves]
            for record, amount in moves:
                key = (record, lot.asset)
                sums[key] = sums.get(key, NOTHING) + amount
                numbers[key] = numbers.get(key, 0) + 1
        return tuple(
            sorted(
                (
                    Moved(record, asset, minor(amount, asset), self._on(record, asset), numbers[record, asset])
                    for (record, asset), amount in sums.items()
                ),
                key=lambda each: (each.record, each.asset),
            )
        )

    def _on(self, record: int, asset: str) -> int:
        """What is on the account of this very record, in minor units."""
        whole = sum((lot.left for lot in self.lots if (lot.home, lot.asset) == (record, asset)), NOTHING)
        return minor(whole, asset)

    def _tell_of_tiers(self, *, loose: bool = False) -> None:
        for person, before in self.lifetimes.items():
            after = NOTHING if self.customers[person].into is not None else self.lifetime(person, "POINTS")
            if self._tier_at(before) != self._tier_at(after):
                self.told.append(Told("TIER_CHANGED", person, BROUGHT_ABOUT, loose=loose))

    def _tier_at(self, points: Decimal) -> int | None:
        """Which of the tiers."""
        reached = [tier for tier in self.tiers if points >= tier]
        return self.tiers.index(max(reached)) if reached else None

    def _one(self, kind: str, customer: int, done: Callable[[], str], *, always: bool = True) -> str:
        """A command that is one transaction, or begins with one."""
        self._begins(kind, customer, always=always)
        became = done()
        if became == "done":
            self._ends()
        self.pending = None
        return became

    def _tell(self, kind: str, customer: int | None, about: tuple[str, int] | None, **more: Any) -> None:
        self.told.append(Told(kind, customer, BROUGHT_ABOUT, about=about, **more))

    def _expire(self, lot: Lot, now: datetime) -> None:
        if lot.expires is not None:
            self.ended = lot.expires if self.ended is None else max(self.ended, lot.expires)
        super()._expire(lot, now)

    def _whose(self, named: str, facts: dict[str, Any]) -> int:
        """Whose the thing is that a command names."""
        number: int = facts[named][0] if named == "parts" else facts[named]
        match named:
            case "customer":
                return number if self.known(number) else 0
            case "parts":
                return self.invoices[self.assignments[number].invoice].customer
            case "credit":
                return self.lots[number].customer
            case "spend":
                return self.spends[number].customer
        return self.holds[number].customer

    _assign = _single("_assign", "CREDIT_ASSIGNED", "credit")
    _release = _single("_release", "CREDIT_RELEASED", "parts")
    _void_credit = _single("_void_credit", "CREDIT_VOIDED", "credit")
    _update_credit = _single("_update_credit", "CREDIT_UPDATED", "credit")
    _spend = _single("_spend", "CREDIT_SPENT", "customer")
    _use = _single("_use", "CREDIT_USED", "customer")
    _refund = _single("_refund", "CREDIT_REFUNDED", "spend")
    _revive = _single("_revive", "CREDIT_EXPIRED", "credit", always=False)
    _hold = _single("_hold", "CREDIT_HELD", "customer")
    _release_hold = _single("_release_hold", "CREDIT_HELD", "hold")
    _extend_hold = _single("_extend_hold", "CREDIT_HELD", "hold")

    # Adjusting

    def _adjust(self, *, now: datetime, customer: int, **facts: Any) -> str:
        return self._one(
            "CREDIT_ADJUSTED",
            customer if self.known(customer) else 0,
            lambda: super(Postings, self)._adjust(now=now, customer=customer, **facts),
        )

    def _bulk(self, *, now: datetime, dry_run: bool, **facts: Any) -> str:
        became = super()._bulk(now=now, dry_run=dry_run, **facts)
        if not dry_run:
            self._tell("BULK_FINISHED", None, ("bulk", len(self.bulks) - 1))
        return became

    def _run(self, *, now: datetime, role: str) -> str:
        waiting = [number for number, file in enumerate(self.files) if file.status == "QUEUED"]
        became = super()._run(now=now, role=role)
        for number in waiting[:1]:
            place = next(place for place, bulk in enumerate(self.bulks) if bulk.file == number)
            self._tell("BULK_FINISHED", None, ("bulk", place))
        return became

    def _reverse(self, *, now: datetime, role: str, bulk: int, dry_run: bool) -> str:
        became = super()._reverse(now=now, role=role, bulk=bulk, dry_run=dry_run)
        self._tell("BULK_FINISHED", None, ("reversal", bulk))
        return became

    def _take_row_back(self, row: Effect, now: datetime) -> bool:
        lot = self.lots[row.taken[0][0] if row.lot is None else row.lot]
        self._begins("CREDIT_REVERSED", lot.customer)
        done = super()._take_row_back(row, now)
        if done:
            self._ends()
        self.pending = None
        return done

    # Requests

    def _request(self, name: str, now: datetime, *, has_days: bool = False, **facts: Any) -> str:
        became = super()._request(name, now, has_days=has_days, **facts)
        self.asked_for.append(self.person(facts["customer"]))
        self._tell_of_request("APPROVAL_REQUESTED", len(self.requests) - 1)
        return became

    def _approve(self, *, now: datetime, role: str, request: int) -> str:
        became = super()._approve(now=now, role=role, request=request)
        if became == "approved":
            self._tell_of_request("APPROVAL_APPROVED", request)
        return became

    def _tell_of_request(self, kind: str, request: int, **more: Any) -> None:
        self._tell(kind, self.asked_for[request], ("request", request), **more)

    def _reject(self, *, now: datetime, role: str, request: int) -> str:
        return self._decided(
            "REJECTED", request, lambda: super(Postings, self)._reject(now=now, role=role, request=request)
        )

    def _withdraw(self, *, now: datetime, role: str, request: int) -> str:
        return self._decided(
            "WITHDRAWN", request, lambda: super(Postings, self)._withdraw(now=now, role=role, request=request)
        )

    def _decided(self, status: str, request: int, done: Callable[[], str]) -> str:
        before = self.requests[request].status
        became = done()
        if before != status:
            self._tell_of_request(f"APPROVAL_{status}", request)
        return became

    def _sweep_requests(self, now: datetime) -> None:
        before = [asked.status for asked in self.requests]
        super()._sweep_requests(now)
        for number, asked in enumerate(self.requests):
            if asked.status != before[number]:
                self._tell_of_request("APPROVAL_EXPIRED", number, since=asked.expires, loose=True)

    # Invoices and orders

    def _invoice(self, **facts: Any) -> str:
        self.ordering = False
        return super()._invoice(**facts)

    def _order(self, **facts: Any) -> str:
        self.ordering = True
        return super()._order(**facts)

    def _issue(self, invoice: Invoice, issued: date, now: datetime, auto: bool) -> str:
        self.orders |= {invoice.serial} if self.ordering else set()
        self._tell("INVOICE_ISSUED", invoice.customer, ("invoice", invoice.serial))
        place = len(self.told)
        became = self._one(
            "CREDIT_ASSIGNED",
            invoice.customer,
            lambda: super(Postings, self)._issue(invoice, issued, now, auto),
            always=False,
        )
        self.told[place:] = [told for told in self.told[place:] if not told.kind.endswith("_PAID")]
        self._tell_if_paid(invoice, "NEW")
        return became

    def _tell_if_paid(self, invoice: Invoice, before: str) -> None:
        if invoice.status == "PAID" != before:
            kind = "ORDER_PAID" if invoice.serial in self.orders else "INVOICE_PAID"
            self._tell(kind, invoice.customer, ("invoice", invoice.serial))

    def _set_against(
        self, lot: Lot, invoice: Invoice, amount: Decimal, now: datetime, payment: int | None = None
    ) -> None:
        before = invoice.status
        super()._set_against(lot, invoice, amount, now, payment)
        self._tell_if_paid(invoice, before)

    def _grant(self, invoice: Invoice, now: datetime) -> None:
        if invoice.due == 0 and not invoice.granted and invoice.sold:
            self._ends()
            self._begins("CREDIT_SOLD", invoice.customer)
            super()._grant(invoice, now)
            self._ends()

    def _take_back_grants(self, invoice: Invoice, now: datetime) -> None:
        if invoice.granted and invoice.due != 0:
            self._ends()
            self._begins("CREDIT_REVERSED", invoice.customer)
            super()._take_back_grants(invoice, now)
            self._ends()

    def _pay(self, *, now: datetime, invoice: int, method: str, **facts: Any) -> str:
        paid, place, number = self.invoices[invoice], len(self.told), len(self.payments)
        before = paid.status
        with_credit = method == "ACCOUNT_CREDIT"
        self._begins("CREDIT_ASSIGNED", paid.customer, always=with_credit)
        became = super()._pay(now=now, invoice=invoice, method=method, **facts)
        if became != "done":
            return became
        self._ends()
        self.told.insert(place, Told("PAYMENT_RECORDED", paid.customer, BROUGHT_ABOUT, about=("payment", number)))
        if not with_credit:
            self._tell_if_paid(paid, before)
        return became

    def _open(self, customer: int, asset: str, amount: Decimal, now: datetime, **facts: Any) -> Lot:
        if facts.get("source") != "OVERPAYMENT":
            return super()._open(customer, asset, amount, now, **facts)
        self._ends()
        self._begins("CREDIT_KEPT", customer)
        return super()._open(customer, asset, amount, now, **facts)

    def _void_payment(self, *, now: datetime, role: str, payment: int) -> str:
        voided = self.payments[payment]
        invoice = self.invoices[voided.invoice]
        self._begins("CREDIT_REVERSED", invoice.customer, always=voided.method == "ACCOUNT_CREDIT")
        became = super()._void_payment(now=now, role=role, payment=payment)
        self._ends()
        self._tell("PAYMENT_VOIDED", invoice.customer, ("payment", payment))
        return became

    def _take_back(self, lot: Lot, now: datetime) -> None:
        if self.pending is None or self.pending[0] != "CREDIT_REVERSED" or lot.source == "OVERPAYMENT":
            self._ends()
            self._begins("CREDIT_REVERSED", lot.customer)
        super()._take_back(lot, now)

    def _void_invoice(self, *, now: datetime, role: str, invoice: int) -> str:
        whose = self.invoices[invoice].customer
        done = lambda: super(Postings, self)._void_invoice(now=now, role=role, invoice=invoice)  # noqa: E731
        became = self._one("CREDIT_VOIDED", whose, done)
        self._tell("INVOICE_VOIDED", whose, ("invoice", invoice))
        return became

    def _note(self, *, now: datetime, invoice: int, **facts: Any) -> str:
        noted = self.invoices[invoice]
        before = noted.status
        done = lambda: super(Postings, self)._note(now=now, invoice=invoice, **facts)  # noqa: E731
        became = self._one("CREDIT_NOTED", noted.customer, done)
        if became == "done":
            self._tell_if_paid(noted, before)
        return became

    def _void_note(self, *, now: datetime, role: str, note: int) -> str:
        whose = self.invoices[self.notes[note].invoice].customer
        done = lambda: super(Postings, self)._void_note(now=now, role=role, note=note)  # noqa: E731
        became = self._one("CREDIT_REVERSED", whose, done)
        self._tell("CREDIT_NOTE_VOIDED", whose, ("note", note))
        return became

    # Spending, holding, moving

    def _put_back(self, parts: Iterable[tuple[Lot, Decimal]], ends: datetime | None) -> None:
        parts = list(parts)
        if parts:
            self._ends()
            self._begins("CREDIT_REVIVED", parts[0][0].customer)
        super()._put_back(parts, ends)

    def _expire_released(self, lots: list[Lot], now: datetime) -> None:
        if lots:
            self._ends()
            self._begins("CREDIT_EXPIRED", lots[0].customer)
        super()._expire_released(lots, now)

    def _transfer(self, *, now: datetime, customer: int, to: int, **facts: Any) -> str:
        place = len(self.told)
        done = lambda: super(Postings, self)._transfer(now=now, customer=customer, to=to, **facts)  # noqa: E731
        became = self._one("CREDIT_TRANSFERRED", customer if self.known(customer) else 0, done)
        if became == "done":
            self._split(place, "CREDIT_TRANSFERRED", self.person(customer), self.person(to))
        return became

    def _split(self, place: int, kind: str, giver: int, receiver: int) -> None:
        """One transaction of two customers is two."""
        (both,) = [told for told in self.told[place:] if told.kind == kind]
        at = self.told.index(both, place)
        sides = [tuple(each for each in both.moved if (each.record == receiver) == gets) for gets in (False, True)]
        self.told[at : at + 1] = [
            Told(kind, whose, TRANSACTION, moved) for whose, moved in zip((giver, receiver), sides, strict=True)
        ]

    def _capture(self, *, now: datetime, hold: int, **facts: Any) -> str:
        place, number, held = len(self.told), len(self.payments), self.holds[hold]
        pays = held.invoice is not None or facts.get("invoice") is not None
        self._begins("CREDIT_ASSIGNED" if pays else "CREDIT_SPENT", held.customer)
        became = super()._capture(now=now, hold=hold, **facts)
        self._ends()
        if len(self.payments) > number:
            whose = self.invoices[self.payments[number].invoice].customer
            recorded = Told("PAYMENT_RECORDED", whose, BROUGHT_ABOUT, about=("payment", number))
            self.told.insert(place, recorded)
        return became

    # Rewards

    def _give(self, *, now: datetime, customer: int, **facts: Any) -> str:
        number = len(self.coupons)
        done = lambda: super(Postings, self)._give(now=now, customer=customer, **facts)  # noqa: E731
        became = self._one("REWARD_GIVEN", customer, done)
        if became == "done":
            self._tell("COUPON_ISSUED", self.person(customer), ("coupon", number))
        return became

    def _use_coupon(self, *, now: datetime, role: str, coupon: int, invoice: int | None = None) -> str:
        became = super()._use_coupon(now=now, role=role, coupon=coupon, invoice=invoice)
        self._tell("COUPON_USED", self.coupons[coupon].customer, ("coupon", coupon))
        return became

    def _reopen_coupon(self, *, now: datetime, role: str, coupon: int) -> str:
        became = super()._reopen_coupon(now=now, role=role, coupon=coupon)
        self._tell("COUPON_REOPENED", self.coupons[coupon].customer, ("coupon", coupon))
        return became

    def _disable_coupon(self, *, now: datetime, coupon: int, refund: bool, **facts: Any) -> str:
        disabled = self.coupons[coupon]
        done = lambda: super(Postings, self)._disable_coupon(now=now, coupon=coupon, refund=refund, **facts)  # noqa: E731
        always = refund and disabled.points > 0
        became = self._one("CREDIT_REVERSED", disabled.customer, done, always=always)
        self._tell("COUPON_DISABLED", disabled.customer, ("coupon", coupon))
        return became
