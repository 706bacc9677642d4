"""giveReward."""

from typing import Any, Final
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.commands import GiveReward
from schema import texts
from schema.context import Info
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.naming import CustomerBy, RewardBy, one
from schema.nodes import NODES
from schema.types.account import Account
from schema.types.base import resolved
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput
from schema.types.requests import ApprovalRequest, requested
from schema.types.reward import Coupon
from schema.withheld import withheld

ON_THE_VOUCHER: Final = ("code", "terms", "issued_at", "expires_at")


@strawberry.input
class PreviewRewardInput(TextsInput):
    """A reward to preview for a customer."""

    customer_id: strawberry.ID | None = None
    """Customer to give it to."""
    customer_by: CustomerBy | None = None
    """In place of customerId: the customer by external id or id. One of the two is needed."""
    reward_id: strawberry.ID | None = None
    """Active reward to give."""
    reward_by: RewardBy | None = None
    """In place of rewardId: the reward by name or id. One of the two is needed."""
    deduct_points: bool
    """Whether the customer pays for it in points. false: it is free."""
    note: str | None = None
    """Free text of up to 10,000 characters, hidden from customers."""
    request_approval: bool | None = False
    """Whether to ask for approval instead of failing if a free reward exceeds a limit."""
    propose_only: bool | None = False
    """Whether to ask for approval in any case, even within the limits."""

    def command(self) -> GiveReward:
        """Raises NotFound, Invalid."""
        return GiveReward(
            customer_id=one(self.customer_id, self.customer_by, "Customer", "customerId"),
            reward_id=one(self.reward_id, self.reward_by, "Reward", "rewardId"),
            deduct_points=self.deduct_points,
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
            request_approval=bool(self.request_approval),
            propose_only=bool(self.propose_only),
        )


@strawberry.input
class GiveRewardInput(KeyedInput, PreviewRewardInput):
    """A reward to give to a customer."""


@strawberry.type
class GiveRewardPayload(PostingPayload):
    """Result of giveReward."""

    @resolved(Coupon | None)
    def coupon(self, info: Info) -> Pending[Any]:
        """Coupon that was issued. Its code, terms and dates are readable even without the right to read coupons."""
        coupon_id = self.outcome.coupon_id
        if coupon_id is None or info.context.may(NODES["Coupon"].right):
            return loaded(info, "Coupon", coupon_id)
        return _voucher(info, coupon_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Points account of the customer; null if there is none."""
        return loaded(info, "Account", self.outcome.account_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that was posted; null if approval was requested."""
        return loaded(info, "Transaction", self.outcome.transaction_id)

    @resolved(ApprovalRequest | None)
    def approval_request(self, info: Info) -> Pending[Any]:
        """Approval request that was made instead of giving; null if the reward was given."""
        return requested(info, self.outcome.approval_request_id)


async def _voucher(info: Info, coupon_id: UUID) -> Any:
    """The coupon with what is printed on it: handing that out is the purpose of giving it."""
    coupon = await info.context.loaders.coupons.load(coupon_id)
    if coupon is None:
        return None
    told = {name: getattr(coupon, name) for name in ON_THE_VOUCHER}
    return withheld(info.context, NODES["Coupon"], coupon_id, **told)
