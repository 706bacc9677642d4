"""ledger: a customer's entries."""

from datetime import datetime
from typing import Annotated

import strawberry

from models.reads import ledger
from schema.context import Info
from schema.ids import asked_id
from schema.scalars import AssetCode
from schema.types.base import Connection
from schema.types.ledger import LedgerEntry
from schema.types.pages import root_page


async def resolve(
    info: Info,
    customer_id: strawberry.ID,
    asset: AssetCode | None = None,
    from_: Annotated[datetime | None, strawberry.argument(name="from")] = None,
    to: datetime | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Connection[LedgerEntry] | None:
    """List a customer's entries from `from` (included) to `to` (excluded), oldest first.

    customer_id: Customer whose entries to list.
    asset: Asset of the entries. Null: all.
    from_: Start of the period, included. Null: from the beginning.
    to: End of the period, excluded. Null: now.
    """
    context = info.context
    person = await context.person(asked_id(customer_id, "Customer", "customerId"))
    if person is None:
        return None
    await context.settle(to)
    conditions = ledger.between(from_, to) + (() if asset is None else (ledger.of_asset(asset),))
    return await root_page(info, ledger.CUSTOMER_LEDGER, person, (first, after, last, before), *conditions)
