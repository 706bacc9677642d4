"""Holds: value set aside, and what became of it."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from models.kinds import HoldStatus
from models.lookups import each
from models.reads.branches import ACCOUNTS
from models.reads.columns import columns, rows
from models.reads.keys import id_key, time_key
from models.reads.paging import Condition, Listing, Unserved
from models.reads.session import ReadSession
from models.views import HoldView

_COLUMNS: Final = columns(
    HoldView,
    asset="(select o.asset from accounts o where o.tenant_id = $1 and o.id = t.account_id)",
    left_minor="t.held_minor",
)
_view: Final = rows(HoldView)
_BY_TIME: Final = (time_key("t.created_at"), id_key("t.id"))

# The same order of cases as HoldView.status.
_STATUS: Final = """
    case when t.held_minor = 0 and t.captured_minor = t.amount_minor then 'CAPTURED'
         when t.held_minor = 0 then 'RELEASED'
         when t.expires_at <= {0} then 'EXPIRED'
         else 'HELD' end = any({1}::text[])"""

HOLDS: Final = Listing("holds", _COLUMNS, "holds t", "t.tenant_id", _BY_TIME, _view)
"""All of a tenant's: the parent is the tenant."""

CUSTOMER_HOLDS: Final = Listing(
    "customer-holds", _COLUMNS, "holds t", "t.account_id", _BY_TIME, _view, through=ACCOUNTS
)
"""Holds placed on any account of a person's records."""

# What was held at $2 of each credit, by hold.
_HELD_OF_CREDITS: Final = f"""
    select k.id, coalesce(sum(l.amount_minor), 0)::bigint as held_minor
      from {each("id uuid")} k
      left join lateral (
           select s.amount_minor from (
                  select hold_id, amount_minor from hold_lots where tenant_id = $1 and credit_id = k.id
                     and created_at >= $3::timestamptz - interval '720 hours' offset 0) s
            cross join lateral (select expires_at from holds where tenant_id = $1 and id = s.hold_id offset 0) h
            where h.expires_at > $3) l on true
     group by k.id"""


_OF_TRANSACTIONS: Final = f"""
    select k.id, l.hold_id from {each("id uuid")} k
      cross join lateral (select m.hold_id from (select hold_id from hold_lots
                                                  where tenant_id = $1 and transaction_id = k.id offset 0) m limit 1) l"""


def with_status(statuses: Collection[str], now: datetime) -> Condition:
    """Holds that have one of these statuses of the API at `now`."""
    # Of a million that are over, few are live: their expiry is found by its index.
    live = "t.held_minor > 0 and t.expires_at > {0} and " if set(statuses) == {HoldStatus.HELD} else ""
    return Unserved(live + _STATUS, (now, tuple(sorted(set(statuses)))))


def placed_by(ids: tuple[UUID, ...]) -> Condition:
    """Holds placed by one of these transactions, whose ids they have."""
    return Condition("t.id = any({0}::uuid[])", (ids,))


async def by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[HoldView]:
    return [_view(row) for row in await session.fetch_by_ids("holds", _COLUMNS, ids)]


async def of_transactions(session: ReadSession, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """By transaction, the hold that it has placed, extended, captured or let go, or the first of these."""
    return {row["id"]: row["hold_id"] for row in await session.look_up(_OF_TRANSACTIONS, ids)}


async def held_of_credits(session: ReadSession, ids: Iterable[UUID], now: datetime) -> dict[UUID, int]:
    """The part of each of these credits that is held at `now`."""
    return {row["id"]: row["held_minor"] for row in await session.fetch(_HELD_OF_CREDITS, list(ids), now)}
