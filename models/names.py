"""Names that identify a row to people, trimmed and in one form of Unicode (domain: names). Pure.

Every incoming name is normalised here before it is stored, compared or looked up: external ids, numbers, codes, names.
Subjects, clients and idempotency keys are not: they are exact. Case is significant everywhere.
"""

import unicodedata
from typing import Final

from models.errors import Invalid

MOST_CHARACTERS: Final = 255
"""Maximum length of a name in any column."""
_LONGEST_DECOMPOSITION: Final = 4
"""Maximum number of characters that NFC composes into one."""
_INVISIBLE_KINDS: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_INVISIBLE: Final = frozenset(
    chr(code)
    for low, high in (
        (0x034F, 0x034F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x2065, 0x2065),
        (0x2800, 0x2800),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0),
        (0xFFF0, 0xFFF8),
        (0x1D159, 0x1D159),
        (0xE0000, 0xE0FFF),
    )
    for code in range(low, high + 1)
)
"""Invisible characters of another kind: Unicode's default ignorables, the Hangul fillers and selectors of variants
among them, and two blank symbols."""


def clean_name(text: str) -> str:
    """Normalise a name: to NFC, without white space (Unicode's) at either end. Idempotent.

    A text too long for any name keeps its form: bringing it to NFC takes more than its length in time.
    """
    name = text.strip()
    if name.isascii() or len(name) > MOST_CHARACTERS * _LONGEST_DECOMPOSITION:
        return name
    return unicodedata.normalize("NFC", name)


def shows_nothing(name: str) -> bool:
    """Whether the name has no visible character."""
    return all(each in _INVISIBLE or unicodedata.category(each) in _INVISIBLE_KINDS for each in name)


def checked_name(text: str, most: int, *field: str) -> str:
    """Normalise a name. Raises Invalid, at `field`, for one without visible characters or of more than `most`
    characters."""
    name = clean_name(text)
    if len(name) > most or shows_nothing(name):
        raise Invalid(f"Enter between 1 and {most} characters, at least one of them visible.", field=field)
    return name


def checked_if_given(text: str | None, most: int, *field: str) -> str | None:
    """The same for an optional name. Raises Invalid."""
    return None if text is None else checked_name(text, most, *field)
