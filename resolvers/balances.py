"""balances: every account of a customer."""

import strawberry

from schema.context import Info
from schema.ids import asked_id
from schema.types.account import Account


async def resolve(info: Info, customer_id: strawberry.ID) -> list[Account] | None:
    context = info.context
    customer = asked_id(customer_id, "Customer", "customerId")
    if (
        customer is None
        or not await context.may_see(customer)
        or await context.loaders.customers.load(customer) is None
    ):
        return None
    return await context.loaders.balances.load(customer)
