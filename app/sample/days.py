"""Days that were: stories that go on side by side, by a clock that is moved from one moment to the next."""

import asyncio
import heapq
from collections.abc import Coroutine, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any, Final
from zoneinfo import ZoneInfo

DAYS: Final = 150
"""The number of the day that is today: that many were before it."""
_OPENS: Final = time(9, 10)
_STEP: Final = 53
_OPEN_MINUTES: Final = 8 * 60
"""The moment of a day is at another time every day, as long as the shop is open."""
_WEEK: Final = 7
_OPEN: Final = (1, 3, 5)
OPEN_DAYS: Final = tuple(day for day in range(1, DAYS) if day % _WEEK in _OPEN)
"""The shop is open on three days of seven, whatever their names: each costs some milliseconds of the load."""
_NIGHT: Final = time(0, 1)


class Days:
    """The time of stories. One that waits for a moment is woken when all others wait for that one or a later one; then it is
    now. So all that happens at one moment is posted together.

    opened: the instant that they begin with, which is day 0. zone: in which its days are told.
    """

    def __init__(self, opened: datetime, zone: ZoneInfo) -> None:
        self._first = opened.astimezone(zone).date()
        self._zone = zone
        self._now = opened
        self._waiting: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._awake = 0
        self._all_wait = asyncio.Event()

    def clock(self) -> datetime:
        """The moment that it is now."""
        return self._now

    def date(self, day: int) -> date:
        """The date of that day; of one before the first, too."""
        return self._first + timedelta(days=day)

    def begins(self, day: int) -> datetime:
        """The first instant of that day."""
        return datetime.combine(self.date(day), time(), self._zone).astimezone(UTC)

    @property
    def left(self) -> int:
        """The number of days from this one to today."""
        return DAYS - (self._now.astimezone(self._zone).date() - self._first).days

    async def moment(self, day: int) -> None:
        """Wait until that day's, of which there is one; if the shop is closed then, the last one's before. If it is past, it
        is now."""
        day = max((each for each in OPEN_DAYS if each <= day), default=0)
        at = datetime.combine(self.date(day), _OPENS)
        await self._until(at + timedelta(minutes=day * _STEP % _OPEN_MINUTES, seconds=day * 17 % 60))

    async def night(self, day: int) -> None:
        """Wait until the day has just begun."""
        await self._until(datetime.combine(self.date(day), _NIGHT))

    async def live(self, stories: Sequence[Coroutine[Any, Any, object]]) -> None:
        """Until all stories are told. Raises the first error of one; the others are stopped then."""
        self._awake = len(stories)
        try:
            async with asyncio.TaskGroup() as group:
                for story in stories:
                    group.create_task(self._tell(story))
                while self._awake or self._waiting:
                    await self._all_wait.wait()
                    self._all_wait.clear()
                    self._wake()
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _tell(self, story: Coroutine[Any, Any, object]) -> None:
        try:
            await story
        finally:
            self._rest()

    async def _until(self, local: datetime) -> None:
        at = local.replace(tzinfo=self._zone).astimezone(UTC)
        if at <= self._now:
            return
        come = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (at, next(self._numbers), come))
        self._rest()
        await come

    def _rest(self) -> None:
        self._awake -= 1
        if not self._awake:
            self._all_wait.set()

    def _wake(self) -> None:
        """All who wait for the next moment."""
        if not self._waiting:
            return
        self._now = self._waiting[0][0]
        while self._waiting and self._waiting[0][0] == self._now:
            self._awake += 1
            heapq.heappop(self._waiting)[2].set_result(None)
