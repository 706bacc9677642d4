"""How long lists of an input may be: looked at before anything is made of each item, since a request may bring a hundred
thousand of them. The plans have the same bounds, for who comes another way."""

from collections.abc import Sequence
from typing import TypeVar

from models.errors import Invalid

T = TypeVar("T")


def bounded(items: Sequence[T], most: int, too_many: str, *field: str) -> Sequence[T]:
    """Return the items. Raises Invalid, with this message at `field`, if they are more."""
    if len(items) > most:
        raise Invalid(too_many, field=field)
    return items
