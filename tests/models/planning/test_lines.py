"""What a line comes to, compared with fractions; and what is no line."""

from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from math import floor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.errors import LedgerError
from models.money import exponent, to_price
from models.planning.invoices import InvoiceLineItem
from models.planning.lines import MAX_QUANTITY, Line, line_of, total_of

QUANTITIES = st.decimals("0.0001", MAX_QUANTITY, places=4) | st.integers(1, 2**31 - 1)
PRICES = st.decimals("0", "99999999", places=4)
PERCENTS = st.decimals("0", "100", places=4)
CURRENCIES = st.sampled_from(("GBP", "JPY", "KWD", "CLF"))


def item(quantity: Decimal | int = 1, price: str | Decimal = "1", **more: str | Decimal | None) -> InvoiceLineItem:
    extra = {name: Decimal(value) for name, value in more.items() if value is not None}
    if isinstance(quantity, Decimal):
        return InvoiceLineItem("Tea", 0, Decimal(price), quantity, **extra)
    return InvoiceLineItem("Tea", quantity, Decimal(price), **extra)


def line(asked: InvoiceLineItem, currency: str = "GBP", kind: str | None = None) -> Line:
    return line_of(asked, asked.description, asked.unit_price, currency, kind=kind)


@given(QUANTITIES, PRICES, PERCENTS, st.integers(0, 10**6), CURRENCIES)
@example(Decimal("0.5"), Decimal("0.01"), Decimal(0), 0, "GBP")
@example(Decimal("0.5"), Decimal("0.03"), Decimal(0), 0, "GBP")
@example(1, Decimal("0.0149"), Decimal(0), 0, "GBP")
@example(3, Decimal("3.33"), Decimal("33.3333"), 0, "GBP")
def test_it_is_rounded_once_half_away_from_zero(
    quantity: Decimal | int, price: Decimal, percent: Decimal, off_minor: int, currency: str
) -> None:
    places = exponent(currency)
    price_minor = price.scaleb(places)
    exact = Fraction(quantity) * Fraction(price_minor) * (100 - Fraction(percent)) / 100 - off_minor

    total, rounded = total_of(quantity, price_minor, percent, off_minor)

    nearest = floor(abs(exact) + Fraction(1, 2))
    if exact >= 0:
        assert total == nearest
        with localcontext(prec=80):  # as anyone would work it out with decimals
            by_hand = Decimal(quantity) * price_minor * (100 - percent) / 100 - off_minor
            assert total == by_hand.quantize(Decimal(1), ROUND_HALF_UP)
    else:
        assert total < 0
    assert rounded == (exact.denominator != 1)
    assert abs(Fraction(total) - exact) <= (Fraction(1, 2) if exact >= 0 else 1)


@given(QUANTITIES, st.decimals("0", "99999", places=4), CURRENCIES)
def test_a_price_is_shown_as_it_was_given(quantity: Decimal | int, price: Decimal, currency: str) -> None:
    made = line(item(quantity, price), currency)
    shown = to_price(made.unit_price_minor, currency)
    assert (shown, made.quantity) == (price, quantity)
    _, _, after = format(shown, "f").partition(".")
    assert exponent(currency) <= len(after) <= 4


@pytest.mark.parametrize(
    ("asked", "total", "tax"),
    [
        (item(3, "9.99"), 2997, 0),
        (item(Decimal("2.5"), "0.333"), 83, 0),  # 0.8325
        (item(Decimal("0.5"), "0.01"), 1, 0),  # half a penny
        (item(80, "0.0125"), 100, 0),
        (item(1, "19.99", discount_percent="12.5"), 1749, 0),  # 17.49125
        (item(1, "19.99", discount_percent="12.5", discount_amount="2.49"), 1500, 0),  # 15.00125
        (item(1, "10.00", discount_amount="10.00", tax_amount="2.00"), 0, 200),
        (item(3, "3.33", tax_amount="2.00"), 999, 200),
        (item(1, "5", discount_percent="100"), 0, 0),
    ],
)
def test_examples(asked: InvoiceLineItem, total: int, tax: int) -> None:
    made = line(asked)
    assert (made.amount_minor, made.tax_minor) == (total, tax)


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        (item(0), "INVALID", "quantity"),
        (item(-1), "INVALID", "quantity"),
        (item(Decimal(0)), "INVALID", "quantityDecimal"),
        (item(Decimal("-2.5")), "INVALID", "quantityDecimal"),
        (item(MAX_QUANTITY + 1), "INVALID", "quantityDecimal"),
        (item(Decimal("0.00001")), "INVALID", "quantityDecimal"),
        (InvoiceLineItem("Tea", 2, Decimal(1), quantity_decimal=Decimal("2.5")), "INVALID", "quantity"),
        (item(1, "0.00001"), "AMOUNT_PRECISION", "unitPrice"),
        (item(1, "-0.0001"), "INVALID", "unitPrice"),
        (item(1, "10000000000000.01"), "AMOUNT_OUT_OF_RANGE", "unitPrice"),
        (item(1, discount_percent="100.0001"), "INVALID", "discountPercent"),
        (item(1, discount_percent="-1"), "INVALID", "discountPercent"),
        (item(1, discount_percent="0.00001"), "INVALID", "discountPercent"),
        (item(1, discount_amount="1.01"), "INVALID", "discountAmount"),
        (item(1, discount_percent="50", discount_amount="0.51"), "INVALID", "discountAmount"),
        (item(Decimal("0.5"), "0.01", discount_amount="0.01"), "INVALID", "discountAmount"),  # of half a penny
        (item(1, discount_amount="0.001"), "AMOUNT_PRECISION", "discountAmount"),
        (item(1, discount_amount="-0.01"), "INVALID", "discountAmount"),
        (item(1, tax_amount="-0.01"), "INVALID", "taxAmount"),
        (item(1, tax_amount="0.001"), "AMOUNT_PRECISION", "taxAmount"),
    ],
)
def test_what_no_line_is(asked: InvoiceLineItem, code: str, field: str) -> None:
    with pytest.raises(LedgerError) as caught:
        line(asked)
    assert (caught.value.code, caught.value.field) == (code, (field,))


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        (item(3, "0.0125"), "AMOUNT_PRECISION", "unitPrice"),
        (item(Decimal("2.5"), "0.01"), "AMOUNT_PRECISION", "unitPrice"),
        (item(1, discount_percent="1"), "INVALID", "discountPercent"),
        (item(1, discount_amount="0.01"), "INVALID", "discountAmount"),
        (item(1, tax_amount="0.01"), "INVALID", "taxAmount"),
    ],
)
def test_what_no_line_of_credit_is(asked: InvoiceLineItem, code: str, field: str) -> None:
    with pytest.raises(LedgerError) as caught:
        line(asked, kind="CREDIT")
    assert (caught.value.code, caught.value.field) == (code, (field,))
    line(asked, kind="GOODS")


def test_credit_may_be_priced_finer_if_it_comes_to_whole_pennies() -> None:
    made = line(item(80, "0.0125"), kind="CREDIT")
    assert (made.amount_minor, made.is_plain) == (100, False)


@pytest.mark.parametrize(
    ("asked", "plain"),
    [
        (item(3, "9.99"), True),
        (item(Decimal("3.0000"), "9.9900"), True),
        (item(3, "9.99", discount_percent="0", discount_amount="0.00", tax_amount="0"), True),
        (item(3, "9.995"), False),
        (item(Decimal("3.1"), "9.99"), False),
        (item(Decimal(2**31), "0.01"), False),
        (item(3, "9.99", tax_amount="0.01"), False),
    ],
)
def test_which_lines_are_as_they_always_were(asked: InvoiceLineItem, plain: bool) -> None:
    assert line(asked).is_plain is plain
