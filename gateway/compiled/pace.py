"""Sharing out of long work on an answer among the rounds of the event loop. The server says how."""

from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Protocol

SHORT: Final = 8
"""Items of a list, or values that have come; fewer are completed where they are: that takes a fraction of a millisecond."""
LONG: Final = 40
"""As many may hold the loop for too long, however little has been done in this round of it."""

Steps = Generator[None, None, None]
"""Work that may be interrupted wherever it yields."""


class Pace(Protocol):
    """Shares out the completion of lists."""

    def is_over(self) -> bool:
        """Return whether this round of the loop has had its share, so that work that can wait should."""

    async def in_slices(self, steps: Steps) -> None:
        """Take all the steps, with others having their turns in between. Raises their errors."""

    def holding(self, context: Any) -> AbstractContextManager[None]:
        """Return a context in which the request's loaders wait with reading: more will be asked of them."""


class _Unhurried:
    """All in one go, as graphql-core does."""

    def is_over(self) -> bool:
        return False

    async def in_slices(self, steps: Steps) -> None:
        for _ in steps:
            pass

    def holding(self, _context: Any) -> AbstractContextManager[None]:
        return nullcontext()


UNHURRIED: Final[Pace] = _Unhurried()
