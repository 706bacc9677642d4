"""Amounts with their unit."""

from decimal import Decimal
from typing import TypedDict


class Money(TypedDict):
    """A `Money { amount asset }`, as any operation asks for it."""

    amount: str
    asset: str


def amount_of(money: Money) -> Decimal:
    """The amount, exactly."""
    return Decimal(money["amount"])


def shown(money: Money) -> str:
    """It as it is read in any country, without marks between thousands: 25.00 GBP, 1200 POINTS."""
    return f"{amount_of(money):f} {money['asset'].replace('_', ' ')}"
