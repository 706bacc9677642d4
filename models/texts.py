"""A tenant's own texts on a thing: a reference, and metadata (domain: spending and holding). Pure.

A command that makes transactions has a field `texts`; its transactions get them (models/planning/credits.py). Texts are a
person's, like notes: an erasure removes them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from models.errors import Invalid
from models.names import checked_name, clean_name

MAX_REFERENCE_CHARACTERS: Final = 255
MAX_PAIRS: Final = 20
MAX_KEY_CHARACTERS: Final = 40
MAX_VALUE_CHARACTERS: Final = 500

Pairs = tuple[tuple[str, str], ...]
"""Keys with their values, in the order of the keys' characters; no key twice."""


@dataclass(frozen=True, slots=True)
class Texts:
    """At least one of the two is given."""

    reference: str | None = None
    metadata: Pairs = ()

    @property
    def stored_metadata(self) -> str | None:
        """As its column holds it; None for none."""
        return stored_metadata(self.metadata)

    def over(self, others: "Texts | None") -> "Texts":
        """These, and of the others what is missing here."""
        if others is None:
            return self
        return Texts(self.reference or others.reference, self.metadata or others.metadata)

    def as_json(self) -> list[Any]:
        """As a value for JSON, which `of_json` reads."""
        return [self.reference, [list(pair) for pair in self.metadata]]

    @classmethod
    def of_json(cls, value: Sequence[Any]) -> "Texts":
        reference, pairs = value
        return cls(reference, tuple((key, each) for key, each in pairs))


def texts_of(reference: str | None, metadata: Iterable[tuple[str, str]] | None) -> Texts | None:
    """The texts as stored; None if there are none. A blank reference is none. Raises Invalid."""
    reference, pairs = checked_reference(reference), checked_metadata(metadata or ())
    return None if reference is None and not pairs else Texts(reference, pairs)


def stored_metadata(pairs: Pairs) -> str | None:
    """A JSON object, its keys in order; None without pairs."""
    return orjson.dumps(dict(pairs)).decode() if pairs else None


def checked_reference(text: str | None) -> str | None:
    """A reference as stored, in the form of a name; None for a blank one. Raises Invalid."""
    if text is None or not clean_name(text):
        return None
    return checked_name(text, MAX_REFERENCE_CHARACTERS, "reference")


def checked_metadata(metadata: Iterable[tuple[str, str]]) -> Pairs:
    """The pairs by key: a key in the form of a name, a value as it came. Raises Invalid."""
    pairs: dict[str, str] = {}
    for place, (name, value) in enumerate(metadata):
        field = ("metadata", str(place))
        key = checked_name(name, MAX_KEY_CHARACTERS, *field, "key")
        if key in pairs:
            raise Invalid("The key is given twice.", field=(*field, "key"))
        if len(value) > MAX_VALUE_CHARACTERS:
            raise Invalid(f"A value has at most {MAX_VALUE_CHARACTERS} characters.", field=(*field, "value"))
        if place >= MAX_PAIRS:
            raise Invalid(f"At most {MAX_PAIRS} pairs can be given.", field=("metadata",))
        pairs[key] = value
    return tuple(sorted(pairs.items()))
