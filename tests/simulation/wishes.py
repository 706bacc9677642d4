"""What people might ask for next, by the throw of dice: mostly sensible, now and then not."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.simulation.reference import Reference
from tests.simulation.things import METHODS, PLACES, Bill, Lot, Part, Wish

MONEY = ("GBP", "GBP", "GBP", "JPY", "KWD")
ZONES = ("Europe/London", "America/Havana", "Asia/Kathmandu", "Pacific/Apia")
ROLES = ("MANAGER", "MANAGER", "STAFF")


class Wishes:
    """Draws wishes that speak of what the reference has."""

    def __init__(self, dice: random.Random, reference: Reference) -> None:
        self.dice = dice
        self.reference = reference
        self._kinds: list[tuple[int, Callable[[datetime], Wish | None]]] = [
            (24, self._add), (14, self._remove), (5, self._bulk), (8, self._invoice), (8, self._order),
            (11, self._assign), (12, self._pay), (5, self._void_payment), (5, self._release), (5, self._reassign),
            (3, self._void_invoice), (3, self._void_credit), (6, self._update_credit), (2, self._sweep),
            (5, self._use), (6, self._give), (3, self._use_coupon), (3, self._disable_coupon),
            (6, self._approve),
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
        lines = tuple((self.dice.randint(1, 3), self._amount(currency, 40)) for _ in range(self.dice.randint(1, 3)))
        return Wish("invoice", {
            "customer": self._customer(), "currency": currency, "lines": lines, "auto": self._chance(60),
        })  # fmt: skip

    def _lot(self) -> Lot | None:
        """Mostly one of which something may still become."""
        lots = self.reference.lots
        alive = [lot for lot in lots if not lot.voided and not lot.swept]
        return self.dice.choice(alive if alive and self._chance(90) else lots) if lots else None

    def _bill(self, *, like: Lot | None = None) -> int | None:
        numbers = [
            n for n, bill in enumerate(self.reference.bills)
            if like is None or (bill.customer, bill.currency) == (like.customer, like.asset)
        ]  # fmt: skip
        open_ones = [n for n in numbers if self.reference.bills[n].status in ("OPEN", "PART_PAID")]
        return self.dice.choice(open_ones if open_ones and self._chance(85) else numbers) if numbers else None

    def _order(self, now: datetime) -> Wish:
        products = self.reference.products
        currency = self.dice.choice(MONEY)
        sold = [n for n, product in enumerate(products) if product.currency == currency and product.active]
        numbers = sold if sold and self._chance(92) else range(len(products))
        items = tuple(
            (self.dice.choice(numbers), self.dice.randint(0 if self._chance(5) else 1, 3),
             self._amount(currency, 20) if self._chance(25) else None)
            for _ in range(self.dice.randint(1, 3))
        )  # fmt: skip
        return Wish("order", {
            "customer": self._customer(), "currency": currency, "items": items, "auto": self._chance(30),
        })  # fmt: skip

    def _pay(self, now: datetime) -> Wish | None:
        bill = self._bill()
        if bill is None:
            return None
        owed = self.reference.bills[bill]
        method = "ACCOUNT_CREDIT" if self._chance(45) else self.dice.choice((*METHODS, "SHELLS"))
        most = self._most(owed, now) if method == "ACCOUNT_CREDIT" else owed.due
        amount = most if most and self._chance(50) else self._amount(owed.currency, 60)
        facts: dict[str, Any] = {"bill": bill, "amount": amount, "method": method}
        if self._chance(10):
            facts["received"] = self.reference.today(now) + timedelta(days=self.dice.randint(-9, 1))
        return Wish("pay", facts)

    def _most(self, bill: Bill, now: datetime) -> Decimal:
        return min(bill.due_to_credit, self.reference.available(bill.customer, bill.currency, now))

    def _void_payment(self, now: datetime) -> Wish | None:
        payments = [n for n, payment in enumerate(self.reference.payments) if payment.live or self._chance(4)]
        return Wish("void_payment", {"payment": self.dice.choice(payments)}) if payments else None

    def _assign(self, now: datetime) -> Wish | None:
        lots = [lot for lot in self.reference.lots if lot.asset in MONEY and (lot.is_open(now) or self._chance(10))]
        if not lots:
            return None
        lot = self.dice.choice(lots)
        items = self._items(lot)
        return Wish("assign", {"credit": lot.serial, "items": items}) if items else None

    def _items(self, lot: Lot) -> tuple[tuple[int, Decimal | None], ...]:
        bills = [self._bill(like=lot if self._chance(94) else None) for _ in range(self.dice.randint(1, 3))]
        return tuple(
            (bill, None if self._chance(40) else self._amount(lot.asset, 30)) for bill in bills if bill is not None
        )

    def _reassign(self, now: datetime) -> Wish | None:
        parts = [n for n, part in enumerate(self.reference.parts) if self._is_loose(part)]
        if not parts:
            return None
        part = self.dice.choice(parts)
        items = self._items(self.reference.lots[self.reference.parts[part].lot])
        return Wish("reassign", {"part": part, "items": items}) if items else None

    def _is_loose(self, part: Part) -> bool:
        return (part.live and part.payment is None) or self._chance(3)

    def _release(self, now: datetime) -> Wish | None:
        parts = [n for n, part in enumerate(self.reference.parts) if self._is_loose(part)]
        if not parts:
            return None
        return Wish("release", {"parts": tuple(self.dice.choices(parts, k=self.dice.choice((1, 1, 2))))})

    def _void_invoice(self, now: datetime) -> Wish | None:
        bill = self._bill()
        return None if bill is None else Wish("void_invoice", {"bill": bill})

    def _void_credit(self, now: datetime) -> Wish | None:
        lot = self._lot()
        if lot is None:
            return None
        return Wish("void_credit", {"credit": lot.serial, "release": self._chance(50)})

    def _update_credit(self, now: datetime) -> Wish | None:
        lot = self._lot()
        if lot is None:
            return None
        facts: dict[str, Any] = {"credit": lot.serial}
        if self._chance(40):
            facts["days"] = self.dice.choice((0, 1, 3, 40))
        if self._chance(20):
            facts["expires"] = now + timedelta(hours=self.dice.randint(-5, 90))
        if self._chance(15):
            facts["never"] = True
        if self._chance(40):
            facts["auto_apply"] = self._chance(70)
        if (lot.asset == "SERVICE_CREDITS" and self._chance(60)) or self._chance(3):
            facts["services"] = tuple(self.dice.sample(range(len(self.reference.services)), self.dice.randint(0, 2)))
        if self._chance(15):
            facts["note"] = self.dice.choice(("", "Because"))
        return Wish("update_credit", facts)

    def _sweep(self, now: datetime) -> Wish:
        return Wish("sweep", {})

    def _use(self, now: datetime) -> Wish:
        service = self.dice.randrange(len(self.reference.services))
        amount = self._amount("SERVICE_CREDITS", 15)
        return Wish("use", {"customer": self._customer(), "service": service, "amount": amount})

    def _give(self, now: datetime) -> Wish:
        prize = self.dice.randrange(len(self.reference.prizes))
        facts = {
            "customer": self._customer(), "prize": prize, "deduct": self._chance(60), "approval": self._chance(40),
        }  # fmt: skip
        return Wish("give", facts, self.dice.choice(ROLES))

    def _coupon(self) -> int | None:
        coupons = [n for n, coupon in enumerate(self.reference.coupons) if coupon.status == "ISSUED" or self._chance(4)]
        return self.dice.choice(coupons) if coupons else None

    def _use_coupon(self, now: datetime) -> Wish | None:
        coupon = self._coupon()
        return None if coupon is None else Wish("use_coupon", {"coupon": coupon})

    def _disable_coupon(self, now: datetime) -> Wish | None:
        coupon = self._coupon()
        return None if coupon is None else Wish("disable_coupon", {"coupon": coupon, "refund": self._chance(75)})

    def _asked(self) -> int | None:
        """Mostly one that waits."""
        numbers = [n for n, asked in enumerate(self.reference.requests) if asked.status == "PENDING" or self._chance(9)]
        return self.dice.choice(numbers) if numbers else None

    def _approve(self, now: datetime) -> Wish | None:
        request = self._asked()
        role = "MANAGER" if self._chance(95) else "STAFF"
        return None if request is None else Wish("approve", {"request": request}, role)

    # What an admin sets, and what else needs no key

    def setting(self, now: datetime) -> Wish:
        request = self._asked() if self._chance(15) else None
        if request is not None:
            return Wish(self.dice.choice(("reject", "withdraw")), {"request": request})
        return self._member(now) if self._chance(40) else self._other_setting()

    def _member(self, now: datetime) -> Wish:
        customer, at = self._customer(), None
        if self._chance(40):
            at = now + timedelta(hours=self.dice.choice((-2000, -100, -3, -1, 1)))
        name = self.dice.choice(("start", "cancel", "cancel", "reinstate"))
        return Wish(name, {"customer": customer} | ({} if name == "reinstate" else {"at": at}))

    def _other_setting(self) -> Wish:
        kinds = (
            self._set_tier, self._set_tier, self._set_prize, self._set_product, self._set_service, self._set_grace,
            self._set_zone,
        )  # fmt: skip
        return self.dice.choice(kinds)()

    def _set_tier(self) -> Wish:
        tier = self.dice.randrange(len(self.reference.tiers))
        return Wish("set_tier", {"tier": tier, "threshold": 250 * self.dice.randint(1, 12)})

    def _set_prize(self) -> Wish:
        prize = self.dice.randrange(len(self.reference.prizes))
        stock = self.dice.choice((None, None, 0, 1, 3))
        return Wish("set_prize", {
            "prize": prize, "price": 50 * self.dice.randint(0, 24), "stock": stock, "active": self._chance(80),
        })  # fmt: skip

    def _set_product(self) -> Wish:
        product = self.dice.randrange(len(self.reference.products))
        price = Decimal(self.dice.randint(1, 30))
        return Wish("set_product", {"product": product, "price": price, "active": self._chance(85)})

    def _set_service(self) -> Wish:
        service = self.dice.randrange(len(self.reference.services))
        return Wish("set_service", {"service": service, "active": self._chance(75)})

    def _set_grace(self) -> Wish:
        return Wish("set_grace", {"days": self.dice.choice((0, 1, 30, 60))})

    def _set_zone(self) -> Wish:
        return Wish("set_zone", {"zone": self.dice.choice(ZONES)})
