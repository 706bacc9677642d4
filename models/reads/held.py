"""Amounts that were held of a tenant at an instant, for its liability: they are owed, also of credits that had expired."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from models.reads.accounts import LONGEST_HOLD, balances_at
from models.reads.session import ReadSession
from models.totals import CREDIT_OF

# By source and month of expiry, as in liability.py; by the expiry of then, since a revival changes one that has passed.
# `account_id`: of what is held of expired credits alone.
_HELD: Final = f"""
    select case when x.expires_at <= $2 then c.account_id end as account_id, a.asset, t.kind, t.reason,
           to_char((x.expires_at - interval '1 microsecond') at time zone $3, 'YYYY-MM') as month,
           coalesce(x.expires_at <= $2, false) as expired, sum(l.minor)::bigint as minor
      from (select id from holds where tenant_id = $1 and expires_at > $2 and expires_at <= $2 + {LONGEST_HOLD}
             order by expires_at offset 0) o
      cross join lateral (
           select m.credit_id, sum(m.amount_minor) as minor from (
                  select credit_id, amount_minor from hold_lots
                   where tenant_id = $1 and hold_id = o.id and created_at <= $2 offset 0) m
            group by m.credit_id having sum(m.amount_minor) > 0) l
      {CREDIT_OF.format("l.credit_id")}
      left join lateral (select true as changed, old_expires_at from credit_changes
                          where tenant_id = $1 and credit_id = l.credit_id and created_at > $2
                          order by created_at, id limit 1) h on true
      cross join lateral (select case when h.changed then h.old_expires_at else c.expires_at end as expires_at) x
     group by 1, 2, 3, 4, 5, 6"""


async def by_source(session: ReadSession, at: datetime, time_zone: str) -> list[Any]:
    """Rows of what was held by account (of expired credits), asset, kind and reason, and month of expiry in `time_zone`."""
    return await session.fetch(_HELD, at, time_zone)


async def owed_by_holds_alone(session: ReadSession, at: datetime, rows: Iterable[Any]) -> dict[str, int]:
    """By asset, how many accounts had nothing but what had expired, some of which was held. rows: of `by_source`."""
    late: defaultdict[tuple[Any, str], int] = defaultdict(int)
    for row in rows:
        if row["expired"]:
            late[row["account_id"], row["asset"]] += row["minor"]
    found: defaultdict[str, int] = defaultdict(int)
    balances = await balances_at(session, [(account, at) for account, _ in late]) if late else []
    for ((_, asset), minor), balance in zip(late.items(), balances, strict=True):
        found[asset] += balance.ledger_minor == balance.expired_minor + minor
    return found
