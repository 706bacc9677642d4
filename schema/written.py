"""Nodes and lists written as JSON straight from their rows, where all that a document selects of them is plain.

Most of what a list costs is objects: a view for each row, a type's object, its fields one by one. The fields that `plain`
names are written from columns instead, in the notation of schema/scalars.py; a document that selects any other takes the
usual way. A test compares both ways, field by field.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any, Final, TypeAlias, TypeVar
from uuid import UUID

from auth.roles import Permission
from gateway.compiled.source import Source
from gateway.compiled.written import WRITES, WRITES_LIST, Selected, writer_of
from models.reads.paging import Listing, Page
from schema.cells import NULL, Cell, Column
from schema.types.base import Connection, Cursors
from turns.slices import each_in_slices, turn_after

T = TypeVar("T")
TYPENAME: Final = "__typename"
MANY: Final = 100
"""Customers whose accounts are written in one go."""
Texts: TypeAlias = Mapping[Any, str]
"""JSON by key."""
Write: TypeAlias = Callable[[Iterable[Any], datetime, Callable[[Any], Any], Sequence[Texts]], list[str]]
"""Given rows, the request's instant, what makes a row's view, and the JSON of each part below, returns each row's JSON."""


@dataclass(frozen=True, slots=True)
class Below:
    """A field whose value has rows of its own, which are read together for all of a page.

    key: the column that leads to them. read: given a request's loaders, the keys and what writes the rows, returns the JSON
    by key. right: what reading them takes.
    """

    key: str
    read: "Callable[[Any, Sequence[UUID], RowWriter], Awaitable[Texts]]"
    right: Permission | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """A field whose value stands in the same row: an object of these fields. unless: the column that is null where there is
    none."""

    fields: Mapping[str, Cell]
    unless: Column | None = None


Plain: TypeAlias = Cell | Below | Beside
PLAIN: Final[dict[type, Mapping[str, Plain]]] = {}
"""By type, the fields of it that can be written from a row: filled by `plain`."""


def plain(**fields: Plain) -> Callable[[type[T]], type[T]]:
    """These fields of the type, by their names in Python, can be written from a row."""

    def note(kind: type[T]) -> type[T]:
        PLAIN[kind] = fields
        setattr(kind, WRITES_LIST, staticmethod(row_writer))
        return kind

    return note


@dataclass(frozen=True, eq=False, slots=True)
class RowWriter:
    """Writes what is selected of nodes of a type. below: the parts that are read for it first, each with what writes their
    rows. rights: what reading all of that takes. columns: the names of those that it takes; None for all."""

    write: Write
    below: "tuple[tuple[Below, RowWriter], ...]"
    rights: frozenset[Permission]
    columns: frozenset[Any] | None

    async def read_below(self, loaders: Any, rows: Sequence[Any]) -> list[Texts]:
        """Read the parts below these rows."""
        return [
            await part.read(loaders, list(dict.fromkeys([row[part.key] for row in rows])), writer) if rows else {}
            for part, writer in self.below
        ]


def row_writer(selected: Selected) -> RowWriter | None:
    """Return what writes a node of which this is selected; None if it is not all plain."""
    fields = PLAIN.get(selected.kind)
    return None if fields is None else _Rows().writer(selected, fields)


class _Rows:
    """Makes a RowWriter: a function whose text is put together field by field."""

    def __init__(self) -> None:
        self._source = Source({})
        self._below: list[tuple[Below, RowWriter]] = []
        self._columns: set[Column] | None = set()

    def writer(self, selected: Selected, fields: Mapping[str, Plain]) -> RowWriter | None:
        written = self._object(selected, fields)
        if written is None:
            return None
        name = self._source.define("write", "rows, now, view, below", [f'return [f"""{written}""" for row in rows]'])
        rights = {part.right for part, _ in self._below if part.right is not None}
        rights.update(*(writer.rights for _, writer in self._below))
        columns = None if self._columns is None else frozenset(self._columns)
        return RowWriter(self._source.build(selected.name)[name], tuple(self._below), frozenset(rights), columns)

    def _object(self, selected: Selected, fields: Mapping[str, Plain]) -> str | None:
        pieces = []
        for key, name, inner in selected.fields:
            found = Cell(repr(selected.name), (), quoted=True) if name == TYPENAME else fields.get(name)
            piece = self._piece(found, inner)
            if piece is None:
                return None
            pieces.append(f'"{key}":{piece}')
        return f"{{{{{','.join(pieces)}}}}}"

    def _piece(self, found: Plain | None, inner: Selected | None) -> str | None:
        if isinstance(found, Cell):
            return self._cell(found)
        if found is None or inner is None:
            return None
        if isinstance(found, Beside):
            written = self._object(inner, found.fields)
            return written if written is None or found.unless is None else self._unless(found.unless, written)
        writer = row_writer(inner)
        if writer is None:
            return None
        self._below.append((found, writer))
        return self._cell(Cell(f"below[{len(self._below) - 1}][row[{found.key!r}]]", (found.key,)))

    def _unless(self, column: Column, written: str) -> str:
        """The object, or null where this column is: a function of its own."""
        name = self._source.define("part", "row, now, view, below", [f'return f"""{written}"""'])
        return self._cell(Cell(f"{NULL!r} if row[{column!r}] is None else {name}(row, now, view, below)", (column,)))

    def _cell(self, cell: Cell) -> str:
        if cell.columns is None:
            self._columns = None
        elif self._columns is not None:
            self._columns.update(cell.columns)
        value = f"{{{cell.named(self._source.name('u', cell.uses))}}}"
        return f'"{value}"' if cell.quoted else value


def permitted_writer(info: Any) -> Any:
    """Return what writes the field that is resolved, if something does and who asks may read all of it: else the usual way
    says what may not be read."""
    writer = writer_of(info)
    return writer if writer is not None and all(map(info.context.may, writer.rights)) else None


@dataclass(frozen=True, slots=True)
class _Written:
    """A page whose nodes are written. node: the JSON of each."""

    page: Page[Any]
    cursors: Cursors
    nodes: Sequence[str]


_Piece: TypeAlias = Callable[[_Written], str]
"""Returns the JSON of a field of a page."""


@dataclass(frozen=True, eq=False, slots=True)
class PageWriter:
    """Writes what is selected of a page of a list. node: what writes its nodes; None if none is selected."""

    template: str
    pieces: tuple[_Piece, ...]
    node: RowWriter | None

    @property
    def rights(self) -> frozenset[Permission]:
        return frozenset() if self.node is None else self.node.rights

    async def __call__(self, loaders: Any, listing: Listing[Any], pages: Sequence[Page[Any]]) -> list[str]:
        """Return the JSON of each page, whose rows are as they were read. Raises Unwritable."""
        node = self.node
        below = [] if node is None else await node.read_below(loaders, [row for page in pages for row in page.rows])

        def written(page: Page[Any]) -> str:
            nodes = [] if node is None else node.write(page.rows, loaders.now, listing.view, below)
            whole = _Written(page, Cursors(listing, page), nodes)
            return self.template % tuple([piece(whole) for piece in self.pieces])

        return await each_in_slices(written, pages)


def page_writer(selected: Selected) -> PageWriter | None:
    """Return what writes a page of a list of which this is selected; None if it is not all plain."""
    inner = [_node_of(name, each) for _, name, each in selected.fields]
    chosen = [each for each in inner if each is not None]
    node = row_writer(chosen[0]) if chosen else None
    if len(chosen) > 1 or (chosen and node is None):
        return None
    pieces = []
    for _, name, each in selected.fields:
        piece = _piece(name, each, selected.name)
        if piece is None:
            return None
        pieces.append(piece)
    return PageWriter(_template(key for key, _, _ in selected.fields), tuple(pieces), node)


def _template(keys: Iterable[str]) -> str:
    """An object with these keys, and places for their values."""
    return "{" + ",".join(f'"{key}":%s' for key in keys) + "}"


def _node_of(name: str, selected: Selected | None) -> Selected | None:
    """Return the part of a page's field that is selected of its nodes."""
    if selected is None or name == "nodes":
        return selected
    return next((each for _, inner, each in selected.fields if inner == "node"), None)


def _piece(name: str, selected: Selected | None, type_name: str) -> _Piece | None:
    if name == TYPENAME:
        return lambda _: f'"{type_name}"'
    if selected is None:
        return None
    if name == "nodes":
        return lambda written: f"[{','.join(written.nodes)}]"
    if name == "edges":
        return _edges(selected)
    return _page_info(selected) if name == "page_info" else None


def _edges(selected: Selected) -> _Piece | None:
    names = [name for _, name, _ in selected.fields]
    if names.count("node") > 1 or set(names) - {"node", "cursor", TYPENAME}:
        return None
    if names == ["node"]:
        start, between = f'{{"{selected.fields[0][0]}":', f'}},{{"{selected.fields[0][0]}":'
        return lambda written: f"[{start}{between.join(written.nodes)}}}]" if written.nodes else "[]"
    template = _template(key for key, _, _ in selected.fields)

    cells: Mapping[str, Callable[[_Written, int], str]] = {
        "node": lambda written, index: written.nodes[index],
        "cursor": lambda written, index: f'"{written.cursors.of(written.page.key(index))}"',
        TYPENAME: lambda _, __: f'"{selected.name}"',
    }
    chosen = [cells[name] for name in names]

    def edge(written: _Written, index: int) -> str:
        return template % tuple([cell(written, index) for cell in chosen])

    return lambda written: f"[{','.join([edge(written, index) for index in range(len(written.page.rows))])}]"


def _page_info(selected: Selected) -> _Piece | None:
    known: Mapping[str, _Piece] = {
        "has_next_page": lambda written: _flag(written.page.has_next),
        "has_previous_page": lambda written: _flag(written.page.has_previous),
        "start_cursor": lambda written: _cursor(written, 0),
        "end_cursor": lambda written: _cursor(written, -1),
        TYPENAME: lambda _: f'"{selected.name}"',
    }
    if any(name not in known for _, name, _ in selected.fields):
        return None
    template = _template(key for key, _, _ in selected.fields)
    pieces = [known[name] for _, name, _ in selected.fields]
    return lambda written: template % tuple([piece(written) for piece in pieces])


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _cursor(written: _Written, index: int) -> str:
    cursor = written.cursors.at(index)
    return NULL if cursor is None else f'"{cursor}"'


async def written_accounts(loaders: Any, ids: Sequence[UUID], writer: RowWriter) -> Texts:
    """By customer, the list of their accounts."""
    rows_of = await loaders.account_rows(ids)
    found: dict[UUID, str] = {}
    for start in range(0, len(ids), MANY):
        rows = {customer_id: rows_of[customer_id] for customer_id in ids[start : start + MANY]}
        texts = iter(writer.write(chain.from_iterable(rows.values()), loaders.now, _itself, ()))
        found.update((customer_id, f"[{','.join(islice(texts, len(each)))}]") for customer_id, each in rows.items())
        await turn_after(len(found))
    return found


def _itself(row: Any) -> Any:
    return row


setattr(Connection, WRITES, staticmethod(page_writer))
