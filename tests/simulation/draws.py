"""What a command may be about, by the throw of dice: somebody, an amount, something that is there."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.simulation.records import PLACES, Command, Line, Lot
from tests.simulation.reference import Reference

ROLES = ("MANAGER", "MANAGER", "STAFF")
MONEY = ("GBP", "GBP", "GBP", "JPY", "KWD")


class Draws:
    """Draws from what the reference has."""

    def __init__(self, dice: random.Random, reference: Reference, without: frozenset[str] = frozenset()) -> None:
        """without: names of commands and of facts that nobody asks for."""
        self.dice = dice
        self.reference = reference
        self.without = without

    def _chance(self, of_a_hundred: int) -> bool:
        return self.dice.randrange(100) < of_a_hundred

    def _customer(self) -> int:
        """A record: mostly of somebody who was not erased."""
        records = range(len(self.reference.customers))
        there = [n for n in records if not self.reference.is_erased(n)]
        return self.dice.choice(there if there and self._chance(93) else records)

    def _record_of(self, customer: int) -> int:
        """Any record of the person's."""
        person = self.reference.person(customer)
        records = range(len(self.reference.customers))
        return self.dice.choice([n for n in records if self.reference.person(n) == person])

    def _external(self) -> str:
        """Mostly somebody's; else one that somebody has had, or may have."""
        theirs = [customer.external for customer in self.reference.customers if customer.external]
        if theirs and self._chance(80):
            return self.dice.choice(theirs)
        return f"person-{self.dice.randrange(len(self.reference.customers) + 2)}"

    def _issued(self, now: datetime) -> dict[str, Any]:
        """The day of an invoice, where it is not today."""
        if not self._chance(25) or "issued" in self.without:
            return {}
        return {"issued": self.reference.today(now) + timedelta(days=self.dice.choice((-400, -5, -1, 1, 2, 3, 20)))}

    def _asset(self) -> str:
        return self.dice.choice((*MONEY, "SERVICE_CREDITS", "SERVICE_CREDITS", "POINTS", "POINTS"))

    def _amount(self, asset: str, most: int = 120) -> Decimal:
        if self._chance(4):
            return self.dice.choice((Decimal(0), Decimal("0.00001"), Decimal("12.3456"), Decimal(10) ** 15 + 1))
        places = PLACES[asset]
        return Decimal(self.dice.randint(1, most * 10**places)).scaleb(-places)

    def _fraction(self, most: int) -> Decimal:
        """With up to four decimal places, and now and then one more."""
        places = 5 if self._chance(2) else self.dice.randint(1, 4)
        return Decimal(self.dice.randint(1, most * 10**places)).scaleb(-places)

    def _line(self, currency: str, most: int, *, of_a_hundred: int, priced: bool = True) -> Line:
        """So often one with fractions, discounts or tax. priced: whether its price is named."""
        price = self._amount(currency, most) if priced else None
        line = Line(self.dice.randint(0 if self._chance(4) else 1, 3), price)
        if not self._chance(of_a_hundred):
            return line
        if self._chance(60):
            line = replace(line, quantity=self._fraction(4))
        if priced and self._chance(50):
            line = replace(line, price=self._fraction(most))
        if self._chance(40):
            percents = (Decimal(10), Decimal("33.3333"), Decimal(100), Decimal("100.1"), Decimal(0))
            line = replace(line, percent=self.dice.choice(percents))
        if self._chance(25):
            line = replace(line, off=self._amount(currency, 2))
        return replace(line, tax=self._amount(currency, 3)) if self._chance(40) else line

    def _reference(self, of_a_hundred: int) -> dict[str, str]:
        """What the tenant's own systems call it, where they do."""
        if not self._chance(of_a_hundred) or "reference" in self.without:
            return {}
        return {"reference": self.dice.choice(("R-1", " R-2 ", "r-1", "", "\u2003"))}

    def _services(self, asset: str) -> tuple[int, ...]:
        if asset != "SERVICE_CREDITS" and not self._chance(2):
            return ()
        return tuple(self.dice.sample(range(len(self.reference.services)), self.dice.randint(0, 2)))

    def _lot(self) -> Lot | None:
        """Mostly one of which something may still become."""
        lots = self.reference.lots
        alive = [lot for lot in lots if not lot.voided and not lot.swept]
        return self.dice.choice(alive if alive and self._chance(90) else lots) if lots else None

    def _lot_in_use(self) -> Lot | None:
        """One that an order has granted, of which something is held, or to which a coupon or a spend may give back."""
        numbers = [number for invoice in self.reference.invoices for number in invoice.granted]
        numbers += [payment.lot for payment in self.reference.payments if payment.live and payment.lot is not None]
        coupons = [coupon for coupon in self.reference.coupons if coupon.status == "ISSUED"]
        numbers += [number for coupon in coupons for number, _ in coupon.taken]
        numbers += [number for spend in self.reference.spends if spend.left for number, _ in spend.taken]
        numbers += [part.lot for note in self.reference.notes if note.live for part in note.parts]
        numbers += [number for hold in self.reference.holds for number, part in hold.parts if part]
        return self.reference.lots[self.dice.choice(numbers)] if numbers else None

    def _open_invoice(self, *, like: Lot | None = None) -> int | None:
        whose = None if like is None else (self.reference.person(like.customer), like.asset)
        numbers = [
            n
            for n, invoice in enumerate(self.reference.invoices)
            if whose is None or (self.reference.person(invoice.customer), invoice.currency) == whose
        ]
        open_ones = [n for n in numbers if self.reference.invoices[n].status in ("OPEN", "PART_PAID")]
        return self.dice.choice(open_ones if open_ones and self._chance(85) else numbers) if numbers else None

    def _undone_coupon(self) -> int | None:
        """One whose points came from a lot that has been voided since."""
        lots, coupons = self.reference.lots, enumerate(self.reference.coupons)
        numbers = [n for n, coupon in coupons if any(lots[lot].voided for lot, _ in coupon.taken)]
        return self.dice.choice(numbers) if numbers else None

    def _spent(self) -> int | None:
        """Mostly one of which something may still come back."""
        numbers = [n for n, spend in enumerate(self.reference.spends) if spend.left or self._chance(4)]
        return self.dice.choice(numbers) if numbers else None

    def _asked(self) -> int | None:
        """Mostly one that waits."""
        numbers = [n for n, asked in enumerate(self.reference.requests) if asked.status == "PENDING" or self._chance(9)]
        return self.dice.choice(numbers) if numbers else None

    def _coupon(self, status: str = "ISSUED") -> int | None:
        coupons = [n for n, coupon in enumerate(self.reference.coupons) if coupon.status == status or self._chance(4)]
        return self.dice.choice(coupons) if coupons else None

    def _perhaps_proposed(self, name: str, facts: dict[str, Any], role: str, of_a_hundred: int) -> Command:
        """Whatever is proposed is by the one who is staff, who may then withdraw it."""
        if self._chance(of_a_hundred) and "propose" not in self.without:
            return Command(name, {**facts, "propose": True}, "STAFF")
        return Command(name, facts, role)

    def _invoice_for(self, coupon: int) -> int | None:
        """Mostly one of the person's whose coupon it is; often none."""
        person = self.reference.person(self.reference.coupons[coupon].customer)
        bills = enumerate(self.reference.invoices)
        numbers = [n for n, bill in bills if self.reference.person(bill.customer) == person or self._chance(2)]
        return self.dice.choice(numbers) if numbers and self._chance(60) else None

    def _posted_bulk(self) -> int | None:
        """Mostly one that has posted something."""
        numbers = [n for n, bulk in enumerate(self.reference.bulks) if bulk.rows or self._chance(10)]
        return self.dice.choice(numbers) if numbers else None
