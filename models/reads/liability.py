"""The business's liability, by asset: now, or at a past instant; and the trial balance that it agrees with."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from models.reads.session import ReadSession

# Each credit with what was left of it, and when it was to expire: at $2, from now on as it stands.
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

# What expires with the end of a month expires at the first instant of the next. What a merge moved has the source that it
# had before.
_PARTS: Final = f"""
    select a.asset, to_char((c.expires_at - interval '1 microsecond') at time zone $3, 'YYYY-MM') as month,
           t.kind, t.reason, sum(c.remaining_minor) as outstanding_minor
      from ({{credits}}) c
      join accounts a on a.tenant_id = $1 and a.id = c.account_id
      join transactions t on t.tenant_id = $1 and t.id = case when c.origin_id is null then c.transaction_id else (
           select o.transaction_id from credits o where o.tenant_id = $1 and o.id = c.origin_id) end
     where {_OWED} group by 1, 2, 3, 4 order by 1, 2 nulls last, 3, 4 nulls first"""

_BALANCES: Final = """
    select a.asset, sum(e.balance_after_minor) as balance_minor
      from accounts a cross join lateral (
           select e.balance_after_minor from entries e
            where e.tenant_id = $1 and e.account_id = a.id and e.created_at <= $2
            order by e.created_at desc, e.sequence desc limit 1) e
     where a.tenant_id = $1 group by a.asset order by a.asset"""

_COUNTERS: Final = """
    select a.asset, e.counter, sum(e.amount_minor) as amount_minor
      from (select e.account_id, e.counter, sum(e.amount_minor) as amount_minor from entries e
             where e.tenant_id = $1 and e.created_at <= $2 group by e.account_id, e.counter) e
      join accounts a on a.tenant_id = $1 and a.id = e.account_id
     group by a.asset, e.counter order by a.asset, e.counter"""


@dataclass(frozen=True, slots=True)
class LiabilityView:
    """accounts: those with an amount owed. outstanding: remainders not yet expired; scheduled: the part of that which
    starts later. expired: beside it, the part that had expired and was not yet written off."""

    asset: str
    accounts: int
    outstanding_minor: int
    scheduled_minor: int
    expired_minor: int


@dataclass(frozen=True, slots=True)
class LiabilityPart:
    """The outstanding part of one asset that expires in one month (`2026-07`; None: never) and came from one source:
    kind and reason of the transactions that opened the credits."""

    asset: str
    month: str | None
    kind: str
    reason: str | None
    outstanding_minor: int


@dataclass(frozen=True, slots=True)
class TrialBalanceView:
    """balance: of all the asset's accounts. counters: the other side of their entries, with the same sum."""

    asset: str
    balance_minor: int
    counters: tuple[tuple[str, int], ...]


async def by_asset(session: ReadSession, at: datetime, now: datetime) -> list[LiabilityView]:
    """Of every asset with anything left at `at`: from the entries, or from now on the remainders as they are."""
    sql = _BY_ASSET.format(credits=_NOW if at >= now else _THEN)
    return [
        LiabilityView(
            row["asset"],
            row["accounts"],
            int(row["outstanding_minor"]),
            int(row["scheduled_minor"]),
            int(row["expired_minor"]),
        )
        for row in await session.fetch(sql, at)
    ]


async def parts(session: ReadSession, at: datetime, now: datetime, time_zone: str) -> list[LiabilityPart]:
    """Outstanding amounts at `at` by asset, month of expiry in `time_zone`, and source; months in order, never last."""
    sql = _PARTS.format(credits=_NOW if at >= now else _THEN)
    return [
        LiabilityPart(row["asset"], row["month"], row["kind"], row["reason"], int(row["outstanding_minor"]))
        for row in await session.fetch(sql, at, time_zone)
    ]


async def trial_balance(session: ReadSession, at: datetime) -> list[TrialBalanceView]:
    """Of every asset: the accounts' balances after their last entries up to `at`, and all those entries by counter."""
    counters: dict[str, list[tuple[str, int]]] = {}
    for row in await session.fetch(_COUNTERS, at):
        counters.setdefault(row["asset"], []).append((row["counter"], int(row["amount_minor"])))
    return [
        TrialBalanceView(row["asset"], int(row["balance_minor"]), tuple(counters.get(row["asset"], ())))
        for row in await session.fetch(_BALANCES, at)
    ]
