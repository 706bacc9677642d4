"""giveReward: a coupon, for points or free of them."""

from auth.roles import Permission
from models.errors import LedgerError
from models.operations.give_reward import give_reward
from schema.context import Context, Info
from schema.mutations.base import idempotency_key
from schema.mutations.give_reward import GiveRewardInput, GiveRewardPayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: GiveRewardInput) -> GiveRewardPayload:  # noqa: A002 - the argument's name in the API
    """Give a reward to a customer, for points or free, and issue its coupon."""
    try:
        outcome = await info.context.post(give_reward, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return GiveRewardPayload(user_errors=user_errors(error))
    return GiveRewardPayload(outcome=outcome, replayed=outcome.replayed)


def rights(_context: Context, input: GiveRewardInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    return (Permission.GIVE_REWARD if input.deduct_points else Permission.GIVE_REWARD_FREE,)
