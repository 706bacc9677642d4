"""Balances: now, and at any other instant.

Expiry takes effect the instant it passes, whether or not a sweep has run, so the available balance is the ledger's
without remainders that start later, without those that have expired and are not yet written off, and without what is held.
What is held of an expired credit is held, and has not expired.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any, Final
from uuid import UUID

import orjson

from models.lookups import each
from models.milestones import last_entry
from models.reads.columns import rows
from models.reads.session import FEW_KEYS, ReadSession
from models.views import AccountView

_PARTS: Final = """
    coalesce((select sum(w.remaining_minor) from (
                     select c.remaining_minor from credits c
                      where c.tenant_id = $1 and c.account_id = t.id and c.open
                        and c.starts_at > k.at and c.starts_at > c.created_at
                      order by c.starts_at offset 0) w), 0)::bigint as scheduled_minor,
           coalesce((select sum(w.remaining_minor) from (
                     select c.remaining_minor from credits c
                      where c.tenant_id = $1 and c.account_id = t.id and c.open and c.expires_at <= k.at
                      order by c.expires_at offset 0) w), 0)::bigint as expired_minor,
           case when t.held_until > k.at then (
                     select array[coalesce(sum(l.minor), 0), coalesce(sum(l.minor) filter (where c.expires_at <= k.at), 0)]
                       from (select h.id from holds h
                              where h.tenant_id = $1 and h.home_id = t.id and h.held_minor > 0 and h.expires_at > k.at
                              order by h.expires_at offset 0) h
                      cross join lateral (
                            select m.credit_id, sum(m.amount_minor)::bigint as minor from (
                                   select s.credit_id, s.amount_minor from hold_lots s
                                    where s.tenant_id = $1 and s.hold_id = h.id offset 0) m
                             group by m.credit_id having sum(m.amount_minor) > 0) l
                      cross join lateral (
                            select expires_at from credits where tenant_id = $1 and id = l.credit_id offset 0) c)
                end::bigint[] as held"""
_AVAILABLE: Final = (
    "a.balance_minor - a.scheduled_minor - a.expired_minor + coalesce(a.held[2], 0) - coalesce(a.held[1], 0)"
)
_BY_IDS: Final = f"""
    select a.at, a.id, a.customer_id, a.asset, a.balance_minor, {_AVAILABLE} as available_minor, a.scheduled_minor,
           coalesce(a.held[1], 0) as held_minor, a.lifetime_minor
      from (select k.at, t.id, t.customer_id, t.asset, t.balance_minor, t.lifetime_minor, {_PARTS}
              from {each("id uuid", "at timestamptz")} k join accounts t on t.tenant_id = $1 and t.id = k.id
            offset 0) a"""
# One row for each customer, since the driver takes its time for each; and JSON made by hand, since PostgreSQL takes its
# own for that. An asset's name has nothing to escape. The instant of many is said once: the driver takes its time for each.
_OF_CUSTOMERS: Final = f"""
    select o.accounts
      from (select u.id, case when u.at is null then ($3::timestamptz[])[1] else u.at end as at
              from {each("id uuid", "at timestamptz")} u offset 0) k cross join lateral (
           select string_agg(concat('["', a.id, '","', a.asset, '",', a.balance_minor, ',', {_AVAILABLE}, ',',
                      a.scheduled_minor, ',', coalesce(a.held[1], 0), ',', a.lifetime_minor, ']'), ',') as accounts
             from (select t.id, t.asset, t.balance_minor, t.lifetime_minor, {_PARTS}
                     from accounts t where t.tenant_id = $1 and t.customer_id = k.id
                    order by t.customer_id, t.asset offset 0) a) o"""
ID, ASSET, BALANCE, AVAILABLE, SCHEDULED, HELD, LIFETIME = range(7)
"""Places in a row of `rows_of_customers`; the id is text, and amounts are in minor units."""

# Remainders at an instant: of credits not started then, from the few entries up to then; of credits expired and not yet
# written off, from the few since then. But for revivals, an expiry is changed only before it passes, and only to after the
# change: so a credit had expired by the expiry of that time if and only if it has by the present one, or was expired then
# and has been revived since. The credits of each
# wait (`start_wait`, `sweep_wait` in migrations/) lie in a short range of an index.
# `offset 0` keeps the planner from reading all waits together, and the order keeps it from another index: either would
# read the account's whole past.
# What was held at an instant was set aside in the 30 days before, and its hold's latest expiry is after it: an expiry is
# changed only before it passes, and only to a later one. An expired credit that was used up since without being written off
# since had nothing at the instant but what was held: it is not among those looked for, nor in what is taken off them.
_LONGEST: Final = 17
LONGEST_HOLD: Final = "interval '720 hours'"
_AT: Final = f"""
    select coalesce(({last_entry("e.balance_after_minor", "k.account_id", "<= k.at")}), 0) as ledger_minor,
           coalesce((select sum(left_minor) from generate_series(0, {_LONGEST}) wait, lateral (
                     select (select sum(e.amount_minor) from entries e
                              where e.tenant_id = $1 and e.credit_id = c.id and e.created_at <= k.at) as left_minor
                       from credits c
                      where c.tenant_id = $1 and c.account_id = k.account_id and c.start_wait = wait
                        and c.starts_at > k.at and c.starts_at <= k.at + make_interval(secs => 4.0::float8 ^ wait)
                        and c.created_at <= k.at order by c.starts_at offset 0) waiting), 0)::bigint as scheduled_minor,
           coalesce((select sum(left_minor) from (
                     select c.remaining_minor - coalesce((select sum(e.amount_minor) from entries e
                              where e.tenant_id = $1 and e.credit_id = c.id and e.created_at > k.at), 0) as left_minor
                       from credits c
                      where c.tenant_id = $1 and c.account_id = k.account_id and c.open and c.expires_at <= k.at
                      order by c.expires_at offset 0) expired), 0)::bigint
         - coalesce((select sum(gone_minor) from generate_series(0, {_LONGEST}) wait, lateral (
                     select (select sum(e.amount_minor) from entries e
                              where e.tenant_id = $1 and e.credit_id = c.id and e.created_at > k.at) as gone_minor
                       from credits c
                      where c.tenant_id = $1 and c.account_id = k.account_id and c.sweep_wait = wait
                        and c.expires_at <= k.at and c.expires_at > k.at - make_interval(secs => 4.0::float8 ^ wait)
                        and c.swept_at > k.at and not c.open order by c.expires_at offset 0) waiting
                    ), 0)::bigint
         + coalesce((select sum(left_minor) from (
                     select (select sum(e.amount_minor) from entries e
                              where e.tenant_id = $1 and e.credit_id = r.credit_id and e.created_at <= k.at) as left_minor
                       from revivals r
                      where r.tenant_id = $1 and r.account_id = k.account_id and r.revived_at > k.at
                        and r.expired_at <= k.at order by r.revived_at offset 0) revived), 0)::bigint as expired_minor,
           case when (select o.held_until from accounts o where o.tenant_id = $1 and o.id = k.account_id) > k.at then (
                     select array[coalesce(sum(l.amount_minor), 0),
                                  coalesce(sum(l.amount_minor) filter (where g.was_expired
                                      or c.expires_at <= k.at and (c.open or c.swept_at > k.at)), 0)]
                       from (select s.hold_id, s.credit_id, s.amount_minor from hold_lots s
                              where s.tenant_id = $1 and s.account_id = k.account_id and s.created_at <= k.at
                                and s.created_at >= k.at - {LONGEST_HOLD} offset 0) l
                      cross join lateral (select expires_at from holds where tenant_id = $1 and id = l.hold_id offset 0) h
                      cross join lateral (
                            select expires_at, swept_at, open from credits
                             where tenant_id = $1 and id = l.credit_id offset 0) c
                       left join lateral (
                            select true as was_expired from revivals
                             where tenant_id = $1 and account_id = k.account_id and credit_id = l.credit_id
                               and revived_at > k.at and expired_at <= k.at order by revived_at limit 1) g on true
                      where h.expires_at > k.at)
                end::bigint[] as held
      from unnest($2::uuid[], $3::timestamptz[]) with ordinality k(account_id, at, place)
     order by k.place"""

# One index probe per asset, however many accounts there are.
_ASSETS: Final = """
    with recursive found(asset) as (
        (select asset from accounts where tenant_id = $1 order by asset limit 1)
        union all
        select (select a.asset from accounts a where a.tenant_id = $1 and a.asset > f.asset and a.asset <> ''
            order by a.asset limit 1)
          from found f where f.asset is not null)
    select asset from found where asset is not null"""


_by_id: Final = rows(AccountView)


async def by_ids(session: ReadSession, ids: Iterable[UUID], now: datetime) -> list[AccountView]:
    return [_by_id(row) for row in await session.look_up(_BY_IDS, [(each, now) for each in ids], by=("id", "at"))]


async def rows_of_customers(
    session: ReadSession, customer_ids: Sequence[UUID], now: datetime
) -> list[tuple[UUID, list[list[Any]]]]:
    """All accounts of each customer, ordered by asset."""
    if len(customer_ids) > FEW_KEYS:
        found = await session.fetch(_OF_CUSTOMERS, customer_ids, [now])
    else:
        found = await session.look_up(_OF_CUSTOMERS, zip(customer_ids, repeat(now)), by=())
    lists = ",".join([f"[{text or ''}]" for (text,) in found])
    return list(zip(customer_ids, orjson.loads(f"[{lists}]"), strict=True))


def view_of(customer_id: UUID, row: list[Any]) -> AccountView:
    """The view of one of `rows_of_customers`."""
    account_id, asset, balance, available, scheduled, held, lifetime = row
    return AccountView(UUID(account_id), customer_id, asset, balance, available, scheduled, held, lifetime)


async def of_customers(session: ReadSession, customer_ids: Sequence[UUID], now: datetime) -> list[AccountView]:
    """All accounts of each customer, ordered by asset."""
    found = await rows_of_customers(session, customer_ids, now)
    return [view_of(customer_id, row) for customer_id, accounts in found for row in accounts]


@dataclass(frozen=True, slots=True)
class BalanceView:
    """An account's balance at an instant. ledger: the sum of its entries up to then. scheduled: its part that starts
    later. expired: its part that had expired and was neither held nor written off yet. held: its part that was set
    aside."""

    ledger_minor: int
    scheduled_minor: int
    expired_minor: int
    held_minor: int = 0

    @property
    def available_minor(self) -> int:
        """The part that could be spent."""
        return self.ledger_minor - self.scheduled_minor - self.expired_minor - self.held_minor


async def balances_at(session: ReadSession, asked: list[tuple[UUID, datetime]]) -> list[BalanceView]:
    """Each account's balance at each instant, from its entries up to then, regardless of when a sweep ran."""
    rows = await session.fetch(_AT, [account for account, _ in asked], [at for _, at in asked])
    return [_balance(row) for row in rows]


def _balance(row: Any) -> BalanceView:
    held, late = row["held"] or (0, 0)
    return BalanceView(row["ledger_minor"], row["scheduled_minor"], row["expired_minor"] - late, held)


async def assets(session: ReadSession) -> list[str]:
    """The assets in which the tenant has accounts."""
    return [row["asset"] for row in await session.fetch(_ASSETS)]
