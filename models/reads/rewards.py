"""Rewards, the coupons given to customers, and customers' tier changes."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson

from models.names import clean_name
from models.reads.branches import RECORDS
from models.reads.columns import columns, rows
from models.reads.keys import id_key, instant_key, text_key, time_key
from models.reads.names import Named, by_id_or_name
from models.reads.paging import Condition, Listing, Looked, Unserved
from models.reads.session import ReadSession
from models.views import CouponView, RewardView, TierChangeView

_REWARD: Final = columns(RewardView)
_reward: Final = rows(RewardView)
_COUPON: Final = columns(CouponView, stored_status="t.status")
_coupon: Final = rows(CouponView, terms=orjson.loads)
_TIER_CHANGE: Final = columns(TierChangeView)
_tier_change: Final = rows(TierChangeView)

# The same order of cases as CouponView.status.
_STATUS: Final = """
    case when t.status = 'ISSUED' and t.expires_at <= {0} then 'EXPIRED' else t.status end = any({1}::text[])"""


REWARDS: Final = Listing("rewards", _REWARD, "rewards t", "t.tenant_id", (text_key("t.name"),), _reward)
"""All of a tenant's rewards by name, which is unique: the parent is the tenant."""

CUSTOMER_COUPONS: Final = Listing(
    "coupons", _COUPON, "coupons t", "t.customer_id", (time_key("t.issued_at"), id_key("t.id")), _coupon, RECORDS
)
"""Coupons of all records of a person; those brought by a merge are placed at the time of the merge."""

COUPONS: Final = Listing(
    "all-coupons", _COUPON, "coupons t", "t.tenant_id", (time_key("t.issued_at"), id_key("t.id")), _coupon
)
"""All of a tenant's coupons: the parent is the tenant."""

INVOICE_COUPONS: Final = Listing(
    "invoice-coupons", _COUPON, "coupons t", "t.invoice_id", (instant_key("t.issued_at"), id_key("t.id")), _coupon
)
"""Coupons that were used on an invoice, by when they were issued."""

TIER_CHANGES: Final = Listing(
    "tier-changes",
    _TIER_CHANGE,
    "tier_changes t",
    "t.account_id",
    (time_key("t.created_at"), id_key("t.id")),
    _tier_change,
)
"""An account's: the parent is the account."""

ACTIVE: Final = Condition("t.active")


def with_status(statuses: Collection[str], now: datetime) -> Condition:
    return Unserved(_STATUS, (now, tuple(sorted(set(statuses)))))


def from_reward(reward: UUID | Named) -> Condition:
    """Coupons of a reward, by its id or name."""
    reward_id, value = by_id_or_name(reward)
    return Looked(f"t.reward_id = {reward_id}", (value,), "rewardId")


async def rewards_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[RewardView]:
    return [_reward(row) for row in await session.fetch_by_ids("rewards", _REWARD, ids)]


async def coupons_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[CouponView]:
    return [_coupon(row) for row in await session.fetch_by_ids("coupons", _COUPON, ids)]


async def tier_changes_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[TierChangeView]:
    return [_tier_change(row) for row in await session.fetch_by_ids("tier_changes", _TIER_CHANGE, ids)]


async def coupon_by_code(session: ReadSession, code: str) -> CouponView | None:
    """Find a coupon by its code: capitals and digits; a typed one may be in small letters, or with blanks around it."""
    rows = await session.fetch(
        f"select {_COUPON} from coupons t where t.tenant_id = $1 and t.code = $2", clean_name(code).upper()
    )
    return _coupon(rows[0]) if rows else None


async def reward_ids(session: ReadSession, names: Iterable[str]) -> dict[str, UUID]:
    """The ids of the existing rewards among these, by name."""
    sql = "select name, id from rewards where tenant_id = $1 and name = any($2::text[])"
    return {row["name"]: row["id"] for row in await session.fetch(sql, list(names))}
