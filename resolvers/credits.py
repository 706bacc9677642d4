"""credits: those of the tenant, or of one customer."""

from typing import Annotated

import strawberry

from models.kinds import CreditStatus
from models.reads import credits as credit_reads
from models.reads.paging import Condition
from schema.context import Info
from schema.ids import asked_id
from schema.scalars import AssetCode
from schema.types.account import Credit
from schema.types.base import Connection
from schema.types.filters import CreditFilter
from schema.types.pages import USE_FILTER, root_page
from schema.types.sorting import CreditSort


async def resolve(
    info: Info,
    customer_id: strawberry.ID | None = None,
    asset: Annotated[AssetCode | None, USE_FILTER] = None,
    status: Annotated[list[CreditStatus] | None, USE_FILTER] = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
    filter: CreditFilter | None = None,  # noqa: A002 - the argument's name in the API
    sort_by: CreditSort | None = None,
) -> Connection[Credit] | None:
    """List credits of all customers or of one, oldest first unless sortBy says otherwise. Customers see their own.

    customer_id: Customer whose credits to list. Null: all customers.
    asset: Asset of the credits. Null: all.
    status: States to list. Null: all.
    filter: Which of them to list. Null: all.
    sort_by: Order of the list. Null: OPENED.
    """
    context = info.context
    by_expiry = sort_by is CreditSort.EXPIRES_AT
    listing, parent = credit_reads.BY_EXPIRY if by_expiry else credit_reads.ALL, context.tenant.id
    if customer_id is not None or context.is_customer:
        asked = (
            await context.own_customer_id() if customer_id is None else asked_id(customer_id, "Customer", "customerId")
        )
        person = await context.person(asked)
        if person is None:
            return None
        listing, parent = credit_reads.CUSTOMER_BY_EXPIRY if by_expiry else credit_reads.CUSTOMER_CREDITS, person
    conditions: tuple[Condition, ...] = () if asset is None else (credit_reads.of_asset(asset),)
    if status is not None:
        conditions = (*conditions, credit_reads.with_status(status, context.now))
    if filter is not None:
        conditions = (*conditions, *filter.conditions(context, listing))
    return await root_page(info, listing, parent, (first, after, last, before, reverse), *conditions)
