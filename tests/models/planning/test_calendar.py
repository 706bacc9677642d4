"""Days in the tenant's zone, over every change of the clocks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.errors import ExpiryConflict, ExpiryInPast, Invalid
from models.planning import calendar

ZONES = (
    "Europe/London",
    "America/Sao_Paulo",
    "Pacific/Auckland",
    "America/Havana",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Africa/Cairo",
    "Asia/Beirut",
    "UTC",
)
TICK = timedelta(microseconds=1)
LONDON = ZoneInfo("Europe/London")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
AUCKLAND = ZoneInfo("Pacific/Auckland")
GONE = date(2011, 12, 30)
"""Apia went over the date line and had no such day."""

zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.dates(date(1990, 1, 1), date(2060, 1, 1))


@given(days, zones)
@example(date(2018, 11, 4), SAO_PAULO)  # 00:00 does not exist
@example(date(2019, 2, 17), SAO_PAULO)  # the hour before it comes twice
@example(date(2010, 11, 7), ZoneInfo("America/St_Johns"))  # at 00:01 back to 23:01 of the day before
@example(date(2026, 11, 1), ZoneInfo("America/Havana"))  # 00:00 comes twice
def test_a_day_starts_at_its_first_instant(day: date, zone: ZoneInfo) -> None:
    if (zone.key, day) == ("Pacific/Apia", GONE):
        return
    start = calendar.start_of_day(day, zone)

    assert start.tzinfo is UTC
    assert calendar.local_date(start, zone) == day
    assert calendar.local_date(start - TICK, zone) < day


def test_a_day_that_never_was_starts_with_the_next() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert calendar.start_of_day(GONE, apia) == calendar.start_of_day(date(2011, 12, 31), apia)


@given(days, st.integers(1, 3000), zones)
def test_the_end_of_the_nth_day_is_the_start_of_the_one_after(first: date, n: int, zone: ZoneInfo) -> None:
    end = calendar.end_of_nth_day(n, first, zone, "expiresInDays")

    assert end == calendar.start_of_day(first + timedelta(days=n + 1), zone)


@pytest.mark.parametrize(
    ("zone", "first", "n", "end"),
    [
        (LONDON, date(2026, 3, 27), 1, datetime(2026, 3, 29, 0, tzinfo=UTC)),  # still winter time
        (LONDON, date(2026, 3, 27), 2, datetime(2026, 3, 29, 23, tzinfo=UTC)),  # a day of 23 hours later
        (LONDON, date(2026, 10, 24), 1, datetime(2026, 10, 26, 0, tzinfo=UTC)),  # after one of 25
        (SAO_PAULO, date(2018, 11, 2), 1, datetime(2018, 11, 4, 3, tzinfo=UTC)),  # midnight is skipped: at 01:00
        (SAO_PAULO, date(2019, 2, 15), 1, datetime(2019, 2, 17, 3, tzinfo=UTC)),
        (AUCKLAND, date(2026, 9, 26), 0, None),
        (AUCKLAND, date(2026, 9, 25), 1, datetime(2026, 9, 26, 12, tzinfo=UTC)),
        (AUCKLAND, date(2026, 9, 26), 1, datetime(2026, 9, 27, 11, tzinfo=UTC)),
    ],
)
def test_expiry_over_a_change_of_the_clocks(zone: ZoneInfo, first: date, n: int, end: datetime | None) -> None:
    assert calendar.end_of_nth_day(n, first, zone, "expiresInDays") == end


NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def expiry(in_days: int | None = None, at: datetime | None = None, starts_at: datetime = NOW) -> datetime | None:
    return calendar.expiry_of_credit(
        in_days, at, effective_on=calendar.local_date(starts_at, LONDON), starts_at=starts_at, now=NOW, zone=LONDON
    )


def test_one_way_of_saying_the_expiry() -> None:
    later = NOW + timedelta(days=1)
    assert expiry() is None
    assert expiry(0) is None
    assert expiry(0, later) == later
    with pytest.raises(ExpiryConflict):
        expiry(1, later)


def test_an_expiry_lies_after_now_and_after_the_start() -> None:
    start = NOW + timedelta(days=3)
    assert expiry(at=NOW + TICK) == NOW + TICK
    for at, starts_at in ((NOW, NOW), (NOW - TICK, NOW), (start, start), (NOW + TICK, start)):
        with pytest.raises(ExpiryInPast):
            expiry(at=at, starts_at=starts_at)


def test_an_instant_in_another_offset_is_the_same_instant() -> None:
    at = datetime(2026, 7, 1, 1, tzinfo=ZoneInfo("Asia/Kathmandu"))
    found = expiry(at=at)
    assert found == at
    assert found is not None
    assert found.tzinfo is UTC


def test_dates_that_no_book_holds() -> None:
    for day in (date(1899, 12, 31), date(2201, 1, 1), date.min, date.max):
        with pytest.raises(Invalid):
            calendar.checked_date(day, "dueOn")
    for n in (-1, calendar.MAX_EXPIRY_DAYS + 1):
        with pytest.raises(Invalid):
            calendar.end_of_nth_day(n, NOW.date(), LONDON, "expiresInDays")
    assert calendar.end_of_nth_day(calendar.MAX_EXPIRY_DAYS, calendar.LAST_DATE, LONDON, "expiresInDays") is not None
