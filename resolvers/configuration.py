"""adjustmentReasons, services, rewards and tiers. What is no longer in use is for those who read the configuration."""

from auth.roles import Permission
from models.reads import configuration, rewards
from schema.context import Context, Info
from schema.types.base import Connection, root_page
from schema.types.configuration import AdjustmentReason, Service, Tier
from schema.types.reward import Reward


async def resolve_reasons(info: Info, active_only: bool | None = True) -> list[AdjustmentReason]:
    rows = await configuration.reasons(info.context.reads, active_only=_active_only(info.context, active_only))
    return [AdjustmentReason.of(row) for row in rows]


async def resolve_services(info: Info, active_only: bool | None = True) -> list[Service]:
    context = info.context
    rows = await configuration.services(context.reads, active_only=_active_only(context, active_only))
    return [Service.of(row, context.loaders) for row in rows]


async def resolve_rewards(
    info: Info, active_only: bool | None = True, first: int | None = None, after: str | None = None,
    last: int | None = None, before: str | None = None,
) -> Connection[Reward] | None:  # fmt: skip
    context = info.context
    conditions = (rewards.ACTIVE,) if _active_only(context, active_only) else ()
    tenant = context.tenant.id
    return await root_page(info, rewards.REWARDS, tenant, (first, after, last, before), *conditions)


async def resolve_tiers(info: Info) -> list[Tier]:
    return (await info.context.loaders.tiers()).rising


def _active_only(context: Context, asked: bool | None) -> bool:
    if asked is False:
        context.require(Permission.READ_CONFIG)
        return False
    return True
