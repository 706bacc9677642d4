"""Limits on how often the same event is recorded per period, so that repetition cannot fill a table or a log."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MAX_KEYS: Final = 10_000


@dataclass(slots=True)
class _Window:
    began: datetime
    taken: int = 0
    left_out: int = 0


class Throttle:
    """Allows `most` per `window` for each key, and counts the others, to be reported with the next one allowed.

    Beyond MAX_KEYS the least recently used keys are dropped, with their counts.
    """

    def __init__(self, most: int, window: timedelta) -> None:
        self._most = most
        self._window = window
        self._windows: OrderedDict[Hashable, _Window] = OrderedDict()

    def take(self, key: Hashable, wanted: int, now: datetime) -> tuple[int, int]:
        """How many of `wanted` may be recorded; and how many were left out before, to be reported with these.

        If none may, nothing is reported: the counting continues.
        """
        window = self._of(key, now)
        granted = min(wanted, self._most - window.taken)
        window.taken += granted
        told = window.left_out if granted else 0
        window.left_out += wanted - granted - told
        return granted, told

    def left_out(self, key: Hashable, number: int, now: datetime) -> None:
        """Count records that were allowed but could not be written."""
        self._of(key, now).left_out += number

    def _of(self, key: Hashable, now: datetime) -> _Window:
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = _Window(now)
            if len(self._windows) > MAX_KEYS:
                self._windows.popitem(last=False)
        self._windows.move_to_end(key)
        if not window.began <= now < window.began + self._window:
            window.began, window.taken = now, 0
        return window
