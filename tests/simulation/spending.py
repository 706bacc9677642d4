"""What the reference spends for a purpose, and gives back."""

from datetime import datetime
from decimal import Decimal

from tests.simulation.moving import Moving
from tests.simulation.records import USED, Lot, Spend, bad_amount, refuse


class Spending(Moving):
    def _spend(
        self,
        *,
        now: datetime,
        role: str,
        customer: int,
        asset: str,
        amount: Decimal,
        services: tuple[int, ...] = (),
        note: str | None = None,
        reference: str | None = None,
    ) -> str:
        faults = bad_amount(amount, asset) | ({"INVALID"} if amount < 0 else set())
        faults |= {"INVALID"} if services and asset != "SERVICE_CREDITS" else set()
        faults |= set() if (note or "").strip() or (reference or "").strip() else {"NOTE_REQUIRED"}
        refuse(faults | (set() if self.known(customer) else {"NOT_FOUND"}))
        done = self._take_for(now, role, customer, asset, amount, services)
        self.spends[-1].reference = self.kept(customer, reference)
        return done

    def _use(self, *, now: datetime, role: str, customer: int, service: int, amount: Decimal) -> str:
        refuse(bad_amount(amount, "SERVICE_CREDITS") | ({"INVALID"} if amount < 0 else set()))
        return self._take_for(now, role, customer, "SERVICE_CREDITS", amount, (service,))

    def _take_for(
        self, now: datetime, role: str, customer: int, asset: str, amount: Decimal, services: tuple[int, ...]
    ) -> str:
        available = self.available(customer, asset, now, services)
        faults = self.short(available) if amount > available else set()
        refuse(faults | self._may_spend(now, role, customer, asset, amount))
        self._count_spent(now, role, customer, asset, amount)
        taken = self._burn(self.burning(customer, asset, now, services), amount, USED, now)
        self.spends.append(Spend(self.person(customer), asset, taken))
        return "done"

    def _refund(
        self,
        *,
        now: datetime,
        role: str,
        spend: int,
        amount: Decimal | None = None,
        approval: bool = False,
        propose: bool = False,
        customer: int | None = None,
        days: int | None = None,
        expires: datetime | None = None,
        never: bool = False,
    ) -> str:
        """All of it, or a part: what was taken last comes back first. customer: of one that was asked for. days, expires,
        never: of what has expired since."""
        spent = self.spends[spend]
        renews, ends = days is not None or expires is not None or never, None
        if renews:
            ends, bad_dates = self._renewed(now, days, expires, never, now)
            refuse(bad_dates | ({"INVALID"} if role == "STAFF" else set()))
        back = spent.left if amount is None else amount
        faults = set() if amount is None else bad_amount(amount, spent.asset) | ({"INVALID"} if amount < 0 else set())
        faults |= {"EXCEEDS_REMAINING"} if back > spent.left or not spent.left else set()
        refuse(faults)
        over = self._over_limit(now, role, spent.customer, spent.asset, back)
        if propose or (over and approval):
            return self._request("refund", now, customer=spent.customer, spend=spend, amount=back)
        refuse({"LIMIT_EXCEEDED"} if over else set())
        self._use_limit(now, role, spent.customer, spent.asset, back)
        passed, parts = spent.returned, list[tuple[Lot, Decimal]]()
        spent.returned += back
        for number, taken in reversed(spent.taken):
            part = min(max(taken - passed, Decimal(0)), back)
            passed = max(passed - taken, Decimal(0))
            back -= part
            if part:
                self._give_back(self.lots[number], part, now)
                parts.append((self.lots[number], part))
        if renews:
            self._put_back([(lot, part) for lot, part in parts if lot.swept and not lot.voided], ends)
        return "done"
