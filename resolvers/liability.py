"""liability and trialBalance: what the business owes, by asset, and the books that it agrees with."""

from datetime import datetime

from models.reads import liability
from schema.context import Info
from schema.types.reports import Liability, TrialBalance


async def resolve(info: Info, at: datetime | None = None) -> list[Liability]:
    context = info.context
    await context.settle(at)
    at = context.now if at is None else at
    return [Liability.of(view, at) for view in await liability.by_asset(context.reads, at, context.now)]


async def resolve_trial_balance(info: Info, at: datetime | None = None) -> list[TrialBalance]:
    context = info.context
    await context.settle(at)
    found = await liability.trial_balance(context.reads, context.now if at is None else at)
    return [TrialBalance.of(view) for view in found]
