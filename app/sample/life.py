"""Some months of the sample's life around today, beside its invoices of 2010: members, points, credit that expires soon,
invoices that are due, requests that wait. By rules from the customers' places in a list: the same each time."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from app.files.importing.online_retail import CURRENCY
from models.commands import Actor, AdjustCredit, MembershipChange
from models.ledger import Ledger
from models.money import POINTS, SERVICE_CREDITS
from models.operations.adjust import adjust_credit
from models.operations.create_invoice import create_invoice
from models.operations.memberships import start_membership
from models.planning.invoices import CreateInvoice, InvoiceLineItem

PEOPLE: Final = 96
"""Customers that something of this happens to: of the list, the first so many."""
REQUESTS: Final = 4
_PREFIX: Final = "sample-life"
_NOTES: Final = (
    ("GOODWILL", "Parcel was late"),
    ("SERVICE_RECOVERY", "Class was cancelled on the day"),
    ("PROMOTION", "Autumn promotion"),
    ("GOODWILL", "Waited too long at the till"),
)
_ASKED: Final = (
    ("SERVICE_RECOVERY", 140, "Course cancelled, three weeks of it were paid"),
    ("GOODWILL", 125, "Hamper arrived broken, twice"),
    ("SERVICE_RECOVERY", 220, "Workshop moved to a day she cannot come"),
    ("GOODWILL", 160, "Wrong engraving on a wedding present"),
)
_SOLD: Final = (
    ("Ten classes", Decimal("95.00")),
    ("Engraving, brass", Decimal("24.50")),
    ("Gift hamper", Decimal("45.00")),
    ("Workshop, one day", Decimal("130.00")),
)


async def live(
    ledger: Ledger, tenant_id: UUID, people: Sequence[UUID], began: datetime, actor: Actor, staff: Actor
) -> None:
    """Let it happen. began: the tenant's first instant, which the days are counted from, so that a load that was stopped is
    taken up again with the same. Raises LedgerError."""
    some = people[:PEOPLE]
    await _at_once(start_membership(ledger, tenant_id, actor, each) for each in _memberships(some, began))
    adjustments = _adjustments(some, began)
    await _at_once(adjust_credit(ledger, tenant_id, actor, each, f"{_PREFIX}/{key}") for key, each in adjustments)
    invoices = _invoices(some, began)
    await _at_once(create_invoice(ledger, tenant_id, actor, each, f"{_PREFIX}/{each.number}") for each in invoices)
    for number, (reason, amount, note) in enumerate(_ASKED):
        asked = AdjustCredit(some[number * 7 + 2], CURRENCY, Decimal(amount), reason, note=note, request_approval=True)
        await adjust_credit(ledger, tenant_id, staff, asked, f"{_PREFIX}/request-{number}")


async def _at_once(tasks: Iterable[Awaitable[object]]) -> None:
    """Wait for all of them; they are posted together."""
    await asyncio.gather(*tasks)


def _memberships(people: Sequence[UUID], began: datetime) -> list[MembershipChange]:
    return [
        MembershipChange(customer, at=began - timedelta(days=20 + place * 5))
        for place, customer in enumerate(people)
        if place % 3 == 0
    ]


def _adjustments(people: Sequence[UUID], began: datetime) -> list[tuple[str, AdjustCredit]]:
    """Points for most, class credits for members, money for some; a part of each expires soon."""
    found: list[tuple[str, AdjustCredit]] = []
    for place, customer in enumerate(people):
        reason, note = _NOTES[place % len(_NOTES)]
        since = (began - timedelta(days=place * 3 % 150)).date()
        if place % 5 != 4:
            points = Decimal(120 + place * place * 37 % 6_400)
            found.append((f"points-{place}", AdjustCredit(customer, POINTS, points, "PURCHASE", effective_on=since)))
        if place % 3 == 0:
            number = Decimal(4 + place % 4 * 2)
            classes = AdjustCredit(customer, SERVICE_CREDITS, number, "MEMBERSHIP", expires_in_days=12 + place)
            found.append((f"classes-{place}", classes))
        if place % 4 == 1:
            days = (9, 21, 60, 180)[place // 4 % 4]
            credit = AdjustCredit(
                customer, CURRENCY, Decimal(5 + place % 12 * 5), reason, note=note, expires_in_days=days
            )
            found.append((f"credit-{place}", credit))
        if place % 8 == 6:
            amount, note = Decimal(60 + place), "Refund of a course"
            older = AdjustCredit(customer, CURRENCY, amount, "CORRECTION", note=note, effective_on=since)
            found.append((f"older-{place}", older))
    return found


def _invoices(people: Sequence[UUID], began: datetime) -> list[CreateInvoice]:
    """Open ones: some due soon, some late."""
    found = []
    for place, customer in enumerate(people):
        if place % 4 in (1, 2):
            goods, price = _SOLD[place % len(_SOLD)]
            issued = (began - timedelta(days=3 + place * 2 % 50)).date()
            line = InvoiceLineItem(goods, 1 + place % 3, price)
            found.append(
                CreateInvoice(
                    customer,
                    f"INV-{2400 + place}",
                    CURRENCY,
                    (line,),
                    issued_on=issued,
                    due_on=issued + timedelta(days=30),
                    auto_apply=False,
                )
            )
    return found
