"""holds: those of the tenant, or of one customer."""

import strawberry

from models.kinds import HoldStatus
from models.reads import holds
from models.reads.paging import Condition
from schema.context import Info
from schema.ids import asked_id
from schema.types.base import Connection
from schema.types.hold import Hold
from schema.types.pages import root_page


async def resolve(
    info: Info,
    customer_id: strawberry.ID | None = None,
    status: list[HoldStatus] | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Connection[Hold] | None:
    """List holds of all customers or of one, oldest first. Customers see their own.

    customer_id: Customer whose holds to list. Null: all customers.
    status: States to list. Null: all.
    """
    context = info.context
    listing, parent = holds.HOLDS, context.tenant.id
    if customer_id is not None or context.is_customer:
        asked = (
            await context.own_customer_id() if customer_id is None else asked_id(customer_id, "Customer", "customerId")
        )
        person = await context.person(asked)
        if person is None:
            return None
        listing, parent = holds.CUSTOMER_HOLDS, person
    conditions: tuple[Condition, ...] = () if status is None else (holds.with_status(status, context.now),)
    return await root_page(info, listing, parent, (first, after, last, before), *conditions)
