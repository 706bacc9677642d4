"""The console's currencies, by their decimal places, are those that the API takes."""

import re

from iso4217 import Currency

from app.console.routes import FOLDER
from models.errors import AssetUnknown
from models.money import listed_exponent


def taken() -> dict[str, int]:
    """The currencies that have minor units, by their number of decimal places."""
    found = {}
    for code in sorted(each.code for each in Currency):
        try:
            found[code] = listed_exponent(code)
        except AssetUnknown:
            continue
    return found


def test_currencies_are_those_of_the_api() -> None:
    text = (FOLDER / "currencies.js").read_text(encoding="utf-8")
    lines = re.findall(r'^  (\d): "([A-Z ]+)",$', text, re.MULTILINE)
    shown = {code: int(places) for places, codes in lines for code in codes.split()}
    assert len(shown) > 100
    assert shown == taken()
