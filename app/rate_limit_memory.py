"""Sliding windows in this process's own memory, of bounded size and in constant time.

The memory storage of `limits` walks all its keys again after each request and has no bound: a client with many addresses
would bring the process to a halt. This one keeps the same interface and arithmetic.
"""

from collections import OrderedDict
from collections.abc import Callable
from math import floor
from typing import Final

from limits.aio.storage import MemoryStorage

MAX_HOLDERS: Final = 50_000
"""Windows remembered, about 400 bytes each; past that, the one used longest ago is forgotten. Whoever wants a window of
theirs forgotten has to make a request as each of so many others first, which costs more than it gains."""


class BoundedMemoryStorage(MemoryStorage):
    """The library's memory storage, with its sliding windows kept in one bounded table.

    clock: seconds, from whatever beginning, never going back. max_holders: how many windows are remembered.
    """

    def __init__(self, clock: Callable[[], float], max_holders: int = MAX_HOLDERS) -> None:
        super().__init__()
        self._clock = clock
        self._max_holders = max_holders
        self._windows: OrderedDict[str, tuple[int, int, int]] = OrderedDict()
        """By key: the number of the window, what was taken in it, and in the one before."""

    def __len__(self) -> int:
        return len(self._windows)

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Take `amount` if the window of `expiry` seconds that ends now has room for it; else leave all as it is."""
        number, passed = self._place(expiry)
        current, previous = self._counts(key, number)
        if floor(previous * (1 - passed)) + current + amount > limit:
            return False
        self._windows[key] = (number, current + amount, previous)
        self._windows.move_to_end(key)
        if len(self._windows) > self._max_holders:
            self._windows.popitem(last=False)
        return True

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """As the library has it: what was taken in the window before and in this one, and for how long each counts."""
        number, passed = self._place(expiry)
        current, previous = self._counts(key, number)
        return previous, (1 - passed) * expiry, current, (2 - passed) * expiry

    async def clear_sliding_window(self, key: str, expiry: int) -> None:
        """Forget what was taken."""
        self._windows.pop(key, None)

    def _place(self, expiry: int) -> tuple[int, float]:
        """Which window it is by now, and the part of it that has passed."""
        number, passed = divmod(self._clock() / expiry, 1)
        return int(number), passed

    def _counts(self, key: str, number: int) -> tuple[int, int]:
        known, current, previous = self._windows.get(key, (number, 0, 0))
        if known == number:
            return current, previous
        return 0, current if known == number - 1 else 0
