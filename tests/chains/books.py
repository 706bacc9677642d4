"""The reference, with a second account of what is asked of it: what was given, and what a limited role has done.

It is kept from what was asked and answered alone, so that it can be held against the rows (tests/chains/laws.py).
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from tests.simulation.records import NOTHING, SPENDING_LIMITS, STAFF_LIMITS, WHOLE, Command, Refusal
from tests.simulation.reference import Reference

LIMITED: Final = "STAFF"
"""The role that has limits, in the reference: staff's, or a partner's, which are the same here."""
OTHER: Final = "OTHER"
"""Another manager than the one who asks, in the reference: who may decide what that one has asked for."""
OWN: Final = {
    "refund": ("spends", "spend"),
    "capture": ("holds", "hold"),
    "release_hold": ("holds", "hold"),
    "extend_hold": ("holds", "hold"),
}
"""What a partner does to its own alone: of which kind, and the fact that names it."""
ADDING, SPENDING = "adding", "spending"
Sums = defaultdict[str, Decimal]
"""By asset, or by kind of movement."""


def sums() -> Sums:
    return defaultdict(Decimal)


@dataclass
class ChainBooks(Reference):
    """partner: whether the limited role is a partner's program. given, carried: by asset, what came into the books from
    outside, and from one customer to another. owners: by kind, the role of who made each. done: by what, record, asset
    and day, how much the limited role has done. passed: where that was more than its limits."""

    partner: bool = False
    given: Sums = field(default_factory=sums)
    carried: Sums = field(default_factory=sums)
    returned_coupons: set[int] = field(default_factory=set)
    owners: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"spends": (), "holds": (), "requests": ()})
    done: dict[tuple[str, int, str, str], Decimal] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)

    def do(self, command: Command, now: datetime, answered: str | None = None) -> str:
        """As the reference does. A partner's program finds nothing that is not its own, and nobody approves their own."""
        if command.name == "approve" and self.owners["requests"][command.facts["request"]] == command.role:
            raise Refusal({"INVALID"})
        if self.partner and command.role == LIMITED and command.name in OWN:
            kind, fact = OWN[command.name]
            if self.owners[kind][command.facts[fact]] != LIMITED:
                raise Refusal({"NOT_FOUND"})
        before = self._figures(command)
        became = super().do(command, now, answered)
        for kind, roles in self.owners.items():
            new = len(getattr(self, kind)) - len(roles)
            self.owners[kind] = roles + (command.role,) * new
        if became == "done":
            self._put_down(command.name, command.facts, command.role, before, now)
        elif became == "approved":
            asked = self.requests[command.facts["request"]]
            self._put_down(asked.name, asked.facts, "MANAGER", before, now)
        return became

    def _figures(self, command: Command) -> dict[str, Any]:
        """What has to be known of before."""
        return {
            "due": [invoice.due for invoice in self.invoices],
            "paid": [invoice.paid for invoice in self.invoices],
            "noted": [invoice.noted for invoice in self.invoices],
            "granted": [invoice.granted for invoice in self.invoices],
            "returned": [spend.returned for spend in self.spends],
            "revived": [lot.total("REVIVED") for lot in self.lots],
        }

    def _put_down(self, name: str, facts: dict[str, Any], role: str, before: dict[str, Any], now: datetime) -> None:
        for invoice, granted in zip(self.invoices, before["granted"], strict=False):
            if invoice.granted and not granted:
                self.given[invoice.currency] += sum(invoice.sold, NOTHING)
        for whose, asset, amount in self._added(name, facts, before):
            if name not in ("refund", "transfer", "revive", "note", "give"):
                self.given[asset] += amount
            self._count(role, ADDING, whose, asset, amount, now)
        if name == "note":
            noted = self.invoices[facts["invoice"]]
            self.given[noted.currency] += before["paid"][facts["invoice"]] - noted.paid
        if name == "transfer":
            self.carried[facts["asset"]] += facts["amount"]
        if name == "disable_coupon" and facts["refund"]:
            self.returned_coupons = self.returned_coupons | {facts["coupon"]}
        for whose, asset, amount in self._spent(name, facts):
            self._count(role, SPENDING, whose, asset, amount, now)

    def _added(self, name: str, facts: dict[str, Any], before: dict[str, Any]) -> list[tuple[int, str, Decimal]]:
        """To whom, in what, how much: of everything that adds."""
        if name == "adjust":
            return [(facts["customer"], facts["asset"], facts["amount"])] if facts["amount"] > 0 else []
        if name == "bulk":
            return [(customer, facts["asset"], amount) for customer, amount in facts["rows"] if amount > 0]
        if name == "refund":
            spend = self.spends[facts["spend"]]
            return [(spend.customer, spend.asset, spend.returned - before["returned"][facts["spend"]])]
        if name == "give":
            return (
                [] if facts["deduct"] else [(facts["customer"], "POINTS", Decimal(self.prizes[facts["prize"]].price))]
            )
        if name == "revive":
            lot = self.lots[facts["credit"]]
            return [(lot.customer, lot.asset, lot.total("REVIVED") - before["revived"][facts["credit"]])]
        if name == "transfer":
            return [(facts["to"], facts["asset"], facts["amount"])]
        if name == "note":
            noted = self.invoices[facts["invoice"]]
            return [(noted.customer, noted.currency, noted.noted - before["noted"][facts["invoice"]])]
        if name == "pay" and facts["method"] != "ACCOUNT_CREDIT":
            paid = self.invoices[facts["invoice"]]
            return [(paid.customer, paid.currency, max(facts["amount"] - before["due"][facts["invoice"]], NOTHING))]
        return []

    def _spent(self, name: str, facts: dict[str, Any]) -> list[tuple[int, str, Decimal]]:
        if name in ("spend", "hold"):
            return [(facts["customer"], facts["asset"], facts["amount"])]
        if name == "use":
            return [(facts["customer"], "SERVICE_CREDITS", facts["amount"])]
        if name == "pay" and facts["method"] == "ACCOUNT_CREDIT":
            paid = self.invoices[facts["invoice"]]
            return [(paid.customer, paid.currency, facts["amount"])]
        return []

    def _count(self, role: str, what: str, whose: int, asset: str, amount: Decimal, now: datetime) -> None:
        """Of what the limited role does: held against its limits, as they are written."""
        if role != LIMITED or not amount:
            return
        if what == ADDING:
            most = STAFF_LIMITS["MONEY" if asset not in WHOLE else asset]
            limits = (most, 5 * most, 2 * most)
        elif asset in SPENDING_LIMITS:
            limits = tuple(map(Decimal, SPENDING_LIMITS[asset]))  # type: ignore[assignment]
        else:
            return
        day, person = self.today(now).isoformat(), self.person(whose)
        key = (what, person, asset, day)
        self.done[key] = self.done.get(key, NOTHING) + amount
        today = {record: used for (w, record, a, d), used in self.done.items() if (w, a, d) == (what, asset, day)}
        theirs = sum((used for record, used in today.items() if self.person(record) == person), NOTHING)
        for done, limit in zip((amount, sum(today.values(), NOTHING), theirs), limits, strict=True):
            if done > limit:
                self.passed = [*self.passed, f"{what} {done} {asset} of at most {limit}"]
