"""liability: what the business owes, by asset."""

from datetime import datetime

from models.reads import liability
from schema.context import Info
from schema.types.reports import Liability


async def resolve(info: Info, at: datetime | None = None) -> list[Liability]:
    context = info.context
    found = await liability.by_asset(context.reads, context.now if at is None else at, context.now)
    return [Liability.of(view) for view in found]
