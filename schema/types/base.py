"""What all types share: the node interface, connections, and how a value becomes one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, Protocol, TypeVar, cast

import strawberry

from gateway.query_limits import WEIGHT
from models.errors import InvariantViolated
from models.reads.paging import Key, Listing, Page

T = TypeVar("T")
V = TypeVar("V")

F = TypeVar("F", bound=Callable[..., Any])


def resolved(graphql_type: Any, description: str | None = None, weight: int = 1) -> Callable[[F], F]:
    """A field that a method answers for, with a value or with what will be one. weight: what it costs by itself."""
    metadata = {WEIGHT: weight} if weight > 1 else None
    field = strawberry.field(graphql_type=graphql_type, description=description, metadata=metadata)
    return cast("Callable[[F], F]", field)


FEW: Final = 100
"""So many rows of a list without pages are answered between two rounds of the event loop."""


def in_turns(rows: Sequence[V], show: Callable[[V], T]) -> list[T]:
    """The rows as a list shows them, which graphql-core completes in one go; or, where they are many, as something that
    it completes as well, and lets others have a turn in between: 10,000 bad rows of a bulk would take 200 ms."""
    return [show(row) for row in rows] if len(rows) <= FEW else cast("list[T]", _InTurns(rows, show))


class _InTurns(Generic[V, T]):
    """Made again for each field that asks."""

    def __init__(self, rows: Sequence[V], show: Callable[[V], T]) -> None:
        self._rows = rows
        self._show = show

    async def __aiter__(self) -> AsyncIterator[T]:
        for number, row in enumerate(self._rows):
            if number % FEW == 0:
                await asyncio.sleep(0)
            yield self._show(row)


class Reader(Protocol):
    """What a type needs to know of the request to show a row."""

    now: datetime
    for_customer: bool


@strawberry.interface(description="Anything with an id of its own; node(id:) finds it.")
class Node:
    id: strawberry.ID


@dataclass(frozen=True, slots=True)
class Cursors:
    """Of one page's rows; written when they are asked for."""

    listing: Listing[Any]
    page: Page[Any]

    def of(self, key: Key) -> str:
        if not self.page.asked:
            raise InvariantViolated(f"a cursor of {self.listing.name}, and nobody asked how far it is settled")
        return self.listing.cursor(key, self.page.settled)

    def at(self, index: int) -> str | None:
        """That of the first row (0) or the last (-1); None where there is none."""
        return self.of(self.page.keys[index]) if self.page.keys else None


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    cursors: strawberry.Private[Cursors | None] = None

    @strawberry.field
    def start_cursor(self) -> str | None:
        return None if self.cursors is None else self.cursors.at(0)

    @strawberry.field
    def end_cursor(self) -> str | None:
        return None if self.cursors is None else self.cursors.at(-1)


@strawberry.type
class Edge(Generic[T]):
    node: T
    cursors: strawberry.Private[Cursors]
    key: strawberry.Private[Key]

    @strawberry.field
    def cursor(self) -> str:
        return self.cursors.of(self.key)


@strawberry.type
class Connection(Generic[T]):
    edges: list[Edge[T]]
    page_info: PageInfo


Show = Callable[[V, Reader], T]
"""A type's `of`: how a view becomes a value of it."""


def connection(page: Page[V], listing: Listing[V], show: Callable[[V], T]) -> Connection[T]:
    cursors = Cursors(listing, page)
    return Connection(
        edges=[Edge(node=show(row), cursors=cursors, key=key) for row, key in zip(page.rows, page.keys, strict=True)],
        page_info=PageInfo(has_next_page=page.has_next, has_previous_page=page.has_previous, cursors=cursors),
    )
