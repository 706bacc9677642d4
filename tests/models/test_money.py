"""Exact decimals outside, integer minor units inside: never rounded, clamped or defaulted."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from models.errors import AmountOutOfRange, AmountPrecision, AmountZero, AssetUnknown
from models.money import (
    MAX_AMOUNT_MINOR,
    decimal_text,
    exponent,
    is_money,
    nonzero_minor,
    parse_decimal,
    to_decimal,
    to_minor,
)

MONEY = sorted(currency.value for currency in Currency if currency.exponent is not None)
ASSETS = [*MONEY, "POINTS", "SERVICE_CREDITS"]
minors = st.integers(-MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR)


@given(minors, st.sampled_from(ASSETS))
def test_minor_units_come_back_as_they_went(minor: int, asset: str) -> None:
    amount = to_decimal(minor, asset)

    assert to_minor(amount, asset) == minor
    assert to_minor(parse_decimal(format(amount, "f")), asset) == minor
    assert -amount.as_tuple().exponent == exponent(asset)  # type: ignore[operator]


@given(minors | st.integers(-10_001, 10_001), st.sampled_from(ASSETS))
def test_as_text_it_is_the_same(minor: int, asset: str) -> None:
    assert decimal_text(minor, asset) == format(to_decimal(minor, asset), "f")


@given(minors, st.sampled_from(ASSETS), st.integers(1, 9))
def test_one_more_decimal_place_is_an_error(minor: int, asset: str, digit: int) -> None:
    amount = to_decimal(minor, asset) + Decimal(digit).scaleb(-exponent(asset) - 1)
    if abs(amount) <= to_decimal(MAX_AMOUNT_MINOR, asset):
        with pytest.raises(AmountPrecision):
            to_minor(amount, asset)


@given(st.sampled_from(ASSETS), st.sampled_from((1, -1)), st.integers(1, 10**6))
def test_past_the_most_is_an_error_with_the_amount(asset: str, sign: int, over: int) -> None:
    amount = to_decimal((MAX_AMOUNT_MINOR + over) * sign, asset)
    with pytest.raises(AmountOutOfRange) as caught:
        to_minor(amount, asset)
    assert str(amount) in caught.value.message
    assert to_minor(to_decimal(MAX_AMOUNT_MINOR * sign, asset), asset) == MAX_AMOUNT_MINOR * sign


@pytest.mark.parametrize(
    ("asset", "places"),
    [("JPY", 0), ("GBP", 2), ("EUR", 2), ("KWD", 3), ("CLF", 4), ("POINTS", 0), ("SERVICE_CREDITS", 0)],
)
def test_decimal_places_of_an_asset(asset: str, places: int) -> None:
    assert exponent(asset) == places
    assert is_money(asset) == (asset not in ("POINTS", "SERVICE_CREDITS"))


@pytest.mark.parametrize("asset", ["XAU", "XXX", "XTS", "gbp", "GB", "GBPP", "", "826", "MONEY", "GBP\n", "ＧＢＰ"])
def test_what_is_no_asset(asset: str) -> None:
    with pytest.raises(AssetUnknown):
        exponent(asset)


def test_every_currency_fits_the_api() -> None:
    assert all(0 <= exponent(asset) <= 4 for asset in ASSETS)


@pytest.mark.parametrize("text", ["0", "-0.00", "0.0000"])
def test_zero_moves_nothing(text: str) -> None:
    with pytest.raises(AmountZero):
        nonzero_minor(parse_decimal(text), "GBP")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "+1",
        "1.",
        ".5",
        "1e3",
        "1E3",
        "NaN",
        "Infinity",
        "1_000",
        "1,000",
        "٣",
        "１",
        "1.00000",
        "--1",
        "1\n",
        "12345678901234567",
        "0x10",
        "\x001",
    ],
)
def test_what_is_no_decimal(text: str) -> None:
    with pytest.raises(ValueError, match="a decimal is"):
        parse_decimal(text)


@pytest.mark.parametrize("text", ["1", "-1", "007", "1234567890123456.1234", "-0.5"])
def test_what_is_one(text: str) -> None:
    assert parse_decimal(text) == Decimal(text)
