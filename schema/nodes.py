"""Types that are nodes. Each names the rows that it shows, how they are read by id, and who may read them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Protocol, TypeVar
from uuid import UUID

from auth.roles import Permission
from models.errors import InvariantViolated
from models.reads.session import ReadSession
from schema.types.base import Reader, shows
from turns.slices import each_in_slices

T = TypeVar("T")

Owner = Literal["id", "customer_id", "account_id", "invoice_id", "credit_id", "note_id"]
"""The field of a row that leads to its customer: the customer's own id, or that of something that has a customer."""
HOLDERS: Final[Mapping[Owner, str]] = {
    "account_id": "Account",
    "invoice_id": "Invoice",
    "credit_id": "Credit",
    "note_id": "CreditNote",
}
"""The types of things that have a customer, by the fields that lead to them."""


class NodeReader(Reader, Protocol):
    """The parts of a request's loaders that reading a node takes."""

    @property
    def reads(self) -> ReadSession: ...

    def show(self, view: Any) -> Any: ...


Read = Callable[[Any, list[UUID]], Awaitable[dict[UUID, Any]]]
"""Given a request's loaders and ids, returns the nodes by id. An id without a row is left out."""


@dataclass(frozen=True, slots=True)
class NodeKind:
    """A type that is a node.

    rights: one of them is needed to read it. owner: None for kinds that every reader may see, such as a reward; a kind
    whose rows belong to customers takes exactly one right. A type with a method `may_be_seen` narrows that further.
    part_of: the type, and the field of the row that leads to one of it, without which it may not be seen either. of: given
    a request's context, returns its only one, which any token may see.
    """

    type: type
    read: Read
    rights: tuple[Permission, ...]
    owner: Owner | None
    part_of: tuple[str, str] | None = None
    of: Callable[[Any], Any] | None = None

    @property
    def right(self) -> Permission:
        """The first of its rights; the only one if its rows belong to customers."""
        return self.rights[0]


NODES: Final[dict[str, NodeKind]] = {}
"""By the type's name: filled by `node`."""
NODE_OF: Final[dict[type, str]] = {}
"""By the class of a row, the name of the type that shows it."""


def node(
    row: type | None, read: Read, *rights: Permission, owner: Owner | None, part_of: tuple[str, str] | None = None
) -> Callable[[type[T]], type[T]]:
    """The type is a node that shows rows of this class, or is made of another's; `node(id:)` and the loaders find it."""

    def note(shown: type[T]) -> type[T]:
        if shown.__name__ in NODES or not rights or (owner is not None and len(rights) > 1):
            raise InvariantViolated(f"{shown.__name__} is a node already, or its rights do not fit")
        NODES[shown.__name__] = NodeKind(shown, read, rights, owner, part_of)
        if row is None:
            return shown
        NODE_OF[row] = shown.__name__
        return shows(row)(shown) if hasattr(shown, "of") else shown

    return note


def node_of_request(of: Callable[[Any], Any]) -> Callable[[type[T]], type[T]]:
    """The type is a node of which each request has one, without reading: its context makes it."""

    def note(shown: type[T]) -> type[T]:
        if shown.__name__ in NODES:
            raise InvariantViolated(f"{shown.__name__} is a node already")
        NODES[shown.__name__] = NodeKind(shown, _nothing, (), None, of=of)
        return shown

    return note


async def _nothing(_loaders: NodeReader, _ids: list[UUID]) -> dict[UUID, Any]:
    return {}


def by_ids(read: Callable[[ReadSession, Iterable[UUID]], Awaitable[list[Any]]]) -> Read:
    """Rows by their own ids."""

    async def rows(loaders: NodeReader, ids: list[UUID]) -> dict[UUID, Any]:
        return await _shown(loaders, await read(loaders.reads, ids))

    return rows


def by_ids_now(read: Callable[[ReadSession, Iterable[UUID], datetime], Awaitable[list[Any]]]) -> Read:
    """Rows by their own ids, as of the request's instant."""

    async def rows(loaders: NodeReader, ids: list[UUID]) -> dict[UUID, Any]:
        return await _shown(loaders, await read(loaders.reads, ids, loaders.now))

    return rows


async def _shown(loaders: NodeReader, views: list[Any]) -> dict[UUID, Any]:
    shown = await each_in_slices(loaders.show, views)
    return {view.id: each for view, each in zip(views, shown, strict=True)}
