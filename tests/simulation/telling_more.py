"""What the reference tells of beside postings: what time brings, merges, and what an admin sets."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tests.simulation.records import Command, Lot, minor
from tests.simulation.telling import BROUGHT_ABOUT, CHANGED, NOTICE, TRANSACTION, Moved, Postings, Told


@dataclass
class Telling(Postings):
    """The whole of it."""

    announced_lots: set[int] = field(default_factory=set)  # with the expiry that they have

    def do(self, command: Command, now: datetime, answered: str | None = None) -> str:
        before = {serial: self.lots[serial].expires for serial in self.announced_lots}
        try:
            return super().do(command, now, answered)
        finally:
            self.announced_lots -= {
                serial for serial, expires in before.items() if self.lots[serial].expires != expires
            }

    # Expiry

    def _sweep(self, *, now: datetime, role: str) -> str:
        """Account by account, in no order among them."""
        ends = [lot for lot in self.lots if lot.has_expired(now) and self.free(lot, now)]
        for record, asset in sorted({(lot.home, lot.asset) for lot in ends}):
            self._begins("CREDIT_EXPIRED", record)
            for lot in ends:
                if (lot.home, lot.asset) == (record, asset):
                    self._expire(lot, now)
            self._ends(loose=True)
        return super()._sweep(now=now, role=role)

    def announced(self, now: datetime) -> list[Told]:
        """What is told as time goes on: which credits expire soon, and which holds have ended with something left."""
        found = []
        for lot in sorted((lot for lot in self.lots if lot.left and lot.expires is not None), key=_end_of_lot):
            soon = lot.expires is not None and now < lot.expires <= now + NOTICE
            if soon and self._is_after(_end_of_lot(lot), self.noticed):
                self.noticed = _end_of_lot(lot)
                if lot.serial in self.announced_lots:  # on an account that a merge has moved it from
                    continue
                self.announced_lots.add(lot.serial)
                amount = minor(lot.left, lot.asset)
                found.append(
                    Told("CREDIT_EXPIRING", lot.home, BROUGHT_ABOUT, about=("credit", lot.serial), amount=amount)
                )
        for number, hold in sorted(enumerate(self.holds), key=lambda pair: (pair[1].expires, pair[0])):
            if hold.left and hold.expires <= now and self._is_after((hold.expires, number), self.lapsed):
                self.lapsed = (hold.expires, number)
                about, amount = ("hold", number), minor(hold.left, hold.asset)
                whose = self.ended_on.get(number, self.person(hold.customer))
                found.append(Told("HOLD_LAPSED", whose, BROUGHT_ABOUT, about=about, amount=amount, since=hold.expires))
        return found

    def _is_after(self, place: tuple[datetime, int], last: tuple[datetime, int] | None) -> bool:
        return last is None or place > last

    # People, and what an admin sets

    def _merge(self, *, now: datetime, role: str, source: int, target: int) -> str:
        known = self.known(source) and self.known(target)
        old, new = (self.person(source), self.person(target)) if known else (0, 0)
        lived = {asset: self.lifetime(old, asset) for asset in {lot.asset for lot in self.lots_of_all(old)}}
        for number, hold in enumerate(self.holds):  # what has ended stays where it was
            if hold.left and not hold.is_live(now):
                self.ended_on.setdefault(number, self.person(hold.customer))
        self._begins("CREDIT_MERGED", old, always=False)
        became = super()._merge(now=now, role=role, source=source, target=target)
        if self.customers[old].into is None or old == new:
            self.pending = None
            return became
        moved = {(each.record, each.asset): each for each in self._moved()}
        for asset in (asset for asset, lifetime in lived.items() if lifetime):  # which has an entry of its own
            for record in (old, new):
                each = moved.get((record, asset), Moved(record, asset, 0, self._on(record, asset), 0))
                moved[record, asset] = replace(each, entries=each.entries + 1)
        for record in (old, new) if moved else ():
            sides = tuple(sorted((each for each in moved.values() if each.record == record), key=lambda m: m.asset))
            self.told.append(Told("CREDIT_MERGED", record, TRANSACTION, sides))
        self.pending = None
        self._tell_of_tiers(loose=True)
        self.told.append(Told("CUSTOMER_MERGED", old, CHANGED))
        return became

    def lots_of_all(self, person: int) -> list[Lot]:
        return [lot for lot in self.lots if self.person(lot.customer) == person]

    def _done(self, command: Command, now: datetime) -> str:
        looked_at = _CHANGES.get(command.name)
        if looked_at is None:
            return super()._done(command, now)
        kind, look = looked_at
        facts, lifetimes = command.facts, {person: self.lifetime(person, "POINTS") for person in self.people()}
        tiers = {person: self._tier_at(points) for person, points in lifetimes.items()}
        customers, before = len(self.customers), copy(look(self, facts))
        became = super()._done(command, now)
        whose = None
        if "customer" in facts or "external" in facts:
            whose = self.holder(facts["external"]) if command.name == "upsert" else self.person(facts["customer"])
        if len(self.customers) > customers:
            self.told.append(Told("CUSTOMER_CREATED", customers, CHANGED))
        elif before != look(self, facts):
            self.told.append(Told(kind, whose, CHANGED))
        for person, points in lifetimes.items():
            if self._tier_at(points) != tiers[person]:
                self.told.append(Told("TIER_CHANGED", person, BROUGHT_ABOUT, loose=True))
        return became


def _end_of_lot(lot: Lot) -> tuple[datetime, int]:
    if lot.expires is None:
        raise ValueError("it never expires")
    return lot.expires, lot.place


def _member(told: Telling, facts: dict[str, Any]) -> Any:
    person = told.customers[told.person(facts["customer"])] if told.known(facts["customer"]) else None
    return None if person is None else (person.started, person.cancelled)


def _named(told: Telling, facts: dict[str, Any]) -> Any:
    person = told.customers[told.person(facts["customer"])] if told.known(facts["customer"]) else None
    return None if person is None else (person.name, person.external)


_CHANGES: dict[str, tuple[str, Callable[[Telling, dict[str, Any]], Any]]] = {
    "upsert": ("CUSTOMER_UPDATED", lambda told, facts: [each.name for each in told.customers]),
    "rename": ("CUSTOMER_UPDATED", _named),
    "erase": (
        "CUSTOMER_ERASED",
        lambda told, facts: told.known(facts["customer"]) and told.is_erased(facts["customer"]),
    ),
    "start": ("MEMBERSHIP_CHANGED", _member),
    "cancel": ("MEMBERSHIP_CHANGED", _member),
    "reinstate": ("MEMBERSHIP_CHANGED", _member),
    "set_tier": ("SETTINGS_CHANGED", lambda told, facts: told.tiers),
    "set_prize": ("SETTINGS_CHANGED", lambda told, facts: told.prizes[facts["prize"]]),
    "set_product": ("SETTINGS_CHANGED", lambda told, facts: told.products[facts["product"]]),
    "set_service": ("SETTINGS_CHANGED", lambda told, facts: told.services),
    "set_grace": ("SETTINGS_CHANGED", lambda told, facts: told.grace_days),
    "set_zone": ("SETTINGS_CHANGED", lambda told, facts: told.zone),
}
"""What is told of if it is not as it was before."""
