"""What people might hold, and do with what is held, by the throw of dice."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from models.operations.capture_hold import capture_hold
from models.operations.hold_credit import hold_credit
from models.operations.release_hold import extend_hold, release_hold
from models.planning.capturing import CaptureHold
from models.planning.holding import ExtendHold, HoldCredit, ReleaseHold
from tests.simulation.draws import Draws
from tests.simulation.records import PLACES, Command, Hold, Lot

ROLES = ("MANAGER", "MANAGER", "STAFF")


class HoldCommands(Draws):
    """Commands about holds."""

    def _hold(self, now: datetime) -> Command:
        customer, asset = self._customer(), self._asset()
        lot = self._lot()
        if lot and self._chance(88):
            customer, asset = self._record_of(lot.customer), lot.asset
        services = self._services(asset) if self._chance(50) else ()
        amount = self._amount(asset, 200 if asset == "POINTS" else 40)
        if self._chance(20):  # all that there is
            amount = self.reference.available(customer, asset, now, services) or Decimal(1)
        facts: dict[str, Any] = {
            "customer": customer if self._chance(98) else 999,
            "asset": asset,
            "amount": amount if self._chance(97) else -amount,
            "services": services,
            "note": "Table 7" if self._chance(95) else self.dice.choice((None, "", " ")),
        }
        if lot and self._chance(25):
            facts["invoice"] = self._open_invoice(like=lot)
        facts |= self._until(now)
        if lot and lot.expires is not None and lot.expires > now and self._chance(25):
            facts |= {"minutes": None, "expires": lot.expires}  # both at the same microsecond
        return Command("hold", facts, self.dice.choice(ROLES))

    def _until(self, now: datetime) -> dict[str, Any]:
        if self._chance(20):
            return {}
        if self._chance(70):
            return {"minutes": self.dice.choice((1, 15, 600, 3000, 20_000, 43_200, 43_201, 0))}
        found: dict[str, Any] = {"expires": now + timedelta(minutes=self.dice.randint(-30, 4000))}
        return found | ({"minutes": 5} if self._chance(5) else {})

    def _held(self, now: datetime) -> int | None:
        """Mostly one that is live."""
        numbers = [n for n, hold in enumerate(self.reference.holds) if hold.is_live(now) or self._chance(4)]
        return self.dice.choice(numbers) if numbers else None

    def _capture(self, now: datetime) -> Command | None:
        number = self._held(now)
        if number is None:
            return None
        hold = self.reference.holds[number]
        facts: dict[str, Any] = {"hold": number, "amount": None}
        if self._chance(60):
            part = (hold.left / self.dice.randint(1, 3)).quantize(Decimal(1).scaleb(-PLACES[hold.asset]))
            facts["amount"] = part if part and self._chance(85) else self._amount(hold.asset, 60)
        if self._chance(3) and facts["amount"] is not None:
            facts["amount"] = -facts["amount"]
        if self._chance(30):
            lots = [self.reference.lots[lot] for lot, _ in hold.parts]
            facts["invoice"] = self._open_invoice(like=lots[0])
        return Command("capture", facts, self.dice.choice(ROLES))

    def _release_hold(self, now: datetime) -> Command | None:
        expired = {lot.serial for lot in self._held_and_expired(now)}
        of_expired = [n for n, hold in self._live(now) if any(part and lot in expired for lot, part in hold.parts)]
        number = self.dice.choice(of_expired) if of_expired and self._chance(50) else self._held(now)
        return None if number is None else Command("release_hold", {"hold": number}, self.dice.choice(ROLES))

    def _held_and_expired(self, now: datetime) -> list[Lot]:
        """Lots of which something is held that has not expired, or was not taken back, with the rest."""
        numbers = {lot: None for _, hold in self._live(now) for lot, part in hold.parts if part}
        return [lot for lot in (self.reference.lots[n] for n in numbers) if lot.has_expired(now)]

    def _live(self, now: datetime) -> list[tuple[int, Hold]]:
        return [(n, hold) for n, hold in enumerate(self.reference.holds) if hold.is_live(now)]

    def _extend_hold(self, now: datetime) -> Command | None:
        number = self._held(now)
        return None if number is None else Command("extend_hold", {"hold": number, **self._until(now)})


def hold(names: Any, key: str, **facts: Any) -> Any:
    invoice = facts.get("invoice")
    return hold_credit, HoldCredit(
        names.customer(facts["customer"]),
        facts["asset"],
        facts["amount"],
        facts["note"],
        None if invoice is None else names.rows["invoices"][invoice],
        tuple(names.services[s] for s in facts["services"]),
        facts.get("minutes"),
        facts.get("expires"),
    )


def capture(names: Any, key: str, *, hold: int, amount: Decimal | None, invoice: int | None = None) -> Any:
    paid = None if invoice is None else names.rows["invoices"][invoice]
    return capture_hold, CaptureHold(names.rows["holds"][hold], amount, paid)


def release(names: Any, key: str, *, hold: int) -> Any:
    return release_hold, ReleaseHold(names.rows["holds"][hold])


def extend(names: Any, key: str, *, hold: int, minutes: int | None = None, expires: datetime | None = None) -> Any:
    return extend_hold, ExtendHold(names.rows["holds"][hold], minutes, expires)
