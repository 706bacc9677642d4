"""credits: those of the tenant, or of one customer."""

import strawberry

from models.kinds import CreditStatus
from models.reads import credits as credit_reads
from schema.context import Info
from schema.ids import asked_id
from schema.scalars import AssetCode
from schema.types.account import Credit
from schema.types.base import Connection
from schema.types.pages import root_page


async def resolve(
    info: Info,
    customer_id: strawberry.ID | None = None,
    asset: AssetCode | None = None,
    status: list[CreditStatus] | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Connection[Credit] | None:
    """List credits of all customers or of one, oldest first. Customers see their own.

    customer_id: Customer whose credits to list. Null: all customers.
    asset: Asset of the credits. Null: all.
    status: States to list. Null: all.
    """
    context = info.context
    listing, parent = credit_reads.ALL, context.tenant.id
    if customer_id is not None or context.is_customer:
        asked = (
            await context.own_customer_id() if customer_id is None else asked_id(customer_id, "Customer", "customerId")
        )
        person = await context.person(asked)
        if person is None:
            return None
        listing, parent = credit_reads.CUSTOMER_CREDITS, person
    conditions = () if asset is None else (credit_reads.of_asset(asset),)
    if status is not None:
        conditions = (*conditions, credit_reads.with_status(status, context.now))
    return await root_page(info, listing, parent, (first, after, last, before), *conditions)
