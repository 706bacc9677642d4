"""Whether two executors have given the same answer.

The same data, and an error for the same nulls: but for the order of errors, and for which error is told where a null has
come up from below.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from graphql import GraphQLError

Told = Mapping[str, Any]
"""An error as clients get it."""


def differences(
    first: Any, first_errors: Iterable[GraphQLError] | None, second: Any, second_errors: Iterable[GraphQLError] | None
) -> list[str]:
    """Return what is not the same, a line each."""
    told = [[error.formatted for error in errors or ()] for errors in (first_errors, second_errors)]
    return differences_as_told(first, told[0], second, told[1])


def differences_as_told(
    first: Any, first_errors: Iterable[Told], second: Any, second_errors: Iterable[Told]
) -> list[str]:
    if _written(first) != _written(second):
        return [f"data: {_written(first)}", f"not:  {_written(second)}"]
    here, there = _by_null(first, first_errors), _by_null(second, second_errors)
    found = [f"errors at {where}: {here.get(where)}, not {there.get(where)}" for where in {*here} ^ {*there}]
    for where in {*here} & {*there}:
        own = [[each for each in told[where] if tuple(each.get("path") or ()) == where] for told in (here, there)]
        # Below a null, others may have been told instead.
        if len(here[where]) == len(own[0]) and sorted(map(_written, own[0])) != sorted(map(_written, own[1])):
            found.append(f"errors at {where}: {own[0]}, not {own[1]}")
    return found


def _written(data: Any) -> str:
    return json.dumps(data, default=str)


def _by_null(data: Any, errors: Iterable[Told]) -> dict[tuple[Any, ...], list[Told]]:
    """Return the errors by the null that each has led to."""
    found = defaultdict(list)
    for error in errors:
        at, path = data, tuple(error.get("path") or ())
        depth = 0
        while at is not None and depth < len(path):
            at = at[path[depth]]
            depth += 1
        found[path[:depth]].append(error)
    return dict(found)
