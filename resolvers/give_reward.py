"""giveReward: a coupon, for points or free of them; and previewReward with the same input but its key."""

from auth.roles import Permission
from models.errors import LedgerError
from models.operations.give_reward import give_reward, preview_reward
from resolvers.previews import effects_of
from schema.context import Context, Info
from schema.mutations.base import idempotency_key
from schema.mutations.give_reward import GiveRewardInput, GiveRewardPayload, PreviewRewardInput
from schema.types.errors import user_errors
from schema.types.previews import PostingPreview


async def resolve(info: Info, input: GiveRewardInput) -> GiveRewardPayload:  # noqa: A002 - the argument's name in the API
    """Give a reward to a customer, for points or free, and issue its coupon."""
    try:
        outcome = await info.context.post(give_reward, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return GiveRewardPayload(user_errors=user_errors(error))
    return GiveRewardPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewRewardInput) -> PostingPreview:  # noqa: A002 - as above
    """Return the effects that giveReward would have with the same input. Writes nothing."""
    return await effects_of(info, input, preview_reward)


def rights(_context: Context, input: PreviewRewardInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    return (Permission.GIVE_REWARD if input.deduct_points else Permission.GIVE_REWARD_FREE,)
