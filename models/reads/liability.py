"""What the business owes, by asset: now, or at a past instant."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from models.reads.session import ReadSession

_NOW: Final = """
    select a.asset, count(distinct a.id) as accounts, sum(c.remaining_minor)::bigint as outstanding_minor,
           coalesce(sum(c.remaining_minor) filter (where c.starts_at > $2), 0)::bigint as scheduled_minor
      from credits c join accounts a on a.tenant_id = $1 and a.id = c.account_id
     where c.tenant_id = $1 and c.open and (c.expires_at is null or c.expires_at > $2)
     group by a.asset order by a.asset"""

_THEN: Final = """
    select a.asset, count(distinct a.id) as accounts, sum(r.remaining_minor)::bigint as outstanding_minor,
           coalesce(sum(r.remaining_minor) filter (where c.starts_at > $2), 0)::bigint as scheduled_minor
      from (select e.credit_id, sum(e.amount_minor) as remaining_minor from entries e
             where e.tenant_id = $1 and e.created_at <= $2 group by e.credit_id having sum(e.amount_minor) > 0) r
      join credits c on c.tenant_id = $1 and c.id = r.credit_id
      join accounts a on a.tenant_id = $1 and a.id = c.account_id
     where c.expires_at is null or c.expires_at > $2
     group by a.asset order by a.asset"""


@dataclass(frozen=True, slots=True)
class LiabilityView:
    """accounts: those that something is owed on. outstanding: remainders not yet expired.

    scheduled: the part of it that starts later.
    """

    asset: str
    accounts: int
    outstanding_minor: int
    scheduled_minor: int


async def by_asset(session: ReadSession, at: datetime, now: datetime) -> list[LiabilityView]:
    """Of every asset that something is owed in at `at`: from the entries, or from now on the remainders as they are."""
    rows = await session.fetch(_NOW if at >= now else _THEN, at)
    return [
        LiabilityView(row["asset"], row["accounts"], row["outstanding_minor"], row["scheduled_minor"]) for row in rows
    ]
