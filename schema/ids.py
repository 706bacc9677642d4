"""Global ids: the type's name and the row's id, as base64url. Opaque: clients store and compare them."""

import binascii
from collections.abc import Callable
from functools import lru_cache
from typing import Final
from uuid import UUID

import strawberry

from gateway.errors import BadUserInput
from models.errors import NotFound
from models.sources import id_of

MAX_ID_CHARACTERS: Final = 128
_ID_BYTES: Final = 16


_WRITTEN: Final = bytes.maketrans(b"+/", b"-_")
_READ: Final = bytes.maketrans(b"-_", b"+/")


class MalformedId(ValueError):
    """The text is no id that this API ever gave out."""


@lru_cache(maxsize=64)
def _prefix(type_name: str) -> bytes:
    return type_name.encode() + b":"


def global_id(type_name: str, row_id: UUID) -> strawberry.ID:
    return strawberry.ID(_written(_prefix(type_name) + row_id.bytes).decode())


def id_writer(type_name: str) -> Callable[[UUID], str]:
    """Return a function that writes the global ids of a type's rows."""
    prefix = _prefix(type_name)
    length = len(_written(prefix + bytes(_ID_BYTES)))
    encode, table = binascii.b2a_base64, _WRITTEN

    def write(row_id: UUID) -> str:
        return encode(prefix + row_id.bytes, newline=False).translate(table)[:length].decode()

    return write


def _written(data: bytes) -> bytes:
    """Base64url without padding. Of binascii itself: base64's own function takes twice as long."""
    return binascii.b2a_base64(data, newline=False).translate(_WRITTEN).rstrip(b"=")


def parse_id(text: str) -> tuple[str, UUID]:
    """Return the type's name and the row's id. Raises MalformedId: there is exactly one text for each id."""
    try:
        if len(text) > MAX_ID_CHARACTERS:
            raise MalformedId
        raw = text.encode("ascii")
        data = binascii.a2b_base64(raw.translate(_READ) + b"=" * (-len(raw) % 4))
        type_name, separator, row_id = (
            data[: -_ID_BYTES - 1].decode("ascii"),
            data[-_ID_BYTES - 1 : -_ID_BYTES],
            data[-_ID_BYTES:],
        )
        if separator != b":" or not type_name.isalpha() or _written(data) != raw:
            raise MalformedId
        return type_name, id_of(row_id)
    except ValueError:  # binascii's own is one
        raise MalformedId from None


def asked_id(text: str, type_name: str, argument: str) -> UUID | None:
    """Return the row's id in a query's argument; None for the id of another type, which is like an unknown one.

    Raises BadUserInput if it is no id at all.
    """
    try:
        found, row_id = parse_id(text)
    except MalformedId:
        raise BadUserInput(f"{argument} is not an id that this API gave out.", *argument.split(".")) from None
    return row_id if found == type_name else None


def input_id(text: str, type_name: str, *field: str) -> UUID:
    """Return the row's id in a mutation's input. Raises NotFound, at `field`, for anything that is not such an id."""
    try:
        found, row_id = parse_id(text)
    except MalformedId:
        found, row_id = "", None
    if row_id is None or found != type_name:
        raise NotFound(f"There is no {type_name.lower()} with this id.", field=field)
    return row_id
