"""createReward and updateReward: the templates that coupons are issued from."""

from models.errors import LedgerError
from models.operations.rewards import create_reward, update_reward
from schema.context import Info
from schema.mutations.rewards import CreateRewardInput, CreateRewardPayload, UpdateRewardInput, UpdateRewardPayload
from schema.types.errors import user_errors


async def resolve_create(info: Info, input: CreateRewardInput) -> CreateRewardPayload:  # noqa: A002 - the argument's name in the API
    """Create a reward: the template that coupons are issued from."""
    try:
        command = input.command()
        made = await info.context.change(create_reward, command, idempotency_key=input.key())
    except LedgerError as error:
        return CreateRewardPayload(user_errors=user_errors(error))
    return CreateRewardPayload(reward_id=made.row_id, replayed=made.replayed)


async def resolve_update(info: Info, input: UpdateRewardInput) -> UpdateRewardPayload:  # noqa: A002 - as above
    """Rename, change, restock or retire a reward."""
    try:
        command = input.command()
        await info.context.change(update_reward, command)
    except LedgerError as error:
        return UpdateRewardPayload(user_errors=user_errors(error))
    return UpdateRewardPayload(reward_id=command.reward_id)
