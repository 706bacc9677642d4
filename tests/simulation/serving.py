"""What the reference does with points and coupons, how a credit is changed, and what an admin sets."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.simulation.approving import Approving
from tests.simulation.records import USED, Coupon, first_instant, is_finer, refuse


class Serving(Approving):
    # Credits as they grow old

    def _sweep(self, *, now: datetime, role: str) -> str:
        for lot in self.lots:
            if lot.has_expired(now) and self.free(lot, now):
                self._expire(lot, now)
        self._sweep_requests(now)
        return "done"

    def _update_credit(
        self,
        *,
        now: datetime,
        role: str,
        credit: int,
        days: int | None = None,
        expires: datetime | None = None,
        never: bool = False,
        auto_apply: bool | None = None,
        services: tuple[int, ...] | None = None,
        note: str | None = None,
    ) -> str:
        lot = self.lots[credit]
        faults = {"CREDIT_NOT_OPEN"} if lot.voided or lot.swept or (lot.left and lot.has_expired(now)) else set()
        ends = lot.expires
        if (days is not None) + (expires is not None) + never > 1:
            faults.add("EXPIRY_CONFLICT")
        elif days is not None or expires is not None or never:
            ends, bad_dates = self._new_expiry(now, days, expires, lot.effective, lot.starts)
            faults |= bad_dates
        chosen = lot.services if services is None else frozenset(services)
        if services and (lot.asset != "SERVICE_CREDITS" or not all(self.services[s] for s in chosen - lot.services)):
            faults.add("INVALID")
        pause = lot.auto_apply if auto_apply is None else auto_apply
        if (ends, chosen, pause) == (lot.expires, lot.services, lot.auto_apply) and not (note or "").strip():
            faults.add("INVALID")
        refuse(faults)
        lot.expires, lot.services, lot.auto_apply = ends, chosen, pause
        return "done"

    # Rewards

    def _give(
        self,
        *,
        now: datetime,
        role: str,
        customer: int,
        prize: int,
        deduct: bool,
        approval: bool = False,
        propose: bool = False,
    ) -> str:
        given, faults = self.prizes[prize], set()
        if not given.active or given.stock == 0:
            faults.add("REWARD_INACTIVE")
        if self.is_erased(customer):
            faults.add("INVALID")
        price = Decimal(given.price)
        available = self.available(customer, "POINTS", now)
        faults |= self.short(available) if deduct and price > available else set()
        if propose and not faults:
            return self._request("give", now, has_days=bool(given.days), customer=customer, prize=prize, deduct=deduct)
        if not deduct and price and self._over_limit(now, role, customer, "POINTS", price):
            if approval and not faults:
                return self._request(
                    "give", now, has_days=bool(given.days), customer=customer, prize=prize, deduct=deduct
                )
            faults.add("LIMIT_EXCEEDED")
        refuse(faults)
        taken: tuple[tuple[int, Decimal], ...] = ()
        if deduct:
            taken = self._burn(self.burning(customer, "POINTS", now), price, USED, now)
        else:
            self._use_limit(now, role, customer, "POINTS", price)
        if given.stock is not None:
            given.stock -= 1
        expires = None
        if given.days:
            expires = first_instant(self.today(now) + timedelta(days=given.days + 1), self.zone)
        self.coupons.append(Coupon(self.person(customer), given.price if deduct else 0, expires, taken, prize))
        return "done"

    def _use_coupon(self, *, now: datetime, role: str, coupon: int, invoice: int | None = None) -> str:
        used = self._issued(coupon, now)
        if invoice is not None:
            named = self.invoices[invoice]
            faults = {"INVOICE_NOT_OPEN"} if named.void else set()
            if self.person(named.customer) != self.person(used.customer):
                faults.add("CUSTOMER_MISMATCH")
            refuse(faults)
        used.status, used.invoice = "USED", invoice
        return "done"

    def _reopen_coupon(self, *, now: datetime, role: str, coupon: int) -> str:
        reopened = self.coupons[coupon]
        refuse({"COUPON_NOT_USED"} if reopened.status != "USED" else set())
        refuse({"COUPON_REOPENED"} if reopened.reopened else set())
        reopened.status, reopened.invoice, reopened.reopened = "ISSUED", None, True
        return "done"

    def _disable_coupon(self, *, now: datetime, role: str, coupon: int, refund: bool, restock: bool = False) -> str:
        """Of one that was used, to give its points back; of one that was reopened they are not."""
        disabled = self.coupons[coupon]
        gives_back = refund and disabled.points > 0
        if not (gives_back and disabled.status == "USED"):
            self._issued(coupon, now)
        refuse({"COUPON_REOPENED"} if gives_back and disabled.reopened else set())
        prize = self.prizes[disabled.prize]
        if restock and prize.stock is not None:
            prize.stock += 1
        for number, amount in reversed(disabled.taken if refund else ()):
            self._give_back(self.lots[number], amount, now)
        disabled.status = "DISABLED"
        return "done"

    def _issued(self, coupon: int, now: datetime) -> Coupon:
        found = self.coupons[coupon]
        late = found.expires is not None and found.expires <= now
        refuse({"COUPON_NOT_ISSUED"} if late or found.status != "ISSUED" else set())
        return found

    # What an admin sets

    def _set_tier(self, *, now: datetime, role: str, tier: int, threshold: int) -> str:
        refuse({"DUPLICATE"} if threshold in self.tiers[:tier] + self.tiers[tier + 1 :] else set())
        self.tiers[tier] = threshold
        return "done"

    def _set_prize(self, *, now: datetime, role: str, prize: int, price: int, stock: int | None, active: bool) -> str:
        changed = self.prizes[prize]
        changed.price, changed.stock, changed.active = price, stock, active
        return "done"

    def _set_product(self, *, now: datetime, role: str, product: int, price: Decimal, active: bool) -> str:
        refuse({"AMOUNT_PRECISION"} if is_finer(price) else set())
        changed = self.products[product]
        changed.price, changed.active = price, active
        return "done"

    def _set_service(self, *, now: datetime, role: str, service: int, active: bool) -> str:
        self.services[service] = active
        return "done"

    def _set_grace(self, *, now: datetime, role: str, days: int) -> str:
        self.grace_days = days
        return "done"

    def _set_zone(self, *, now: datetime, role: str, zone: str) -> str:
        self.zone = ZoneInfo(zone)
        return "done"
