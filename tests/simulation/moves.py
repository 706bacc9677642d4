"""Transfers and revivals that people might ask for, by the throw of dice."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.simulation.draws import ROLES, Draws
from tests.simulation.records import Command


class Moves(Draws):
    def _transfer(self, now: datetime) -> Command:
        customer, asset = self._customer(), self._asset()
        lot = self._lot()
        if lot and self._chance(90):
            customer, asset = self._record_of(lot.customer), lot.asset
        amount = self._amount(asset, 300 if asset == "POINTS" else 60)
        if self._chance(25):  # all that there is
            amount = self.reference.available(customer, asset, now) or Decimal(1)
        facts: dict[str, Any] = {
            "customer": customer if self._chance(98) else 999,
            "to": self._customer(),
            "asset": asset,
            "amount": amount if self._chance(97) else -amount,
            "approval": self._chance(30),
        }
        if lot and self._chance(30):
            facts |= {"credit": lot.serial, "amount": min(lot.left, facts["amount"]) if lot.left else facts["amount"]}
        return self._perhaps_proposed("transfer", facts, self.dice.choice(ROLES), 8)

    def _revive(self, now: datetime) -> Command | None:
        lots = self.reference.lots
        expired = [lot for lot in lots if lot.lapsed or (lot.left and lot.has_expired(now))]
        lot = self.dice.choice(expired) if expired and self._chance(93) else self._lot()
        if lot is None:
            return None
        facts: dict[str, Any] = {
            "credit": lot.serial,
            "reason": self.dice.choice((*["GOODWILL", "CORRECTION", "REFUND"] * 4, "OTHER", "POLICY", "NOPE")),
            "note": self.dice.choice((None, "Because")),
            "amount": self._amount(lot.asset, 30) if self._chance(60) else None,
            "approval": self._chance(30),
        }
        if self._chance(97):
            facts |= self._new_expiry(now)
        return self._perhaps_proposed("revive", facts, self.dice.choice(ROLES), 8)

    def _new_expiry(self, now: datetime) -> dict[str, Any]:
        """Mostly one, in one way."""
        ways: list[dict[str, Any]] = [
            {"days": self.dice.choice((0, 1, 1, 3, 40))},
            {"expires": now + timedelta(hours=self.dice.randint(-3, 90))},
            {"never": True},
        ]
        chosen = self.dice.choice(ways)
        return chosen if self._chance(96) else chosen | self.dice.choice(ways)
