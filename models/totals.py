"""Totals of a tenant up to an instant, and what the transactions after it add to them (docs/adr/0041).

A transaction counts as a whole, at its time. Credits' remainders are added up by asset, by kind and reason of the
opening transaction, by expiry and by start. An expiry not on a quarter of an hour counts as one microsecond after the
quarter before it, which represents all between two quarters: months begin on a quarter in every time zone.

SQL here has $1 the tenant; $2 and $3 bound the transactions: after the one instant, up to the other, included.
"""

from datetime import UTC, datetime
from typing import Final

BEGINNING: Final = datetime(1000, 1, 1, tzinfo=UTC)
"""Before all transactions. The driver turns the year 1 into an infinity, which it cannot read back."""
BEGINNING_SQL: Final = f"timestamptz '{BEGINNING.isoformat(sep=' ')}'"
END: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""After all of them."""

_QUARTER: Final = "date_bin(interval '15 minutes', {0}, timestamptz 'epoch')"
QUARTER_OF: Final = _QUARTER
"""The quarter of an hour that an instant lies in: its beginning."""
BETWEEN_QUARTERS: Final = "interval '1 microsecond'"


def _key(expiry: str) -> str:
    quarter = _QUARTER.format(expiry)
    return f"case when {expiry} = {quarter} then {expiry} else {quarter} + {BETWEEN_QUARTERS} end"


_MOVED: Final = """(
    select e.*, x.created_at as posted_at
      from (select id, created_at from transactions where tenant_id = $1 and created_at > $2 and created_at <= $3
             order by created_at offset 0) x
      cross join lateral (select account_id, credit_id, counter, amount_minor, balance_after_minor, sequence from entries
                           where tenant_id = $1 and transaction_id = x.id offset 0) e)"""

# A credit moved by a merge or a transfer keeps its source.
CREDIT_OF: Final = """
    cross join lateral (select account_id, transaction_id, origin_id, starts_at, created_at, expires_at from credits
                         where tenant_id = $1 and id = {0} offset 0) c
    cross join lateral (select asset from accounts where tenant_id = $1 and id = c.account_id offset 0) a
    left join lateral (select source_id from transferred_credits
                        where tenant_id = $1 and id = case when c.origin_id is null then {0} else c.origin_id end
                       offset 0) s on true
    cross join lateral (select kind, reason from transactions
                         where tenant_id = $1 and id = case when s.source_id is not null then s.source_id
                               when c.origin_id is null then c.transaction_id else (
                               select o.transaction_id from credits o where o.tenant_id = $1 and o.id = c.origin_id) end
                        offset 0) t"""
"""The facts of a credit: c itself, a its account, t the transaction that first gave it."""
_START: Final = "case when c.starts_at > c.created_at then c.starts_at end"

# What each entry, and each change of an expiry, adds to the totals, and when. An entry changes the remainder under the
# expiry of its time; a change of expiry moves the whole remainder from one to the other. Of both at the same time, the entry
# comes first. The balances stand on their own: from one entry's to the next, whatever the amounts say. Entries of no credit
# change no remainder.
_ASSET: Final = "cross join lateral (select asset from accounts where tenant_id = $1 and id = m.account_id offset 0) a"
_BALANCE: Final = """m.balance_after_minor - case when p.found then p.balance_after_minor else 0 end as balance,
           case when m.balance_after_minor > 0 and (p.found is null or p.balance_after_minor = 0) then 1
                when m.balance_after_minor = 0 and p.balance_after_minor > 0 then -1 else 0 end as owed"""
_BEFORE: Final = """
      left join lateral (select true as found, balance_after_minor from entries
                          where tenant_id = $1 and account_id = m.account_id and sequence < m.sequence
                          order by sequence desc limit 1) p on true"""
_MOVES: Final = f"""
    select m.posted_at as at, a.asset::text, t.kind::text, t.reason::text,
           {_key("(case when h.changed then h.old_expires_at else c.expires_at end)")} as expires_at,
           {_START} as starts_at, m.counter::text, m.amount_minor as minor, {_BALANCE}
      from {{moved}} m {CREDIT_OF.format("m.credit_id")}
      left join lateral (select true as changed, h.old_expires_at from credit_changes h
                          where h.tenant_id = $1 and h.credit_id = m.credit_id and h.created_at >= m.posted_at
                          order by h.created_at, h.id limit 1) h on true {_BEFORE}
    union all
    select m.posted_at, a.asset::text, null, null, null, null, m.counter::text, m.amount_minor, {_BALANCE}
      from {{moved}} m {_ASSET} {_BEFORE} where m.credit_id is null
    union all
    select h.created_at, a.asset::text, t.kind::text, t.reason::text, {_key("k.expires_at")}, {_START}, null, k.minor, 0, 0
      from (select credit_id, old_expires_at, new_expires_at, created_at from credit_changes
             where tenant_id = $1 and created_at > $2 and created_at <= $3 order by created_at offset 0) h
      cross join lateral (
           select sum(e.amount_minor)::bigint as minor from entries e
            cross join lateral (select created_at from transactions where tenant_id = $1 and id = e.transaction_id
                                offset 0) x
            where e.tenant_id = $1 and e.credit_id = h.credit_id and x.created_at <= h.created_at) l
      cross join lateral (values (h.old_expires_at, -l.minor), (h.new_expires_at, l.minor)) k(expires_at, minor)
      {CREDIT_OF.format("h.credit_id")}
     where h.old_expires_at is distinct from h.new_expires_at and l.minor <> 0"""

# What came after the totals at $2, as the row that follows says it.
_TOLD: Final = """(
    select moved, moved_at, moved_part, moved_amounts, moved_balance, moved_owed from totals
     where tenant_id = $1 and at = {0})"""
_KEPT_MOVES: Final = """
    select k.kind ->> 0 as asset, k.kind ->> 1 as kind, k.kind ->> 2 as reason, (k.kind ->> 3)::timestamptz as expires_at,
           (k.kind ->> 4)::timestamptz as starts_at, k.kind ->> 5 as counter, u.minor, u.balance, u.owed
      from (select part, sum(minor) as minor, sum(balance) as balance, sum(owed) as owed
              from told s cross join lateral
                   unnest(s.moved_at, s.moved_part, s.moved_amounts, s.moved_balance, s.moved_owed)
                   i(at, part, minor, balance, owed)
             where i.at > $2 and i.at <= $3 group by part) u
      join (select k.nth - 1 as part, k.kind
              from told s cross join lateral jsonb_array_elements(s.moved) with ordinality k(kind, nth)) k
        on k.part = u.part"""

_BASE: Final = """(
    select credits, counters, accounts from (
           select credits, counters, accounts from totals where tenant_id = $1 and at = $2
           union all
           select credits, counters, accounts from totals_latest where tenant_id = $1 and id = $1 and at = $2) s limit 1)"""
CREDITS: Final = """
    select asset, kind, reason, expires_at, starts_at, sum(minor) as minor
      from (select k ->> 0 as asset, k ->> 1 as kind, k ->> 2 as reason, (k ->> 3)::timestamptz as expires_at,
                   (k ->> 4)::timestamptz as starts_at, (k ->> 5)::numeric as minor
              from base s cross join lateral jsonb_array_elements(s.credits) k
            union all
            select asset, kind, reason, expires_at, starts_at, minor from moves where kind is not null) d
     group by asset, kind, reason, expires_at, starts_at having sum(minor) <> 0"""
"""With `since`, the rest of credits at $3."""
COUNTERS: Final = """
    select asset, counter, sum(minor) as minor
      from (select k ->> 0 as asset, k ->> 1 as counter, (k ->> 2)::numeric as minor
              from base s cross join lateral jsonb_array_elements(s.counters) k
            union all select asset, counter, minor from moves where counter is not null) d
     group by asset, counter"""
"""With `since`, all entries up to $3 by asset and counter."""
ACCOUNTS: Final = """
    select asset, sum(balance) as balance, sum(owed) as owed
      from (select k ->> 0 as asset, (k ->> 1)::numeric as balance, (k ->> 2)::numeric as owed
              from base s cross join lateral jsonb_array_elements(s.accounts) k
            union all select asset, balance, owed from moves where counter is not null) d
     group by asset"""
"""With `since`, by asset, the accounts' balances at $3, and how many accounts have any (owed)."""


def _known(moves: str) -> str:
    return f"base as materialized {_BASE}, moves as materialized ({moves})"


_OF_ROWS: Final = f"moved as materialized {_MOVED}, {_known(_MOVES.format(moved='moved'))}"


def since(next_at: str = "") -> str:
    """The queries of a WITH clause that lead to $3: the totals at $2, and what moved since. next_at: the placeholder of the
    instant of the row of totals that follows, if it says what moved; otherwise all is looked up."""
    return f"told as materialized {_TOLD.format(next_at)}, {_known(_KEPT_MOVES)}" if next_at else _OF_ROWS


_ADDED_UP: Final = f"""
           (select count(*) from (select id from transactions where tenant_id = $1 and created_at > $2
                                     and created_at <= $3 order by created_at offset 0) x)
           + (select case when count(*) = 0 then 0 else max(s.transactions) end from (
                     select transactions from totals where tenant_id = $1 and at = $2
                     union all select transactions from totals_latest where tenant_id = $1 and id = $1 and at = $2) s),
           (select case when count(*) = 0 then '[]' else jsonb_agg(
                   jsonb_build_array(asset, kind, reason, expires_at, starts_at, minor)
                   order by asset, kind, reason, expires_at, starts_at) end from ({CREDITS}) d),
           (select case when count(*) = 0 then '[]' else jsonb_agg(
                   jsonb_build_array(asset, counter, minor) order by asset, counter) end from ({COUNTERS}) d),
           (select case when count(*) = 0 then '[]' else jsonb_agg(
                   jsonb_build_array(asset, balance, owed) order by asset) end from ({ACCOUNTS}) d)"""
_THERE: Final = f"""$2 = {BEGINNING_SQL} or exists (select from totals s where s.tenant_id = $1 and s.at = $2)"""
_PART: Final = "asset, kind, reason, expires_at, starts_at, counter"
KEEP: Final = f"""
    insert into totals (tenant_id, id, at, transactions, credits, counters, accounts,
                        moved, moved_at, moved_part, moved_amounts, moved_balance, moved_owed)
    with {_OF_ROWS},
    numbered as materialized (select m.*, dense_rank() over (order by {_PART}) - 1 as part from moves m)
    select n.id, $4, $3, {_ADDED_UP},
           (select case when count(*) = 0 then '[]' else jsonb_agg(jsonb_build_array({_PART}) order by part) end
              from (select distinct part, {_PART} from numbered) d), i.*
      from tenants n cross join (
           select array_agg(at order by at, part) as moved_at, array_agg(part::int order by at, part),
                  array_agg(minor order by at, part), array_agg(balance order by at, part),
                  array_agg(owed::smallint order by at, part) from numbered) i
     where n.id = $1 and ({_THERE})
    on conflict (tenant_id, at) do nothing"""
"""Add the row $4 of totals at $3, from those at $2, unless another process has added it, or those at $2 were deleted."""

KEEP_LATEST: Final = f"""
    insert into totals_latest (tenant_id, id, at, transactions, credits, counters, accounts)
    with {_OF_ROWS}
    select n.id, n.id, $3, {_ADDED_UP}
      from tenants n where n.id = $1 and ({_THERE} or exists (
           select from totals_latest s where s.tenant_id = $1 and s.id = $1 and s.at = $2))
    on conflict (tenant_id, id) do update
       set at = excluded.at, transactions = excluded.transactions, credits = excluded.credits,
           counters = excluded.counters, accounts = excluded.accounts
     where excluded.at > totals_latest.at"""
"""Bring the latest totals up to $3, from those at $2."""

_NEWEST: Final = """
    select at{0} from (
           (select at{0} from totals where tenant_id = $1 {1} order by at desc limit 1)
           union all
           (select at{0} from totals_latest where tenant_id = $1 and id = $1 {1})) s order by at desc limit 1"""
LATEST: Final = f"""
    select b.at as after, x.until
      from (select case when count(*) = 0 then {BEGINNING_SQL} else max(s.at) end as at from ({
    _NEWEST.format("", "")
}) s) b
     cross join lateral (select created_at from transactions
                          where tenant_id = $1 and created_at > b.at and created_at < $3
                          order by created_at, id limit 1) f
     cross join lateral (select created_at as until from transactions
                          where tenant_id = $1 and created_at > b.at and created_at < $2
                          order by created_at desc, id desc limit 1) x"""
"""The instant of the newest totals of all, and that of the newest transaction before $2, if there is one before $3 that
they lack."""

BASE: Final = f"""
    select b.at, n.at as next_at, case when n.at is null then (
                  select true from transactions x
                   where x.tenant_id = $1 and x.created_at > b.at and x.created_at <= $2 order by x.created_at, x.id
                  offset case when b.transactions > 4 * $3::bigint then b.transactions / 4 else $3::bigint end
                  limit 1) end as far
      from (select case when count(*) = 0 then {BEGINNING_SQL} else max(s.at) end as at,
                   case when count(*) = 0 then 0 else max(s.transactions) end as transactions
              from ({_NEWEST.format(", transactions", "and at <= $2")}) s) b
      left join lateral (
           select at from (select at, moved is not null as told from totals
                            where tenant_id = $1 and at > $2 order by at limit 1) n
            where n.told) n on true"""
"""The newest totals up to $2; the instant of the next ones, if they say what moved since then; and otherwise whether those
are far: more transactions came after them than $3, or than a quarter of all if these are more."""

NEXT: Final = f"""
    select b.at as after, x.created_at as until
      from (select case when count(*) = 0 then {BEGINNING_SQL} else max(s.at) end as at,
                   case when count(*) = 0 then 0 else max(jsonb_array_length(s.credits)) end as credits
              from (select at, credits from totals where tenant_id = $1 order by at desc limit 1) s) b
      cross join lateral (select created_at from transactions
                           where tenant_id = $1 and created_at > b.at and created_at < $2 order by created_at, id
                           offset case when b.credits > $3 then b.credits else $3 end - 1 limit 1) x"""
"""The newest totals' instant, and the one at which the next are due, before $2: $3 transactions later, or as many as
there are open kinds of credit if these are more."""

_RANGE: Final = "where tenant_id = $1 and created_at > $2 and created_at <= $3 order by created_at offset 0"
SEE: Final = f"""
    insert into totals_seen (tenant_id, id, what, value, after, at, records)
    select n.id, $4, d.what, d.value, $2, $3, d.records
      from tenants n cross join (
           select 'ACTOR' as what, actor_id::text as value, count(*) as records
             from (select actor_id from (select actor_id from transactions {_RANGE}) x
                   union all select actor_id from (select actor_id from audit_events {_RANGE}) y) t group by actor_id
           union all
           select 'AMOUNT', '0', count(*) from (select id from transactions {_RANGE}) x
           union all
           select 'KIND', kind, count(*) from (select kind from transactions {_RANGE}) x group by kind
           union all
           select 'REASON', reason, count(*) from (select reason from transactions {_RANGE}) x
            where reason is not null group by reason) d
     where n.id = $1
    on conflict do nothing"""
"""Note the actors, kinds and reasons of the audit trail after $2, up to $3, for the totals of the id $4; and the run of
its amounts (models/amounts.py)."""
