"""Lines of invoices and orders: how each is worked out (domain: credits on invoices). Pure.

A line's total is its quantity times its unit price, less its discount: the percentage first, then the amount off. That is
worked out in whole numbers and rounded once, half away from zero, to the minor unit. Tax is given, and stands beside it.
"""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Final, Protocol
from uuid import UUID

from models.errors import AmountPrecision, Invalid, LedgerError
from models.kinds import ProductKind
from models.money import DECIMAL_PLACES, exponent, to_decimal, to_minor, to_minor_price

MAX_QUANTITY: Final = Decimal("9999999999.9999")
MAX_WHOLE_QUANTITY: Final = 2**31 - 1
MAX_DESCRIPTION_CHARACTERS: Final = 500
_CREDIT: Final = ProductKind.CREDIT
_PLACE: Final = Decimal(1).scaleb(-DECIMAL_PLACES)
_SCALE: Final = 10**DECIMAL_PLACES
_HUNDRED: Final = 100 * _SCALE
_PARTS: Final = _SCALE * _SCALE * _HUNDRED
"""Parts of a minor unit that a line is worked out in."""


class Item(Protocol):
    """The figures asked for beside text and price, of an invoice's line as of an order's.

    quantity: whole; or 0 if quantity_decimal says it. discount_percent: of the quantity's price; discount_amount: off what
    is left of it. tax_amount: beside the total.
    """

    @property
    def quantity(self) -> int: ...
    @property
    def quantity_decimal(self) -> Decimal | None: ...
    @property
    def discount_percent(self) -> Decimal | None: ...
    @property
    def discount_amount(self) -> Decimal | None: ...
    @property
    def tax_amount(self) -> Decimal | None: ...


@dataclass(frozen=True, slots=True)
class Line:
    """amount_minor: its total, without its tax. unit_price_minor: in minor units, which may have a fraction."""

    description: str
    quantity: Decimal | int
    unit_price_minor: Decimal
    amount_minor: int
    discount_percent: Decimal = Decimal(0)
    discount_minor: int = 0
    tax_minor: int = 0
    kind: str | None = None
    product_id: UUID | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is a whole number of units at a price in whole minor units, and nothing else."""
        return (
            self.quantity <= MAX_WHOLE_QUANTITY
            and self.quantity == int(self.quantity)
            and self.unit_price_minor == int(self.unit_price_minor)
            and not (self.discount_percent or self.discount_minor or self.tax_minor)
        )


def line_of(
    item: Item,
    description: str,
    unit_price: Decimal,
    currency: str,
    *,
    kind: str | None = None,
    product_id: UUID | None = None,
) -> Line:
    """The line, checked. Raises Invalid, and AmountPrecision, AmountOutOfRange for its figures, each at its field."""
    if len(description) > MAX_DESCRIPTION_CHARACTERS:
        raise Invalid(f"A description has at most {MAX_DESCRIPTION_CHARACTERS} characters.", field=("description",))
    quantity, price_minor = quantity_of(item), _price_minor(unit_price, currency)
    percent = _percent(item)
    discount_minor = _extra_minor(item.discount_amount, currency, "discountAmount")
    tax_minor = _extra_minor(item.tax_amount, currency, "taxAmount")
    if kind == _CREDIT and (percent or discount_minor or tax_minor):
        raise Invalid(
            "A line of credit has no discount and no tax: it costs what it puts on the account.",
            field=("discountPercent" if percent else "discountAmount" if discount_minor else "taxAmount",),
        )
    amount_minor, rounded = total_of(quantity, price_minor, percent, discount_minor)
    if kind == _CREDIT and rounded:
        exact = Decimal(quantity) * unit_price
        raise AmountPrecision(amount=exact, asset=currency, places=exponent(currency)).at("unitPrice")
    if amount_minor < 0:
        price = to_decimal(total_of(quantity, price_minor, percent, 0)[0], currency)
        raise Invalid(f"More is taken off than the {price} {currency} that it costs.", field=("discountAmount",))
    return Line(description, quantity, price_minor, amount_minor, percent, discount_minor, tax_minor, kind, product_id)


def total_of(
    quantity: Decimal | int, unit_price_minor: Decimal, discount_percent: Decimal, discount_minor: int
) -> tuple[int, bool]:
    """The total in minor units, rounded half away from zero, and whether it had to be. Below zero if more is taken off
    than it costs."""
    parts = (
        _parts(quantity) * _parts(unit_price_minor) * (_HUNDRED - _parts(discount_percent)) - discount_minor * _PARTS
    )
    whole, rest = divmod(abs(parts), _PARTS)
    whole += 2 * rest >= _PARTS
    return (whole, rest > 0) if parts >= 0 else (-max(whole, 1), rest > 0)


def quantity_of(item: Item) -> Decimal | int:
    """Raises Invalid for none, two, one that is not above zero, or one that is too large or too fine."""
    quantity = item.quantity_decimal
    if quantity is None:
        if item.quantity < 1:
            raise Invalid("The quantity must be at least 1.", field=("quantity",))
        return item.quantity
    if item.quantity:
        raise Invalid("Give the quantity once: beside quantityDecimal, quantity is 0.", field=("quantity",))
    return checked_quantity(quantity)


def checked_quantity(quantity: Decimal) -> Decimal | int:
    """Raises Invalid for one that is not above zero, or one that is too large or too fine."""
    if not 0 < quantity <= MAX_QUANTITY:
        raise Invalid(f"The quantity must be above zero, and at most {MAX_QUANTITY:,}.", field=("quantityDecimal",))
    if quantity != quantity.quantize(_PLACE, ROUND_DOWN):
        raise Invalid(f"A quantity has at most {DECIMAL_PLACES} decimal places.", field=("quantityDecimal",))
    return int(quantity) if quantity <= MAX_WHOLE_QUANTITY and quantity == int(quantity) else quantity


def _price_minor(price: Decimal, currency: str) -> Decimal:
    try:
        price_minor = to_minor_price(price, currency)
    except LedgerError as error:
        raise error.at("unitPrice") from None
    if price_minor < 0:
        raise Invalid("The price must not be negative. To owe the customer money, add credit.", field=("unitPrice",))
    return price_minor


def _percent(item: Item) -> Decimal:
    percent = item.discount_percent or Decimal(0)
    if not 0 <= percent <= 100 or percent != percent.quantize(_PLACE, ROUND_DOWN):
        raise Invalid(
            f"A discount is from 0 to 100 per cent, with at most {DECIMAL_PLACES} decimal places.",
            field=("discountPercent",),
        )
    return percent


def _extra_minor(amount: Decimal | None, currency: str, field: str) -> int:
    """An amount off, or tax: none is 0."""
    if not amount:
        return 0
    try:
        amount_minor = to_minor(amount, currency)
    except LedgerError as error:
        raise error.at(field) from None
    if amount_minor < 0:
        raise Invalid("The amount must not be negative.", field=(field,))
    return amount_minor


def _parts(value: Decimal | int) -> int:
    return value * _SCALE if isinstance(value, int) else int(value.scaleb(DECIMAL_PLACES))
