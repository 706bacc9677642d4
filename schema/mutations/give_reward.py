"""giveReward."""

from typing import Any, Final
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.commands import GiveReward
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import NOTHING, OutcomeOf, loaded
from schema.types.account import Account
from schema.types.base import resolved
from schema.types.errors import UserError
from schema.types.ledger import Transaction
from schema.types.requests import ApprovalRequest, requested
from schema.types.reward import Coupon
from schema.withheld import KINDS, withheld

ON_THE_VOUCHER: Final = ("code", "terms", "issued_at", "expires_at")


@strawberry.input
class GiveRewardInput:
    customer_id: strawberry.ID
    reward_id: strawberry.ID
    deduct_points: bool = strawberry.field(description="Whether the customer pays for it in points.")
    note: str | None = None
    request_approval: bool | None = strawberry.field(
        default=False, description="A free one over a limit: ask a manager, rather than be refused."
    )
    propose_only: bool | None = strawberry.field(
        default=False, description="Wait for a second person in any case, also within the limits."
    )
    idempotency_key: str

    def command(self) -> GiveReward:
        """Raises NotFound, Invalid."""
        return GiveReward(
            customer_id=input_id(self.customer_id, "Customer", "customerId"),
            reward_id=input_id(self.reward_id, "Reward", "rewardId"),
            deduct_points=self.deduct_points,
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            request_approval=bool(self.request_approval),
            propose_only=bool(self.propose_only),
        )


@strawberry.type
class GiveRewardPayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(Coupon | None, "With its code, terms and dates even where coupons may not be read: they are handed out.")
    def coupon(self, info: Info) -> Pending[Any]:
        coupon_id = self.outcome.coupon_id
        if coupon_id is None or info.context.may(KINDS["coupons"].permission):
            return loaded(info, "coupons", coupon_id)
        return _voucher(info, coupon_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        return loaded(info, "accounts", self.outcome.account_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        return loaded(info, "transactions", self.outcome.transaction_id)

    @resolved(ApprovalRequest | None, "Nothing has moved: a manager has to approve first.")
    def approval_request(self, info: Info) -> Pending[Any]:
        return requested(info, self.outcome.approval_request_id)


async def _voucher(info: Info, coupon_id: UUID) -> Any:
    """What is on it: handing that out is what giving is for."""
    coupon = await info.context.loaders.coupons.load(coupon_id)
    if coupon is None:
        return None
    told = {name: getattr(coupon, name) for name in ON_THE_VOUCHER}
    return withheld(info.context, KINDS["coupons"], coupon_id, **told)
