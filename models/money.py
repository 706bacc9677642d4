"""Amounts: integer minor units inside, exact decimals outside.

Source of the rules: an amount is never rounded, clamped or defaulted; an amount that does not fit is
an error that carries the numbers. Exponents are those that the tenant's books keep, from a currency's first use on; of a
currency that they do not hold, that of ISO 4217, as published in the `iso4217` package.
"""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from decimal import ROUND_DOWN, Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from iso4217 import Currency

from models.errors import AmountOutOfRange, AmountPrecision, AmountZero, AssetUnknown

MAX_AMOUNT_MINOR: Final = 10**15
"""Maximum of an amount, balance or total, in minor units, in either direction."""

SERVICE_CREDITS: Final = "SERVICE_CREDITS"
POINTS: Final = "POINTS"
_WHOLE_ASSETS: Final = frozenset({SERVICE_CREDITS, POINTS})
_DECIMAL: Final = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,4})?", re.ASCII)


DECIMAL_PLACES: Final = 4
"""Decimal places of a decimal at most: of amounts as far as their asset has them, of prices and quantities in any case."""
_PLACE: Final = Decimal(1).scaleb(-DECIMAL_PLACES)
_PLACES: Final = {places: Decimal(-places) for places in range(10)}
"""Powers of ten by decimal places: of ISO 4217, the most are 4."""
_KEPT: Final[ContextVar[Mapping[str, int]]] = ContextVar("kept", default=MappingProxyType({}))
"""Exponents of the tenant whose books this task works on: currency → exponent."""


def enter_books(currencies: Mapping[str, int]) -> None:
    """Make this task (and those that it starts) work on the books with these currencies."""
    _KEPT.set(currencies)


def exponent(asset: str) -> int:
    """The number of decimal places of `asset`: 2 for GBP, 0 for JPY, 3 for KWD, 0 for points.

    Raises AssetUnknown if `asset` is none of our own, the books do not hold it, and it is no ISO 4217 code of a
    currency with minor units (gold, test codes and the like have none).
    """
    kept = _KEPT.get().get(asset)
    return listed_exponent(asset) if kept is None else kept


@lru_cache(maxsize=512)
def listed_exponent(asset: str) -> int:
    """The same, from the standard's list alone."""
    if asset in _WHOLE_ASSETS:
        return 0
    try:
        places = Currency(asset).exponent
    except ValueError:
        raise AssetUnknown(asset) from None
    if places is None:
        raise AssetUnknown(asset)
    return int(places)


def is_money(asset: str) -> bool:
    """Whether `asset` is a currency, and not service credits or points."""
    return asset not in _WHOLE_ASSETS


def parse_decimal(text: str) -> Decimal:
    """Exact decimal from the API's only notation: `-?\\d{1,16}(\\.\\d{1,4})?` in ASCII.

    Raises ValueError for anything else: exponents, `NaN`, underscores, signs, blanks, other digits.
    """
    if not _DECIMAL.fullmatch(text):
        raise ValueError("a decimal is up to 16 digits and up to 4 decimal places, such as 25.00")
    return Decimal(text)


def to_minor(amount: Decimal, asset: str) -> int:
    """Minor units of `amount`; zero is allowed here (see `nonzero_minor`).

    Raises AmountPrecision if the asset has fewer decimal places than the amount, and AmountOutOfRange past ±10^15 minor
    units.
    """
    places = exponent(asset)
    scaled = amount.scaleb(places)
    minor = int(scaled)
    if scaled != minor:
        raise AmountPrecision(amount=amount, asset=asset, places=places)
    if abs(minor) > MAX_AMOUNT_MINOR:
        raise AmountOutOfRange(amount=amount, asset=asset)
    return minor


def to_minor_price(price: Decimal, currency: str) -> Decimal:
    """Minor units of the price of one unit, which may be finer than these; negative and zero are allowed here.

    Raises AmountPrecision past four decimal places of the price, and AmountOutOfRange past ±10^15 minor units.
    """
    minor = price.scaleb(exponent(currency))
    if abs(minor) > MAX_AMOUNT_MINOR:
        raise AmountOutOfRange(amount=price, asset=currency)
    if price != price.quantize(_PLACE, ROUND_DOWN):
        raise AmountPrecision(amount=price, asset="a price", places=DECIMAL_PLACES)
    return minor


def to_price(minor: Decimal | int, currency: str) -> Decimal:
    """The exact decimal of a price in minor units, which may have a fraction: with all of the currency's decimal places,
    and as many more as it needs. 1.25 GBP pence is 0.0125."""
    whole = int(minor)
    if whole == minor:
        return to_decimal(whole, currency)
    return Decimal(minor).normalize().scaleb(_PLACES[exponent(currency)])


def trimmed(value: Decimal) -> Decimal:
    """The same without zeros at the end of its fraction."""
    whole = int(value)
    return Decimal(whole) if whole == value else value.normalize()


def nonzero_minor(amount: Decimal, asset: str) -> int:
    """Minor units of an amount that must not be zero. Raises AmountZero as well."""
    minor = to_minor(amount, asset)
    if minor == 0:
        raise AmountZero
    return minor


def to_decimal(minor: int, asset: str) -> Decimal:
    """The exact decimal of `minor` units, with all of the asset's decimal places: 2500 GBP is 25.00."""
    return Decimal(minor).scaleb(_PLACES[exponent(asset)])


def decimal_text(minor: int, asset: str) -> str:
    """The same as text, without the decimal."""
    kept = _KEPT.get().get(asset)
    places = listed_exponent(asset) if kept is None else kept
    text = str(minor)
    if not places:
        return text
    if minor > 0 and len(text) > places:
        return f"{text[:-places]}.{text[-places:]}"
    whole, rest = divmod(abs(minor), 10**places)
    return f"{'-' if minor < 0 else ''}{whole}.{rest:0{places}}"
