"""In which order units that are under way at the same time count: that in which they are planned under their locks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from models import planning


@contextmanager
def noted() -> Iterator[list[str]]:
    """The keys of the units that are planned meanwhile, in that order. One that is planned again comes again."""
    keys: list[str] = []
    plan = planning.plan

    def noting(books: Any, origin: Any, command: Any) -> Any:
        if origin.key is not None:
            keys.append(origin.key)
        return plan(books, origin, command)

    with patch.object(planning, "plan", noting):
        yield keys


def in_order(asked: list[str], planned: list[str]) -> list[str]:
    """Those that were asked for, as they were planned in the end; then those that never were."""
    last = {key: place for place, key in enumerate(planned)}
    return sorted(asked, key=lambda key: last.get(key, len(planned)))
