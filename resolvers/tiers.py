"""createTier, updateTier and deleteTier: the thresholds on lifetime points."""

from models.errors import LedgerError
from models.operations.tiers import create_tier, delete_tier, update_tier
from schema.context import Info
from schema.mutations.tiers import (
    CreateTierInput,
    CreateTierPayload,
    DeleteTierInput,
    DeleteTierPayload,
    UpdateTierInput,
    UpdateTierPayload,
)
from schema.types.errors import user_errors


async def resolve_create(info: Info, input: CreateTierInput) -> CreateTierPayload:  # noqa: A002 - the argument's name in the API
    """Create a tier. Customers who have reached it enter it immediately."""
    try:
        command = input.command()
        done = await info.context.change(create_tier, command, idempotency_key=input.key())
    except LedgerError as error:
        return CreateTierPayload(user_errors=user_errors(error))
    return CreateTierPayload(tier_id=done.tier_id, customers_moved=done.customers_moved, replayed=done.replayed)


async def resolve_update(info: Info, input: UpdateTierInput) -> UpdateTierPayload:  # noqa: A002 - as above
    """Rename a tier, or change its threshold. Customers move up and down immediately."""
    try:
        command = input.command()
        done = await info.context.change(update_tier, command)
    except LedgerError as error:
        return UpdateTierPayload(user_errors=user_errors(error))
    return UpdateTierPayload(tier_id=done.tier_id, customers_moved=done.customers_moved)


async def resolve_delete(info: Info, input: DeleteTierInput) -> DeleteTierPayload:  # noqa: A002 - as above
    """Delete a tier. Its members move to the next lower tier immediately."""
    try:
        command = input.command()
        done = await info.context.change(delete_tier, command)
    except LedgerError as error:
        return DeleteTierPayload(user_errors=user_errors(error))
    return DeleteTierPayload(deleted_tier_id=input.tier_id, customers_moved=done.customers_moved)
