"""liability and trialBalance: the total owed, by asset, and the books that it agrees with."""

from datetime import datetime

from models.reads import liability
from schema.context import Info
from schema.types.reports import Liability, TrialBalance


async def resolve(info: Info, at: datetime | None = None) -> list[Liability]:
    """Return the total owed to all customers, by asset.

    at: Instant to report on. Null: now.
    """
    context = info.context
    await context.settle(at)
    at = context.now if at is None else at
    report = await liability.report(context.reads, at, context.now, context.tenant.time_zone)
    return [Liability.of(view, at, report.parts) for view in report.views]


async def resolve_trial_balance(info: Info, at: datetime | None = None) -> list[TrialBalance]:
    """Return the trial balance, by asset: all entries by counter, beside the accounts' balances.

    at: Instant to report on. Null: now.
    """
    context = info.context
    await context.settle(at)
    found = await liability.trial_balance(context.reads, context.now if at is None else at)
    return [TrialBalance.of(view) for view in found]
