"""Quotas, and the sliding windows in which they are used up."""

import math
from typing import NamedTuple


class Quota(NamedTuple):
    """The most that a holder may use of something in a while. name: as clients see it. period: seconds."""

    name: str
    amount: int
    period: int

    def __str__(self) -> str:
        return f"{self.amount} {self.name} in {self.period} s"


class Window(NamedTuple):
    """The seconds that end now, estimated from two fixed windows: of the one before, the part that still reaches counts.

    previous, current: units taken in the one before and in this one. previous_left, current_left: seconds for which
    each of them still counts.
    """

    previous: int
    previous_left: float
    current: int
    current_left: float

    def used(self, quota: Quota) -> int:
        """Units used by now."""
        if not self.previous:
            return self.current
        return math.floor(self.previous * self.previous_left / quota.period) + self.current

    def left(self, quota: Quota) -> int:
        """Units left by now."""
        return max(quota.amount - self.used(quota), 0)

    def resets_in(self) -> int:
        """Whole seconds until the whole quota is there again, if nothing else is taken."""
        seconds = self.current_left if self.current else self.previous_left if self.previous else 0
        return math.ceil(seconds)

    def wait(self, quota: Quota, units: int) -> int:
        """Whole seconds until there is room for so many units, if nothing else is taken. 0 if there is by now."""
        if self.used(quota) + units <= quota.amount:
            return 0
        room = quota.amount - units
        if self.current <= room and self.previous:
            # Enough of the window before has to slide out: floor(previous × part) ≤ room − current.
            seconds = self.previous_left - quota.period * (room - self.current + 1) / self.previous
        else:
            until_next = self.current_left - quota.period
            seconds = until_next + quota.period * (1 - (room + 1) / max(self.current, 1))
        # At the very instant there is not yet room for the last unit.
        return max(0, math.floor(seconds)) + 1

    def with_more(self, units: int) -> "Window":
        """The window once these are taken too."""
        return Window(self.previous, self.previous_left, self.current + units, self.current_left)
