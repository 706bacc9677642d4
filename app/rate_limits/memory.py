"""Sliding windows in this process's own memory, of bounded size and in constant time.

The bound is on the number of windows, not of holders: a client with many addresses cannot fill the memory.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from app.rate_limits.windows import Quota, Window

MAX_WINDOWS: Final = 50_000
"""Maximum number of windows, about 400 bytes each; beyond it, the least recently used one is dropped. To have their own
window dropped, holders would have to send requests as that many others first, which costs more than it gains."""


class MemoryWindows:
    """One bounded table of them.

    clock: seconds from any origin, never going back. max_windows: the maximum number kept.
    """

    def __init__(self, clock: Callable[[], float], max_windows: int = MAX_WINDOWS) -> None:
        self._clock = clock
        self._max_windows = max_windows
        self._windows: OrderedDict[tuple[str, str], tuple[int, int, int]] = OrderedDict()
        """By holder and quota: the number of the fixed window, the units taken in it, and in the one before."""

    def __len__(self) -> int:
        return len(self._windows)

    def take(self, holder: str, wanted: Sequence[tuple[Quota, int]]) -> tuple[bool, list[Window]]:
        """Take so much of each quota if there is room in all of them; else nothing. Returns their state after that."""
        now = self._clock()
        found = [self._window(holder, quota, now) for quota, _ in wanted]
        for (quota, units), window in zip(wanted, found, strict=True):
            if window.used(quota) + units > quota.amount:
                return False, found
        taken = [window.with_more(units) for (_, units), window in zip(wanted, found, strict=True)]
        for (quota, _), window in zip(wanted, taken, strict=True):
            key = (holder, quota.name)
            self._windows[key] = (int(now // quota.period), window.current, window.previous)
            self._windows.move_to_end(key)
            if len(self._windows) > self._max_windows:
                self._windows.popitem(last=False)
        return True, taken

    def _window(self, holder: str, quota: Quota, now: float) -> Window:
        number, passed = divmod(now, quota.period)
        known, current, previous = self._windows.get((holder, quota.name), (number, 0, 0))
        if known != number:
            current, previous = 0, current if known == number - 1 else 0
        return Window(previous, quota.period - passed, current, 2 * quota.period - passed)
