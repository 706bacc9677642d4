"""The business's liability, by asset, now or at a past instant; and the trial balance that it agrees with.

From the tenant's totals before the instant and the transactions after them (docs/adr/0041). If there are too many, as
when totals were never kept, from all of its rows (added_up.py). What is held is owed, also of credits that have expired
since: it is no part of these, and looked up by itself (held.py).
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from models.milestones import last_entry
from models.reads import added_up, held
from models.reads.accounts import LONGEST_HOLD
from models.reads.session import ReadSession
from models.totals import ACCOUNTS, BASE, BETWEEN_QUARTERS, COUNTERS, CREDIT_OF, CREDITS, END, QUARTER_OF, since

FAR: Final = 10_000
"""With more transactions since the totals, all rows are added up instead, unless the totals have four times as many:
finding an entry by its keys takes several times as long as reading it in a scan."""
_LONGEST: Final = 17

# At $4, the remainders at $3. Of those that expire between the two quarters of an hour around $4, a part has expired. And
# by asset, with no kind, how many accounts have any balance.
_LEFT: Final = f"""
    with {{0}}
    select asset, kind, reason, to_char((expires_at - interval '1 microsecond') at time zone $5, 'YYYY-MM') as month,
           expires_at = {QUARTER_OF.format("$4")} + {BETWEEN_QUARTERS} and $4 > {QUARTER_OF.format("$4")} as partly,
           expires_at <= $4 as expired, sum(minor) as minor,
           coalesce(sum(minor) filter (where starts_at > $4), 0) as scheduled_minor
      from ({CREDITS}) d group by 1, 2, 3, 4, 5, 6
    union all
    select asset, null, null, null, null, null, owed, 0 from ({ACCOUNTS}) d"""
# By asset and counter; with no counter, the balances.
_BOOKS: Final = f"""
    with {{0}}
    select asset, counter, minor from ({COUNTERS}) d
    union all
    select asset, null, balance from ({ACCOUNTS}) d"""

# The remainders expired at $2 and not written off at $3: $2 itself, or now. As in accounts.py: but for revivals, an expiry
# is changed only before it passes, and only to after the change. The last are those of which something was held at $2, and
# that were used up since. `accounts`: the number of accounts that had nothing else.
_UNSWEPT: Final = f"""
    with found as materialized (
        select c.account_id, a.asset, t.kind, t.reason, f.expires_at > {QUARTER_OF.format("$2")}
                   and f.expires_at <> {QUARTER_OF.format("f.expires_at")} as partly, l.left_minor
          from (select id, expires_at from (select c.id, c.expires_at from credits c
                                 where c.tenant_id = $1 and c.open and c.expires_at <= $2
                                 order by c.expires_at offset 0) o
                union all
                select s.id, s.expires_at from generate_series(0, {_LONGEST}) wait cross join lateral (
                       select c.id, c.expires_at from credits c
                        where c.tenant_id = $1 and c.sweep_wait = wait and c.expires_at <= $2
                          and c.expires_at > $2 - make_interval(secs => 4.0::float8 ^ wait)
                          and c.swept_at > $3 and not c.open order by c.expires_at offset 0) s
                union all
                select v.id, v.expires_at from (
                       select r.credit_id as id, r.expired_at as expires_at from revivals r
                        where r.tenant_id = $1 and r.revived_at > $3 and r.expired_at <= $2
                        order by r.revived_at offset 0) v
                union all
                select h.credit_id, c.expires_at from (
                       select distinct m.credit_id from (
                              select id from holds where tenant_id = $1 and expires_at > $2
                                 and expires_at <= $2 + {LONGEST_HOLD} order by expires_at offset 0) o
                        cross join lateral (select credit_id from hold_lots where tenant_id = $1 and hold_id = o.id
                                               and created_at <= $2 offset 0) m) h
                 cross join lateral (select expires_at, swept_at, open from credits
                                      where tenant_id = $1 and id = h.credit_id offset 0) c
                 where c.expires_at <= $2 and not c.open and (c.swept_at is null or c.swept_at <= $3)) f
          cross join lateral (
               select sum(e.amount_minor) as left_minor from entries e
                cross join lateral (select created_at from transactions where tenant_id = $1 and id = e.transaction_id
                                    offset 0) x
                where e.tenant_id = $1 and e.credit_id = f.id and x.created_at <= $3) l
          {CREDIT_OF.format("f.id")}
         where l.left_minor > 0)
    select asset, kind, reason, partly, sum(left_minor) as minor, 0 as accounts
      from found group by asset, kind, reason, partly
    union all
    select w.asset, null, null, null, 0, count(*)
      from (select account_id, asset, sum(left_minor) as left_minor from found group by account_id, asset) w
      cross join lateral ({last_entry("e.balance_after_minor", "w.account_id", "<= $3")}) b
     where b.balance_after_minor = w.left_minor group by w.asset"""


@dataclass(frozen=True, slots=True)
class LiabilityView:
    """accounts: number with an amount owed. outstanding: remainders not yet expired, and what is held of others; scheduled:
    their part that starts later; held: their part that is set aside. expired: besides those, the remainders expired and
    not yet written off."""

    asset: str
    accounts: int
    outstanding_minor: int
    scheduled_minor: int
    expired_minor: int
    held_minor: int = 0


@dataclass(frozen=True, slots=True)
class LiabilityPart:
    """The part outstanding in one asset that expires in one month (`2026-07`; None: never) and has one source: kind and
    reason of the transactions that opened the credits."""

    asset: str
    month: str | None
    kind: str
    reason: str | None
    outstanding_minor: int


@dataclass(frozen=True, slots=True)
class TrialBalanceView:
    """balance: of all accounts in the asset. counters: the other side of their entries, with the same sum."""

    asset: str
    balance_minor: int
    counters: tuple[tuple[str, int], ...]


class _Part(NamedTuple):
    asset: str
    month: str | None
    kind: str
    reason: str | None


class _Base(NamedTuple):
    """The instants of the newest totals, and of those that follow them, if they say what has moved in between."""

    at: datetime
    next_at: datetime | None


@dataclass(slots=True)
class _Left:
    """Remainders of credits at an instant. accounts: by asset, the number with more than expired remainders."""

    owed: Counter[_Part] = field(default_factory=Counter)
    scheduled: Counter[str] = field(default_factory=Counter)
    expired: Counter[str] = field(default_factory=Counter)
    accounts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Report:
    """The liability at an instant: in every asset with a remainder; and its parts, unless all rows were added up
    for it: to find them takes as long again (`parts_of_rows`)."""

    views: list[LiabilityView]
    parts: list[LiabilityPart] | None


async def report(session: ReadSession, at: datetime, now: datetime, time_zone: str) -> Report:
    """The liability at `at`: from the entries up to then, or from now on from all. Months are those in `time_zone`."""
    until = END if at >= now else at
    base = await _base(session, until)
    left = None if base is None else await _left(session, base, until, at, time_zone)
    rows = await held.by_source(session, at, time_zone)
    views = _views(left) if left else [LiabilityView(*row) for row in await added_up.by_asset(session, at, now)]
    return Report(await _with_holds(session, views, rows, at), _listed(left.owed, rows) if left else None)


async def by_asset(session: ReadSession, at: datetime, now: datetime) -> list[LiabilityView]:
    """The views of the report at `at`."""
    return (await report(session, at, now, "UTC")).views


async def parts(session: ReadSession, at: datetime, now: datetime, time_zone: str) -> list[LiabilityPart]:
    """Outstanding amounts at `at` by asset, month of expiry in `time_zone`, and source; months in order, never last."""
    found = (await report(session, at, now, time_zone)).parts
    return await parts_of_rows(session, at, now, time_zone) if found is None else found


async def parts_of_rows(session: ReadSession, at: datetime, now: datetime, time_zone: str) -> list[LiabilityPart]:
    """The same, added up from all of the tenant's rows."""
    rows = await added_up.parts(session, at, now, time_zone)
    owed = Counter({_Part(*part): int(minor) for *part, minor in rows})
    return _listed(owed, await held.by_source(session, at, time_zone))


async def _with_holds(
    session: ReadSession, views: list[LiabilityView], rows: list[Any], at: datetime
) -> list[LiabilityView]:
    if not rows:
        return views
    alone = await held.owed_by_holds_alone(session, at, rows)
    held_minor, late = Counter[str](), Counter[str]()
    for row in rows:
        held_minor[row["asset"]] += row["minor"]
        late[row["asset"]] += row["minor"] if row["expired"] else 0
    return [
        replace(
            view,
            accounts=view.accounts + alone.get(view.asset, 0),
            outstanding_minor=view.outstanding_minor + late[view.asset],
            expired_minor=view.expired_minor - late[view.asset],
            held_minor=held_minor[view.asset],
        )
        for view in views
    ]


def _views(left: _Left) -> list[LiabilityView]:
    owed: Counter[str] = Counter()
    for part, minor in left.owed.items():
        owed[part.asset] += minor
    return [
        LiabilityView(asset, left.accounts[asset], owed[asset], left.scheduled[asset], left.expired[asset])
        for asset in sorted(asset for asset in owed.keys() | left.expired.keys() if owed[asset] or left.expired[asset])
    ]


def _listed(owed: Counter[_Part], held_rows: list[Any]) -> list[LiabilityPart]:
    for row in held_rows:
        if row["expired"]:
            owed[_Part(row["asset"], row["month"], row["kind"], row["reason"])] += row["minor"]
    found = [LiabilityPart(*part, minor) for part, minor in owed.items() if minor]
    return sorted(found, key=lambda p: (p.asset, p.month is None, p.month or "", p.kind, p.reason or ""))


async def trial_balance(session: ReadSession, at: datetime) -> list[TrialBalanceView]:
    """For every asset: the accounts' balances after their last entries up to `at`, and all those entries by counter."""
    base = await _base(session, at)
    rows = [] if base is None else await _since(session, _BOOKS, base, at)
    if base is None:
        rows = [*await added_up.counters(session, at), *await added_up.balances(session, at)]
    counters: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    balances: dict[str, int] = {}
    for asset, counter, minor in rows:
        if counter is None:
            balances[asset] = int(minor)
        else:
            counters[asset].append((counter, int(minor)))
    return [TrialBalanceView(asset, minor, tuple(sorted(counters[asset]))) for asset, minor in sorted(balances.items())]


async def _base(session: ReadSession, until: datetime) -> _Base | None:
    """The newest totals up to `until`: at BEGINNING if there are none; None if they are too far away."""
    (row,) = await session.fetch(BASE, until, FAR)
    return None if row["far"] else _Base(row["at"], row["next_at"])


async def _since(session: ReadSession, sql: str, base: _Base, until: datetime, *values: object) -> list[Any]:
    """The rows of the statement, which begins with the totals at the base; `values` are $4 and so on."""
    if base.next_at is None:
        return await session.fetch(sql.format(since()), base.at, until, *values)
    return await session.fetch(sql.format(since(f"${len(values) + 4}")), base.at, until, *values, base.next_at)


async def _left(session: ReadSession, base: _Base, until: datetime, at: datetime, time_zone: str) -> _Left:
    left = _Left()
    rows = await _since(session, _LEFT, base, until, at, time_zone)
    months: dict[tuple[str, str, str | None], str | None] = {}  # of the part of an hour that is nearly over
    for row in rows:
        if row["kind"] is None:
            left.accounts[row["asset"]] = int(row["minor"])
            continue
        part, minor = _Part(row["asset"], row["month"], row["kind"], row["reason"]), int(row["minor"])
        if row["partly"]:
            months[part.asset, part.kind, part.reason] = part.month
        elif row["expired"]:
            left.expired[part.asset] += minor
            continue
        left.owed[part] += minor
        left.scheduled[part.asset] += int(row["scheduled_minor"])
    if months or left.expired:
        for row in await session.fetch(_UNSWEPT, at, until):
            left.accounts[row["asset"]] -= row["accounts"]
            if row["partly"]:
                minor = int(row["minor"])
                month = months[row["asset"], row["kind"], row["reason"]]
                left.owed[_Part(row["asset"], month, row["kind"], row["reason"])] -= minor
                left.expired[row["asset"]] += minor
    return left
