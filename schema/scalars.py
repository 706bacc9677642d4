"""The API's own scalars: the one notation that each accepts, and how it is written.

A value in any other notation is rejected while variables and literals are coerced, before anything runs.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from models.money import parse_decimal

AssetCode = NewType("AssetCode", str)

_ASSET: Final = re.compile(r"[A-Z][A-Z_]{2,15}", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_DAY: Final = timedelta(days=1)
# A day from the end of what Python can count to, so that any time zone can be applied to any value.
_FIRST: Final = datetime.min.replace(tzinfo=UTC) + _DAY
_LAST: Final = datetime.max.replace(tzinfo=UTC) - _DAY


def _shown(value: object) -> str:
    """Return the sent value, short enough to send back."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _parse_decimal(value: object) -> Decimal:
    if not isinstance(value, str):
        raise ValueError(f'A Decimal is a string such as "25.00", not {_shown(value)}.')
    try:
        return parse_decimal(value)
    except ValueError as error:
        raise ValueError(f"{_shown(value)} is not a Decimal: {error}.") from None


def _write_decimal(value: Decimal) -> str:
    text = str(value)  # 16 times as fast, and the same for all that have decimal places
    return format(value, "f") if "E" in text else text


def parse_asset(value: object) -> AssetCode:
    if not isinstance(value, str) or not _ASSET.fullmatch(value):
        raise ValueError(f"{_shown(value)} is not an AssetCode: an ISO 4217 code, SERVICE_CREDITS or POINTS.")
    return AssetCode(value)


def _out_of_range(value: object, kind: str) -> ValueError:
    return ValueError(
        f"{_shown(value)} is out of range: a {kind} is from {_FIRST.date()} to {_LAST.date()}. For never, leave it out."
    )


def parse_date(value: object) -> date:
    """Return the day. Raises ValueError."""
    try:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            raise ValueError
        parsed = date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{_shown(value)} is not a Date such as 2026-01-31.") from None
    if not _FIRST.date() <= parsed <= _LAST.date():
        raise _out_of_range(value, "Date")
    return parsed


def parse_instant(value: object) -> datetime:
    """Return the instant in UTC. Rejected without an offset: nobody could tell which instant was meant."""
    try:
        if not isinstance(value, str) or not _INSTANT.fullmatch(value):
            raise ValueError
        parsed = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except OverflowError:
        raise _out_of_range(value, "DateTime") from None
    except ValueError:
        raise ValueError(
            f"{_shown(value)} is not a DateTime with an offset, such as 2026-01-31T12:00:00Z (up to microseconds)."
        ) from None
    if not _FIRST <= parsed <= _LAST:
        raise _out_of_range(value, "DateTime")
    return parsed


def written_instant(value: datetime) -> str:
    """An instant as the API writes it."""
    if value.tzinfo is UTC:  # as PostgreSQL's come
        return f"{value.isoformat()[:-6]}Z"
    return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


SCALARS: Final[Mapping[object, ScalarDefinition]] = {
    Decimal: strawberry.scalar(
        name="Decimal",
        description='Exact decimal number as a string, such as "25.00". Never a JSON number, never rounded.',
        parse_value=_parse_decimal,
        serialize=_write_decimal,
    ),
    AssetCode: strawberry.scalar(
        name="AssetCode",
        description="Asset of an account: an ISO 4217 currency code such as GBP, SERVICE_CREDITS or POINTS.",
        parse_value=parse_asset,
        serialize=str,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="Instant by RFC 3339 with an offset, to the microsecond, such as 2026-01-31T12:00:00Z.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        parse_value=parse_instant,
        serialize=written_instant,
    ),
    date: strawberry.scalar(
        name="Date",
        description="Day as YYYY-MM-DD, such as 2026-01-31.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        parse_value=parse_date,
        serialize=date.isoformat,
    ),
}
