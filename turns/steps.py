"""Plans that may be long are generators, and yield at each point where others may be given a turn. Pure.

Nobody but the plan itself changes the books between two of its steps. The caller decides how many steps to take at a
time (turns/slices.py).
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

Steps = Generator[None, None, R]
"""A generator that makes an R in many small steps. None of them takes longer than a few milliseconds."""


def finish(steps: "Steps[R]") -> R:
    """All of them at once."""
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
    """Sort the rows. Making the keys is what takes long; they should be compared without any code of ours."""
    keys = yield from each(key, rows)
    return [rows[n] for n in sorted(range(len(rows)), key=keys.__getitem__, reverse=reverse)]
