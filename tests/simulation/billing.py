"""The reference's invoices, orders, payments, and the credit that is set against them."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

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
        lines: tuple[tuple[int, Decimal], ...],
        auto: bool,
        issued: date | None = None,
        reference: str | None = None,
    ) -> str:
        refuse(_bad_lines(lines, currency) | ({"INVALID"} if self.is_erased(customer) else set()))
        made = Invoice(self.person(customer), currency, _worth(lines), len(self.invoices))
        made.lines = tuple((quantity, quantity * price, False) for quantity, price in lines)
        made.reference = self.kept(customer, reference)
        return self._issue(made, issued or self.today(now), now, auto)

    def _order(
        self,
        *,
        now: datetime,
        role: str,
        customer: int,
        currency: str,
        items: tuple[tuple[int, int, Decimal | None], ...],
        auto: bool,
        issued: date | None = None,
        propose: bool = False,
    ) -> str:
        products = [self.products[number] for number, _, _ in items]
        lines = tuple(
            (quantity, product.price if price is None else price)
            for product, (_, quantity, price) in zip(products, items, strict=True)
        )
        faults = set() if all(product.active for product in products) else {"INVALID"}
        if any(product.currency != currency for product in products):
            faults.add("CURRENCY_MISMATCH")
        refuse(faults | _bad_lines(lines, currency) | ({"INVALID"} if self.is_erased(customer) else set()))
        if propose:
            return self._request(
                "order", now, customer=customer, currency=currency, items=items, auto=auto, issued=issued
            )
        worth = [quantity * price for quantity, price in lines]
        sold = tuple(
            amount for product, amount in zip(products, worth, strict=True) if product.kind == "CREDIT" and amount
        )
        made = Invoice(self.person(customer), currency, _worth(lines), len(self.invoices), sold)
        made.lines = tuple(
            (quantity, amount, product.kind == "CREDIT")
            for product, amount, (quantity, _) in zip(products, worth, lines, strict=True)
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
                self._open(invoice.customer, invoice.currency, amount, now).serial for amount in invoice.sold
            )

    def _take_back_grants(self, invoice: Invoice, now: datetime) -> None:
        """As much as is left of them; what has expired is gone already."""
        if invoice.due == 0:
            return
        for number in invoice.granted:
            lot = self.lots[number]
            lot.revoked = True
            if lot.left and not lot.has_expired(now):
                self._void(lot)
        invoice.granted = ()

    def _spent_grants(self, invoices: Iterable[int], now: datetime) -> set[str]:
        """Why what these orders have granted cannot be taken back: something of it is used, and was not given back."""
        lots = [self.lots[number] for invoice in set(invoices) for number in self.invoices[invoice].granted]
        used = [lot.used + self.held(lot, now) for lot in lots]
        self.figures["CREDIT_SPENT"] = {amount for amount in used if amount}
        return {"CREDIT_SPENT"} if self.figures["CREDIT_SPENT"] else set()

    # Paying

    def _pay(
        self, *, now: datetime, role: str, invoice: int, amount: Decimal, method: str, received: date | None = None
    ) -> str:
        paid = self.invoices[invoice]
        faults = bad_amount(amount, paid.currency) | ({"INVALID"} if amount < 0 or method not in METHODS else set())
        faults |= {"INVALID"} if received is not None and received > self.today(now) else set()
        with_credit = method == "ACCOUNT_CREDIT"
        if not paid.is_open:
            faults.add("INVOICE_NOT_OPEN")
        elif amount > (paid.due_to_credit if with_credit else paid.due):
            faults.add("EXCEEDS_DUE")
        lots = self.burning(paid.customer, paid.currency, now) if with_credit else []
        available = sum((self.free(lot, now) for lot in lots), NOTHING)
        faults |= self.short(available) if with_credit and amount > available else set()
        refuse(faults)
        if with_credit:
            refuse(self._may_spend(now, role, paid.customer, paid.currency, amount))
            self._count_spent(now, role, paid.customer, paid.currency, amount)
        self.payments.append(Payment(invoice, amount, method, now))
        if not with_credit:
            paid.paid += amount
        for lot in lots:
            if amount:
                taken = min(self.free(lot, now), amount)
                self._set_against(lot, paid, taken, now, len(self.payments) - 1)
                amount -= taken
        self._grant(paid, now)
        return "done"

    def _void_payment(self, *, now: datetime, role: str, payment: int) -> str:
        voided = self.payments[payment]
        refuse(set() if voided.live else {"PAYMENT_VOIDED"})
        parts = [part for part in self.assignments if part.live and part.payment == payment]
        refuse({"CREDIT_NOTED"} if voided.noted or any(part.noted for part in parts) else set())
        refuse(self._spent_grants([voided.invoice], now))
        voided.live = False
        if voided.method != "ACCOUNT_CREDIT":
            self.invoices[voided.invoice].paid -= voided.amount
        self._let_go(parts, now)
        self._take_back_grants(self.invoices[voided.invoice], now)
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
        self.may_refuse(self._spent_grants(invoices, now))  # which the release itself may be what gives back
        trial = self.trial()
        trial._let_go([trial.assignments[number] for number in parts], now)
        refuse(trial._spent_grants(invoices, now))
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
        parts = [part for part in self.assignments if part.live and part.lot == credit]
        closed = lot.voided or lot.left == 0 or lot.has_expired(now)
        refuse({"CREDIT_NOT_OPEN"} if closed and not parts else set())
        refuse({"CREDIT_ASSIGNED"} if parts and not release else set())
        refuse({"CREDIT_HELD"} if self.held(lot, now) and not release_holds else set())
        refuse({"INVALID"} if any(part.payment is not None for part in parts) else set())
        refuse({"CREDIT_NOTED"} if any(part.noted for part in parts) else set())
        refuse(self._spent_grants([part.invoice for part in parts], now))
        self._let_go(parts, now)
        for hold in self.holds:
            if hold.is_live(now):
                hold.parts = tuple((n, NOTHING if n == credit else amount) for n, amount in hold.parts)
        if not lot.swept:  # as it came back, it has expired: there is nothing left to reverse
            self._void(lot)
        for part in parts:
            self._take_back_grants(self.invoices[part.invoice], now)
        return "done"


def _bad_lines(lines: tuple[tuple[int, Decimal], ...], currency: str) -> set[str]:
    faults = set[str]()
    for quantity, price in lines:
        faults |= bad_amount(price, currency) - {"AMOUNT_ZERO"}
        faults |= {"INVALID"} if quantity < 1 or price < 0 else set()
    return faults | ({"AMOUNT_OUT_OF_RANGE"} if _worth(lines) * 10 ** PLACES[currency] > MOST else set())


def _worth(lines: tuple[tuple[int, Decimal], ...]) -> Decimal:
    return sum((quantity * price for quantity, price in lines), NOTHING)
