"""The ledger's time in a test."""

from datetime import UTC, datetime, timedelta
from typing import Final

NOON: Final = datetime(2026, 6, 15, 12, tzinfo=UTC)


class Clock:
    """The ledger's time: it stands still at `at` until it is told, or, without one, goes with the machine's."""

    def __init__(self, at: datetime | None = None) -> None:
        self._still = at
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return self._still or datetime.now(UTC) + self._ahead

    def advance(self, by: timedelta | None = None, **units: float) -> datetime:
        """Go on by as much, or by so many `days`, `hours` or `seconds`."""
        by = timedelta(**units) if by is None else by
        if self._still is None:
            self._ahead += by
        else:
            self._still += by
        return self()

    def stand_still(self, at: datetime) -> None:
        self._still = at
