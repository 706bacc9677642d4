"""A tenant's own texts: references, and metadata as pairs; shown, and in inputs."""

from collections.abc import Iterable
from typing import TypeVar

import orjson
import strawberry

from gateway.errors import BadUserInput
from models.reads.references import Reference
from models.texts import Texts, checked_reference, texts_of
from schema import texts

T = TypeVar("T")


@strawberry.type
class MetadataPair:
    """One pair of metadata."""

    key: str
    """Key, unique among the pairs of one object."""
    value: str
    """Value as it was given."""


def shown_metadata(stored: str | None, *, to_customer: bool) -> list[MetadataPair] | None:
    """Return the pairs by key; None to customers. stored: JSON."""
    if to_customer:
        return None
    if stored is None:
        return []
    return [MetadataPair(key=key, value=value) for key, value in orjson.loads(stored).items()]


@strawberry.input(one_of=True)
class ReferenceBy:
    """One of the two: a reference, or how references begin."""

    exactly: str | None = strawberry.UNSET
    """The whole reference, upper and lower case as it was given."""
    starts_with: str | None = strawberry.UNSET
    """Beginning of references, upper and lower case as they were given."""

    def reference(self, place: str = "reference") -> Reference:
        """place: the path of this input, with points. Raises BadUserInput."""
        begins = isinstance(self.starts_with, str)
        place = f"{place}.{'startsWith' if begins else 'exactly'}"
        text = texts.looked_up(str(self.starts_with if begins else self.exactly), texts.MAX_REFERENCE, place)
        if not text:
            raise BadUserInput(f"{place} is blank.", *place.split("."))
        return Reference(text, begins)


@strawberry.input
class MetadataBy:
    """Metadata to look for: a key, alone or with its value."""

    key: str
    """Key of the pair."""
    value: str | None = None
    """Whole value of the pair. Null: any."""


@strawberry.input
class MetadataInput:
    """One pair of metadata."""

    key: str
    """Key, up to 40 characters, each key once."""
    value: str
    """Value, up to 500 characters."""


@strawberry.input
class TextsInput:
    """Your own texts on what a mutation posts."""

    reference: str | None = None
    """Your own reference of it, up to 255 characters, such as the number of an order in your shop. It is found by that, and
    customers see it. Need not be unique. Null: none."""
    metadata: list[MetadataInput] | None = None
    """Your own pairs of key and value, at most 20, hidden from customers. Null: none."""

    def texts(self) -> Texts | None:
        """Return them as stored, None for none. Raises Invalid."""
        if self.reference is None and not self.metadata:
            return None
        return texts_of(reference(self.reference), pairs(self.metadata))


def reference(value: str | None) -> str | None:
    """Return the reference as it would be stored, None for none. Raises Invalid."""
    return None if value is None else checked_reference(texts.code(value, texts.MAX_REFERENCE, "reference"))


def pairs(metadata: Iterable[MetadataInput] | None) -> list[tuple[str, str]]:
    """Return the pairs. Raises Invalid, with the place in the list."""
    return [
        (
            texts.code(pair.key, texts.MAX_METADATA_KEY, "metadata", str(place), "key"),
            texts.text(pair.value, texts.MAX_METADATA_VALUE, "metadata", str(place), "value"),
        )
        for place, pair in enumerate(metadata or ())
    ]


def given(value: T | None) -> T | None:
    """Return the value of an optional field; None if it was left out."""
    return None if value is strawberry.UNSET else value
