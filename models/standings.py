"""Where accounts and customers stand: balances, and when something was last posted, in the order of these
(docs/adr/0066).

They follow the transactions, up to an instant: the latest that is noted of any customer. SQL here has $1 the tenant; $2 and
$3 bound the transactions: after the one instant, up to the other, included.
"""

from typing import Final

LAST: Final = """
    select active_at from standings where tenant_id = $1 and asset = '' order by active_at desc limit 1"""
"""The instant up to which the standings are kept."""
_LATER: Final = "select created_at from transactions where tenant_id = $1 and created_at > $2 and created_at < $3"
NTH: Final = f"{_LATER} order by created_at, id offset $4::int - 1 limit 1"
"""The instant of the $4th transaction after $2, before $3."""
NEWEST: Final = f"{_LATER} order by created_at desc, id desc limit 1"
"""That of the newest, if they are fewer."""

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
"""Bring them up to $3. Balances are those of this moment, which is later: what another process has written since, stays."""
