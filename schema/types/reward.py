"""Rewards, coupons, and changes of tier."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.money import POINTS, exponent, to_decimal
from models.views import CouponView, RewardView, TierChangeView
from schema.context import Info
from schema.ids import global_id
from schema.scalars import AssetCode
from schema.types.base import Node, Reader, resolved
from schema.types.customer import Customer
from schema.types.enums import CouponStatus, RewardKind
from schema.types.refs import TransactionRef


def shown_value(value: Decimal | None, currency: str | None) -> Decimal | None:
    """With as many decimal places as its currency has; per cent with as many as it needs."""
    if value is None:
        return None
    if currency is not None:
        return value.quantize(Decimal(1).scaleb(-exponent(currency)))
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


@strawberry.type(description="What a coupon is made from.")
class Reward(Node):
    name: str
    kind: RewardKind
    value: Decimal | None = strawberry.field(description="What is taken off: in currency, or for PERCENT in per cent.")
    currency: AssetCode | None = strawberry.field(description="With FIXED.")
    product: str | None = strawberry.field(description="What is free, with FREE_PRODUCT.")
    points_cost: Decimal
    validity_days: int | None = strawberry.field(
        description="A coupon can be used until the end of the Nth day after it was given; null or 0: for ever."
    )
    stock: int | None = strawberry.field(description="How many more can be given; null: any number.")
    active: bool

    @classmethod
    def of(cls, view: RewardView, _reader: Reader) -> "Reward":
        return cls(
            id=global_id("Reward", view.id), name=view.name, kind=RewardKind(view.kind),
            value=shown_value(view.value, view.currency), currency=_asset(view.currency), product=view.product,
            points_cost=to_decimal(view.points_cost_minor, POINTS), validity_days=view.validity_days,
            stock=view.stock, active=view.active,
        )  # fmt: skip


@strawberry.type(description="What a coupon is good for: its reward as it was when the coupon was given.")
class CouponTerms:
    name: str
    kind: RewardKind
    value: Decimal | None = strawberry.field(description="What is taken off: in currency, or for PERCENT in per cent.")
    currency: AssetCode | None
    product: str | None

    @classmethod
    def of(cls, terms: Mapping[str, Any]) -> "CouponTerms":
        value = None if terms["value"] is None else Decimal(terms["value"])
        return cls(
            name=terms["name"], kind=RewardKind(terms["kind"]), value=shown_value(value, terms["currency"]),
            currency=_asset(terms["currency"]), product=terms["product"],
        )  # fmt: skip


def _asset(currency: str | None) -> AssetCode | None:
    return None if currency is None else AssetCode(currency)


@strawberry.type(description="A code that one customer was given.")
class Coupon(Node):
    code: str
    terms: CouponTerms
    points_spent: Decimal = strawberry.field(description="0 for a free one.")
    status: CouponStatus
    issued_at: datetime
    expires_at: datetime | None = strawberry.field(description="Not to be used from then on; null: never expires.")
    closed_at: datetime | None = strawberry.field(description="When it was used or disabled.")
    view: strawberry.Private[CouponView]

    @classmethod
    def of(cls, view: CouponView, reader: Reader) -> "Coupon":
        return cls(
            id=global_id("Coupon", view.id), code=view.code, terms=CouponTerms.of(view.terms),
            points_spent=to_decimal(view.points_spent_minor, POINTS), status=CouponStatus(view.status(reader.now)),
            issued_at=view.issued_at, expires_at=view.expires_at, closed_at=view.closed_at, view=view,
        )  # fmt: skip

    @resolved(Reward, "As it is now.")
    def reward(self, info: Info) -> Pending[Any]:
        return info.context.loaders.rewards.get(self.view.reward_id)

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_CUSTOMERS)
        return info.context.loaders.customers.get(self.view.customer_id)

    @resolved(TransactionRef | None, "What gave it.")
    def transaction(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.transactions.get(self.view.transaction_id)

    @resolved(TransactionRef | None, "What put its points back, where it was disabled with them.")
    def refund(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_LEDGER)
        refund = self.view.refund_transaction_id
        return None if refund is None else info.context.loaders.transactions.get(refund)


@strawberry.type(description="A customer went from one tier to another.")
class TierChange:
    old: str | None = strawberry.field(description="The name that it had then; null: none was reached.")
    new: str | None
    at: datetime
    view: strawberry.Private[TierChangeView]

    @classmethod
    def of(cls, view: TierChangeView, _reader: Reader) -> "TierChange":
        return cls(old=view.old_tier, new=view.new_tier, at=view.created_at, view=view)

    @resolved(TransactionRef | None, "What moved the lifetime total; null where the thresholds were moved.")
    def transaction(self, info: Info) -> Pending[Any]:
        transaction_id = self.view.transaction_id
        return None if transaction_id is None else info.context.loaders.transactions.get(transaction_id)
