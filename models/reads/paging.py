"""Lists paged by key, in both directions, for one parent or for many in one statement.

A page is identified by the key of the row it follows or precedes, never by an offset, so that it neither skips nor
repeats a row if others are inserted in between. Every list runs from oldest to newest unless it says otherwise.

A posting is stamped before it is committed. So other rows may still appear between those stamped from the settled
instant on (models/session.py): a page after a cursor ends there, and the cursor of a row beyond it continues from
there. A first page shows all visible rows.
"""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from models.errors import InvariantViolated
from models.frozen import frozen
from models.milestones import begins_after, ends_before
from models.reads.columns import named_of_t, narrowed
from models.reads.keys import EPOCH, BadPage, KeyPart, instant_of, microseconds
from models.reads.session import ReadSession
from turns.slices import each_in_slices

V = TypeVar("V")

DEFAULT_PAGE: Final = 20
MAX_PAGE: Final = 100
MAX_CURSOR_CHARACTERS: Final = 4096
"""More than any list gives: its texts have at most 455 characters, of at most 6 bytes each as they stand in a cursor."""
LOOKED_AT: Final = 10_000
"""Rows of a list that are looked at for what no index leads to: about 20 ms."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition besides the parent's, with `{0}` `{1}` … as placeholders for its values. until: of rows stamped before
    this instant, which is to be settled before they are read."""

    sql: str
    values: tuple[object, ...] = ()
    until: datetime | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Unserved(Condition):
    """One that no index of the list leads to. It looks only at `t`."""


@dataclass(frozen=True, slots=True)
class Looked(Unserved):
    """One for which the rows are looked at in the list's order, LOOKED_AT at most for a page: if these do not fill it and
    more follow, the page is refused (`looked_too_far`). named: as which filter."""

    named: str = ""


@frozen
class Key:
    """A row's position: its values of the list's columns. place: the time it joined the list, if that is not the first
    of these (`Through`). recorded: when the row was recorded, in a list whose cursors say so."""

    values: tuple[object, ...]
    place: datetime | None = None
    recorded: datetime | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A decoded cursor. settled: for an unsettled row, the instant from which the next page continues."""

    key: Key
    settled: datetime | None = None


@dataclass(frozen=True, slots=True)
class Through:
    """A list whose rows are found through the parent's branches, such as its accounts: each gives a page of its own,
    from its index, and the page is merged from these.

    branches: a FROM clause, with `p.id` the parent and $1 the tenant. key: the value that the listing's `parent` then
    equals. values: for the placeholders `{0}` `{1}` … in the branches. joined: the time since which a branch has
    belonged to the parent, null for always. The rows that it brought are placed where it joined, behind all that were
    there, so that a client which has read further does not miss them.
    """

    branches: str
    key: str
    joined: str | None = None
    values: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Older:
    """Cursors in the list's earlier form: keys that end with the row's id. values: SQL for today's key, with `{0}` for
    that id and $1 for the tenant."""

    keys: tuple[KeyPart, ...]
    values: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Listing(Generic[V]):
    """One list that the API shows: its columns, table, parent and order.

    name: part of its cursors, so that no other list accepts them; in another order than the usual one it ends with `|`
    and the order's name. table: with its alias, `t`; it has a tenant_id.
    milestones: whether a branch is an account and its rows are entries: they are in the order of their sequence, the last
    of the keys, and found by it (models/milestones.py).
    parent: the column that equals the parent's id, or with `through` that of a branch. alone: a condition on all its
    rows. recorded: the column of the view that says when a row was recorded, if cursors say so as well: then one of a row
    whose key another row has by now can be told (docs/adr/0072). beside: more columns of a row, for who names them.
    """

    name: str
    columns: str
    table: str
    parent: str
    keys: tuple[KeyPart, ...]
    view: Callable[[Any], V]
    through: Through | None = None
    alone: str | None = None
    older: Older | None = None
    recorded: str | None = None
    beside: str = ""
    milestones: bool = False

    @property
    def branch(self) -> str:
        """SQL for what `parent` equals."""
        return self.through.key if self.through else "p.id"

    def order(self, direction: str) -> str:
        """The ORDER BY list for the rows of one parent or branch."""
        keys = self.keys[-1:] if self.milestones else self.keys
        return ", ".join(f"{part.column} {direction}" for part in keys)

    @property
    def settles(self) -> bool:
        """Whether rows of postings in flight may appear before rows already seen."""
        return self.keys[0].settles

    def cursor(self, key: Key, settled: datetime | None = None) -> str:
        """The cursor of one row: its position, opaque to clients. settled: None if all rows count as settled."""
        parts = [self.name, *(part.dump(value) for part, value in zip(self.keys, key.values, strict=True))]
        beyond = settled if self.settles and settled is not None and _place(key) >= settled else None
        if key.place is not None or beyond is not None:
            parts.append([None if at is None else microseconds(at) for at in (key.place, beyond)])
        if key.recorded is not None:
            parts.append(microseconds(key.recorded))
        written = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
        return urlsafe_b64encode(written.encode()).rstrip(b"=").decode()

    def mark(self, cursor: str) -> Mark:
        """Decode a cursor issued by this list. Raises BadPage for any other text."""
        try:
            if len(cursor) > MAX_CURSOR_CHARACTERS:
                raise ValueError("too long")
            data = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
            name, *parts = json.loads(data)
            other_order = name != self.name and name.partition("|")[0] == self.name.partition("|")[0]
            if name != self.name and not other_order:
                raise ValueError("another list's")
            if not other_order:
                return self._mark(parts)
        except (ValueError, TypeError, OverflowError, AttributeError, RecursionError, binascii.Error):
            raise BadPage("This cursor does not belong to this list. Use one from its own pages.") from None
        raise BadPage("This cursor is of another order (sortBy). Use one from pages in the same order.")

    def _mark(self, parts: list[Any]) -> Mark:
        if self.older is not None and len(parts) == len(self.older.keys) and not isinstance(parts[-1], list):
            old = tuple(part.parse(value) for part, value in zip(self.older.keys, parts, strict=True))
            return Mark(Key(tuple(Condition(sql, old[-1:]) for sql in self.older.values)))
        place = settled = recorded = None
        if self.recorded is not None and len(parts) == len(self.keys) + 1:
            recorded = instant_of(parts.pop())
        if self.settles and len(parts) == len(self.keys) + 1:
            place, settled = (None if at is None else instant_of(at) for at in parts.pop())
        values = tuple(part.parse(value) for part, value in zip(self.keys, parts, strict=True))
        return Mark(Key(values, place if self.through and self.through.joined else None, recorded), settled)


def _place(key: Key) -> datetime:
    """The position of a row of a list that settles; that of an older cursor has long settled."""
    found: Any = key.values[0] if key.place is None else key.place
    return EPOCH if isinstance(found, Condition) else found


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page: `limit` rows from one end (backward: from the last), between two marks. reverse: its rows are to be shown
    last first; all else is said of the list as it runs."""

    limit: int = DEFAULT_PAGE
    backward: bool = False
    after: Mark | None = None
    before: Mark | None = None
    reverse: bool = False


def page_request(
    listing: Listing[Any],
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    reverse: bool | None = False,
) -> PageRequest:
    """The page requested by Relay's four arguments, of the list or, reversed, of the list from its end. Raises BadPage,
    naming the bound that they break."""
    if first is not None and last is not None:
        raise BadPage("Give either first or last, not both.", "last")
    for name, value in (("first", first), ("last", last)):
        if value is not None and not 0 <= value <= MAX_PAGE:
            raise BadPage(f"{name} must lie between 0 and {MAX_PAGE}, and is {value}.", name)
    size = first if first is not None else last
    from_its_end = last is not None or (first is None and before is not None and after is None)
    if reverse:
        after, before = before, after
    return PageRequest(
        limit=DEFAULT_PAGE if size is None else size,
        backward=from_its_end is not bool(reverse),
        after=None if after is None else _mark(listing, after, "before" if reverse else "after"),
        before=None if before is None else _mark(listing, before, "after" if reverse else "before"),
        reverse=bool(reverse),
    )


def _mark(listing: Listing[Any], cursor: str, argument: str) -> Mark:
    try:
        return listing.mark(cursor)
    except BadPage as error:
        error.field = argument
        raise


@frozen
class Page(Generic[V]):
    """Rows in the order asked for, and whether the list continues at either end.

    key: that of a row by its index: made when it is asked for, since few requests want cursors.
    settled: of the reads that it came from. asked: whether they queried it; if not, the page has no cursors.
    """

    rows: tuple[V, ...]
    key: Callable[[int], Key]
    has_next: bool
    has_previous: bool
    settled: datetime | None = None
    asked: bool = True


async def load_pages(
    session: ReadSession,
    listing: Listing[V],
    parents: Iterable[UUID],
    request: PageRequest,
    conditions: tuple[Condition, ...] = (),
    *,
    as_read: bool = False,
    names: frozenset[str] | None = None,
) -> dict[UUID, Page[V]]:
    """The same page of every parent's list, in one statement. as_read: with the database's rows, and not their views; names:
    of the only columns to read then, also of those that a view does not have (`Listing.beside`)."""
    ids = list(dict.fromkeys(parents))
    if names is not None:
        listing = narrowed(listing, names)
    if listing.settles:
        await session.open()
    settled = session.settled if listing.settles else None
    asked = settled is not None or not (listing.settles and session.settling)
    if request.after is not None and not asked:
        raise InvariantViolated(f"{listing.name} is followed, and nobody asked how far it is settled")
    from_end = not conditions and request.after is None and request.before is None
    if from_end and not (listing.through and listing.through.values):
        values: list[object] = [request.limit + 1]
        sql = _from_end(listing, request.backward)
    else:
        sql, values = page_statement(listing, request, conditions, settled)
    rows = await session.look_up(sql, ids, *values, by=("parent",))
    found: dict[UUID, list[Any]] = {parent: [] if len(ids) > 1 else rows for parent in ids}
    if len(ids) > 1:
        for row in rows:
            found[row["parent"]].append(row)
    pages = await each_in_slices(partial(_page, listing, request, settled, asked, as_read), found.values())
    return dict(zip(found, pages, strict=True))


@lru_cache(maxsize=256)
def _from_end(listing: Listing[Any], backward: bool) -> str:
    return page_statement(listing, PageRequest(backward=backward), (), None)[0]


def _page(
    listing: Listing[V], request: PageRequest, settled: datetime | None, asked: bool, as_read: bool, found: list[Any]
) -> Page[V]:
    """found: the rows of one parent, at least one; for a page without rows only its bounds."""
    goes_below, goes_above = found[0]["goes_below"], found[0]["goes_above"]
    rows = [] if found[0]["k0"] is None else found
    more = len(rows) > request.limit
    kept = rows[: request.limit]
    if request.backward is not request.reverse:
        kept.reverse()
    ends = (more or goes_below, goes_above) if request.backward else (goes_below, more or goes_above)
    has_previous, has_next = reversed(ends) if request.reverse else ends
    return Page(
        rows=tuple(kept if as_read else map(listing.view, kept)),
        key=lambda index: _key(listing, kept[index]),
        has_next=has_next,
        has_previous=has_previous,
        settled=settled,
        asked=asked,
    )


def _key(listing: Listing[Any], row: Any) -> Key:
    values = tuple(row[f"k{n}"] for n in range(len(listing.keys)))
    place = row["place"] if listing.through is not None and listing.through.joined else None
    recorded = None if listing.recorded is None else row[listing.recorded]
    return Key(values, None if place == values[0] else place, recorded)


class Placed:
    """The values of a statement being built: $1 is the tenant, $2 the parents, then those placed here."""

    def __init__(self) -> None:
        self.values: list[object] = []

    def __call__(self, value: object, kind: str = "") -> str:
        if isinstance(value, Condition):  # of an older cursor: computed by the database
            return f"({value.sql.format(*map(self, value.values))})"
        self.values.append(value)
        return f"${len(self.values) + 2}" + (f"::{kind}" if kind else "")


@dataclass(frozen=True, slots=True)
class Range:
    """The part of a list that a statement is about. where: what an index leads to; looked: the rest. start and end: SQL for
    the bounds, exclusive. ends_settled: whether the end is the settled instant, and no row's place."""

    listing: Listing[Any]
    where: tuple[str, ...]
    looked: tuple[str, ...]
    start: tuple[str, ...] | None
    end: tuple[str, ...] | None
    ends_settled: bool

    @property
    def between(self) -> tuple[str, ...]:
        after = self.beyond(">", self.start) if self.start else ()
        before = self.beyond("<", self.end) if self.end else ()
        return (*self.where, *after, *before)

    @property
    def row(self) -> str:
        return ", ".join(part.column for part in self.listing.keys)

    def beyond(self, sign: str, bound: tuple[str, ...]) -> tuple[str, ...]:
        """The rows on one side of a bound, as an index leads to them."""
        row = f"({self.row}) {sign} ({', '.join(bound)})"
        if not self.listing.milestones:
            return (row,)
        instant, account, sequence = bound
        branch = self.listing.branch
        if sign.startswith(
            ">"
        ):  # never by the cursor's own sequence: after a restore, later entries may have lower ones
            return row, f"t.sequence >= {begins_after(branch, instant)}"
        own = f"case when {account} = {branch} and {instant} > '-infinity' then {sequence} else"
        return row, f"t.sequence <= {own} {ends_before(branch, instant, included=True)} end"

    def rows(self, where: Iterable[str], direction: str, limit: str) -> tuple[str, str]:
        """The table to select from, and the condition: all rows, or those that have what is looked for among so many."""
        if not self.looked:
            return self.listing.table, " and ".join(where)
        order = self.listing.order(direction)
        looked = " and ".join(self.looked)
        columns = named_of_t(f"{self.row} {self.listing.columns} {looked}")
        some = f"select {columns} from {self.listing.table} where {' and '.join(where)} order by {order} limit {limit}"
        return f"({some}) t", looked


def ends_settled(request: PageRequest, settled: datetime | None) -> bool:
    """Whether the page follows a cursor and so ends at the settled instant, since no row before that bounds it."""
    if request.after is None or settled is None:
        return False
    return request.before is None or _place(request.before.key) >= settled


def range_of(
    listing: Listing[Any],
    request: PageRequest,
    conditions: tuple[Condition, ...],
    settled: datetime | None,
    place: Placed,
    looks_for: type[Unserved] = Looked,
) -> Range:
    through, settled = listing.through, settled if listing.settles else None
    if through is not None and through.values:
        through = replace(through, branches=through.branches.format(*map(place, through.values)), values=())
        listing = replace(listing, through=through)
    where = [f"t.tenant_id = $1 and {listing.parent} = {listing.branch}"]
    where += [listing.alone] if listing.alone else []
    looked: list[str] = []
    for condition in conditions:
        into = looked if isinstance(condition, looks_for) else where
        into.append(f"({condition.sql.format(*map(place, condition.values))})")
    after, before = request.after, request.before
    settles_first = ends_settled(request, settled)
    start = None if after is None else _bound(listing, after.settled or after.key, place)
    end = _bound(listing, settled, place) if settled and settles_first else None
    if before is not None and end is None:
        end = _bound(listing, before.key, place)
    return Range(listing, tuple(where), tuple(looked), start, end, settles_first)


def page_statement(
    listing: Listing[Any], request: PageRequest, conditions: tuple[Condition, ...], settled: datetime | None
) -> tuple[str, list[object]]:
    """The statement, and its values from $3 on: $1 is the tenant, $2 the parents."""
    place = Placed()
    part = range_of(listing, request, conditions, settled, place)
    listing, through = part.listing, part.listing.through
    looked_at = place(LOOKED_AT) if part.looked else ""
    below = _exists(part, part.beyond("<=", part.start), "desc", looked_at) if part.start else "false"
    goes_on = part.end is not None and not part.ends_settled
    above = _exists(part, part.beyond(">=", part.end), "asc", looked_at) if part.end and goes_on else "false"
    direction = "desc" if request.backward else "asc"
    order = ", ".join(f"k{n} {direction}" for n in range(len(listing.keys)))
    columns = ", ".join(f"{key.column} as k{n}" for n, key in enumerate(listing.keys))
    limit = place(request.limit + 1)
    source, where = part.rows(part.between, direction, looked_at)
    rows = f"select {columns}, {listing.columns} from {source} where {where}"
    rows += f" order by {listing.order(direction)} limit {limit}"
    if through:
        if through.joined:
            order = f"place {direction}, {order}"
        joined = f", greatest({through.joined}, r.k0) as place" if through.joined else ""
        rows = (
            f"select r.*{joined} from {through.branches} cross join lateral ({rows}) r order by {order} limit {limit}"
        )
    sql = (
        f"select p.id as parent, p.goes_below, p.goes_above, x.*"
        f" from (select p.id, p.nth, {below} as goes_below, {above} as goes_above"
        f" from unnest($2::uuid[]) with ordinality p(id, nth)) p"
        f" left join lateral ({rows}) x on true order by p.nth, {order}"
    )
    return sql, place.values


def _bound(listing: Listing[Any], at: Key | datetime, place: Placed) -> tuple[str, ...]:
    """SQL for the key columns' values at a key, or just before all rows recorded from an instant on: lower values come
    before it, higher ones after it.

    In a branch that joined at m, a row's position is the later of m and its own time. So after a position P, with the
    own time T (of a row that was brought along: T < P), come all its rows if m > P; if m = P, those after T; and if
    m < P, those after P.
    """
    joined = listing.through.joined if listing.through else None
    if isinstance(at, datetime):
        instant, rest = place(at, "timestamptz"), (part.least for part in listing.keys[1:])
        first = instant if joined is None else f"case when {joined} >= {instant} then '-infinity' else {instant} end"
        return (first, *rest)
    own, *others = (place(value, part.type) for value, part in zip(at.values, listing.keys, strict=True))
    if joined is None:
        return (own, *others)
    there = own if at.place is None else place(at.place, "timestamptz")
    first = f"case when {joined} > {there} then '-infinity' when {joined} = {there} then {own} else {there} end"
    if at.place is not None:
        others = [
            f"case when {joined} = {there} then {value} else {part.least} end"
            for value, part in zip(others, listing.keys[1:], strict=True)
        ]
    return (first, *others)


def _exists(part: Range, beyond: tuple[str, ...], nearest: str, looked_at: str) -> str:
    # In the list's order, so that its index is used; EXISTS would not keep the order. If rows are looked at, those next to
    # the bound.
    listing = part.listing
    source, where = part.rows((*part.where, *beyond), nearest, looked_at)
    direction = nearest if part.looked else "asc"
    order = listing.order(direction)
    one = f"select true from {source} where {where} order by {order} limit 1"
    if listing.through:  # one after the other, each from its index
        one = f"select true from {listing.through.branches} cross join lateral ({one}) r limit 1"
    return f"(({one}) is true)"
