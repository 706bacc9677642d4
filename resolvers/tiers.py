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
    context = info.context
    try:
        command = input.command()
        await context.reads.release()
        done = await create_tier(context.ledger, context.tenant.id, context.actor, command)
    except LedgerError as error:
        return CreateTierPayload(user_errors=user_errors(error))
    context.refresh()
    return CreateTierPayload(tier_id=done.tier_id, customers_moved=done.customers_moved)


async def resolve_update(info: Info, input: UpdateTierInput) -> UpdateTierPayload:  # noqa: A002 - as above
    context = info.context
    try:
        command = input.command()
        await context.reads.release()
        done = await update_tier(context.ledger, context.tenant.id, context.actor, command)
    except LedgerError as error:
        return UpdateTierPayload(user_errors=user_errors(error))
    context.refresh()
    return UpdateTierPayload(tier_id=done.tier_id, customers_moved=done.customers_moved)


async def resolve_delete(info: Info, input: DeleteTierInput) -> DeleteTierPayload:  # noqa: A002 - as above
    context = info.context
    try:
        command = input.command()
        await context.reads.release()
        done = await delete_tier(context.ledger, context.tenant.id, context.actor, command)
    except LedgerError as error:
        return DeleteTierPayload(user_errors=user_errors(error))
    context.refresh()
    return DeleteTierPayload(deleted_tier_id=input.tier_id, customers_moved=done.customers_moved)
