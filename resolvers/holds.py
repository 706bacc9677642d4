"""holds: those of the tenant, or of one customer."""

from typing import Annotated

import strawberry

from gateway.errors import BadUserInput
from models.kinds import HoldStatus
from models.reads import filtering, holds
from models.reads.paging import Condition
from models.reads.references import TooManyFound, of_transaction, transactions_of
from schema.context import Context, Info
from schema.ids import asked_id
from schema.types.base import Connection
from schema.types.filters import HoldFilter
from schema.types.hold import Hold
from schema.types.metadata import ReferenceBy
from schema.types.pages import USE_FILTER, root_page


async def resolve(
    info: Info,
    customer_id: strawberry.ID | None = None,
    status: Annotated[list[HoldStatus] | None, USE_FILTER] = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
    reference: Annotated[ReferenceBy | None, USE_FILTER] = None,
    filter: HoldFilter | None = None,  # noqa: A002 - the argument's name in the API
) -> Connection[Hold] | None:
    """List holds of all customers or of one, oldest first. Customers see their own.

    customer_id: Customer whose holds to list. Null: all customers.
    status: States to list. Null: all.
    reference: Reference with which they were placed. Null: all.
    filter: Which of them to list. Null: all.
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
    for place, named in (("reference", reference), ("filter.reference", None if filter is None else filter.reference)):
        if named is not None:
            of_one = listing is holds.CUSTOMER_HOLDS
            conditions = (*conditions, await _referenced(context, named, place, of_one=of_one))
    if filter is not None:
        conditions = (*conditions, *filter.conditions(context, listing))
    return await root_page(info, listing, parent, (first, after, last, before, reverse), *conditions)


async def _referenced(context: Context, by: ReferenceBy, place: str, *, of_one: bool) -> Condition:
    """Return the condition for it: by the transactions that have it, if they are few.

    Else the holds of one person are looked through: a refusal would tell a customer how many others have it.
    """
    reference = by.reference(place)
    try:
        found = await transactions_of(context.reads, reference)
    except TooManyFound as error:
        if of_one:
            return filtering.looked(of_transaction(reference, "t.id"), "reference")
        raise BadUserInput(str(error), *place.split(".")) from None
    return of_transaction(reference, "t.id") if found is None else holds.placed_by(found)
