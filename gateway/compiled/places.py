"""Places in an answer, and what an error does to them.

A place is a tuple: the place above it, the dictionary or list that holds its value, the key there, and whether it may
be null. Paths of errors and the ways of nulls come from it. It costs a tenth of a microsecond, and leaves no cycle.
"""

from typing import Any, TypeAlias

from graphql import GraphQLError, located_error
from graphql.language import FieldNode

Place: TypeAlias = tuple[Any, Any, Any, bool]
At: TypeAlias = Place | None
"""None: the answer itself."""
Key: TypeAlias = str | int


class Faults:
    """Errors of one execution, and the places that are null because of them."""

    __slots__ = ("_nulled", "errors")

    def __init__(self) -> None:
        self.errors: list[GraphQLError] = []
        self._nulled: dict[int, At] = {}
        """By their ids: they hold what cannot be hashed."""

    def __bool__(self) -> bool:
        return bool(self._nulled)

    def covers(self, place: At) -> bool:
        """Return whether the place, or one above it, is null by now: nobody sees what becomes of it."""
        nulled = self._nulled
        if id(None) in nulled:
            return True
        while place is not None:
            if id(place) in nulled:
                return True
            place = place[0]
        return False

    def add(self, error: Exception, nodes: list[FieldNode], place: Place) -> At:
        """Note an error unless its place is null already. Returns the place that becomes null by it."""
        target: At = place
        while target is not None and not target[3]:
            target = target[0]
        if not self.covers(place):
            self.errors.append(located_error(error, nodes, keys_of(place)))
            self._nulled[id(target)] = target
        return target

    def take(self) -> list[GraphQLError]:
        """Return the errors, and let go of them: their tracebacks lead back here."""
        taken, self.errors = self.errors, []
        return taken


class Abort(BaseException):
    """A null goes up to a place. It is no error, and no code but that of plans sees it."""

    def __init__(self, target: At) -> None:
        """target: the place. None: all of the answer is null."""
        self.target = target


def keys_of(place: At) -> list[Key]:
    """Return the path of a place."""
    keys: list[Key] = []
    while place is not None:
        keys.append(place[2])
        place = place[0]
    keys.reverse()
    return keys


def field_of(place: Place) -> Place:
    """Return the place of the field that a value in a list belongs to."""
    while isinstance(place[2], int):
        place = place[0]
    return place
