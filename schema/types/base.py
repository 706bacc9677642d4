"""Parts that all types share: the node interface, connections, and how a view becomes a type."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar, cast
from uuid import UUID

import strawberry

from gateway.query_limits import WEIGHT
from models.errors import InvariantViolated
from models.reads.paging import Condition, Key, Listing, Page, PageRequest

T = TypeVar("T")
V = TypeVar("V")

F = TypeVar("F", bound=Callable[..., Any])


def resolved(graphql_type: Any, weight: int = 1) -> Callable[[F], F]:
    """Return a field that a method resolves, to a value or an awaitable of one; the method's docstring describes it.

    weight: its own cost, in the units of query costs.
    """
    metadata = {WEIGHT: weight} if weight > 1 else None
    field = strawberry.field(graphql_type=graphql_type, metadata=metadata)
    return cast("Callable[[F], F]", field)


COUNT_WEIGHT: Final = 100
"""Cost of a count of rows: it looks at 10,000 of them at most, which takes about as long as returning a hundred."""
FEW: Final = 100
"""Rows of a list without pages that are completed between two rounds of the event loop."""


def in_turns(rows: Sequence[V], show: Callable[[V], T]) -> list[T]:
    """Return the rows as a list shows them: as a list, which graphql-core completes in one go, or, if they are many, as
    an async iterable that lets others have a turn in between. 10,000 bad rows of a bulk would take 200 ms."""
    return [show(row) for row in rows] if len(rows) <= FEW else cast("list[T]", _InTurns(rows, show))


class _InTurns(Generic[V, T]):
    """Made anew for each field that asks."""

    def __init__(self, rows: Sequence[V], show: Callable[[V], T]) -> None:
        self._rows = rows
        self._show = show

    async def __aiter__(self) -> AsyncIterator[T]:
        for number, row in enumerate(self._rows):
            if number % FEW == 0:
                await asyncio.sleep(0)
            yield self._show(row)


class Reader(Protocol):
    """The parts of a request that a type needs to show a row."""

    now: datetime
    for_customer: bool


@strawberry.interface
class Node:
    """An object with a global id, which node(id:) finds."""

    id: strawberry.ID
    """Global id. Opaque: store it and compare it, but do not parse it."""


@dataclass(frozen=True, slots=True)
class Cursors:
    """Cursors of one page's rows, written on demand."""

    listing: Listing[Any]
    page: Page[Any]

    def of(self, key: Key) -> str:
        if not self.page.asked:
            raise InvariantViolated(f"a cursor of {self.listing.name}, read without its settled instant")
        return self.listing.cursor(key, self.page.settled)

    def at(self, index: int) -> str | None:
        """Return that of the first row (0) or the last (-1); None if there is none."""
        return self.of(self.page.key(index)) if self.page.rows else None


@strawberry.type
class PageInfo:
    """Position of a page in its list."""

    has_next_page: bool
    """Whether rows follow this page."""
    has_previous_page: bool
    """Whether rows precede this page."""
    cursors: strawberry.Private[Cursors | None] = None

    @strawberry.field
    def start_cursor(self) -> str | None:
        """Cursor of the first row, to pass as `before`; null if the page is empty."""
        return None if self.cursors is None else self.cursors.at(0)

    @strawberry.field
    def end_cursor(self) -> str | None:
        """Cursor of the last row, to pass as `after`; null if the page is empty."""
        return None if self.cursors is None else self.cursors.at(-1)


@strawberry.type
class Edge(Generic[T]):
    """One row of a page, with its cursor."""

    node: T
    """The row itself."""
    cursors: strawberry.Private[Cursors]
    index: strawberry.Private[int]

    @strawberry.field
    def cursor(self) -> str:
        """Position of the row in its list, to pass as `after` or `before`. Opaque."""
        return self.cursors.of(self.cursors.page.key(self.index))


Whole: TypeAlias = tuple[Listing[Any], UUID, tuple[Condition, ...]]
"""A list: whose, and what of it."""


@strawberry.type
class Connection(Generic[T]):
    """One page of a list: at most 100 rows, and 20 unless `first` or `last` says otherwise."""

    edges: list[Edge[T]]
    """Rows of the page, each with its cursor."""
    page_info: PageInfo
    """Cursors of the page's ends, and whether the list goes on beyond them."""
    whole: strawberry.Private[Whole | None] = None
    """Which list it is a page of; None of one without rows."""

    @strawberry.field
    def nodes(self) -> list[T]:
        """Rows of the page, without their cursors."""
        return [edge.node for edge in self.edges]

    @resolved(int | None, weight=COUNT_WEIGHT)
    def total_count(self, info: strawberry.Info) -> Any:
        """Number of rows of the whole list, exactly, as long as no more than 10,000 have to be looked at; null if it takes
        more. Its filters are part of it, `first` and cursors are not."""
        return 0 if self.whole is None else info.context.loaders.counts.get(self.whole)


PageKey: TypeAlias = tuple[Listing[Any], UUID, PageRequest, tuple[Condition, ...]]
"""A list, whose, which page of it, and what of it."""


class FromView(Generic[V]):
    """A field that is computed from the object's view when it is asked for: most requests ask for few of them."""

    __slots__ = ("_of",)

    def __init__(self, of: Callable[[V], Any]) -> None:
        self._of = of

    def __get__(self, shown: Any, _kind: type) -> Any:
        return self if shown is None else self._of(shown.view)


def from_view(**fields: Callable[[Any], Any]) -> Callable[[type[T]], type[T]]:
    """The type's fields come from its view, each by the function here; `of_view` makes its objects."""

    def note(shown: type[T]) -> type[T]:
        for name, of in fields.items():
            setattr(shown, name, FromView(of))
        return shown

    return note


def of_view(kind: type[T], view: Any) -> T:
    """Return an object that has its view alone."""
    made: Any = kind.__new__(kind)
    made.view = view
    return cast("T", made)


Show = Callable[[V, Reader], T]
"""A type's `of`: turns a view into the type."""
SHOWN: Final[dict[type, Show[Any, Any]]] = {}
"""By the class of a row, what shows it: filled by `shows`."""


def shows(row: type) -> Callable[[type[T]], type[T]]:
    """The type is what rows of this class are shown as, wherever a loader or a list reads them: by its `of`."""

    def note(shown: type[T]) -> type[T]:
        if row in SHOWN:
            raise InvariantViolated(f"{row.__name__} is shown as two types")
        SHOWN[row] = shown.of  # type: ignore[attr-defined]
        return shown

    return note


def connection(page: Page[V], whole: Whole, show: Callable[[V], T]) -> Connection[T]:
    cursors = Cursors(whole[0], page)
    return Connection(
        whole=whole,
        edges=[Edge(node=show(row), cursors=cursors, index=index) for index, row in enumerate(page.rows)],
        page_info=PageInfo(has_next_page=page.has_next, has_previous_page=page.has_previous, cursors=cursors),
    )
