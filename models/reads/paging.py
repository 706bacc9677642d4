"""Lists paged by key, in both directions, for one parent or for many in one statement.

A page is named by the key of the row it follows or precedes, never by an offset, so that it neither skips nor
repeats a row when others come in between. Every list runs from the oldest to the newest unless it says otherwise.
"""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from models.reads.session import ReadSession

V = TypeVar("V")

DEFAULT_PAGE: Final = 20
MAX_PAGE: Final = 100
MAX_CURSOR_CHARACTERS: Final = 512
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class BadPage(ValueError):
    """Arguments that name no page: the message says which, and what would."""


@dataclass(frozen=True, slots=True)
class KeyPart:
    """One column of a list's order, with how its value is written into a cursor and read out of it."""

    column: str
    dump: Callable[[Any], object]
    parse: Callable[[Any], object]


def time_key(column: str) -> KeyPart:
    """By an instant; microseconds since 1970 in the cursor."""
    return KeyPart(column, _microseconds, lambda value: _EPOCH + timedelta(microseconds=_integer(value)))


def id_key(column: str) -> KeyPart:
    return KeyPart(column, str, UUID)


def integer_key(column: str, *, bits: int = 64) -> KeyPart:
    """`bits`: the column's width. No other value can be compared with it."""

    def parse(value: object) -> int:
        number = _integer(value)
        if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
            raise ValueError("past what the column holds")
        return number

    return KeyPart(column, int, parse)


def text_key(column: str) -> KeyPart:
    return KeyPart(column, str, _text)


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _integer(value: object) -> int:
    if type(value) is not int or abs(value) >= 2**63:
        raise ValueError("not an integer")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError("not a text")
    value.encode()  # half a character, which JSON can write, is a ValueError here and nothing to the database
    return value


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition beyond the parent's, with `{0}` `{1}` … where its values go."""

    sql: str
    values: tuple[object, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Listing(Generic[V]):
    """One list that the API shows: what is selected from where, whose it is, and in which order.

    name: goes into its cursors, so that no other list takes them. table: with its alias, `t`; it has a tenant_id.
    parent: the column that equals the parent's id. through: where the parent's rows are found by way of its
    accounts, the accounts' condition (`a.…`, with `p.id` the parent), and then `parent` equals `a.id`.
    """

    name: str
    columns: str
    table: str
    parent: str
    keys: tuple[KeyPart, ...]
    view: Callable[[Any], V]
    through: str | None = None

    def cursor(self, key: tuple[object, ...]) -> str:
        """The opaque name of the place of one row."""
        parts = [self.name, *(part.dump(value) for part, value in zip(self.keys, key, strict=True))]
        return urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).rstrip(b"=").decode()

    def key(self, cursor: str) -> tuple[object, ...]:
        """The key in a cursor that this list gave out. Raises BadPage for any other text."""
        try:
            if len(cursor) > MAX_CURSOR_CHARACTERS:
                raise ValueError("too long")
            data = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
            name, *parts = json.loads(data)
            if name != self.name:
                raise ValueError("another list's")
            return tuple(part.parse(value) for part, value in zip(self.keys, parts, strict=True))
        except (ValueError, TypeError, OverflowError, AttributeError, RecursionError, binascii.Error):
            raise BadPage("This cursor is not one that this list gave out.") from None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page: `limit` rows from one end (backward: from the last), within what lies between two keys."""

    limit: int = DEFAULT_PAGE
    backward: bool = False
    after: tuple[object, ...] | None = None
    before: tuple[object, ...] | None = None


def page_request(
    listing: Listing[Any], first: int | None, after: str | None, last: int | None, before: str | None
) -> PageRequest:
    """The page that Relay's four arguments ask for. Raises BadPage, naming the bound that they break."""
    if first is not None and last is not None:
        raise BadPage("Give either first or last, not both.")
    for name, value in (("first", first), ("last", last)):
        if value is not None and not 0 <= value <= MAX_PAGE:
            raise BadPage(f"{name} must lie between 0 and {MAX_PAGE}, and is {value}.")
    size = first if first is not None else last
    return PageRequest(
        limit=DEFAULT_PAGE if size is None else size,
        backward=last is not None or (first is None and before is not None and after is None),
        after=None if after is None else listing.key(after),
        before=None if before is None else listing.key(before),
    )


@dataclass(frozen=True, slots=True)
class Page(Generic[V]):
    """Rows in the list's order, the key of each, and whether the list goes on at either end."""

    rows: tuple[V, ...]
    keys: tuple[tuple[object, ...], ...]
    has_next: bool
    has_previous: bool


async def load_pages(
    session: ReadSession,
    listing: Listing[V],
    parents: Iterable[UUID],
    request: PageRequest,
    conditions: tuple[Condition, ...] = (),
) -> dict[UUID, Page[V]]:
    """The same page of every parent's list, in one statement."""
    ids = list(dict.fromkeys(parents))
    sql, values = _statement(listing, request, conditions)
    found: dict[UUID, list[Any]] = {parent: [] for parent in ids}
    bounds: dict[UUID, tuple[bool, bool]] = {}
    for row in await session.fetch(sql, ids, *values):
        bounds[row["parent"]] = (row["goes_below"], row["goes_above"])
        if row["k0"] is not None:
            found[row["parent"]].append(row)
    return {parent: _page(listing, request, rows, *bounds[parent]) for parent, rows in found.items()}


def _page(listing: Listing[V], request: PageRequest, rows: list[Any], goes_below: bool, goes_above: bool) -> Page[V]:
    more = len(rows) > request.limit
    kept = rows[: request.limit]
    if request.backward:
        kept.reverse()
    width = range(len(listing.keys))
    return Page(
        rows=tuple(listing.view(row) for row in kept),
        keys=tuple(tuple(row[f"k{n}"] for n in width) for row in kept),
        has_next=goes_above if request.backward else more or goes_above,
        has_previous=more or goes_below if request.backward else goes_below,
    )


def _statement(
    listing: Listing[Any], request: PageRequest, conditions: tuple[Condition, ...]
) -> tuple[str, list[object]]:
    """$1 tenant, $2 parents, then what `conditions` and the page's keys bring along."""
    values: list[object] = []

    def place(value: object) -> str:
        values.append(value)
        return f"${len(values) + 2}"

    parent = "a.id" if listing.through else "p.id"
    where = [f"t.tenant_id = $1 and {listing.parent} = {parent}"]
    where += [f"({c.sql.format(*map(place, c.values))})" for c in conditions]
    row = ", ".join(part.column for part in listing.keys)
    after = None if request.after is None else ", ".join(map(place, request.after))
    before = None if request.before is None else ", ".join(map(place, request.before))
    below = _exists(listing, where, f"({row}) <= ({after})") if after else "false"
    above = _exists(listing, where, f"({row}) >= ({before})") if before else "false"
    where += [f"({row}) > ({after})"] if after else []
    where += [f"({row}) < ({before})"] if before else []
    direction = "desc" if request.backward else "asc"
    keys = range(len(listing.keys))
    order = ", ".join(f"k{n} {direction}" for n in keys)
    named = ", ".join(f"{part.column} as k{n}" for n, part in enumerate(listing.keys))
    limit = place(request.limit + 1)
    rows = (
        f"select {named}, {listing.columns} from {listing.table} where {' and '.join(where)}"
        f" order by {order} limit {limit}"
    )
    if listing.through:
        rows = (
            f"select r.* from accounts a cross join lateral ({rows}) r"
            f" where a.tenant_id = $1 and {listing.through} order by {order} limit {limit}"
        )
    sql = (
        f"select p.id as parent, p.goes_below, p.goes_above, x.*"
        f" from (select p.id, p.place, {below} as goes_below, {above} as goes_above"
        f" from unnest($2::uuid[]) with ordinality p(id, place)) p"
        f" left join lateral ({rows}) x on true order by p.place, {order}"
    )
    return sql, values


def _exists(listing: Listing[Any], where: list[str], beyond: str) -> str:
    accounts = f"accounts a cross join {listing.table}" if listing.through else listing.table
    within = f"a.tenant_id = $1 and {listing.through} and " if listing.through else ""
    return f"exists (select 1 from {accounts} where {within}{' and '.join(where)} and {beyond})"
