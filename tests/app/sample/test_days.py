"""The clock of days that were: who waits is woken in the order of time, and at one moment together."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.sample.days import DAYS, Days

LONDON = ZoneInfo("Europe/London")
OPENED = datetime(2026, 10, 20, 8, 30, tzinfo=UTC)


async def test_stories_go_on_in_the_order_of_time() -> None:
    days, told = Days(OPENED, LONDON), list[tuple[str, datetime]]()

    async def story(name: str, *moments: int) -> None:
        for day in moments:
            await days.moment(day)
            told.append((name, days.clock()))

    await days.live([story("a", 1, 8), story("b", 5), story("c", 1, 3)])
    assert [name for name, _ in told] == ["a", "c", "c", "b", "a"]
    assert [at for _, at in told] == sorted(at for _, at in told)


async def test_one_moment_is_one_instant() -> None:
    days, found = Days(OPENED, LONDON), set[datetime]()

    async def story(before: int) -> None:
        await days.moment(before)
        await days.moment(40)
        found.add(days.clock())

    await days.live([story(before) for before in (1, 3, 38)])
    assert len(found) == 1


async def test_days_are_those_of_the_zone_when_its_clocks_change() -> None:
    days, nights = Days(OPENED, LONDON), list[datetime]()

    async def story() -> None:
        for day in (5, 6):
            await days.night(day)
            nights.append(days.clock())

    await days.live([story()])
    assert nights == [datetime(2026, 10, 24, 23, 1, tzinfo=UTC), datetime(2026, 10, 26, 0, 1, tzinfo=UTC)]


async def test_a_moment_that_is_past_is_now() -> None:
    days = Days(OPENED, LONDON)

    async def story() -> None:
        await days.night(0)

    await days.live([story()])
    assert days.clock() == OPENED


async def test_a_story_that_fails_stops_the_others() -> None:
    days, told = Days(OPENED, LONDON), list[str]()

    async def fails() -> None:
        await days.moment(2)
        raise ValueError("no stock")

    async def goes_on() -> None:
        await days.moment(3)
        told.append("told")

    with pytest.raises(ValueError, match="no stock"):
        await days.live([fails(), goes_on()])
    assert told == []


async def test_what_would_be_on_a_day_when_the_shop_is_closed_is_on_the_last_open_one() -> None:
    days, left = Days(OPENED, LONDON), list[int]()

    async def story() -> None:
        for day in (0, 1, 2, 7, 8, 149):
            await days.moment(day)
            left.append(DAYS - days.left)

    await days.live([story()])
    assert left == [0, 1, 1, 5, 8, 148]
