"""Amounts with their unit."""

from collections.abc import Mapping
from decimal import Decimal


def amount_of(money: Mapping[str, str]) -> Decimal:
    """The amount of a `Money { amount asset }`, exactly."""
    return Decimal(money["amount"])


def shown(money: Mapping[str, str]) -> str:
    """It as people read it in any country: 25.00 GBP, 1,200 POINTS."""
    amount = amount_of(money)
    return f"{amount:,f} {money['asset'].replace('_', ' ')}"
