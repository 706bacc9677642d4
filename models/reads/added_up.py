"""Liability and trial balance added up from all of a tenant's rows, if its totals are too far behind."""

from datetime import datetime
from typing import Any, Final

from models.milestones import last_entry
from models.reads.session import ReadSession

# Each credit with its remainder and expiry at $2; from now on its present ones.
_NOW: Final = """
    select c.id, c.account_id, c.transaction_id, c.origin_id, c.remaining_minor, c.starts_at, c.expires_at
      from credits c where c.tenant_id = $1 and c.open"""
_THEN: Final = """
    select c.id, c.account_id, c.transaction_id, c.origin_id, r.remaining_minor, c.starts_at,
           case when h.changed then h.old_expires_at else c.expires_at end as expires_at
      from (select e.credit_id, sum(e.amount_minor) as remaining_minor from entries e
             where e.tenant_id = $1 and e.created_at <= $2 group by e.credit_id having sum(e.amount_minor) > 0) r
      join credits c on c.tenant_id = $1 and c.id = r.credit_id
      left join lateral (select true as changed, h.old_expires_at from credit_changes h
                          where h.tenant_id = $1 and h.credit_id = c.id and h.created_at > $2
                          order by h.created_at, h.id limit 1) h on true"""

_OWED: Final = "(c.expires_at is null or c.expires_at > $2)"
_BY_ASSET: Final = f"""
    select a.asset, count(distinct a.id) filter (where {_OWED}) as accounts,
           coalesce(sum(c.remaining_minor) filter (where {_OWED}), 0) as outstanding_minor,
           coalesce(sum(c.remaining_minor) filter (where c.starts_at > $2), 0) as scheduled_minor,
           coalesce(sum(c.remaining_minor) filter (where c.expires_at <= $2), 0) as expired_minor
      from ({{credits}}) c join accounts a on a.tenant_id = $1 and a.id = c.account_id
     group by a.asset order by a.asset"""

# A credit expiring with the end of a month expires at the first instant of the next. A credit moved by a merge or a
# transfer keeps its source.
_PARTS: Final = f"""
    select a.asset, to_char((c.expires_at - interval '1 microsecond') at time zone $3, 'YYYY-MM') as month,
           t.kind, t.reason, sum(c.remaining_minor) as outstanding_minor
      from ({{credits}}) c
      join accounts a on a.tenant_id = $1 and a.id = c.account_id
      left join transferred_credits s on s.tenant_id = $1
           and s.id = case when c.origin_id is null then c.id else c.origin_id end
      join transactions t on t.tenant_id = $1 and t.id = case when s.source_id is not null then s.source_id
           when c.origin_id is null then c.transaction_id else (
           select o.transaction_id from credits o where o.tenant_id = $1 and o.id = c.origin_id) end
     where {_OWED} group by 1, 2, 3, 4 order by 1, 2 nulls last, 3, 4 nulls first"""

_BALANCES: Final = f"""
    select a.asset, null as counter, sum(e.balance_after_minor) as balance_minor
      from accounts a cross join lateral ({last_entry("e.balance_after_minor", "a.id", "<= $2")}) e
     where a.tenant_id = $1 group by a.asset order by a.asset"""

_COUNTERS: Final = """
    select a.asset, e.counter, sum(e.amount_minor) as amount_minor
      from (select e.account_id, e.counter, sum(e.amount_minor) as amount_minor from entries e
             where e.tenant_id = $1 and e.created_at <= $2 group by e.account_id, e.counter) e
      join accounts a on a.tenant_id = $1 and a.id = e.account_id
     group by a.asset, e.counter order by a.asset, e.counter"""


async def by_asset(session: ReadSession, at: datetime, now: datetime) -> list[Any]:
    """Rows of every asset with a remainder at `at`: from the entries, or from now on the present remainders."""
    return await _through_all(session, _BY_ASSET.format(credits=_NOW if at >= now else _THEN), at)


async def parts(session: ReadSession, at: datetime, now: datetime, time_zone: str) -> list[Any]:
    """Rows of the outstanding amounts at `at` by asset, month of expiry in `time_zone`, kind and reason."""
    return await _through_all(session, _PARTS.format(credits=_NOW if at >= now else _THEN), at, time_zone)


async def counters(session: ReadSession, at: datetime) -> list[Any]:
    """Rows of all entries up to `at` by asset and counter."""
    return await _through_all(session, _COUNTERS, at)


async def balances(session: ReadSession, at: datetime) -> list[Any]:
    """Rows of the accounts' balances after their last entries up to `at`, by asset."""
    return await _through_all(session, _BALANCES, at)


async def _through_all(session: ReadSession, sql: str, *values: object) -> list[Any]:
    with session.own_plans():
        return await session.fetch(sql, *values)
