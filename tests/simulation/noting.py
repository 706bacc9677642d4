"""The reference's credit notes: what they take back of invoices and orders, and give back of what paid these."""

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import partial

from tests.simulation.billing import Billing
from tests.simulation.records import (
    NOTHING,
    PLACES,
    USED,
    Assignment,
    Invoice,
    Note,
    NotedLines,
    Part,
    Payment,
    bad_amount,
    refuse,
)

Paid = Assignment | Payment


class Noting(Billing):
    def _note(
        self,
        *,
        now: datetime,
        role: str,
        invoice: int,
        amount: Decimal | None = None,
        lines: NotedLines = (),
        in_proportion: bool = False,
        approval: bool = False,
        propose: bool = False,
        customer: int | None = None,
    ) -> str:
        """customer: of one that was asked for."""
        noted = self.invoices[invoice]
        refuse({"INVOICE_NOT_OPEN"} if noted.void else set())
        named, faults = self._named_lines(invoice, lines)
        if amount is not None:
            faults |= bad_amount(amount, noted.currency) | ({"INVALID"} if amount < 0 else set())
        whole = sum((part for _, _, part in named), NOTHING) if lines else noted.goods if amount is None else amount
        faults |= {"INVALID"} if lines and amount not in (None, whole) else set()
        faults |= {"EXCEEDS_REMAINING"} if whole > noted.goods or not whole else set()
        refuse(faults)
        over = self._over_limit(now, role, noted.customer, noted.currency, whole)
        if propose or (over and approval):
            return self._request(
                "note",
                now,
                customer=noted.customer,
                invoice=invoice,
                amount=whole,
                lines=tuple(named),
                in_proportion=in_proportion,
            )
        refuse({"LIMIT_EXCEEDED"} if over else set())
        self._use_limit(now, role, noted.customer, noted.currency, whole)
        parts = self._give_back_of(noted, self._shares(noted, whole, in_proportion), now)
        lowered = whole - sum((part.amount for part in parts), NOTHING)
        noted.noted += whole
        self.notes.append(Note(invoice, whole, lowered, tuple(parts), tuple(named)))
        self._grant(noted, now)
        return "done"

    def _named_lines(
        self, invoice: int, lines: NotedLines
    ) -> tuple[list[tuple[int, Decimal | None, Decimal]], set[str]]:
        named, currency = list[tuple[int, Decimal | None, Decimal]](), self.invoices[invoice].currency
        places = [place for place, _, _ in lines]
        faults = {"DUPLICATE"} if len(set(places)) < len(places) else set[str]()
        for place, asked, amount in lines:
            quantity = asked
            number, total, sells_credit = self.invoices[invoice].lines[place]
            before = [
                (each or NOTHING, part)
                for note in self.notes
                if note.live and note.invoice == invoice
                for at, each, part in note.lines
                if at == place
            ]
            left = number - sum((each for each, _ in before), NOTHING)
            left_of_total = total - sum((part for _, part in before), NOTHING)
            faults |= {"INVALID"} if sells_credit else set()
            faults |= {"INVALID"} if quantity is not None and not 0 < quantity <= left else set()
            if quantity is None and amount is None and left:
                quantity = left
            if amount is not None:
                part = amount
                faults |= bad_amount(amount, currency) | ({"INVALID"} if amount < 0 else set())
            elif quantity is None or quantity == left:
                part = left_of_total
            else:
                unit = Decimal(1).scaleb(-PLACES[currency])
                part = (total * quantity / number).quantize(unit, ROUND_HALF_UP)
            faults |= {"EXCEEDS_REMAINING"} if part > left_of_total else set()
            named.append((place, quantity, part))
        return named, faults

    def _shares(self, invoice: Invoice, whole: Decimal, in_proportion: bool) -> list[tuple[Paid, Decimal]]:
        """What comes back of what paid: what is beyond the rest of the invoice. Credit pays for no credit that was sold."""
        with_credit: list[Paid] = [a for a in self.assignments if a.live and a.invoice == invoice.serial]
        money: list[Paid] = [
            p for p in self.payments if p.live and p.invoice == invoice.serial and p.method != "ACCOUNT_CREDIT"
        ]
        least = max(invoice.credited - (invoice.goods - whole), NOTHING)
        back = max(whole - invoice.due, least)
        unit = Decimal(1).scaleb(-PLACES[invoice.currency])
        share = partial(self._in_proportion, unit) if in_proportion else _last_first
        shares = share([*with_credit, *money], back)
        if sum((part for each, part in shares if isinstance(each, Assignment)), NOTHING) < least:
            shares = [*share(with_credit, least), *share(money, back - least)]
        return sorted(shares, key=lambda pair: _when(pair[0]), reverse=True)

    def _in_proportion(self, unit: Decimal, paid: Iterable[Paid], back: Decimal) -> list[tuple[Paid, Decimal]]:
        """By lots, and all money together; in the smallest units of the currency."""
        groups: dict[int | None, list[Paid]] = {}
        for each in paid:
            groups.setdefault(each.lot if isinstance(each, Assignment) else None, []).append(each)
        left = {group: sum((_left(each) for each in rows), NOTHING) for group, rows in groups.items()}
        whole = sum(left.values(), NOTHING)
        if not back:
            return []
        exact = {
            group: Fraction(back) * Fraction(part) / Fraction(whole) / Fraction(unit) for group, part in left.items()
        }
        shares = {group: int(part) for group, part in exact.items()}

        def order(group: int | None) -> tuple[Fraction, bool, float, int]:
            lot = None if group is None else self.lots[group]
            age = (lot.created.timestamp(), lot.place) if lot else (0.0, 0)
            return int(exact[group]) - exact[group], lot is None, *age

        for group in sorted(groups, key=order)[: int(back / unit) - sum(shares.values())]:
            shares[group] += 1
        return [pair for group, rows in groups.items() for pair in _last_first(rows, shares[group] * unit)]

    def _give_back_of(self, invoice: Invoice, shares: list[tuple[Paid, Decimal]], now: datetime) -> list[Part]:
        parts = []
        for paid, amount in shares:
            paid.noted += amount
            if isinstance(paid, Assignment):
                lot = self.lots[paid.lot]
                parts.append(Part(amount, lot.serial, lot.voided or lot.has_expired(now), assignment=paid.serial))
                self._give_back(lot, amount, now)
                invoice.credited -= amount
        money = [(paid, amount) for paid, amount in shares if isinstance(paid, Payment)]
        if money:
            whole = sum((amount for _, amount in money), NOTHING)
            lot = self._open(invoice.customer, invoice.currency, whole, now, counts=False, source="CREDIT_NOTE")
            numbers = [(self.payments.index(paid), amount) for paid, amount in money]
            parts += [Part(amount, lot.serial, gone=False, payment=number) for number, amount in numbers]
            invoice.paid -= whole
        return parts

    def _void_note(self, *, now: datetime, role: str, note: int) -> str:
        voided = self.notes[note]
        invoice = self.invoices[voided.invoice]
        refuse(set() if voided.live else {"CREDIT_NOTE_VOIDED"})
        refuse({"INVOICE_NOT_OPEN"} if invoice.void else set())
        faults = self._spent_grants([voided.invoice], now) if voided.lowered else set()
        figures = self.figures["CREDIT_SPENT"] if faults else set()
        missing = sum((part.amount for part in voided.parts if part.gone), NOTHING)
        for number in {part.lot for part in voided.parts if not part.gone}:
            given = sum((part.amount for part in voided.parts if part.lot == number and not part.gone), NOTHING)
            lot = self.lots[number]
            there = self.free(lot, now) if lot.is_open(now) else NOTHING
            missing += max(given - there, NOTHING)
        self.figures["CREDIT_SPENT"] = figures | ({missing} if missing else set())
        refuse(faults | ({"CREDIT_SPENT"} if missing else set()))
        for part in voided.parts:
            if part.assignment is not None:
                self.lots[part.lot].move(USED, -part.amount)
                self.assignments[part.assignment].noted -= part.amount
                invoice.credited += part.amount
            elif part.payment is not None:
                self.payments[part.payment].noted -= part.amount
                invoice.paid += part.amount
        if voided.lot is not None:
            self._void(self.lots[voided.lot])
        invoice.noted -= voided.amount
        voided.live = False
        self._take_back_grants(invoice, now)
        return "done"


def _last_first(paid: Iterable[Paid], back: Decimal) -> list[tuple[Paid, Decimal]]:
    shares = []
    for each in sorted(paid, key=_when, reverse=True):
        part = min(_left(each), back)
        back -= part
        if part:
            shares.append((each, part))
    return shares


def _left(paid: Paid) -> Decimal:
    return paid.amount - paid.noted - (paid.kept if isinstance(paid, Payment) else NOTHING)


def _when(paid: Paid) -> tuple[datetime, bool, int]:
    """At the same instant, account credit comes after money."""
    is_credit = isinstance(paid, Assignment)
    return paid.at, is_credit, paid.serial if isinstance(paid, Assignment) else paid.place
