"""Rewards and coupons."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from auth.roles import Permission
from models.money import POINTS, to_decimal
from models.reads.rewards import RewardView
from models.views import CouponView
from schema.context import Info
from schema.ids import global_id
from schema.types.base import Node, Pending, Reader, resolved
from schema.types.customer import Customer
from schema.types.enums import CouponStatus


@strawberry.type(description="What a coupon is made from.")
class Reward(Node):
    name: str
    points_cost: Decimal
    active: bool

    @classmethod
    def of(cls, view: RewardView, _reader: Reader) -> "Reward":
        return cls(
            id=global_id("Reward", view.id), name=view.name, points_cost=to_decimal(view.points_cost_minor, POINTS),
            active=view.active,
        )  # fmt: skip


@strawberry.type(description="A code that one customer was given.")
class Coupon(Node):
    code: str
    points_spent: Decimal = strawberry.field(description="0 for a free one.")
    status: CouponStatus
    issued_at: datetime
    expires_at: datetime | None
    view: strawberry.Private[CouponView]

    @classmethod
    def of(cls, view: CouponView, reader: Reader) -> "Coupon":
        return cls(
            id=global_id("Coupon", view.id), code=view.code, points_spent=to_decimal(view.points_spent_minor, POINTS),
            status=CouponStatus(view.status(reader.now)), issued_at=view.issued_at, expires_at=view.expires_at,
            view=view,
        )  # fmt: skip

    @resolved(Reward)
    def reward(self, info: Info) -> Pending[Any]:
        return info.context.loaders.rewards.get(self.view.reward_id)

    @resolved(Customer)
    def customer(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_CUSTOMERS)
        return info.context.loaders.customers.get(self.view.customer_id)
