"""The reference's invoices, orders, payments, and the credit that is set against them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.simulation.approving import Approving
from tests.simulation.records import (
    METHODS,
    MOST,
    NOTHING,
    PLACES,
    USED,
    WHOLE,
    Assignment,
    Invoice,
    Line,
    Lot,
    Payment,
    bad_amount,
    first_instant,
    refuse,
)

Items = tuple[tuple[int, Decimal | None], ...]
"""Numbers of invoices with what they are to get; None is as much as possible."""


class Billing(Approving):
    # Issuing

    def _invoice(
        self,
        *,
        now: datetime,
        role: str,
        customer: int,
        currency: str,
        lines: tuple[Line, ...],
        auto: bool,
        issued: date | None = None,
        reference: str | None = None,
    ) -> str:
        refuse(_bad_lines(lines, currency) | ({"INVALID"} if self.is_erased(customer) else set()))
        made = Invoice(self.person(customer), currency, _worth(lines, currency), len(self.invoices))
        made.lines = tuple((Decimal(line.quantity), line.with_tax(PLACES[currency]), False) for line in lines)
        made.reference = self.kept(customer, reference)
        return self._issue(made, issued or self.today(now), now, auto)

    def _order(
        self,
        *,
        now: datetime,
        role: str,
        customer: int,
        currency: str,
        items: tuple[tuple[int, Line], ...],
        auto: bool,
        issued: date | None = None,
        propose: bool = False,
    ) -> str:
        products = [self.products[number] for number, _ in items]
        lines = tuple(
            replace(line, price=product.price) if line.price is None else line
            for product, (_, line) in zip(products, items, strict=True)
        )
        kinds = tuple(product.kind for product in products)
        faults = set() if all(product.active for product in products) else {"INVALID"}
        if any(product.currency != currency for product in products):
            faults.add("CURRENCY_MISMATCH")
        refuse(faults | _bad_lines(lines, currency, kinds) | ({"INVALID"} if self.is_erased(customer) else set()))
        if propose:
            return self._request(
                "order", now, customer=customer, currency=currency, items=items, auto=auto, issued=issued
            )
        worth = [line.total(PLACES[currency]) for line in lines]
        sold = tuple(amount for kind, amount in zip(kinds, worth, strict=True) if kind == "CREDIT" and amount)
        made = Invoice(self.person(customer), currency, _worth(lines, currency), len(self.invoices), sold)
        made.lines = tuple(
            (Decimal(line.quantity), line.with_tax(PLACES[currency]), kind == "CREDIT")
            for line, kind in zip(lines, kinds, strict=True)
        )
        return self._issue(made, issued or self.today(now), now, auto)

    def _issue(self, invoice: Invoice, issued: date, now: datetime, auto: bool) -> str:
        """Auto-applying credit goes to it: what is open now, was effective on its day, and was good when that began."""
        self.invoices.append(invoice)
        began = first_instant(issued, self.zone)
        for lot in self.burning(invoice.customer, invoice.currency, now) if auto else ():
            timely = lot.effective <= issued and not lot.has_expired(began)
            if lot.auto_apply and timely and invoice.due_to_credit:
                self._set_against(lot, invoice, min(self.free(lot, now), invoice.due_to_credit), now)
        return "done"

    def _set_against(
        self, lot: Lot, invoice: Invoice, amount: Decimal, now: datetime, payment: int | None = None
    ) -> None:
        lot.move(USED, -amount)
        invoice.credited += amount
        self.assignments.append(Assignment(lot.serial, invoice.serial, amount, len(self.assignments), now, payment))

    # What an order sells

    def _grant(self, invoice: Invoice, now: datetime) -> None:
        if invoice.due == 0 and not invoice.granted:
            invoice.granted = tuple(
                self._open(invoice.customer, invoice.currency, amount, now, source="ORDER").serial
                for amount in invoice.sold
            )

    def _take_back_grants(self, invoice: Invoice, now: datetime) -> None:
        """As much as is left of them; what has expired is gone already."""
        if invoice.due == 0:
            return
        for number in invoice.granted:
            self._take_back(self.lots[number], now)
        invoice.granted = ()

    def _take_back(self, lot: Lot, now: datetime) -> None:
        lot.revoked = True
        if (lot.left and not lot.has_expired(now)) or (not lot.left and not lot.swept):
            self._void(lot)

    def _spent_grants(self, invoices: Iterable[int], now: datetime) -> set[str]:
        """Why what these orders have granted cannot be taken back: something of it is used, and was not given back."""
        granted = [[self.lots[number] for number in self.invoices[invoice].granted] for invoice in set(invoices)]
        used = [sum(lot.used + self.held(lot, now) for lot in lots) for lots in granted]
        self.figures["CREDIT_SPENT"] = {amount for amount in used if amount}
        return {"CREDIT_SPENT"} if self.figures["CREDIT_SPENT"] else set()

    # Paying

    def _pay(
        self,
        *,
        now: datetime,
        role: str,
        invoice: int,
        amount: Decimal,
        method: str,
        received: date | None = None,
        keep: bool = False,
        approval: bool = False,
        propose: bool = False,
        asked: Decimal | None = None,
        customer: int | None = None,
    ) -> str:
        """keep: what is paid too much becomes a lot. asked: how much of it was to be kept, where it has waited; customer: of
        whose invoice that was."""
        paid = self.invoices[invoice]
        faults = bad_amount(amount, paid.currency) | ({"INVALID"} if amount < 0 or method not in METHODS else set())
        faults |= {"INVALID"} if received is not None and received > self.today(now) else set()
        with_credit = method == "ACCOUNT_CREDIT"
        if not paid.is_open:
            faults.add("INVOICE_NOT_OPEN")
        elif amount > (paid.due_to_credit if with_credit else paid.due) and (with_credit or not keep):
            faults.add("EXCEEDS_DUE")
        kept = max(amount - paid.due, NOTHING) if keep and not with_credit else NOTHING
        faults |= {"INVALID"} if keep and with_credit else set()
        faults |= {"INVALID"} if (propose or asked is not None) and not kept else set()
        faults |= (
            {"INVALID"}
            if kept and (self.is_erased(paid.customer) or kept > (kept if asked is None else asked))
            else set()
        )
        lots = self.burning(paid.customer, paid.currency, now) if with_credit else []
        available = sum((self.free(lot, now) for lot in lots), NOTHING)
        faults |= self.short(available) if with_credit and amount > available else set()
        refuse(faults)
        if with_credit:
            refuse(self._may_spend(now, role, paid.customer, paid.currency, amount))
            self._count_spent(now, role, paid.customer, paid.currency, amount)
        if kept:
            over = self._over_limit(now, role, paid.customer, paid.currency, kept)
            if propose or (over and approval):
                facts: dict[str, Any] = {
                    "invoice": invoice,
                    "amount": amount,
                    "method": method,
                    "received": received,
                    "keep": True,
                }
                return self._request("pay", now, customer=paid.customer, asked=kept, **facts)
            refuse({"LIMIT_EXCEEDED"} if over else set())
            self._use_limit(now, role, paid.customer, paid.currency, kept)
        self.payments.append(Payment(invoice, amount, method, now, kept=kept))
        if not with_credit:
            paid.paid += amount - kept
        for lot in lots:
            if amount:
                taken = min(self.free(lot, now), amount)
                self._set_against(lot, paid, taken, now, len(self.payments) - 1)
                amount -= taken
        self._grant(paid, now)
        if kept:
            lot = self._open(paid.customer, paid.currency, kept, now, effective=received, source="OVERPAYMENT")
            self.payments[-1].lot = lot.serial
        return "done"

    def _void_payment(self, *, now: datetime, role: str, payment: int) -> str:
        voided = self.payments[payment]
        refuse(set() if voided.live else {"PAYMENT_VOIDED"})
        parts = [part for part in self.assignments if part.live and part.payment == payment]
        refuse({"CREDIT_NOTED"} if voided.noted or any(part.noted for part in parts) else set())
        refuse(self._spent_grants([voided.invoice], now))
        kept = None if voided.lot is None else self.lots[voided.lot]
        if kept is not None and (used := kept.used + self.held(kept, now)):
            self.figures["CREDIT_SPENT"] = {used}
            refuse({"CREDIT_SPENT"})
        voided.live = False
        if voided.method != "ACCOUNT_CREDIT":
            self.invoices[voided.invoice].paid -= voided.amount - voided.kept
        self._let_go(parts, now)
        self._take_back_grants(self.invoices[voided.invoice], now)
        if kept is not None:
            self._take_back(kept, now)
        return "done"

    # Assigning

    def _assign(self, *, now: datetime, role: str, credit: int, items: Items) -> str:
        lot = self.lots[credit]
        refuse({"INVALID"} if lot.asset in WHOLE else set())
        refuse(set() if lot.is_open(now) else {"CREDIT_NOT_OPEN"})
        self._assign_all(lot, items, now)
        return "done"

    def _assign_all(self, lot: Lot, items: Items, now: datetime) -> None:
        """Amounts that are named are exact. What they leave of the credit the blanks share, each as much as is due."""
        left, seen = self.free(lot, now), set[int]()
        for number, amount in items:
            refuse(self._bad_item(lot, number, amount, left) | ({"DUPLICATE"} if number in seen else set()))
            seen.add(number)
            left -= amount or NOTHING
        amounts = []
        for number, amount in items:
            given = min(left, self.invoices[number].due_to_credit) if amount is None else amount
            left -= given if amount is None else NOTHING
            amounts.append((self.invoices[number], given))
        refuse(set() if any(given for _, given in amounts) else {"EXCEEDS_REMAINING"})
        for invoice, given in amounts:
            if given:
                self._set_against(lot, invoice, given, now)
        for invoice, given in amounts:
            if given:
                self._grant(invoice, now)

    def _bad_item(self, lot: Lot, number: int, amount: Decimal | None, left: Decimal) -> set[str]:
        invoice, faults = self.invoices[number], set[str]()
        if self.person(invoice.customer) != self.person(lot.customer):
            faults.add("CUSTOMER_MISMATCH")
        if invoice.currency != lot.asset:
            faults.add("CURRENCY_MISMATCH")
        if not invoice.is_open:
            faults.add("INVOICE_NOT_OPEN")
        elif amount is not None and invoice.due_to_credit < amount:
            faults.add("EXCEEDS_DUE")
        if amount is None:
            return faults
        faults |= bad_amount(amount, invoice.currency) | ({"INVALID"} if amount < 0 else set())
        return faults | ({"EXCEEDS_REMAINING"} if amount > left else set())

    # Undoing

    def _release(self, *, now: datetime, role: str, parts: tuple[int, ...]) -> str:
        chosen = [self.assignments[number] for number in parts]
        refuse(
            self._bad_parts(chosen)
            | ({"DUPLICATE"} if len(set(parts)) < len(parts) else set())
            | ({"INVALID"} if len({self.person(self.lots[part.lot].customer) for part in chosen}) > 1 else set())
        )
        invoices = [part.invoice for part in chosen]
        trial = self.trial()
        trial._let_go([trial.assignments[number] for number in parts], now)
        spent = trial._spent_grants(invoices, now)
        before = self._spent_grants(invoices, now)  # which the release itself may be what gives back
        self.figures["CREDIT_SPENT"] |= trial.figures["CREDIT_SPENT"]
        self.may_refuse(before)
        refuse(spent)
        for invoice in invoices:
            trial._take_back_grants(trial.invoices[invoice], now)
        self.become(trial)
        return "done"

    def _bad_parts(self, parts: list[Assignment]) -> set[str]:
        faults = set() if all(part.live for part in parts) else {"ALREADY_RELEASED"}
        faults |= {"CREDIT_NOTED"} if any(part.live and part.noted for part in parts) else set()
        return faults | ({"INVALID"} if any(part.payment is not None for part in parts) else set())

    def _let_go(self, parts: list[Assignment], now: datetime) -> None:
        """Last first."""
        for part in sorted(parts, key=lambda part: part.serial, reverse=True):
            part.live = False
            self.invoices[part.invoice].credited -= part.amount
            self._give_back(self.lots[part.lot], part.amount, now)

    def _reassign(self, *, now: datetime, role: str, part: int, items: Items) -> str:
        trial = self.trial()
        trial._release(now=now, role=role, parts=(part,))
        trial._assign(now=now, role=role, credit=self.assignments[part].lot, items=items)
        self.become(trial)
        return "done"

    def _void_invoice(self, *, now: datetime, role: str, invoice: int) -> str:
        voided = self.invoices[invoice]
        parts = [part for part in self.assignments if part.live and part.invoice == invoice]
        refuse({"INVOICE_NOT_OPEN"} if voided.void else set())
        money = [each for each in self.payments if each.live and each.invoice == invoice]
        noted = any(part.noted for part in parts) or any(each.noted for each in money)
        faults = {"CREDIT_NOTED"} if noted else set[str]()
        faults |= {"INVOICE_PAID"} if voided.paid or any(part.payment is not None for part in parts) else set()
        refuse(faults)
        self._let_go(parts, now)
        voided.void = True
        return "done"

    def _void_credit(self, *, now: datetime, role: str, credit: int, release: bool, release_holds: bool = False) -> str:
        lot = self.lots[credit]
        parts = [part for part in self.assignments if part.live and part.lot == credit and part.noted < part.amount]
        closed = lot.voided or lot.left == 0 or lot.has_expired(now)
        held = self.held(lot, now)
        refuse({"CREDIT_NOT_OPEN"} if closed and not parts and not held else set())
        refuse({"CREDIT_ASSIGNED"} if parts and not release else set())
        refuse({"CREDIT_HELD"} if held and not release_holds else set())
        refuse({"INVALID"} if any(part.payment is not None for part in parts) else set())
        refuse({"CREDIT_NOTED"} if any(part.noted for part in parts) else set())
        refuse(self._spent_grants([part.invoice for part in parts], now))
        self._let_go(parts, now)
        if lot.has_expired(now) and not lot.voided and self.free(lot, now):  # which is not voided with what is held
            self._expire(lot, now)
        for hold in self.holds:
            if hold.is_live(now):
                hold.parts = tuple((n, NOTHING if n == credit else amount) for n, amount in hold.parts)
        if lot.left:
            self._void(lot)
        for part in parts:
            self._take_back_grants(self.invoices[part.invoice], now)
        return "done"


def _bad_lines(lines: tuple[Line, ...], currency: str, kinds: tuple[str, ...] | None = None) -> set[str]:
    faults = set[str]()
    for line, kind in zip(lines, kinds or (None,) * len(lines), strict=True):
        faults |= line.faults(currency, kind)
    return faults | ({"AMOUNT_OUT_OF_RANGE"} if _worth(lines, currency) * 10 ** PLACES[currency] > MOST else set())


def _worth(lines: tuple[Line, ...], currency: str) -> Decimal:
    return sum((line.total(PLACES[currency]) + (line.tax or NOTHING) for line in lines), NOTHING)
