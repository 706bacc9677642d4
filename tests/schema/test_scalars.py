"""What the API's scalars accept, which is one notation each, and how they write it."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.scalars import SCALARS, AssetCode, written_instant


def parse(kind: object, value: Any) -> Any:
    parser = SCALARS[kind].parse_value
    assert parser is not None
    return parser(value)


def write(kind: object, value: Any) -> Any:
    serializer = SCALARS[kind].serialize
    assert serializer is not None
    return serializer(value)


@pytest.mark.parametrize("text", ["0", "25.00", "-1.2345", "9999999999999999.9999", "007"])
def test_a_decimal(text: str) -> None:
    assert parse(Decimal, text) == Decimal(text)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " 1",
        "1 ",
        "+1",
        "1.",
        ".5",
        "1e3",
        "1E400",
        "NaN",
        "Infinity",
        "1_000",
        "1,000",
        "٣",
        "1.23456",
        "1" * 17,
        "0x10",
        "1\n",
        "1\x00",
        1,
        1.0,
        25,
        True,
        None,
        [],
        {},
        "−1",
    ],
)
def test_what_is_no_decimal(value: object) -> None:
    with pytest.raises(ValueError, match="Decimal"):
        parse(Decimal, value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**15), max_value=10**15))
def test_a_decimal_is_written_as_it_can_be_read(value: Decimal) -> None:
    assert parse(Decimal, write(Decimal, value)) == value


def test_a_decimal_has_no_exponent() -> None:
    assert write(Decimal, Decimal("1E+3")) == "1000"
    assert write(Decimal, Decimal("0E-2")) == "0.00"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31t12:00:00.5z", datetime(2026, 1, 31, 12, microsecond=500_000, tzinfo=UTC)),
        ("2026-01-31T12:00:00.123456+05:30", datetime(2026, 1, 31, 6, 30, microsecond=123456, tzinfo=UTC)),
        ("2026-01-31T00:00:00-00:00", datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_an_instant(text: str, instant: datetime) -> None:
    assert parse(datetime, text) == instant
    assert parse(datetime, text).tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-31T12:00:00",
        "2026-01-31",
        "2026-01-31 12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-01-31T25:00:00Z",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:00+0100",
        "2026-W05-6T12:00:00Z",
        "2026-01-31T12:00:00.1234567Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "0000-01-01T00:00:00Z",
        "2026-01-31T12:00:60Z",
        "",
        "now",
        1769860800,
        None,
        "２026-01-31T12:00:00Z",
        "2026-01-31T12:00:00Z\n",
    ],
)
def test_what_is_no_instant(value: object) -> None:
    with pytest.raises(ValueError, match="DateTime"):
        parse(datetime, value)


def test_an_instant_is_written_in_utc() -> None:
    assert write(datetime, datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))) == "2026-01-31T10:00:00Z"


@pytest.mark.parametrize(
    "value", ["2026-1-31", "20260131", "2026-02-29", "2026-01-31T00:00:00Z", "", 20260131, "0000-01-01", None]
)
def test_what_is_no_date(value: object) -> None:
    with pytest.raises(ValueError, match="Date"):
        parse(date, value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (date, "9999-12-31"),
        (date, "0001-01-01"),
        (datetime, "9999-12-31T23:59:59Z"),
        (datetime, "9999-12-31T23:59:59-14:00"),
        (datetime, "0001-01-01T00:00:00Z"),
    ],
)
def test_what_is_out_of_range_is_told_so(kind: object, text: str) -> None:
    with pytest.raises(ValueError, match=r"is from 0001-01-02 to 9999-12-30\. For never, leave it out"):
        parse(kind, text)


@pytest.mark.parametrize("text", ["0001-01-02", "9999-12-30"])
def test_the_first_and_the_last_date(text: str) -> None:
    assert write(date, parse(date, text)) == text


def test_a_date() -> None:
    assert parse(date, "2028-02-29") == date(2028, 2, 29)
    assert write(date, date(2028, 2, 29)) == "2028-02-29"


@pytest.mark.parametrize("value", ["GBP", "POINTS", "SERVICE_CREDITS"])
def test_an_asset(value: str) -> None:
    assert parse(AssetCode, value) == value


@pytest.mark.parametrize("value", ["gbp", "", "GB", "G" * 17, "GBP ", "ＧＢＰ", "GBP\x00", 826, None])
def test_what_is_no_asset(value: object) -> None:
    with pytest.raises(ValueError, match="AssetCode"):
        parse(AssetCode, value)


@given(st.datetimes(timezones=st.just(UTC)))
def test_one_in_utc_is_written_as_any_other(instant: datetime) -> None:
    assert written_instant(instant) == written_instant(instant.astimezone(ZoneInfo("Etc/UTC")))
