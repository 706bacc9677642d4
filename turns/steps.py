"""Plans that may be long are generators, which yield wherever other work may get a turn. Pure.

Only the plan itself changes the books between two of its steps. The caller decides how many steps to take at a time
(turns/slices.py).
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

Steps = Generator[None, None, R]
"""A generator that makes an R in many small steps, each of at most a few milliseconds."""


def finish(steps: "Steps[R]") -> R:
    """Run all steps at once, and return the result."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            made: R = done.value
            return made


def each(function: Callable[[T], R], rows: Iterable[T]) -> "Steps[list[R]]":
    """Apply the function to each of the rows, a step for each."""
    made: list[R] = []
    for row in rows:
        made.append(function(row))
        yield
    return made


def in_order(rows: Sequence[T], key: Callable[[T], Any], *, reverse: bool = False) -> "Steps[list[T]]":
    """Sort the rows, making the keys in steps. Keys should be of types that Python compares natively."""
    keys = yield from each(key, rows)
    return [rows[n] for n in sorted(range(len(rows)), key=keys.__getitem__, reverse=reverse)]
