"""Amounts of the audit trail, sorted: which sums transactions have in each asset, and at which instants (docs/adr/0048).

They lie in runs. Each part that totals are kept of (models/totals.py) is a run of level 0; when FAN of a level are there,
they are merged into one of the next. So there are few runs, however many transactions, and each amount is found in all of
them by as many look-ups. A run is noted in `totals_seen` as AMOUNT, with its level as the value, and the number of its
transactions; its items are in `totals_amounts`, CHUNK in a row.

SQL here has $1 the tenant.
"""

from typing import Final

FAN: Final = 16
MAX_LEVEL: Final = 3
"""A run of it is of two million transactions, which is as much as one statement is to sort."""
CHUNK: Final = 90
"""Items in a row: five of these rows fill a page."""
LEVELS: Final = tuple(str(level) for level in range(MAX_LEVEL + 1))
RUN: Final = "AMOUNT"
"""How runs are noted."""

_CHUNKS: Final = f"""
    (select asset, min(minor) as first_minor, max(minor) as last_minor, max(at) filter (where last) as last_at,
            array_agg(minor order by minor, at) as minors, array_agg(at order by minor, at) as ats
       from (select asset, minor, at, (nth - 1) / {CHUNK} as chunk, nth % {CHUNK} = 0 or nth = number as last
               from (select asset, minor, at, row_number() over (partition by asset order by minor, at) as nth,
                            count(*) over (partition by asset) as number
                       from ({{0}}) i) o) c
      group by asset, chunk)"""

SUMS: Final = """
    select a.asset, sum(e.amount_minor)::bigint as minor, x.created_at as at
      from (select id, created_at from transactions
             where tenant_id = $1 and created_at > {0} and created_at <= {1} order by created_at offset 0) x
     cross join lateral (select account_id, amount_minor from entries
                          where tenant_id = $1 and transaction_id = x.id offset 0) e
     cross join lateral (select asset from accounts where tenant_id = $1 and id = e.account_id offset 0) a
     group by x.id, x.created_at, a.asset"""

NOTE: Final = f"""
    insert into totals_amounts (tenant_id, id, level, at, asset, first_minor, last_minor, last_at, minors, ats)
    select n.id, $4, 0, $3, c.* from tenants n
     cross join {_CHUNKS.format(f"select distinct asset, minor, at from ({SUMS.format('$2', '$3')}) m")} c
     where n.id = $1"""
"""Write the items after $2, up to $3, for the totals of the id $4."""

FULL: Final = f"""
    select after, at, records from totals_seen
     where tenant_id = $1 and what = '{RUN}' and value = $2 order by at limit {FAN}"""
"""The oldest runs of the level $2."""

TAKE: Final = f"delete from totals_seen where tenant_id = $1 and what = '{RUN}' and value = $2 and at = any($3)"
"""So that they are merged once."""

MERGE: Final = f"""
    insert into totals_amounts (tenant_id, id, level, at, asset, first_minor, last_minor, last_at, minors, ats)
    select n.id, s.id, $2 + 1, s.at, c.* from tenants n
     cross join (select id, at from totals where tenant_id = $1 and at = $4) s
     cross join {
    _CHUNKS.format('''
            select t.asset, u.minor, u.at from totals_amounts t cross join lateral unnest(t.minors, t.ats) u(minor, at)
             where t.tenant_id = $1 and t.level = $2 and t.at = any($3)''')
} c
     where n.id = $1"""
"""Write the items of the runs of the level $2 that end at $3 into one of the next that ends at $4."""

CLEAR: Final = "delete from totals_amounts where tenant_id = $1 and level = $2 and at = any($3)"

SEEN: Final = f"""
    insert into totals_seen (tenant_id, id, what, value, after, at, records)
    select n.id, s.id, '{RUN}', $2, $3, s.at, $5 from tenants n
     cross join (select id, at from totals where tenant_id = $1 and at = $4) s where n.id = $1"""
"""Note a run of the level $2 from $3 to $4, of $5 transactions."""

DENSE: Final = 50
"""Of so many of a run's transactions, at most one is looked up by its amount; where more may have it, they are read in
their order."""
_LEAST: Final = 4
"""Chunks that are read in any case, and not one more: then the run is taken whole."""

_OVERLAPPING: Final = """(
    select minors, ats from (
        select minors, ats from totals_amounts
         where tenant_id = $1 and level = r.level and at = r.at and asset = b.asset
           and last_minor >= b.low and last_minor <= b.high order by last_minor, last_at offset 0) w
    union all
    select minors, ats from (
        select first_minor, minors, ats from totals_amounts
         where tenant_id = $1 and level = r.level and at = r.at and asset = b.asset and last_minor > b.high
         order by last_minor, last_at limit 1) w where w.first_minor <= b.high)"""
_BOUNDS: Final = "unnest($3::text[], $4::bigint[], $5::bigint[]) b(asset, low, high)"


def _found(run: str, item: str, whole: str, direction: str) -> str:
    """Instants with an amount, the nearest first. $2: levels of runs; $3, $4, $5: assets, with the least and the most of
    each; $6: the bound; $7: how many."""
    few = f"r.records / {DENSE * CHUNK} + {_LEAST}"
    # All items of a row have the amount, but of each asset's first, and the run's last may be short. For each the run counts
    # as an instant.
    sure = f"least($7, greatest(1, (k.chunks - 2 * cardinality($3::text[])) * {CHUNK}))::int"
    return f"""
    select p.after, p.until
      from (select s.value::smallint as level, s.after, s.at, s.records from totals_seen s
             where s.tenant_id = $1 and s.what = '{RUN}' and s.value = any($2::text[]) and {run}
             order by s.at {direction} offset 0) r
     cross join lateral (
           select coalesce(sum(d.number), 0) as chunks from {_BOUNDS} cross join lateral (
                  select count(*) as number from (
                         select from totals_amounts
                          where tenant_id = $1 and level = r.level and at = r.at and asset = b.asset
                            and last_minor >= b.low and last_minor <= b.high limit {few}) c) d) k
     cross join lateral (
           select r.after, r.at as until from generate_series(1, case when {whole} then {sure} else 1 end)
            where k.chunks >= {few}
           union all
           select i.at - interval '1 microsecond', i.at
             from (select distinct u.at from {_BOUNDS} cross join lateral {_OVERLAPPING} c
                    cross join lateral unnest(c.minors, c.ats) u(minor, at)
                    where k.chunks < {few} and u.minor >= b.low and u.minor <= b.high and {item}
                    order by u.at {direction} limit $7) i) p
     order by r.at {direction}, p.until {direction} limit $7"""


FROM: Final = _found("s.at >= $6", "u.at >= $6", "r.after >= $6", "asc")
BEFORE: Final = _found("s.after < $6", "u.at < $6", "r.at < $6", "desc")
