"""Rewards to give, and the coupons that customers were given."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from models.reads.paging import Condition, Listing, id_key, text_key, time_key
from models.reads.session import ReadSession
from models.views import CouponView

_REWARD: Final = "t.id, t.name, t.points_cost_minor, t.active"
_COUPON: Final = """
    t.id, t.code, t.reward_id, t.customer_id, t.points_spent_minor, t.status as stored_status, t.issued_at,
    t.expires_at"""

# The same order of cases as CouponView.status.
_STATUS: Final = """
    case when t.status = 'ISSUED' and t.expires_at <= {0} then 'EXPIRED' else t.status end = any({1}::text[])"""


@dataclass(frozen=True, slots=True)
class RewardView:
    id: UUID
    name: str
    points_cost_minor: int
    active: bool


def _reward(row: Any) -> RewardView:
    return RewardView(row["id"], row["name"], row["points_cost_minor"], row["active"])


def _coupon(row: Any) -> CouponView:
    return CouponView(
        id=row["id"], code=row["code"], reward_id=row["reward_id"], customer_id=row["customer_id"],
        points_spent_minor=row["points_spent_minor"], stored_status=row["stored_status"], issued_at=row["issued_at"],
        expires_at=row["expires_at"],
    )  # fmt: skip


REWARDS: Final = Listing("rewards", _REWARD, "rewards t", "t.tenant_id", (text_key("t.name"),), _reward)
"""All of a tenant's rewards by name, which is unique: the parent is the tenant."""

CUSTOMER_COUPONS: Final = Listing(
    "coupons", _COUPON, "coupons t", "t.customer_id", (time_key("t.issued_at"), id_key("t.id")), _coupon
)

ACTIVE: Final = Condition("t.active")


def with_status(statuses: Collection[str], now: datetime) -> Condition:
    return Condition(_STATUS, (now, tuple(sorted(set(statuses)))))


async def rewards_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[RewardView]:
    return [_reward(row) for row in await session.fetch_by_ids("rewards", _REWARD, ids)]


async def coupons_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[CouponView]:
    return [_coupon(row) for row in await session.fetch_by_ids("coupons", _COUPON, ids)]
