"""The reference's adjustments: one by one, many at once, and files of them that wait for their turn."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.simulation.approving import Approving
from tests.simulation.records import (
    NOTHING,
    PLACES,
    REASONS,
    REMOVED,
    TAKEN_BACK,
    VAST,
    Bulk,
    Effect,
    FileRow,
    Lot,
    QueuedFile,
    QueuedRow,
    Refusal,
    bad_amount,
    first_instant,
    refuse,
)


class Adjusting(Approving):
    def _adjust(
        self,
        *,
        now: datetime,
        role: str,
        customer: int,
        asset: str,
        amount: Decimal,
        reason: str,
        note: str | None = None,
        days: int | None = None,
        expires: datetime | None = None,
        effective: date | None = None,
        services: tuple[int, ...] = (),
        credit: int | None = None,
        approval: bool = False,
        auto_apply: bool = True,
        propose: bool = False,
    ) -> str:
        faults = bad_amount(amount, asset)
        if faults:
            raise Refusal(faults)
        adding = amount > 0
        faults |= self._bad_reason(reason, note, adding=adding) | self._bad_services(asset, services, adding=adding)
        if not self.known(customer):
            raise Refusal(faults | {"NOT_FOUND"})
        if not adding:
            return self._take(now, customer, asset, -amount, reason, faults, days, expires, effective, services, credit)
        starts = now if effective is None else first_instant(effective, self.zone)
        ends, bad_dates = self._new_expiry(now, days, expires, effective, starts)
        faults |= bad_dates | ({"INVALID"} if credit is not None or self.is_erased(customer) else set())
        if asset == "SERVICE_CREDITS" and self._grace_is_over(customer, now):
            faults.add("MEMBERSHIP_GRACE_ENDED")
        if (self.has_vast or amount > VAST) and self.exceeds(customer, asset, amount):
            faults.add("AMOUNT_OUT_OF_RANGE")
        over = self._over_limit(now, role, customer, asset, amount)
        if (propose or (over and approval)) and not faults:
            return self._request(
                "adjust",
                now,
                has_days=bool(days) or effective is not None,
                customer=customer,
                asset=asset,
                amount=amount,
                reason=reason,
                note=note,
                days=days,
                expires=expires,
                effective=effective,
                services=services,
                auto_apply=auto_apply,
            )
        if faults or over:
            raise Refusal(faults | ({"LIMIT_EXCEEDED"} if over else set()))
        self._use_limit(now, role, customer, asset, amount)
        lot = self._open(
            customer,
            asset,
            amount,
            now,
            effective=effective,
            expires=ends,
            services=services,
            auto_apply=auto_apply,
            counts=REASONS[reason][2],
            reason=reason,
        )
        self.effect = Effect(lot.serial)
        return "done"

    def _take(
        self,
        now: datetime,
        customer: int,
        asset: str,
        amount: Decimal,
        reason: str,
        faults: set[str],
        days: int | None,
        expires: datetime | None,
        effective: date | None,
        services: tuple[int, ...],
        credit: int | None,
    ) -> str:
        if days or expires is not None or (effective is not None and effective > self.today(now)):
            faults.add("EXPIRY_CONFLICT")
        if credit is None:
            lots = self.burning(customer, asset, now, services)
            available = sum((self.free(lot, now) for lot in lots), NOTHING)
            faults |= self.short(available) if amount > available else set()
        else:
            lots = [self.lots[credit]]
            faults |= self._bad_named(lots[0], customer, asset, amount, now, services)
        if faults:
            raise Refusal(faults)
        kind = TAKEN_BACK if REASONS[reason][2] else REMOVED
        self.effect = Effect(taken=self._burn(lots, amount, kind, now), kind=kind)
        return "done"

    def _bad_named(
        self, lot: Lot, customer: int, asset: str, amount: Decimal, now: datetime, services: tuple[int, ...]
    ) -> set[str]:
        # Where there is nothing at all in this asset, that may be said instead.
        faults = set() if self.balance(customer, asset) else self.short(NOTHING)
        if (self.person(lot.customer), lot.asset) != (self.person(customer), asset):
            return faults | {"NOT_FOUND"}
        if services and lot.services and not lot.services & set(services):
            faults.add("INVALID")
        if not lot.is_open(now):
            return faults | {"CREDIT_NOT_OPEN"}
        if amount > self.free(lot, now):
            faults |= self.short(self.free(lot, now))
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

    # Many at once

    def _bulk(
        self,
        *,
        now: datetime,
        role: str,
        rows: tuple[tuple[int, Decimal], ...],
        asset: str,
        reason: str,
        skip: bool,
        dry_run: bool,
        days: int | None = None,
    ) -> str:
        trial = self if skip and not dry_run else self.trial()
        failed, seen, effects = False, set[int](), list[Effect]()
        for customer, amount in rows:
            try:
                person = self.person(customer)
                if person in seen:
                    raise Refusal({"DUPLICATE"})
                seen.add(person)
                trial._adjust(
                    now=now,
                    role=role,
                    customer=customer,
                    asset=asset,
                    amount=amount,
                    reason=reason,
                    days=days if amount > 0 else None,
                )
                effects.append(trial.effect)
            except Refusal:
                failed = True
        if failed and not skip and not dry_run:
            raise Refusal({"INVALID"})
        if trial is not self and not dry_run:
            self.become(trial)
        self.bulks.append(Bulk(() if dry_run else tuple(effects)))
        return "done"

    def _file(
        self,
        *,
        now: datetime,
        role: str,
        rows: tuple[FileRow, ...],
        asset: str,
        reason: str,
        skip: bool,
        dry_run: bool,
        twice: bool,
        days: int | None = None,
    ) -> str:
        """It waits. What is wrong with a row on the face of it is known at once."""
        queued, seen = [], set[int]()
        for row in rows:
            holder = self.holder(row.external)
            person = None if holder is None else self.person(holder)
            errors = {"NOT_FOUND"} if person is None else {"DUPLICATE"} if person in seen and not twice else set()
            if person is not None:
                seen.add(person)
            errors |= {"AMOUNT_PRECISION"} if _written_finer(row.amount, row.asset or asset) else set()
            own = row.days is not None or row.until is not None
            given = row.days if own else days if row.amount > 0 else None
            expires = None if row.until is None else first_instant(row.until + timedelta(days=1), self.zone)
            facts: dict[str, Any] = {
                "customer": person,
                "asset": row.asset or asset,
                "amount": row.amount,
                "reason": row.reason or reason,
                "days": given,
                "expires": expires,
            }
            queued.append(QueuedRow(facts, frozenset(errors)))
        self.bulks.append(Bulk(file=len(self.files)))
        self.files.append(QueuedFile(tuple(queued), skip, dry_run, failed=sum(bool(row.errors) for row in queued)))
        return "done"

    def _run(self, *, now: datetime, role: str) -> str:
        """The oldest file that waits; rows of one person see each other."""
        file = next((file for file in self.files if file.status == "QUEUED"), None)
        if file is None:
            return "done"
        if file.dry_run or not file.skip:
            found, _ = self.trial()._post_rows(file.twin(), now)
            bad = sum(bool(errors) for errors in found)
            if file.dry_run or bad:
                for row, errors in zip(file.rows, found, strict=True):
                    row.errors = errors
                file.status, file.failed = ("COMPLETED", bad) if file.dry_run else ("FAILED", bad)
                file.succeeded = len(file.rows) - bad if file.dry_run else 0
                return "done"
        found, effects = self._post_rows(file, now)
        number = self.files.index(file)
        next(bulk for bulk in self.bulks if bulk.file == number).rows = effects
        for row, errors in zip(file.rows, found, strict=True):
            row.errors, row.posted = errors, not errors
        file.status, file.failed = "COMPLETED", sum(bool(errors) for errors in found)
        file.succeeded = len(file.rows) - file.failed
        return "done"

    def _post_rows(self, file: QueuedFile, now: datetime) -> tuple[list[frozenset[str]], tuple[Effect, ...]]:
        """What each was refused with; and what those did that were not."""
        found, effects = [], []
        for row in file.rows:
            errors = row.errors
            if not errors:
                try:
                    self._adjust(now=now, role="MANAGER", **row.facts)
                    effects.append(self.effect)
                except Refusal as refusal:
                    errors = refusal.codes
            found.append(errors)
        return found, tuple(effects)

    # Undoing them

    def _reverse(self, *, now: datetime, role: str, bulk: int, dry_run: bool) -> str:
        """Each row once, the last first: what is left of its lot goes, and what was removed comes back to its lots."""
        undone = self.bulks[bulk]
        refuse({"BULK_NOT_REVERSIBLE"} if all(row.taken_back for row in undone.rows) else set())
        if dry_run:
            return "done"
        rows = list(undone.rows)
        for number, row in reversed(list(enumerate(rows))):
            if not row.taken_back and self._take_row_back(row, now):
                rows[number] = replace(row, taken_back=True)
        undone.rows = tuple(rows)
        return "done"

    def _take_lot_back(self, lot: Lot, now: datetime) -> None:
        """What is held of it stays for as long as it is, and goes then."""
        if self.free(lot, now) and lot.has_expired(now):
            self._expire(lot, now)
        if self.held(lot, now) and not lot.voided and not lot.has_expired(now):
            lot.expires = now
        lot.move(TAKEN_BACK, -self.free(lot, now))
        lot.voided = True

    def _take_row_back(self, row: Effect, now: datetime) -> bool:
        """Whether there was room for what it had removed."""
        if row.lot is not None:
            self._take_lot_back(self.lots[row.lot], now)
            return True
        first = self.lots[row.taken[0][0]]
        back = sum((amount for _, amount in row.taken), NOTHING)
        if self.has_vast and self.exceeds(first.customer, first.asset, back):
            return False
        for number, amount in reversed(row.taken):
            self._give_back(self.lots[number], amount, now, row.kind)
        return True


def _written_finer(amount: Decimal, asset: str) -> bool:
    """Than the asset is counted, by the digits: in a file, zeros at the end are digits too."""
    return -int(amount.as_tuple().exponent) > PLACES[asset]
