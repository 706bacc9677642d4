"""balances: all accounts of a customer."""

import strawberry

from schema.context import Info
from schema.ids import asked_id
from schema.types.account import Account


async def resolve(info: Info, customer_id: strawberry.ID) -> list[Account] | None:
    """List all accounts of a customer, by asset.

    customer_id: Customer whose accounts to list.
    """
    context = info.context
    person = await context.person(asked_id(customer_id, "Customer", "customerId"))
    return None if person is None else await context.loaders.balances.load(person)
