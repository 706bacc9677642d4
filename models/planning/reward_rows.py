"""Rows of rewards and coupons, as plans read and write them. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from models.planning.columns import ASIDE, LATER, table


@table("rewards")
@dataclass(slots=True)
class RewardState:
    id: UUID
    terms: Annotated[dict[str, Any], ASIDE]
    points_cost_minor: int
    validity_days: int | None
    stock: int | None
    active: bool


@table("coupons")
@dataclass(slots=True)
class CouponState:
    """invoice_id: what it was used on. reopened_at: when its use was undone, which can be once."""

    id: UUID
    code: str
    reward_id: UUID
    customer_id: UUID
    points_spent_minor: int
    status: str
    issued_at: datetime
    expires_at: datetime | None
    closed_at: Annotated[datetime | None, LATER]
    terms: dict[str, Any]
    transaction_id: UUID
    refund_transaction_id: Annotated[UUID | None, LATER]
    invoice_id: Annotated[UUID | None, LATER] = None
    reopened_at: Annotated[datetime | None, LATER] = None
