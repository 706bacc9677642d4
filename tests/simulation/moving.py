"""What the reference moves between customers, and puts back of what has expired."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from tests.simulation.adjusting import Adjusting
from tests.simulation.records import ADDED, REVIVED, USED, VAST, Lot, bad_amount, refuse


class Moving(Adjusting):
    def _transfer(
        self,
        *,
        now: datetime,
        role: str,
        customer: int,
        to: int,
        asset: str,
        amount: Decimal,
        credit: int | None = None,
        approval: bool = False,
        propose: bool = False,
    ) -> str:
        refuse(bad_amount(amount, asset) | ({"INVALID"} if amount < 0 else set()))
        refuse(set() if self.known(customer) and self.known(to) else {"NOT_FOUND"})
        faults = {"INVALID"} if self.is_erased(to) or self.person(customer) == self.person(to) else set()
        if asset == "SERVICE_CREDITS" and self._grace_is_over(to, now):
            faults.add("MEMBERSHIP_GRACE_ENDED")
        if credit is None:
            lots = self.burning(customer, asset, now)
            available = self.available(customer, asset, now)
            faults |= self.short(available) if amount > available else set()
        else:
            lots = [self.lots[credit]]
            faults |= self._bad_named(lots[0], customer, asset, amount, now, ())
        if (self.has_vast or amount > VAST) and self.exceeds(to, asset, amount):
            faults.add("AMOUNT_OUT_OF_RANGE")
        over = self._over_limit(now, role, to, asset, amount)
        if (propose or (over and approval)) and not faults:
            return self._request("transfer", now, customer=customer, to=to, asset=asset, amount=amount, credit=credit)
        refuse(faults | ({"LIMIT_EXCEEDED"} if over else set()))
        self._use_limit(now, role, to, asset, amount)
        for number, part in self._burn(lots, amount, USED, now):
            self._carry_over(self.lots[number], self.person(to), part)
        self.fill(to, asset)
        return "done"

    def _carry_over(self, lot: Lot, person: int, part: Decimal) -> None:
        """It is what it was, and counts for nobody."""
        new = replace(
            lot,
            customer=person,
            home=person,
            place=self._place(),
            serial=len(self.lots),
            counts=False,
            movements=(),
            revoked=False,
        )
        new.move(ADDED, part)
        self.has_vast = self.has_vast or part > VAST
        self.lots.append(new)

    def _revive(
        self,
        *,
        now: datetime,
        role: str,
        credit: int,
        reason: str,
        note: str | None = None,
        amount: Decimal | None = None,
        days: int | None = None,
        expires: datetime | None = None,
        never: bool = False,
        approval: bool = False,
        propose: bool = False,
        customer: int | None = None,
    ) -> str:
        """All that has expired, or a part. customer: of one that was asked for."""
        lot = self.lots[credit]
        faults = self._bad_reason(reason, note, adding=True)
        faults |= {"INVALID"} if self.is_erased(lot.customer) else set()
        faults |= {"CREDIT_NOT_OPEN"} if lot.voided or lot.revoked else set()
        if lot.asset == "SERVICE_CREDITS" and self._grace_is_over(lot.customer, now):
            faults.add("MEMBERSHIP_GRACE_ENDED")
        ends, bad_dates = self._renewed(now, days, expires, never, lot.starts)
        unswept = self.free(lot, now) if lot.has_expired(now) else Decimal(0)
        left = lot.lapsed + unswept
        back = left if amount is None else amount
        faults |= bad_dates | (set() if amount is None else bad_amount(amount, lot.asset))
        faults |= {"INVALID"} if back < 0 else set()
        faults |= {"EXCEEDS_REMAINING"} if back > left or not left else set()
        if self.has_vast and self.exceeds(lot.customer, lot.asset, back - unswept):
            faults.add("AMOUNT_OUT_OF_RANGE")
        over = not faults and self._over_limit(now, role, lot.customer, lot.asset, back)
        if (propose or (over and approval)) and not faults:
            return self._request(
                "revive",
                now,
                has_days=bool(days),
                customer=lot.customer,
                credit=credit,
                reason=reason,
                note=note,
                amount=back,
                days=days,
                expires=expires,
                never=never,
            )
        refuse(faults | ({"LIMIT_EXCEEDED"} if over else set()))
        self._use_limit(now, role, lot.customer, lot.asset, back)
        self._move_home(lot)
        if unswept:
            self._expire(lot, now)
        self._put_back([(lot, back)], ends)
        return "done"

    def _renewed(
        self, now: datetime, days: int | None, expires: datetime | None, never: bool, starts: datetime
    ) -> tuple[datetime | None, set[str]]:
        """A new expiry, which is given in one way."""
        if (days is not None) + (expires is not None) + never != 1:
            return None, {"EXPIRY_CONFLICT"}
        return self._new_expiry(now, days, expires, None, starts)

    def _put_back(self, parts: Iterable[tuple[Lot, Decimal]], ends: datetime | None) -> None:
        """What has expired of these lots, under a new expiry."""
        for lot, part in parts:
            lot.move(REVIVED, part)
            lot.swept, lot.expires = False, ends
            self.fill(lot.customer, lot.asset)
