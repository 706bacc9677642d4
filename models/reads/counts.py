"""How many rows a list has, and whether those that were looked at for a page were enough.

Both look at a bounded number of rows in the list's order, whatever is asked of them (docs/adr/0066).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar
from uuid import UUID

from models.reads.paging import LOOKED_AT, Condition, Listing, Looked, Page, PageRequest, Placed, Unserved, range_of
from models.reads.session import ReadSession

V = TypeVar("V")

MOST_COUNTED: Final = 10_000
"""Rows of a list that are counted, or looked at for what is to be counted."""


async def looked_too_far(
    session: ReadSession,
    listing: Listing[V],
    pages: Mapping[UUID, Page[V]],
    request: PageRequest,
    conditions: tuple[Condition, ...],
) -> frozenset[UUID]:
    """The parents whose page was not filled by the rows looked at, although more follow."""
    short = [parent for parent, page in pages.items() if len(page.rows) < request.limit]
    if not short or not any(isinstance(condition, Looked) for condition in conditions):
        return frozenset()
    place = Placed()
    settled = session.settled if listing.settles else None
    part = range_of(listing, request, tuple(c for c in conditions if not isinstance(c, Looked)), settled, place)
    direction = "desc" if request.backward else "asc"
    order = listing.order(direction)
    one = (
        f"select true from {listing.table} where {' and '.join(part.between)} order by {order}"
        f" offset {place(LOOKED_AT)} limit 1"
    )
    if part.listing.through:
        one = f"select true from {part.listing.through.branches} cross join lateral ({one}) r limit 1"
    sql = f"select p.id from unnest($2::uuid[]) p(id) where (({one}) is true)"
    return frozenset(row["id"] for row in await session.fetch(sql, short, *place.values))


async def count_rows(
    session: ReadSession, listing: Listing[Any], parents: Iterable[UUID], conditions: tuple[Condition, ...]
) -> dict[UUID, int | None]:
    """How many rows each parent's list has; None if more than MOST_COUNTED would have to be looked at."""
    place = Placed()
    part = range_of(listing, PageRequest(), conditions, None, place, Unserved)
    most, listing = place(MOST_COUNTED + 1), part.listing
    order = listing.order("asc")
    kept = " and ".join(part.looked) or "true"
    rows = (
        f"select ({kept}) as kept from {listing.table} where {' and '.join(part.where)} order by {order} limit {most}"
    )
    if listing.through:
        rows = f"select r.kept from {listing.through.branches} cross join lateral ({rows}) r limit {most}"
    sql = (
        f"select p.id, n.rows, n.kept from unnest($2::uuid[]) p(id) cross join lateral ("
        f"select count(*)::int as rows, (count(*) filter (where r.kept))::int as kept from ({rows}) r) n"
    )
    found = await session.look_up(sql, parents, *place.values)
    return {row["id"]: row["kept"] if row["rows"] <= MOST_COUNTED else None for row in found}
