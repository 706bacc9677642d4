"""adjustmentReasons, services, rewards and tiers. Retired ones take the right to read the configuration."""

from typing import Any

from auth.roles import Permission
from models.reads import configuration, rewards
from schema.context import Context, Info
from schema.types.base import Connection
from schema.types.configuration import AdjustmentReason, Service, Tier
from schema.types.pages import root_page
from schema.types.reward import Reward


async def resolve_reasons(info: Info, active_only: bool | None = True) -> list[AdjustmentReason]:
    """List adjustment reasons, by code.

    active_only: Whether to leave out retired reasons. false takes the right to read the configuration.
    """
    context = info.context
    rows = await configuration.reasons(context.reads, active_only=active_only is not False)
    return [AdjustmentReason.of(row, context.loaders) for row in rows]


async def resolve_services(info: Info, active_only: bool | None = True) -> list[Service]:
    """List services, by name.

    active_only: Whether to leave out retired services. false takes the right to read the configuration.
    """
    context = info.context
    rows = await configuration.services(context.reads, active_only=active_only is not False)
    return [Service.of(row, context.loaders) for row in rows]


async def resolve_rewards(
    info: Info,
    active_only: bool | None = True,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
) -> Connection[Reward] | None:
    """List rewards, by name.

    active_only: Whether to leave out retired rewards. false takes the right to read the configuration.
    """
    context = info.context
    conditions = () if active_only is False else (rewards.ACTIVE,)
    tenant = context.tenant.id
    return await root_page(info, rewards.REWARDS, tenant, (first, after, last, before, reverse), *conditions)


async def resolve_tiers(info: Info) -> list[Tier]:
    """List tiers, lowest threshold first."""
    return (await info.context.loaders.tiers()).rising


def catalogue_rights(_context: Context, active_only: bool | None = True) -> tuple[Permission, ...]:
    """Return the rights to list reasons or services."""
    return _with_old_ones(Permission.READ_CATALOGUE, active_only)


def reward_rights(_context: Context, active_only: bool | None = True, **_arguments: Any) -> tuple[Permission, ...]:
    return _with_old_ones(Permission.READ_REWARDS, active_only)


def _with_old_ones(right: Permission, active_only: bool | None) -> tuple[Permission, ...]:
    return (right, Permission.READ_CONFIG) if active_only is False else (right,)
