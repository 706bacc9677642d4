"""Where each chain begins: a small tenant with something of everything, and the same each time.

Of the value in it, in GBP: Ann has 60.00 that expires tomorrow at noon, of which 10.00 is spent, 100.00 that never does,
and 20.00 of a posted bulk; Ben has 50.00 and 20.00 of the bulk. Ann owes an invoice of 40.00, and an order of goods for
30.00 and credit for 20.00. Ann has 600 points, and 100 of a bulk, Ben 100 of it; and Ann 10 credits for lessons.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from tests.chains.books import ChainBooks
from tests.simulation.records import Command, Customer, Line, Prize, Product
from tests.support.clock import NOON

ZONE: Final = "Europe/London"
ANN, BEN, CARL = range(3)
INVOICE, ORDER = range(2)
MONEY_BULK, POINTS_BULK = range(2)
SHORT, LONG, POINTS, BENS, LESSONS, OF_BULK = range(6)
"""Lots by their numbers, as they are added below. OF_BULK: Ann's of MONEY_BULK."""
INSTANTS: Final = (NOON, NOON + timedelta(minutes=15), NOON + timedelta(days=1))
"""When something happens: a hold placed at the beginning ends at the second; Ann's first credit expires at the third."""
FOUNDED: Final = NOON - timedelta(hours=1)
CHEAP, DEAR = range(2)
PRIZES: Final = (Prize(400, 3, True), Prize(900, None, True))
"""Of the dear one staff may give two to a person in a day, free of points."""
PRODUCTS: Final = (Product("GOODS", "GBP", Decimal(30)), Product("CREDIT", "GBP", Decimal(1)))
OPEN_AMOUNT: Final = Decimal(40)


def _add(customer: int, amount: int, asset: str = "GBP", expires: datetime | None = None) -> Command:
    facts = {"customer": customer, "asset": asset, "amount": Decimal(amount), "reason": "GOODWILL", "expires": expires}
    return Command("adjust", facts | {"auto_apply": False})


def _bulk(asset: str, amount: int, days: int | None) -> Command:
    rows = tuple((customer, Decimal(amount)) for customer in (ANN, BEN))
    facts = {"rows": rows, "asset": asset, "reason": "GOODWILL", "skip": False, "dry_run": False, "days": days}
    return Command("bulk", facts)


FOUNDING: Final = (
    _add(ANN, 60, expires=INSTANTS[-1]),
    _add(ANN, 100),
    _add(ANN, 600, "POINTS"),
    _add(BEN, 50),
    _add(ANN, 10, "SERVICE_CREDITS"),
    Command("invoice", {"customer": ANN, "currency": "GBP", "lines": (Line(1, OPEN_AMOUNT),), "auto": False}),
    Command(
        "order", {"customer": ANN, "currency": "GBP", "items": ((0, Line(1, None)), (1, Line(20, None))), "auto": False}
    ),
    _bulk("GBP", 20, 1),
    _bulk("POINTS", 100, None),
    Command("spend", {"customer": ANN, "asset": "GBP", "amount": Decimal(10), "note": "Coffee", "services": ()}),
)


@dataclass
class Moment:
    """The books at a place of a chain, and which of the instants it is."""

    books: ChainBooks
    at: int = 0

    @property
    def now(self) -> datetime:
        return INSTANTS[self.at]


def empty() -> ChainBooks:
    people = [Customer(f"person-{number}", "Anna") for number in (ANN, BEN, CARL)]
    return ChainBooks(ZoneInfo(ZONE), people, [True], list(PRIZES), list(PRODUCTS)).trial()


def founded() -> Moment:
    books = empty()
    for command in FOUNDING:
        books.do(command, FOUNDED)
    return Moment(books)


def take(moment: Moment, command: Command, answered: str | None = None) -> None:
    """One step further. Raises Refusal, and has changed nothing then."""
    if command.name == "wait":
        moment.at = command.facts["until"]
    else:
        moment.books.do(command, moment.now, answered)
