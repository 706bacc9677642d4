"""The reference's invoices, orders, payments, and the credit that is set against them."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from tests.simulation.state import State
from tests.simulation.things import METHODS, MOST, PLACES, WHOLE, Bill, Lot, Part, Payment, bad_amount, minor, refuse

Items = tuple[tuple[int, Decimal | None], ...]
"""Numbers of invoices with what they are to get; None is as much as possible."""


class Billing(State):
    # Issuing

    def _invoice(
        self, *, now: datetime, role: str, customer: int, currency: str, lines: tuple[tuple[int, Decimal], ...],
        auto: bool,
    ) -> str:  # fmt: skip
        refuse(_bad_lines(lines, currency))
        return self._issue(Bill(customer, currency, _worth(lines), len(self.bills)), now, auto)

    def _order(
        self, *, now: datetime, role: str, customer: int, currency: str,
        items: tuple[tuple[int, int, Decimal | None], ...], auto: bool,
    ) -> str:  # fmt: skip
        products = [self.products[number] for number, _, _ in items]
        lines = tuple(
            (quantity, product.price if price is None else price)
            for product, (_, quantity, price) in zip(products, items, strict=True)
        )
        faults = set() if all(product.active for product in products) else {"INVALID"}
        if any(product.currency != currency for product in products):
            faults.add("CURRENCY_MISMATCH")
        refuse(faults | _bad_lines(lines, currency))
        worth = [quantity * price for quantity, price in lines]
        sold = tuple(
            amount for product, amount in zip(products, worth, strict=True) if product.kind == "CREDIT" and amount
        )
        return self._issue(Bill(customer, currency, _worth(lines), len(self.bills), sold), now, auto)

    def _issue(self, bill: Bill, now: datetime, auto: bool) -> str:
        self.bills.append(bill)
        for lot in self.burning(bill.customer, bill.currency, now) if auto else ():
            if lot.auto_apply and bill.due_to_credit:
                self._set_against(lot, bill, min(lot.left, bill.due_to_credit))
        return "done"

    def _set_against(self, lot: Lot, bill: Bill, amount: Decimal, payment: int | None = None) -> None:
        lot.left -= amount
        bill.credited += amount
        self.parts.append(Part(lot.serial, bill.serial, amount, payment))

    # What an order sells

    def _grant(self, bill: Bill, now: datetime) -> None:
        if bill.due == 0 and not bill.granted:
            bill.granted = tuple(self._open(bill.customer, bill.currency, amount, now).serial for amount in bill.sold)

    def _take_back_grants(self, bill: Bill) -> None:
        if bill.due == 0:
            return
        for number in bill.granted:
            lot = self.lots[number]
            self.lifetime[lot.customer, lot.asset] -= minor(lot.amount, lot.asset)
            lot.left, lot.voided = Decimal(0), True
        bill.granted = ()

    def _stuck_grants(self, bills: Iterable[int], now: datetime, also: int = 0) -> set[str]:
        """Why what these orders have granted cannot be taken back whole; `also` goes off the lifetime total besides."""
        lots = [self.lots[number] for bill in set(bills) for number in self.bills[bill].granted]
        if any(lot.left != lot.amount or not lot.is_open(now) for lot in lots):
            return {"CREDIT_SPENT"}
        off = also + sum(minor(lot.amount, lot.asset) for lot in lots)
        short = any(off > self.lifetime[lot.customer, lot.asset] for lot in lots)
        return {"INSUFFICIENT_BALANCE"} if short else set()

    # Paying

    def _pay(
        self, *, now: datetime, role: str, bill: int, amount: Decimal, method: str, received: date | None = None
    ) -> str:
        paid = self.bills[bill]
        faults = bad_amount(amount, paid.currency) | ({"INVALID"} if amount < 0 or method not in METHODS else set())
        faults |= {"INVALID"} if received is not None and received > self.today(now) else set()
        with_credit = method == "ACCOUNT_CREDIT"
        if not paid.is_open:
            faults.add("INVOICE_NOT_OPEN")
        elif amount > (paid.due_to_credit if with_credit else paid.due):
            faults.add("EXCEEDS_DUE")
        lots = self.burning(paid.customer, paid.currency, now) if with_credit else []
        if with_credit and amount > sum(lot.left for lot in lots):
            faults.add("INSUFFICIENT_BALANCE")
        refuse(faults)
        self.payments.append(Payment(bill, amount, method))
        if not with_credit:
            paid.paid += amount
        for lot in lots:
            if amount:
                taken = min(lot.left, amount)
                self._set_against(lot, paid, taken, len(self.payments) - 1)
                amount -= taken
        self._grant(paid, now)
        return "done"

    def _void_payment(self, *, now: datetime, role: str, payment: int) -> str:
        voided = self.payments[payment]
        refuse(set() if voided.live else {"PAYMENT_VOIDED"})
        refuse(self._stuck_grants([voided.bill], now))
        voided.live = False
        if voided.method != "ACCOUNT_CREDIT":
            self.bills[voided.bill].paid -= voided.amount
        self._let_go([part for part in self.parts if part.live and part.payment == payment], now)
        self._take_back_grants(self.bills[voided.bill])
        return "done"

    # Assigning

    def _assign(self, *, now: datetime, role: str, credit: int, items: Items) -> str:
        lot = self.lots[credit]
        refuse({"INVALID"} if lot.asset in WHOLE else set())
        refuse(set() if lot.is_open(now) else {"CREDIT_NOT_OPEN"})
        self._assign_all(lot, items, now)
        return "done"

    def _assign_all(self, lot: Lot, items: Items, now: datetime) -> None:
        left, seen, amounts = lot.left, set[int](), []
        for number, amount in items:
            faults, given = self._bad_item(lot, number, amount, left)
            refuse(faults | ({"DUPLICATE"} if number in seen else set()))
            seen.add(number)
            left -= given
            amounts.append((self.bills[number], given))
        for bill, given in amounts:
            self._set_against(lot, bill, given)
        for bill, _ in amounts:
            self._grant(bill, now)

    def _bad_item(self, lot: Lot, number: int, amount: Decimal | None, left: Decimal) -> tuple[set[str], Decimal]:
        bill, faults = self.bills[number], set[str]()
        if bill.customer != lot.customer:
            faults.add("CUSTOMER_MISMATCH")
        if bill.currency != lot.asset:
            faults.add("CURRENCY_MISMATCH")
        if not bill.is_open:
            faults.add("INVOICE_NOT_OPEN")
        elif bill.due_to_credit < (amount or Decimal("0.00001")):
            faults.add("EXCEEDS_DUE")
        if amount is None:
            return faults | ({"EXCEEDS_REMAINING"} if left == 0 else set()), min(left, bill.due_to_credit)
        faults |= bad_amount(amount, bill.currency) | ({"INVALID"} if amount < 0 else set())
        return faults | ({"EXCEEDS_REMAINING"} if amount > left else set()), amount

    # Undoing

    def _release(self, *, now: datetime, role: str, parts: tuple[int, ...]) -> str:
        chosen = [self.parts[number] for number in parts]
        refuse(
            self._bad_parts(chosen)
            | ({"DUPLICATE"} if len(set(parts)) < len(parts) else set())
            | ({"INVALID"} if len({self.lots[part.lot].customer for part in chosen}) > 1 else set())
        )
        refuse(self._stuck_grants([part.bill for part in chosen], now))
        self._let_go(chosen, now)
        for part in chosen:
            self._take_back_grants(self.bills[part.bill])
        return "done"

    def _bad_parts(self, parts: list[Part]) -> set[str]:
        faults = set() if all(part.live for part in parts) else {"ALREADY_RELEASED"}
        return faults | ({"INVALID"} if any(part.payment is not None for part in parts) else set())

    def _let_go(self, parts: list[Part], now: datetime) -> None:
        for part in parts:
            part.live = False
            self.bills[part.bill].credited -= part.amount
            self._put_back(self.lots[part.lot], part.amount, now)

    def _reassign(self, *, now: datetime, role: str, part: int, items: Items) -> str:
        trial = self.trial()
        trial._release(now=now, role=role, parts=(part,))
        trial._assign(now=now, role=role, credit=self.parts[part].lot, items=items)
        self.become(trial)
        return "done"

    def _void_invoice(self, *, now: datetime, role: str, bill: int) -> str:
        voided = self.bills[bill]
        parts = [part for part in self.parts if part.live and part.bill == bill]
        refuse({"INVOICE_NOT_OPEN"} if voided.void else set())
        refuse({"INVOICE_PAID"} if voided.paid or any(part.payment is not None for part in parts) else set())
        self._let_go(parts, now)
        voided.void = True
        return "done"

    def _void_credit(self, *, now: datetime, role: str, credit: int, release: bool) -> str:
        lot = self.lots[credit]
        parts = [part for part in self.parts if part.live and part.lot == credit]
        gone = lot.voided or lot.left == 0 or lot.has_expired(now)
        refuse({"CREDIT_NOT_OPEN"} if gone and not parts else set())
        refuse({"CREDIT_ASSIGNED"} if parts and not release else set())
        refuse({"INVALID"} if any(part.payment is not None for part in parts) else set())
        back = lot.left + sum(part.amount for part in parts)
        earned = minor(back, lot.asset) if lot.counted and not lot.has_expired(now) else 0
        refuse(
            self._stuck_grants([part.bill for part in parts], now, earned)
            | ({"INSUFFICIENT_BALANCE"} if earned > self.lifetime[lot.customer, lot.asset] else set())
        )
        self._let_go(parts, now)
        self.lifetime[lot.customer, lot.asset] -= earned
        lot.left, lot.voided = Decimal(0), not lot.swept
        for part in parts:
            self._take_back_grants(self.bills[part.bill])
        return "done"


def _bad_lines(lines: tuple[tuple[int, Decimal], ...], currency: str) -> set[str]:
    faults = set[str]()
    for quantity, price in lines:
        faults |= bad_amount(price, currency) - {"AMOUNT_ZERO"}
        faults |= {"INVALID"} if quantity < 1 or price < 0 else set()
    return faults | ({"AMOUNT_OUT_OF_RANGE"} if _worth(lines) * 10 ** PLACES[currency] > MOST else set())


def _worth(lines: tuple[tuple[int, Decimal], ...]) -> Decimal:
    return sum((quantity * price for quantity, price in lines), Decimal(0))
