"""What an admin might set, and what else needs no key, by the throw of dice."""

from datetime import datetime, timedelta
from decimal import Decimal

from tests.simulation.draws import Draws
from tests.simulation.records import Command

ZONES = ("Europe/London", "America/Havana", "Asia/Kathmandu", "Pacific/Apia")


class SettingCommands(Draws):
    def _name(self) -> str:
        return self.dice.choice(("Anna", "Ben", "Cleo", "Dan"))

    def setting(self, now: datetime) -> Command:
        request = self._asked() if self._chance(15) else None
        if request is not None:
            return Command(self.dice.choice(("reject", "withdraw")), {"request": request})
        while True:
            command = self._member(now) if self._chance(40) else self._other_setting()
            if command.name not in self.without:
                return command

    def _member(self, now: datetime) -> Command:
        customer, at = self._customer(), None
        if self._chance(40):
            at = now + timedelta(hours=self.dice.choice((-2000, -100, -3, -1, 1)))
        name = self.dice.choice(("start", "cancel", "cancel", "reinstate"))
        return Command(name, {"customer": customer} | ({} if name == "reinstate" else {"at": at}))

    def _other_setting(self) -> Command:
        kinds = (
            self._set_tier,
            self._set_tier,
            self._set_prize,
            self._set_product,
            self._set_service,
            self._set_grace,
            self._set_zone,
            self._rename,
            self._rename,
            self._erase,
        )
        return self.dice.choice(kinds)()

    def _rename(self) -> Command:
        external = self._external() if self._chance(40) else None
        name = self._name() if external is None or self._chance(50) else None
        return Command("rename", {"customer": self._customer(), "name": name, "external": external})

    def _erase(self) -> Command:
        return Command("erase", {"customer": self._customer()})

    def _set_tier(self) -> Command:
        tier = self.dice.randrange(len(self.reference.tiers))
        return Command("set_tier", {"tier": tier, "threshold": 250 * self.dice.randint(1, 12)})

    def _set_prize(self) -> Command:
        prize = self.dice.randrange(len(self.reference.prizes))
        stock = self.dice.choice((None, None, 0, 1, 3))
        return Command(
            "set_prize",
            {"prize": prize, "price": 50 * self.dice.randint(0, 24), "stock": stock, "active": self._chance(80)},
        )

    def _set_product(self) -> Command:
        product = self.dice.randrange(len(self.reference.products))
        price = Decimal(self.dice.randint(1, 30)) if self._chance(70) else self._fraction(30)
        return Command("set_product", {"product": product, "price": price, "active": self._chance(85)})

    def _set_service(self) -> Command:
        service = self.dice.randrange(len(self.reference.services))
        return Command("set_service", {"service": service, "active": self._chance(75)})

    def _set_grace(self) -> Command:
        return Command("set_grace", {"days": self.dice.choice((0, 1, 30, 60))})

    def _set_zone(self) -> Command:
        return Command("set_zone", {"zone": self.dice.choice(ZONES)})
