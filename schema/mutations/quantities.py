"""Numbers of units in inputs: `units`, and the two older fields that it takes the place of."""

from decimal import Decimal
from typing import Final

from models.errors import Invalid, LedgerError
from models.planning.lines import checked_quantity

USE_UNITS: Final = "Use units: it takes whole numbers and fractions."


def quantities(
    units: Decimal | None, quantity: int | None, quantity_decimal: Decimal | None, *field: str
) -> tuple[int, Decimal | None]:
    """Return `quantity` and `quantityDecimal` of a line as commands have them. Raises Invalid, at `units`, if the number is
    given twice, or not at all, or is no possible one; planning checks the older two."""
    if units is None:
        if quantity is None and quantity_decimal is None:
            raise Invalid("Enter the number of units.", field=(*field, "units"))
        return quantity or 0, quantity_decimal
    if quantity or quantity_decimal is not None:
        raise Invalid("Give the number of units once: beside units, leave the others out.", field=(*field, "units"))
    try:
        checked_quantity(units)
    except LedgerError as error:
        raise error.at(*field, "units") from None
    return 0, units
