"""The audit trail by one actor, kind, reason or amount: only parts that have any are searched (docs/adr/0041).

Every few hundred transactions, their actors, kinds and reasons are noted (models/totals.py). A page filtered by one of
these takes as many parts, in its direction, as have enough records; rows since the last note are a further part. Amounts
are noted with their instants (models/amounts.py): a page takes these alone, or where many have the amount, all of a run.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from models.amounts import BEFORE, FROM, LEVELS
from models.errors import InvariantViolated
from models.lookups import each
from models.reads.paging import Condition, Listing, Mark, PageRequest, Through, ends_settled
from models.reads.references import Reference, transactions_of
from models.reads.session import ReadSession
from models.totals import BEGINNING, END

_ORDERED: Final = """
    select s.after, s.at, s.records from totals_seen s
     where s.tenant_id = $1 and s.what = $2 and s.value = v.value and s.at {0}"""
_PARTS: Final = f"""
    select m.after, m.at, sum(m.records)::bigint as records
      from unnest($3::text[]) v(value) cross join lateral (
           (select * from ({_ORDERED.format(">= $4")} order by s.at limit $5) a)
           union all
           (select * from ({_ORDERED.format("< $4")} order by s.at desc limit $6) b)) m
     group by m.after, m.at order by m.at"""
_REFERENCED: Final = """
    select x.referenced_at as at from transaction_texts x where x.tenant_id = $1 and x.reference = $2"""
_REFERENCED_FROM: Final = f"{_REFERENCED} and x.referenced_at >= $3 order by x.referenced_at, x.id limit $4"
_REFERENCED_BEFORE: Final = f"{_REFERENCED} and x.referenced_at < $3 order by x.referenced_at desc, x.id desc limit $4"
_INSTANTS_OF: Final = f"""
    select x.referenced_at as at from {each("id uuid")} k join transaction_texts x on x.tenant_id = $1 and x.id = k.id"""
_NOTED: Final = "select at from totals where tenant_id = $1 order by at desc limit 1"
BESIDE: Final = 2
"""Parts on either side of a cursor that tell whether the list continues there: the one it lies in, and the next."""
FEW: Final = 200
"""Maximum parts searched to the end if there are other conditions too."""
FEW_AMOUNTS: Final = 1_000
"""Maximum instants with an amount looked up if there are other conditions too."""

Part = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Sought(Condition):
    """A condition that is noted of each part. what: ACTOR, KIND or REASON. among: a record has one of these values, and
    each that has one fulfils the condition."""

    what: str = ""
    among: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SoughtAmount(Condition):
    """A condition on a transaction's sum in one asset. values: the assets, and the least and the most of each in minor
    units."""


@dataclass(frozen=True, slots=True)
class SoughtReference(Condition):
    """A condition on a transaction's reference. Each transaction that has one is listed with its instant."""

    begins: bool = False

    @property
    def reference(self) -> Reference:
        return Reference(str(self.values[0]), self.begins)


@dataclass(frozen=True, slots=True)
class OfEvents(Condition):
    """A condition on a column of events that has an index by time."""


def of_events(column: str, value: str) -> OfEvents:
    """Events that have this value. `between` says nothing more, but to the planner that rows are few: a plan for any value
    would go through all by time where one value has nearly all of them."""
    return OfEvents(f"t.{column} = {{0}} and t.{column} between {{0}} and {{0}}", (value,))


_INSTANT: Final = timedelta(microseconds=1)
_BRANCHES: Final = "(select * from unnest({0}::timestamptz[], {1}::timestamptz[]) u(after, until)) b"


async def confined(
    session: ReadSession,
    listing: Listing[Any],
    request: PageRequest,
    conditions: Sequence[Condition],
    from_: datetime | None,
    to: datetime | None,
) -> Listing[Any]:
    """The listing, confined to parts in which all rows of the page lie, and one on either side of it if there is any.

    conditions: of all its rows; those of time are `from_` and `to`. If more is asked than one that is noted, only what few
    parts have is of use.
    """
    if listing.through is not None:  # one person's rows are few
        return listing
    for condition in conditions:
        if isinstance(condition, SoughtReference):
            return await _of_reference(session, listing, request, condition, len(conditions), from_, to)
    sought = [condition for condition in conditions if isinstance(condition, Sought | SoughtAmount)]
    if not sought:
        return listing
    alone = len(conditions) == 1 + (from_ is not None) + (to is not None)
    rows = await session.fetch(_NOTED)
    if not rows:
        return listing
    last: datetime = rows[0]["at"]
    parts = await (_page_parts(session, sought[0], request, from_, to) if alone else _all_parts(session, sought))
    if parts is None:
        return listing
    return _through(listing, {*parts, (last, END)})


async def _of_reference(
    session: ReadSession,
    listing: Listing[Any],
    request: PageRequest,
    sought: SoughtReference,
    number: int,
    from_: datetime | None,
    to: datetime | None,
) -> Listing[Any]:
    """The listing, confined to the instants of transactions with the reference: all if they are few, else those of the
    page if nothing else is asked. number: of all conditions. Raises TooManyFound for many that only begin alike."""
    found = await transactions_of(session, sought.reference)
    if found is not None:
        rows = await session.fetch(_INSTANTS_OF, list(found))
        parts = {(row["at"] - _INSTANT, row["at"]) for row in rows}
    elif number == 1 + (from_ is not None) + (to is not None):
        parts = await _page_parts(session, sought, request, from_, to)
    else:
        return listing
    return _through(listing, parts)


def found_alike(conditions: Sequence[Condition]) -> bool:
    """Whether all records are asked for, or those with one thing that is found in the same way whatever it is: transactions
    by what is noted, in a short range of the time, or events by an index. Of several, or of an actor's, which may be
    either, only the values say which leads to few records. conditions: but for those of time."""
    if not conditions:
        return True
    (one, *others) = conditions
    is_alike = isinstance(one, SoughtAmount | SoughtReference | OfEvents)
    return (is_alike or (isinstance(one, Sought) and one.what != "ACTOR")) and not others


def _through(listing: Listing[Any], parts: Iterable[Part]) -> Listing[Any]:
    ordered = sorted(parts)
    through = Through(_BRANCHES, "p.id", values=(tuple(p[0] for p in ordered), tuple(p[1] for p in ordered)))
    return replace(listing, through=through, alone="t.created_at > b.after and t.created_at <= b.until")


async def _page_parts(
    session: ReadSession,
    sought: Sought | SoughtAmount | SoughtReference,
    request: PageRequest,
    from_: datetime | None,
    to: datetime | None,
) -> set[Part]:
    if request.after is not None:  # as when the page is read
        await session.open()
    start = max(_start(request.after), from_ or BEGINNING)
    end = min(_end(request, session.settled), to or END)
    enough = request.limit + 1 + BESIDE
    beside = 0 if request.after is None and request.before is None else BESIDE
    parts: set[Part] = set()
    for at, ahead, behind in (
        (start, beside if request.backward else enough, beside),
        # Of noted parts, the one that an end lies in is ahead of it.
        (end, BESIDE if request.backward and end < END else beside, enough if request.backward else beside),
    ):
        if isinstance(sought, SoughtAmount):
            for sql, number in ((FROM, ahead), (BEFORE, behind)):
                parts |= await _instants(session, sql, sought, at, number) if number else set()
        elif isinstance(sought, SoughtReference):
            for sql, number in ((_REFERENCED_FROM, ahead), (_REFERENCED_BEFORE, behind)):
                rows = await session.fetch(sql, sought.reference.text, at, number) if number else []
                parts |= {(row["at"] - _INSTANT, row["at"]) for row in rows}
        elif ahead or behind:
            found = await session.fetch(_PARTS, sought.what, list(sought.among), at, ahead, behind)
            parts.update(_needed(found, at, request))
    return parts


async def _all_parts(session: ReadSession, sought: Sequence[Sought | SoughtAmount]) -> set[Part] | None:
    """All parts that have each of these, or all instants with an amount; None if there are too many to be worth it."""
    for amount in sought:
        if isinstance(amount, SoughtAmount):
            instants = await _instants(session, FROM, amount, BEGINNING, FEW_AMOUNTS + 1)
            if len(instants) <= FEW_AMOUNTS and all(until - after == _INSTANT for after, until in instants):
                return instants
    known = []
    for one in sought:
        if isinstance(one, Sought):
            found = await session.fetch(_PARTS, one.what, list(one.among), BEGINNING, FEW + 1, 0)
            if len(found) <= FEW:
                known.append({(row["after"], row["at"]) for row in found})
    return set.intersection(*known) if known else None


async def _instants(session: ReadSession, sql: str, sought: SoughtAmount, at: datetime, number: int) -> set[Part]:
    """So many, from `at` on or before it; of a run that has many, all of it."""
    assets, lows, highs = (list(each) for each in sought.values)  # type: ignore[call-overload]
    found = await session.fetch(sql, list(LEVELS), assets, lows, highs, at, number)
    return {(row["after"], row["until"]) for row in found}


def _start(after: Mark | None) -> datetime:
    """The instant from which the page continues, as in `range_of`: at the latest that of the cursor's row."""
    return BEGINNING if after is None else after.settled or _place(after)


def _end(request: PageRequest, settled: datetime | None) -> datetime:
    """The instant at which the page ends, as in `range_of`: that of the cursor's row, whatever was settled by then."""
    if settled is not None and ends_settled(request, settled):
        return settled
    return END if request.before is None else _place(request.before)


def _place(mark: Mark) -> datetime:
    found = mark.key.values[0]
    if not isinstance(found, datetime):
        raise InvariantViolated("a record's place in the audit trail is no instant")
    return found


def _needed(rows: Sequence[Any], at: datetime, request: PageRequest) -> Iterator[Part]:
    """On either side of `at`, the parts that it lies in or next to, and beyond these as many as hold the page."""
    ahead = [row for row in rows if row["at"] >= at]
    behind = [row for row in reversed(rows) if row["at"] < at]
    for side in (ahead, behind):
        enough = request.limit + 1
        for nth, row in enumerate(side):
            if nth >= BESIDE and enough <= 0:
                break
            yield row["after"], row["at"]
            if row["after"] >= at or row["at"] < at:  # all of it lies on this side
                enough -= row["records"]
