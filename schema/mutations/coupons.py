"""useCoupon and disableCoupon."""

from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import DisableCoupon, UseCoupon
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import NOTHING, OutcomeOf, loaded
from schema.types.account import Account
from schema.types.base import resolved
from schema.types.errors import UserError
from schema.types.ledger import Transaction
from schema.types.reward import Coupon


@strawberry.input
class UseCouponInput:
    coupon_id: strawberry.ID
    idempotency_key: str

    def command(self) -> UseCoupon:
        """Raises NotFound."""
        return UseCoupon(coupon_id=input_id(self.coupon_id, "Coupon", "couponId"))


@strawberry.input
class DisableCouponInput:
    coupon_id: strawberry.ID
    refund_points: bool = strawberry.field(
        default=False, description="Whether the points that it cost go back to where they came from."
    )
    note: str | None = None
    idempotency_key: str

    def command(self) -> DisableCoupon:
        """Raises NotFound, Invalid."""
        return DisableCoupon(
            coupon_id=input_id(self.coupon_id, "Coupon", "couponId"),
            refund_points=self.refund_points,
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
        )


@strawberry.type
class UseCouponPayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(Coupon | None)
    def coupon(self, info: Info) -> Pending[Any]:
        return loaded(info, "coupons", self.outcome.coupon_id)


@strawberry.type
class DisableCouponPayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(Coupon | None)
    def coupon(self, info: Info) -> Pending[Any]:
        return loaded(info, "coupons", self.outcome.coupon_id)

    @resolved(Account | None, "That the points went back to; null where none did.")
    def account(self, info: Info) -> Pending[Any]:
        return loaded(info, "accounts", self.outcome.account_id)

    @resolved(Transaction | None, "What put the points back; null where none went.")
    def transaction(self, info: Info) -> Pending[Any]:
        return loaded(info, "transactions", self.outcome.transaction_id)
