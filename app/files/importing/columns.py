"""The columns of a file of adjustments, by the names that people give them."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from models.errors import Invalid
from models.names import clean_name
from models.texts import MAX_PAIRS

NEEDED: Final = ("customer", "amount")
COLUMNS: Final = (*NEEDED, "asset", "expires", "effectiveOn", "services", "reason", "note", "reference")
METADATA: Final = "metadata."
"""Prefix of the name of a column with the values of one key."""
OURS: Final = "scrip."
"""Prefix of the names of columns that a report adds, which are not read."""
_ALIASES: Final = {
    "customer": "customerid externalid customerexternalid customernumber customerno",
    "amount": "value balance points",
    "asset": "currency",
    "expires": "expireson expiresindays expiry expirydate expiration expirationdate validuntil",
    "effectiveOn": "effective effectivedate startson startdate validfrom paymentdate",
    "services": "service",
    "reason": "reasoncode",
    "note": "notes comment comments memo",
    "reference": "ref",
}
ALIASES: Final = {alias: column for column, others in _ALIASES.items() for alias in (column.lower(), *others.split())}
"""Names of columns, in small letters and without blanks, hyphens and underscores, and the columns that they stand for."""
MAX_TOLD: Final = 5
"""How many things that are wrong with a header are named."""
_BETWEEN_WORDS: Final = re.compile(r"[\s_\-]+")


def names_columns(header: Sequence[str]) -> bool:
    """Whether all columns that a file needs are among these."""
    names = {_name_of(name) for name in header}
    return names.issuperset(NEEDED)


def columns_of(header: Sequence[str]) -> list[str | None]:
    """The columns that a header names; None for one without a name, and for one that is not read. Raises Invalid."""
    names = [_name_of(name) for name in header]
    wrong = [f"there is no column {column}" for column in NEEDED if column not in names]
    keys = [column for column in names if column is not None and column.startswith(METADATA)]
    known = {None, *COLUMNS, *keys}
    ours = {name for name in names if name is not None and name.startswith(OURS)}
    unknown = [name for name in dict.fromkeys(names) if name not in known and name not in ours]
    wrong += [f"{str(column)[:40]!r} is none of these" for column in unknown]
    number = Counter(names)
    wrong += [f"{column[:80]} is there twice" for column in (*COLUMNS, *dict.fromkeys(keys)) if number[column] > 1]
    if len(keys) > MAX_PAIRS:
        wrong.append(f"there are more than {MAX_PAIRS} columns {METADATA}KEY")
    if wrong:
        raise Invalid(
            f"The first line must name the columns: {', '.join(NEEDED)}, and any of {', '.join(COLUMNS[2:])} and "
            f"{METADATA}KEY that the file has. In this file {', '.join(wrong[:MAX_TOLD])}.",
            field=("file",),
        )
    return names


def _name_of(name: str) -> str | None:
    """The column that a name stands for; of metadata, its key is as it was written, in the form of names. What stands for
    no column is left as it is, in small letters."""
    prefix, key = name[: len(METADATA)].lower(), name[len(METADATA) :]
    if prefix == METADATA:
        return prefix + clean_name(key)
    plain = name.lower()
    return ALIASES.get(_BETWEEN_WORDS.sub("", plain), plain) or None
