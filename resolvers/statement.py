"""statement: one customer's entries in one asset between two instants, with the balances around them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from gateway.errors import BadUserInput
from models.errors import AssetUnknown
from models.money import exponent
from models.reads import statements
from schema.context import Info
from schema.ids import asked_id
from schema.scalars import AssetCode
from schema.types.statement import Statement


async def resolve(
    info: Info,
    customer_id: strawberry.ID,
    asset: AssetCode,
    from_: Annotated[datetime | None, strawberry.argument(name="from")] = None,
    to: datetime | None = None,
) -> Statement | None:
    """Return a customer's statement in one asset, from `from` (included) to `to` (excluded).

    customer_id: Customer whose statement to return.
    asset: Asset of the statement, such as GBP.
    from_: Start of the period, included. Null: from the beginning.
    to: End of the period, excluded. Null: now.
    """
    context = info.context
    person = await context.person(asked_id(customer_id, "Customer", "customerId"))
    if person is None:
        return None
    try:
        exponent(asset)
    except AssetUnknown as error:
        raise BadUserInput(error.message, "asset") from None
    await context.settle(from_, to)
    accounts: list[UUID | None] = [a for a, _ in await statements.accounts_of(context.reads, person, asset, to)]
    views = [await statements.statement(context.reads, each, asset, from_, to) for each in accounts or [None]]
    return Statement.of(views, person)
