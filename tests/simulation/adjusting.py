"""The reference's adjustments, one by one and many at once."""

from datetime import date, datetime
from decimal import Decimal

from tests.simulation.approving import Approving
from tests.simulation.things import REASONS, Lot, Refusal, bad_amount, first_instant, minor


class Adjusting(Approving):
    def _adjust(
        self, *, now: datetime, role: str, customer: int, asset: str, amount: Decimal, reason: str,
        note: str | None = None, days: int | None = None, expires: datetime | None = None,
        effective: date | None = None,
        services: tuple[int, ...] = (), credit: int | None = None, approval: bool = False, auto_apply: bool = True,
    ) -> str:  # fmt: skip
        faults = bad_amount(amount, asset)
        if faults:
            raise Refusal(faults)
        adding = amount > 0
        faults |= self._bad_reason(reason, note, adding=adding) | self._bad_services(asset, services, adding=adding)
        if not 0 <= customer < self.customers:
            raise Refusal(faults | {"NOT_FOUND"})
        if not adding:
            return self._take(now, customer, asset, -amount, reason, faults, days, expires, effective, services, credit)
        starts = now if effective is None else first_instant(effective, self.zone)
        ends, bad_dates = self._new_expiry(now, days, expires, effective, starts)
        faults |= bad_dates | ({"INVALID"} if credit is not None else set())
        if asset == "SERVICE_CREDITS" and self._grace_is_over(customer, now):
            faults.add("MEMBERSHIP_GRACE_ENDED")
        over = self._over_limit(now, role, customer, asset, amount)
        if over and approval and not faults:
            return self._request(
                "adjust", now, customer=customer, asset=asset, amount=amount, reason=reason, note=note, days=days,
                expires=expires, effective=effective, services=services, auto_apply=auto_apply,
            )  # fmt: skip
        if faults or over:
            raise Refusal(faults | ({"LIMIT_EXCEEDED"} if over else set()))
        self._use_limit(now, role, customer, asset, amount)
        self._open(
            customer, asset, amount, now, effective=effective, expires=ends, services=services, auto_apply=auto_apply,
            counted=REASONS[reason][2],
        )  # fmt: skip
        return "done"

    def _take(
        self, now: datetime, customer: int, asset: str, amount: Decimal, reason: str, faults: set[str],
        days: int | None, expires: datetime | None, effective: date | None, services: tuple[int, ...],
        credit: int | None,
    ) -> str:  # fmt: skip
        if days or expires is not None or (effective is not None and effective > self.today(now)):
            faults.add("EXPIRY_CONFLICT")
        moves = reason in REASONS and REASONS[reason][2]
        if moves and minor(amount, asset) > self.lifetime[customer, asset]:
            faults.add("INSUFFICIENT_BALANCE")
        if credit is None:
            lots = self.burning(customer, asset, now, services)
            if amount > sum(lot.left for lot in lots):
                faults.add("INSUFFICIENT_BALANCE")
        else:
            lots = [self.lots[credit]]
            faults |= self._bad_named(lots[0], customer, asset, amount, now, services)
        if faults:
            raise Refusal(faults)
        self._burn(lots, amount)
        if moves:
            self.lifetime[customer, asset] -= minor(amount, asset)
        return "done"

    def _bad_named(
        self, lot: Lot, customer: int, asset: str, amount: Decimal, now: datetime, services: tuple[int, ...]
    ) -> set[str]:
        if (lot.customer, lot.asset) != (customer, asset):
            # Where there is no account at all, that may be said instead.
            return {"NOT_FOUND"} if (customer, asset) in self.accounts else {"NOT_FOUND", "INSUFFICIENT_BALANCE"}
        faults = set()
        if services and lot.services and not lot.services & set(services):
            faults.add("INVALID")
        if not lot.is_open(now):
            faults.add("CREDIT_NOT_OPEN")
        elif amount > lot.left:
            faults.add("INSUFFICIENT_BALANCE")
        return faults

    def _bad_reason(self, reason: str, note: str | None, *, adding: bool) -> set[str]:
        if reason not in REASONS:
            return {"REASON_UNKNOWN"}
        adds, removes, _, needs_note = REASONS[reason]
        faults = set() if (adds if adding else removes) else {"REASON_DIRECTION"}
        return faults | ({"NOTE_REQUIRED"} if needs_note and not (note or "").strip() else set())

    def _bad_services(self, asset: str, services: tuple[int, ...], *, adding: bool) -> set[str]:
        if services and asset != "SERVICE_CREDITS":
            return {"INVALID"}
        return {"INVALID"} if adding and not all(self.services[s] for s in services) else set()

    def _grace_is_over(self, customer: int, now: datetime) -> bool:
        cancelled = self.members[customer].cancelled
        return cancelled is not None and (self.today(now) - self.today(cancelled)).days > self.grace_days

    def _bulk(
        self, *, now: datetime, role: str, rows: tuple[tuple[int, Decimal], ...], asset: str, reason: str, skip: bool,
        dry_run: bool, days: int | None = None,
    ) -> str:  # fmt: skip
        trial = self if skip and not dry_run else self.trial()
        failed, seen = False, set[int]()
        for customer, amount in rows:
            try:
                if customer in seen:
                    raise Refusal({"DUPLICATE"})
                seen.add(customer)
                trial._adjust(now=now, role=role, customer=customer, asset=asset, amount=amount, reason=reason,
                              days=days if amount > 0 else None)  # fmt: skip
            except Refusal:
                failed = True
        if failed and not skip and not dry_run:
            raise Refusal({"INVALID"})
        if trial is not self and not dry_run:
            self.become(trial)
        return "done"
