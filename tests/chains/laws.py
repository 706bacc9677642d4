"""What holds in any books, after any chain: worked out from rows and movements, whatever wrote them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.chains.books import ChainBooks, Sums, sums
from tests.chains.world import Moment
from tests.simulation.records import NOTHING, Lot


def broken(moment: Moment) -> list[str]:
    """What does not hold, in words."""
    books, now = moment.books, moment.now
    return [*books.passed, *_conserved(books), *_each_row(books, now)]


def outstanding(books: ChainBooks) -> Sums:
    """By asset, what customers have had for their value: spent, paid invoices with, redeemed; less what they were given
    back of it."""
    had = sums()
    for spend in books.spends:
        had[spend.asset] += spend.left
    for part in books.assignments:
        if part.live:
            had[books.lots[part.lot].asset] += part.amount - part.noted
    for number, coupon in enumerate(books.coupons):
        if number not in books.returned_coupons:
            had["POINTS"] += sum((amount for _, amount in coupon.taken), NOTHING)
    return had


def _conserved(books: ChainBooks) -> Iterator[str]:
    """What customers hold, have had, and have lost is what they were given; of nothing more, and of nothing less."""
    had = outstanding(books)
    left, gone, used = sums(), sums(), sums()
    for lot in books.lots:
        left[lot.asset] += lot.left
        gone[lot.asset] += lot.gone
        used[lot.asset] += lot.used
    for asset, given in books.given.items():
        if left[asset] + gone[asset] + had[asset] != given:
            yield f"{asset}: {left[asset]} left, {gone[asset]} gone and {had[asset]} had, of {given} given"
        if used[asset] != had[asset] + books.carried[asset]:
            yield f"{asset}: {used[asset]} used, but {had[asset]} had and {books.carried[asset]} carried over"
        if left[asset] + had[asset] > given:
            yield f"{asset}: {left[asset]} left and {had[asset]} had are more than the {given} given"


def _each_row(books: ChainBooks, now: datetime) -> Iterator[str]:
    for lot in books.lots:
        yield from _lot(books, lot, now)
    for spend in books.spends:
        if not 0 <= spend.returned <= sum((amount for _, amount in spend.taken), NOTHING):
            yield f"{spend.returned} returned of {spend}"
    for invoice in books.invoices:
        amounts = (invoice.due, invoice.paid, invoice.credited, invoice.noted)
        if min(amounts) < 0 or invoice.credited > invoice.total - sum(invoice.sold):
            yield f"{amounts} of {invoice}"
    for hold in books.holds:
        if min(hold.captured, hold.left) < 0 or hold.captured + hold.left > hold.amount:
            yield f"{hold.captured} captured and {hold.left} left of {hold}"
    for prize in books.prizes:
        if prize.stock is not None and prize.stock < 0:
            yield f"a stock of {prize.stock}"
    yield from _notes(books)


def _lot(books: ChainBooks, lot: Lot, now: datetime) -> Iterator[str]:
    back = {
        kind: lot.total(*kinds)
        for kind, kinds in {"used": ("USED", "RETURNED"), "expired": ("EXPIRED", "REVIVED")}.items()
    }
    if any(amount > 0 for amount in back.values()):
        yield f"more is back than was taken of lot {lot.serial}: {back}"
    if min(lot.left, lot.used, lot.gone) < 0 or lot.lifetime < 0:
        yield f"lot {lot.serial}: {lot.left} left, {lot.used} used, {lot.gone} gone, {lot.lifetime} for life"
    held = books.held(lot, now)
    if not 0 <= held <= lot.left:
        yield f"lot {lot.serial}: {held} held of {lot.left}"


def _notes(books: Any) -> Iterator[str]:
    """What credit notes gave back of each payment and assignment is no more than it was."""
    for number, invoice in enumerate(books.invoices):
        live = [note for note in books.notes if note.live and note.invoice == number]
        if sum((note.amount for note in live), NOTHING) > invoice.total - sum(invoice.sold):
            yield f"more is noted than there was: {invoice}"
    for paid in (*books.assignments, *books.payments):
        if not 0 <= paid.noted <= paid.amount:
            yield f"{paid.noted} noted of {paid}"
