"""statement: one customer's entries in one asset between two instants, with the balances around them."""

from datetime import datetime
from typing import Annotated

import strawberry

from models.errors import AssetUnknown
from models.money import exponent
from models.reads import statements
from schema.context import Info
from schema.error_codes import BadUserInput
from schema.ids import asked_id
from schema.scalars import AssetCode
from schema.types.statement import Statement


async def resolve(
    info: Info, customer_id: strawberry.ID, asset: AssetCode,
    from_: Annotated[datetime | None, strawberry.argument(name="from")] = None, to: datetime | None = None,
) -> Statement | None:  # fmt: skip
    context = info.context
    customer = asked_id(customer_id, "Customer", "customerId")
    if (
        customer is None
        or not await context.may_see(customer)
        or await context.loaders.customers.load(customer) is None
    ):
        return None
    try:
        exponent(asset)
    except AssetUnknown as error:
        raise BadUserInput(error.message) from None
    accounts = await context.loaders.balances.load(customer) or []
    account_id = next((account.view.id for account in accounts if account.asset == asset), None)
    return Statement.of(await statements.statement(context.reads, account_id, asset, from_, to))
