"""What people might ask for next, by the throw of dice: mostly sensible, now and then not."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.simulation.draws import MONEY, ROLES
from tests.simulation.hold_commands import HoldCommands
from tests.simulation.moves import Moves
from tests.simulation.note_commands import NoteCommands
from tests.simulation.records import METHODS, MOST, PLACES, REASONS, Assignment, Command, FileRow, Invoice, Lot
from tests.simulation.reference import Reference
from tests.simulation.setting_commands import SettingCommands

CROWD = 400
FEW = 4
"""So few people that merging more of them leaves too little to happen."""


class Commands(NoteCommands, HoldCommands, Moves, SettingCommands):
    """Commands that speak of what the reference has."""

    def __init__(self, dice: random.Random, reference: Reference, without: frozenset[str] = frozenset()) -> None:
        super().__init__(dice, reference, without)
        self._kinds: list[tuple[int, Callable[[datetime], Command | None]]] = [
            (24, self._add),
            (14, self._remove),
            (5, self._bulk),
            (8, self._invoice),
            (8, self._order),
            (11, self._assign),
            (12, self._pay),
            (5, self._void_payment),
            (5, self._release),
            (5, self._reassign),
            (3, self._void_invoice),
            (10, self._note),
            (5, self._void_note),
            (3, self._void_credit),
            (6, self._update_credit),
            (5, self._use),
            (12, self._spend),
            (9, self._refund),
            (9, self._transfer),
            (8, self._revive),
            (12, self._hold),
            (9, self._capture),
            (3, self._release_hold),
            (3, self._extend_hold),
            (6, self._give),
            (3, self._use_coupon),
            (2, self._reopen_coupon),
            (3, self._disable_coupon),
            (6, self._approve),
            (2, self._merge),
        ]
        self._by_itself: list[tuple[int, Callable[[datetime], Command | None]]] = [
            (4, self._sweep),
            (4, self._merge),
            (4, self._upsert),
            (4, self._file),
            (6, self._run),
            (6, self._reverse),
        ]

    def next(self, now: datetime) -> Command:
        return self._one_of(self._kinds, now)

    def by_itself(self, now: datetime) -> Command:
        """What is no posting, or never one of many."""
        return self._one_of(self._by_itself, now)

    def _one_of(self, kinds: list[tuple[int, Callable[[datetime], Command | None]]], now: datetime) -> Command:
        weights = [weight for weight, _ in kinds]
        while True:
            command = self.dice.choices(kinds, weights)[0][1](now)
            if command is not None and command.name not in self.without:
                return command

    # Kinds of commands

    def _add(self, now: datetime) -> Command:
        asset = self._asset()
        facts: dict[str, Any] = {
            "customer": self._customer() if self._chance(98) else 999,
            "asset": asset,
            "services": self._services(asset),
            "amount": self._amount(asset, 1500 if asset == "POINTS" else 120),
            "reason": self.dice.choice((*["GOODWILL", "CORRECTION", "REFUND", "OTHER"] * 4, "POLICY", "NOPE")),
            "note": self.dice.choice((None, "", "Because", "Because")),
            "approval": self._chance(20),
            "auto_apply": self._chance(60),
        }
        if asset == "KWD" and self._chance(3):
            facts["amount"] = Decimal(MOST).scaleb(-PLACES[asset])  # which fills the account
        if self._chance(40):
            facts["days"] = self.dice.choice((0, 1, 1, 2, 5, 30, 400))
        if self._chance(12):
            facts["expires"] = now + timedelta(hours=self.dice.randint(-5, 90))
        if self._chance(15):
            facts["effective"] = self.reference.today(now) + timedelta(days=self.dice.randint(-3, 4))
        return self._perhaps_proposed("adjust", facts, self.dice.choice(ROLES), 4)

    def _remove(self, now: datetime) -> Command:
        lot = self.dice.choice(self.reference.lots) if self.reference.lots else None
        named = self._chance(30)
        if named and self._chance(40):
            lot = self._lot_in_use() or lot
        customer, asset = self._customer(), self._asset()
        if lot and self._chance(90):
            customer, asset = self._record_of(lot.customer), lot.asset
        facts: dict[str, Any] = {
            "customer": customer,
            "asset": asset,
            "amount": -self._amount(asset, 150),
            "reason": self.dice.choice((*["POLICY", "CORRECTION", "REFUND", "OTHER"] * 4, "GOODWILL")),
            "note": self.dice.choice((None, "Because")),
            "services": self._services(asset) if self._chance(50) else (),
        }
        if not named and self._chance(10):  # all that there is
            facts["amount"] = -(self.reference.available(customer, asset, now, facts["services"]) or Decimal(1))
        if lot and named:
            facts["credit"] = lot.serial
            if lot.left and self._chance(30):
                facts["amount"] = -lot.left
        if self._chance(6):
            facts[self.dice.choice(("days", "effective"))] = None
            facts["expires"] = now + timedelta(days=1)
        return Command("adjust", facts)

    def _bulk(self, now: datetime) -> Command:
        asset = self._asset()
        rows = tuple(
            (self._customer(), self._amount(asset, 60) * self.dice.choice((1, 1, -1)))
            for _ in range(self.dice.randint(1, 4))
        )
        return Command(
            "bulk",
            {
                "rows": rows,
                "asset": asset,
                "reason": "CORRECTION",
                "skip": self._chance(60),
                "dry_run": self._chance(15),
                "days": self.dice.choice((None, 1, 9)),
            },
        )

    def _invoice(self, now: datetime) -> Command:
        currency = self.dice.choice(MONEY)
        lines = tuple(self._line(currency, 40, of_a_hundred=25) for _ in range(self.dice.randint(1, 3)))
        return Command(
            "invoice",
            {
                "customer": self._customer(),
                "currency": currency,
                "lines": lines,
                "auto": self._chance(60),
                **self._issued(now),
                **self._reference(30),
            },
        )

    def _order(self, now: datetime) -> Command:
        products = self.reference.products
        currency = self.dice.choice(MONEY)
        sold = [n for n, product in enumerate(products) if product.currency == currency and product.active]
        numbers = sold if sold and self._chance(92) else range(len(products))
        items = tuple(
            (self.dice.choice(numbers), self._line(currency, 20, of_a_hundred=12, priced=self._chance(25)))
            for _ in range(self.dice.randint(1, 3))
        )
        facts = {
            "customer": self._customer(),
            "currency": currency,
            "items": items,
            "auto": self._chance(30),
            **self._issued(now),
        }
        return self._perhaps_proposed("order", facts, "MANAGER", 10)

    def _pay(self, now: datetime) -> Command | None:
        invoice = self._open_invoice()
        if invoice is None:
            return None
        owed = self.reference.invoices[invoice]
        method = "ACCOUNT_CREDIT" if self._chance(45) else self.dice.choice((*METHODS, "SHELLS"))
        most = self._most(owed, now) if method == "ACCOUNT_CREDIT" else owed.due
        amount = most if most and self._chance(50) else self._amount(owed.currency, 60)
        facts: dict[str, Any] = {"invoice": invoice, "amount": amount, "method": method}
        if self._chance(10):
            facts["received"] = self.reference.today(now) + timedelta(days=self.dice.randint(-9, 1))
        if self._chance(25 if method != "ACCOUNT_CREDIT" else 2):
            facts |= {"keep": True, "approval": self._chance(40)}
            facts["amount"] += self._amount(owed.currency, 130) if self._chance(60) else 0
            return self._perhaps_proposed("pay", facts, self.dice.choice(ROLES), 10)
        return Command("pay", facts, self.dice.choice(ROLES))

    def _most(self, invoice: Invoice, now: datetime) -> Decimal:
        return min(invoice.due_to_credit, self.reference.available(invoice.customer, invoice.currency, now))

    def _void_payment(self, now: datetime) -> Command | None:
        payments = [n for n, payment in enumerate(self.reference.payments) if payment.live or self._chance(4)]
        if self._chance(40):
            granting = [n for n in payments if self.reference.invoices[self.reference.payments[n].invoice].granted]
            payments = granting or payments
        return Command("void_payment", {"payment": self.dice.choice(payments)}) if payments else None

    def _assign(self, now: datetime) -> Command | None:
        lots = [lot for lot in self.reference.lots if lot.asset in MONEY and (lot.is_open(now) or self._chance(10))]
        if not lots:
            return None
        lot = self.dice.choice(lots)
        items = self._items(lot)
        return Command("assign", {"credit": lot.serial, "items": items}) if items else None

    def _items(self, lot: Lot) -> tuple[tuple[int, Decimal | None], ...]:
        named = [self._open_invoice(like=lot if self._chance(94) else None) for _ in range(self.dice.randint(1, 3))]
        return tuple(
            (number, None if self._chance(40) else self._amount(lot.asset, 30))
            for number in named
            if number is not None
        )

    def _reassign(self, now: datetime) -> Command | None:
        parts = [n for n, part in enumerate(self.reference.assignments) if self._is_loose(part)]
        if not parts:
            return None
        part = self.dice.choice(parts)
        items = self._items(self.reference.lots[self.reference.assignments[part].lot])
        return Command("reassign", {"part": part, "items": items}) if items else None

    def _is_loose(self, part: Assignment) -> bool:
        return (part.live and part.payment is None) or self._chance(3)

    def _release(self, now: datetime) -> Command | None:
        parts = [n for n, part in enumerate(self.reference.assignments) if self._is_loose(part)]
        if not parts:
            return None
        return Command("release", {"parts": tuple(self.dice.choices(parts, k=self.dice.choice((1, 1, 2))))})

    def _void_invoice(self, now: datetime) -> Command | None:
        invoice = self._open_invoice()
        return None if invoice is None else Command("void_invoice", {"invoice": invoice})

    def _void_credit(self, now: datetime) -> Command | None:
        held = self._held_and_expired(now)
        lot = self.dice.choice(held) if held and self._chance(40) else None
        lot = lot or (self._lot_in_use() if self._chance(40) else None) or self._lot()
        if lot is None:
            return None
        return Command(
            "void_credit", {"credit": lot.serial, "release": self._chance(50), "release_holds": self._chance(50)}
        )

    def _update_credit(self, now: datetime) -> Command | None:
        lot = (self._lot_in_use() if self._chance(20) else None) or self._lot()
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
        return Command("update_credit", facts)

    def _sweep(self, now: datetime) -> Command:
        return Command("sweep", {})

    def _use(self, now: datetime) -> Command:
        service = self.dice.randrange(len(self.reference.services))
        amount = self._amount("SERVICE_CREDITS", 15)
        facts = {"customer": self._customer(), "service": service, "amount": amount}
        return Command("use", facts, self.dice.choice(ROLES))

    def _spend(self, now: datetime) -> Command:
        customer, asset = self._customer(), self._asset()
        lot = self._lot()
        if lot and self._chance(85):
            customer, asset = self._record_of(lot.customer), lot.asset
        services = self._services(asset) if self._chance(50) else ()
        amount = self._amount(asset, 200 if asset == "POINTS" else 50)
        if self._chance(15):  # all that there is
            amount = self.reference.available(customer, asset, now, services) or Decimal(1)
        facts: dict[str, Any] = {
            "customer": customer if self._chance(98) else 999,
            "asset": asset,
            "amount": amount if self._chance(97) else -amount,
            "services": services,
            "note": "Coffee" if self._chance(90) else self.dice.choice((None, "", " ")),
            **self._reference(50),
        }
        return Command("spend", facts, self.dice.choice(ROLES))

    def _refund(self, now: datetime) -> Command | None:
        spend = self._spent()
        if spend is None:
            return None
        asset, left = self.reference.spends[spend].asset, self.reference.spends[spend].left
        facts: dict[str, Any] = {"spend": spend, "amount": None, "approval": self._chance(30)}
        if self._chance(60):
            part = (left / self.dice.randint(1, 4)).quantize(Decimal(1).scaleb(-PLACES[asset]))
            facts["amount"] = part if part and self._chance(80) else self._amount(asset, 40)
        if self._chance(3) and facts["amount"] is not None:
            facts["amount"] = -facts["amount"]
        if self._chance(20):
            facts |= self._new_expiry(now)
        return self._perhaps_proposed("refund", facts, self.dice.choice(ROLES), 8)

    def _give(self, now: datetime) -> Command:
        prize = self.dice.randrange(len(self.reference.prizes))
        facts = {"customer": self._customer(), "prize": prize, "deduct": self._chance(60), "approval": self._chance(40)}
        return self._perhaps_proposed("give", facts, self.dice.choice(ROLES), 8)

    def _use_coupon(self, now: datetime) -> Command | None:
        coupon = self._coupon()
        if coupon is None:
            return None
        return Command("use_coupon", {"coupon": coupon, "invoice": self._invoice_for(coupon)})

    def _reopen_coupon(self, now: datetime) -> Command | None:
        coupon = self._coupon("USED")
        return None if coupon is None else Command("reopen_coupon", {"coupon": coupon})

    def _disable_coupon(self, now: datetime) -> Command | None:
        coupon = self._undone_coupon() if self._chance(40) else None
        coupon = self._coupon(self.dice.choice(("ISSUED", "ISSUED", "USED"))) if coupon is None else coupon
        if coupon is None:
            return None
        facts = {"coupon": coupon, "refund": self._chance(75), "restock": self._chance(30)}
        return Command("disable_coupon", facts)

    def _approve(self, now: datetime) -> Command | None:
        request = self._asked()
        role = "MANAGER" if self._chance(95) else "STAFF"
        return None if request is None else Command("approve", {"request": request}, role)

    # People

    def _merge(self, now: datetime) -> Command | None:
        """Mostly of two who are there; not so often where few are left."""
        if self._few() and self._chance(80):
            return None
        return Command("merge", {"source": self._customer(), "target": self._customer()})

    def _upsert(self, now: datetime) -> Command | None:
        """Somebody new, or an edit."""
        few = self._few()
        if not few and self._chance(60):
            return None
        new = f"person-{len(self.reference.customers)}"
        return Command("upsert", {"external": new if few else self._external(), "name": self._name()})

    def _few(self) -> bool:
        return sum(not self.reference.is_erased(person) for person in self.reference.people()) < FEW

    # Files

    def _file(self, now: datetime) -> Command:
        asset = self._asset()
        if self._chance(8):
            return self._crowd(asset)
        rows = tuple(self._row(asset, now) for _ in range(self.dice.randint(1, 6)))
        return Command(
            "file",
            {
                "rows": rows,
                "asset": asset,
                "reason": self.dice.choice(("CORRECTION", "CORRECTION", "REFUND", "POLICY")),
                "skip": self._chance(60),
                "dry_run": self._chance(15),
                "twice": self._chance(40),
                "days": self.dice.choice((None, None, 0, 1, 9)),
            },
        )

    def _crowd(self, asset: str) -> Command:
        """More lots on one account than are loaded at first."""
        external = self.reference.customers[self._customer()].external
        places = PLACES[asset]
        rows = tuple(
            FileRow(
                external, Decimal(self.dice.randint(1, 9)).scaleb(-places), days=self.dice.choice((None, None, 30, 400))
            )
            for _ in range(CROWD)
        )
        return Command(
            "file",
            {
                "rows": rows,
                "asset": asset,
                "reason": "CORRECTION",
                "skip": True,
                "dry_run": False,
                "twice": True,
                "days": None,
            },
        )

    def _row(self, asset: str, now: datetime) -> FileRow:
        own = self._asset() if self._chance(20) else None
        sign = self.dice.choice((1, 1, 1, -1))
        amount = Decimal(0) if self._chance(2) else self._amount(own or asset, 60)
        row = FileRow(
            self._external() if self._chance(96) else "nobody",
            sign * amount.quantize(Decimal("0.0001")),
            own,
            self.dice.choice(list(REASONS)) if self._chance(20) else None,
        )
        if self._chance(10):
            return replace(row, days=self.dice.choice((0, 1, 4)))
        if self._chance(10):
            return replace(row, until=self.reference.today(now) + timedelta(days=self.dice.randint(-2, 9)))
        return row

    def _reverse(self, now: datetime) -> Command | None:
        bulk = self._posted_bulk()
        return None if bulk is None else Command("reverse", {"bulk": bulk, "dry_run": self._chance(15)})

    def _run(self, now: datetime) -> Command:
        return Command("run")
