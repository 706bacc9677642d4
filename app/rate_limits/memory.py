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
        self._windows: OrderedDict[tuple[str, str], tuple[float, int, int]] = OrderedDict()
        """By holder and quota: the number of the fixed window, the units taken in it, and in the one before."""

    def __len__(self) -> int:
        return len(self._windows)

    def take(self, holder: str, wanted: Sequence[tuple[Quota, int]]) -> tuple[bool, list[Window]]:
        """Take so much of each quota if there is room in all of them; else nothing. Returns their state after that."""
        now, windows = self._clock(), self._windows
        found, kept, fits = [], [], True
        for quota, units in wanted:
            period, key = quota.period, (holder, quota.name)
            number, passed = divmod(now, period)
            known, current, previous = windows.get(key, (number, 0, 0))
            if known != number:
                current, previous = 0, current if known == number - 1 else 0
            window = Window(previous, period - passed, current + units, 2 * period - passed)
            fits = fits and window.used(quota) <= quota.amount
            found.append(window)
            kept.append((key, (number, current + units, previous)))
        if not fits:
            return False, [window.with_more(-units) for window, (_, units) in zip(found, wanted, strict=True)]
        for key, counted in kept:
            windows[key] = counted
            windows.move_to_end(key)
        while len(windows) > self._max_windows:
            windows.popitem(last=False)
        return True, found
