"""Checks of incoming texts: one that no table could hold is rejected, with its field."""

from typing import Final

from gateway.errors import BadUserInput
from models.errors import Invalid
from models.names import checked_name, clean_name
from models.texts import MAX_KEY_CHARACTERS, MAX_REFERENCE_CHARACTERS, MAX_VALUE_CHARACTERS

MAX_IDEMPOTENCY_KEY: Final = 255
MAX_EXTERNAL_ID: Final = 255
MAX_NAME: Final = 255
MAX_EMAIL: Final = 320
MAX_NOTE: Final = 10_000
MAX_REASON: Final = 64
MAX_NUMBER: Final = 64
MAX_DESCRIPTION: Final = 500
MAX_PRODUCT_NAME: Final = 200
MAX_REWARD_NAME: Final = 200
MAX_TIER_NAME: Final = 200
MAX_CODE: Final = 64
MAX_SEARCH: Final = 255
MAX_SUBJECT: Final = 255
MAX_REFERENCE: Final = MAX_REFERENCE_CHARACTERS
MAX_METADATA_KEY: Final = MAX_KEY_CHARACTERS
MAX_METADATA_VALUE: Final = MAX_VALUE_CHARACTERS


def _problem(value: str, longest: int) -> str | None:
    if len(value) > longest:
        return f"is longer than {longest} characters"
    if "\x00" in value:
        return "has a NUL character in it"
    # Half of a surrogate pair is not a character: no encoding, hence no database, can hold it.
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        return "has half a surrogate pair in it"
    return None


def text(value: str, longest: int, *field: str) -> str:
    """Return `value` as sent. Raises Invalid, at `field`."""
    problem = _problem(value, longest)
    if problem is not None:
        raise Invalid(f"The text {problem}.", field=field)
    return value


def required(value: str, longest: int, *field: str) -> str:
    """Like `text`, and not blank."""
    if not value.strip():
        raise Invalid("The text is blank.", field=field)
    return text(value, longest, *field)


def code(value: str, longest: int, *field: str) -> str:
    """Return `value` as it would be stored, if it names something that may or may not exist. Raises Invalid, at `field`."""
    return text(clean_name(value), longest, *field)


def name(value: str, longest: int, *field: str) -> str:
    """Like `code`, and with something visible in it: a name as it is stored (models/names.py)."""
    return checked_name(code(value, longest, *field), longest, *field)


def optional_name(value: str | None, longest: int, *field: str) -> str | None:
    return None if value is None else name(value, longest, *field)


def name_as_sent(value: str, longest: int, *field: str) -> str:
    """Return `value` as sent, if `name` accepts it: for commands that are hashed, so that a request from before names
    were cleaned is still the same when it is sent again."""
    name(value, longest, *field)
    return value


def optional(value: str | None, longest: int, *field: str) -> str | None:
    return None if value is None else text(value, longest, *field)


def argument(value: str, longest: int, name: str) -> str:
    """Like `text`, for a query's argument. Raises BadUserInput."""
    problem = _problem(value, longest)
    if problem is not None:
        raise BadUserInput(f"{name} {problem}.", *name.split("."))
    return value


def looked_up(value: str, longest: int, name: str) -> str:
    """Like `argument`, for one that names something, as it would be stored."""
    return argument(clean_name(value), longest, name)
