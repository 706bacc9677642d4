"""What the reference holds: set aside lot by lot until an instant, captured, released, extended."""

from datetime import datetime, timedelta
from decimal import Decimal

from tests.simulation.billing import Billing
from tests.simulation.records import LONGEST_HOLD, NOTHING, PLACES, USED, Hold, Lot, Payment, Spend, bad_amount, refuse


class Holding(Billing):
    def _hold(
        self,
        *,
        now: datetime,
        role: str,
        customer: int,
        asset: str,
        amount: Decimal,
        services: tuple[int, ...] = (),
        note: str | None = None,
        invoice: int | None = None,
        minutes: int | None = None,
        expires: datetime | None = None,
    ) -> str:
        faults = bad_amount(amount, asset) | ({"INVALID"} if amount < 0 else set())
        faults |= {"INVALID"} if services and asset != "SERVICE_CREDITS" else set()
        faults |= set() if (note or "").strip() or invoice is not None else {"NOTE_REQUIRED"}
        refuse(faults | (set() if self.known(customer) else {"NOT_FOUND"}))
        until, faults = _until(minutes, expires, now, now)
        if invoice is not None:
            held = sum((each.left for each in self.holds if each.invoice == invoice and each.is_live(now)), NOTHING)
            faults |= self._bad_invoice(invoice, customer, asset, amount + held)
        available = self.available(customer, asset, now, services)
        faults |= self.short(available) if amount > available else set()
        refuse(faults | self._may_spend(now, role, customer, asset, amount))
        self._count_spent(now, role, customer, asset, amount)
        parts, left = [], amount
        for lot in self.burning(customer, asset, now, services):
            part = min(self.free(lot, now), left)
            if part:
                parts.append((lot.serial, part))
            left -= part
        ends = until or now + timedelta(minutes=15)
        self.holds.append(Hold(self.person(customer), asset, amount, tuple(parts), now, ends, invoice))
        return "done"

    def _bad_invoice(self, number: int, customer: int, asset: str, amount: Decimal) -> set[str]:
        """Why an invoice cannot be paid with this."""
        invoice, faults = self.invoices[number], set[str]()
        if self.person(invoice.customer) != self.person(customer):
            faults.add("CUSTOMER_MISMATCH")
        if invoice.currency != asset:
            faults.add("CURRENCY_MISMATCH")
        if not invoice.is_open:
            faults.add("INVOICE_NOT_OPEN")
        elif amount > invoice.due_to_credit:
            faults.add("EXCEEDS_DUE")
        return faults

    def _capture(
        self, *, now: datetime, role: str, hold: int, amount: Decimal | None = None, invoice: int | None = None
    ) -> str:
        """It never fails for want of value."""
        held = self.holds[hold]
        refuse(set() if held.is_live(now) else {"HOLD_ENDED"})
        refuse({"INVALID"} if invoice is not None and held.invoice not in (None, invoice) else set())
        paid = held.invoice if invoice is None else invoice
        taken = held.left if amount is None else amount
        faults = set() if amount is None else bad_amount(amount, held.asset) | ({"INVALID"} if amount < 0 else set())
        faults |= {"EXCEEDS_REMAINING"} if taken > held.left else set()
        if paid is not None:
            if amount is None:
                least = Decimal(1).scaleb(-PLACES[held.asset])
                taken = max(least, min(held.left, self.invoices[paid].due_to_credit))
            faults |= self._bad_invoice(paid, held.customer, held.asset, taken)
        refuse(faults)
        parts = self._take_from(held, taken)
        if paid is None:
            for number, part in parts:
                self.lots[number].move(USED, -part)
            self.spends.append(Spend(self.person(held.customer), held.asset, parts))
            return "done"
        self.payments.append(Payment(paid, taken, "ACCOUNT_CREDIT", now))
        for number, part in parts:
            self._set_against(self.lots[number], self.invoices[paid], part, now, len(self.payments) - 1)
        self._grant(self.invoices[paid], now)
        return "done"

    def _take_from(self, held: Hold, amount: Decimal) -> tuple[tuple[int, Decimal], ...]:
        """From which lots how much, in the order in which they are held."""
        taken, left, rest = [], amount, []
        for number, part in held.parts:
            here = min(part, left)
            left -= here
            if here:
                taken.append((number, here))
            rest.append((number, part - here))
        held.parts, held.captured = tuple(rest), held.captured + amount
        return tuple(taken)

    def _release_hold(self, *, now: datetime, role: str, hold: int) -> str:
        held = self.holds[hold]
        refuse(set() if held.is_live(now) else {"HOLD_ENDED"})
        lots = [self.lots[number] for number, part in held.parts if part]
        held.parts = tuple((number, NOTHING) for number, _ in held.parts)
        self._expire_released([lot for lot in lots if lot.has_expired(now)], now)
        return "done"

    def _expire_released(self, lots: list[Lot], now: datetime) -> None:
        for lot in lots:
            self._expire(lot, now)

    def _extend_hold(
        self, *, now: datetime, role: str, hold: int, minutes: int | None = None, expires: datetime | None = None
    ) -> str:
        held = self.holds[hold]
        refuse(set() if held.is_live(now) else {"HOLD_ENDED"})
        until, faults = _until(minutes, expires, held.placed, now)
        if until is None:
            refuse(faults | {"INVALID"})
        elif faults or until <= held.expires:
            refuse(faults | ({"INVALID"} if until <= held.expires else set()))
        else:
            held.expires = until
        return "done"


def _until(
    minutes: int | None, expires: datetime | None, placed: datetime, now: datetime
) -> tuple[datetime | None, set[str]]:
    """The instant that is named, if any, and what is wrong with it."""
    if minutes is not None and expires is not None:
        return expires, {"EXPIRY_CONFLICT"}
    if minutes is not None:
        if not 1 <= minutes <= LONGEST_HOLD // timedelta(minutes=1):
            return now, {"INVALID"}
        expires = now + timedelta(minutes=minutes)
    if expires is None:
        return None, set()
    faults = {"EXPIRY_IN_PAST"} if expires <= now else set()
    return expires, faults | ({"INVALID"} if expires - placed > LONGEST_HOLD else set())
