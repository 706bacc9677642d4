"""Standings of accounts and customers: balances, and when something was last posted, in the order of these
(docs/adr/0066).

They follow the transactions, up to an instant: the latest that is noted of any customer. SQL here has $1 the tenant.
"""

from typing import Final

_BEGINNING: Final = "timestamptz '1000-01-01 00:00:00+00'"

_LATER: Final = """select created_at as at from transactions
         where tenant_id = $1 and created_at > b.at and created_at < $2"""
DUE: Final = f"""
    select b.at as after, case when n.at is null then l.at else n.at end as until
      from (select case when count(*) = 0 then {_BEGINNING} else max(s.active_at) end as at
              from (select active_at from standings
                     where tenant_id = $1 and asset = '' order by active_at desc limit 1) s) b
      cross join lateral ({_LATER} order by created_at desc, id desc limit 1) l
      left join lateral ({_LATER} order by created_at, id offset $3::int - 1 limit 1) n on true"""
"""The instant up to which the standings are kept, and that of the $3th transaction after it, or of the newest if they are
fewer, before $2."""

_POSTED: Final = """(
    select id, customer_id, created_at from transactions
     where tenant_id = $1 and created_at > $2 and created_at <= $3 order by created_at offset 0) x"""
KEEP: Final = f"""
    insert into standings (tenant_id, id, customer_id, asset, balance_minor, sequence, active_at)
    select n.id, d.id, d.customer_id, d.asset, d.balance_minor, d.sequence, d.active_at
      from tenants n cross join (
           select a.id, a.customer_id, a.asset::text as asset, a.balance_minor, a.sequence, null::timestamptz as active_at
             from (select distinct e.account_id from {_POSTED}
                    cross join lateral (select account_id from entries
                                         where tenant_id = $1 and transaction_id = x.id offset 0) e) m
            cross join lateral (select id, customer_id, asset, balance_minor, sequence from accounts
                                 where tenant_id = $1 and id = m.account_id offset 0) a
           union all
           select x.customer_id, x.customer_id, '', 0, 0, max(x.created_at) from {_POSTED} group by x.customer_id) d
     where n.id = $1 order by d.id
    on conflict (tenant_id, id) do update
       set balance_minor = excluded.balance_minor, sequence = excluded.sequence, active_at = excluded.active_at
     where excluded.sequence > standings.sequence or excluded.active_at > standings.active_at"""
"""Bring them from $2 up to $3, included. Balances are those of this moment, which is later: what another process has
written since, stays."""
