"""What people might ask for next, by the throw of dice: mostly sensible, now and then not."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.simulation.reference import PLACES, Lot, Reference, Wish

MONEY = ("GBP", "GBP", "GBP", "JPY", "KWD")
ROLES = ("MANAGER", "MANAGER", "STAFF")


class Wishes:
    """Draws wishes that speak of what the reference has."""

    def __init__(self, dice: random.Random, reference: Reference) -> None:
        self.dice = dice
        self.reference = reference
        self._kinds: list[tuple[int, Callable[[datetime], Wish | None]]] = [
            (30, self._add), (18, self._remove), (6, self._bulk), (10, self._invoice), (12, self._assign),
            (6, self._pay), (5, self._release), (3, self._void_invoice), (3, self._void_credit), (2, self._sweep),
            (5, self._use), (6, self._give),
        ]  # fmt: skip

    def next(self, now: datetime) -> Wish:
        weights = [weight for weight, _ in self._kinds]
        while True:
            wish = self.dice.choices(self._kinds, weights)[0][1](now)
            if wish is not None:
                return wish

    # Parts of a wish

    def _chance(self, of_a_hundred: int) -> bool:
        return self.dice.randrange(100) < of_a_hundred

    def _customer(self) -> int:
        return self.dice.randrange(self.reference.customers)

    def _asset(self) -> str:
        return self.dice.choice((*MONEY, "SERVICE_CREDITS", "SERVICE_CREDITS", "POINTS", "POINTS"))

    def _amount(self, asset: str, most: int = 120) -> Decimal:
        if self._chance(4):
            return self.dice.choice((Decimal(0), Decimal("0.00001"), Decimal("12.3456"), Decimal(10) ** 15 + 1))
        places = PLACES[asset]
        return Decimal(self.dice.randint(1, most * 10**places)).scaleb(-places)

    def _services(self, asset: str) -> tuple[int, ...]:
        if asset != "SERVICE_CREDITS" and not self._chance(2):
            return ()
        return tuple(self.dice.sample(range(len(self.reference.services)), self.dice.randint(0, 2)))

    # Kinds of wishes

    def _add(self, now: datetime) -> Wish:
        asset = self._asset()
        facts: dict[str, Any] = {
            "customer": self._customer() if self._chance(98) else 999, "asset": asset,
            "services": self._services(asset), "amount": self._amount(asset, 1500 if asset == "POINTS" else 120),
            "reason": self.dice.choice((*["GOODWILL", "CORRECTION", "REFUND", "OTHER"] * 4, "POLICY", "NOPE")),
            "note": self.dice.choice((None, "", "Because", "Because")), "approval": self._chance(20),
            "auto_apply": self._chance(60),
        }  # fmt: skip
        if self._chance(40):
            facts["days"] = self.dice.choice((0, 1, 1, 2, 5, 30, 400))
        if self._chance(12):
            facts["expires"] = now + timedelta(hours=self.dice.randint(-5, 90))
        if self._chance(15):
            facts["effective"] = self.reference.today(now) + timedelta(days=self.dice.randint(-3, 4))
        return Wish("adjust", facts, self.dice.choice(ROLES))

    def _remove(self, now: datetime) -> Wish:
        lot = self.dice.choice(self.reference.lots) if self.reference.lots else None
        customer, asset = (lot.customer, lot.asset) if lot and self._chance(90) else (self._customer(), self._asset())
        facts: dict[str, Any] = {
            "customer": customer, "asset": asset, "amount": -self._amount(asset, 150),
            "reason": self.dice.choice((*["POLICY", "CORRECTION", "REFUND", "OTHER"] * 4, "GOODWILL")),
            "note": self.dice.choice((None, "Because")), "services": self._services(asset) if self._chance(50) else (),
        }  # fmt: skip
        if lot and self._chance(30):
            facts["credit"] = lot.serial
        if self._chance(6):
            facts[self.dice.choice(("days", "effective"))] = None
            facts["expires"] = now + timedelta(days=1)
        return Wish("adjust", facts)

    def _bulk(self, now: datetime) -> Wish:
        asset = self._asset()
        rows = tuple(
            (self._customer(), self._amount(asset, 60) * self.dice.choice((1, 1, -1)))
            for _ in range(self.dice.randint(1, 4))
        )
        return Wish("bulk", {
            "rows": rows, "asset": asset, "reason": "CORRECTION", "skip": self._chance(60), "dry_run": self._chance(15),
            "days": self.dice.choice((None, 1, 9)),
        })  # fmt: skip

    def _invoice(self, now: datetime) -> Wish:
        currency = self.dice.choice(MONEY)
        lines = tuple(
            (self.dice.randint(1, 3), self._amount(currency, 40)) for _ in range(self.dice.randint(1, 3))
        )
        return Wish("invoice", {
            "customer": self._customer(), "currency": currency, "lines": lines, "auto": self._chance(60),
        })  # fmt: skip

    def _bill(self, *, like: Lot | None = None) -> int | None:
        numbers = [
            n for n, bill in enumerate(self.reference.bills)
            if like is None or (bill.customer, bill.currency) == (like.customer, like.asset)
        ]  # fmt: skip
        open_ones = [n for n in numbers if self.reference.bills[n].status in ("OPEN", "PART_PAID")]
        return self.dice.choice(open_ones if open_ones and self._chance(85) else numbers) if numbers else None

    def _pay(self, now: datetime) -> Wish | None:
        bill = self._bill()
        if bill is None:
            return None
        owed = self.reference.bills[bill]
        amount = owed.due if owed.due and self._chance(30) else self._amount(owed.currency, 60)
        return Wish("pay", {"bill": bill, "amount": amount})

    def _assign(self, now: datetime) -> Wish | None:
        lots = [lot for lot in self.reference.lots if lot.asset in MONEY and (lot.is_open(now) or self._chance(10))]
        if not lots:
            return None
        lot = self.dice.choice(lots)
        items = []
        for _ in range(self.dice.randint(1, 3)):
            bill = self._bill(like=lot if self._chance(94) else None)
            if bill is not None:
                items.append((bill, None if self._chance(40) else self._amount(lot.asset, 30)))
        return Wish("assign", {"credit": lot.serial, "items": tuple(items)}) if items else None

    def _release(self, now: datetime) -> Wish | None:
        parts = [n for n, part in enumerate(self.reference.parts) if part.live or self._chance(5)]
        if not parts:
            return None
        return Wish("release", {"parts": tuple(self.dice.choices(parts, k=self.dice.choice((1, 1, 2))))})

    def _void_invoice(self, now: datetime) -> Wish | None:
        bill = self._bill()
        return None if bill is None else Wish("void_invoice", {"bill": bill})

    def _void_credit(self, now: datetime) -> Wish | None:
        if not self.reference.lots:
            return None
        lot = self.dice.choice(self.reference.lots)
        return Wish("void_credit", {"credit": lot.serial, "release": self._chance(50)})

    def _sweep(self, now: datetime) -> Wish:
        return Wish("sweep", {})

    def _use(self, now: datetime) -> Wish:
        service = self.dice.randrange(len(self.reference.services))
        amount = self._amount("SERVICE_CREDITS", 15)
        return Wish("use", {"customer": self._customer(), "service": service, "amount": amount})

    def _give(self, now: datetime) -> Wish:
        prize = self.dice.randrange(len(self.reference.prizes))
        facts = {"customer": self._customer(), "prize": prize, "deduct": self._chance(60)}
        return Wish("give", facts, self.dice.choice(ROLES))
