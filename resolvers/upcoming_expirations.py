"""upcomingExpirations: credits that are about to expire, of all customers or of one."""

from datetime import datetime
from typing import Any

import strawberry

from auth.roles import Permission
from models.reads import credits as credit_reads
from schema.context import Context, Info
from schema.ids import asked_id
from schema.scalars import AssetCode
from schema.types.account import Credit
from schema.types.base import Connection
from schema.types.pages import root_page


async def resolve(
    info: Info,
    until: datetime | None = None,
    asset: AssetCode | None = None,
    customer_id: strawberry.ID | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
) -> Connection[Credit] | None:
    """List credits that have a remainder and expire, soonest first. Customers see their own.

    until: Latest expiry to list, included. Null: no end.
    asset: Asset of the credits. Null: all.
    customer_id: Customer whose credits to list. Null: all customers, which takes the right to read reports.
    """
    context = info.context
    page, conditions = (first, after, last, before, reverse), credit_reads.expiring(context.now, until, asset)
    if customer_id is None and not context.is_customer:
        return await root_page(info, credit_reads.UPCOMING, context.tenant.id, page, *conditions)
    if customer_id is None:
        customer = await context.own_customer_id()
    else:
        customer = asked_id(customer_id, "Customer", "customerId")
    person = await context.person(customer)
    if person is None:
        return None
    return await root_page(info, credit_reads.CUSTOMER_UPCOMING, person, page, *conditions)


def rights(context: Context, customer_id: strawberry.ID | None = None, **_arguments: Any) -> tuple[Permission, ...]:
    """Return the right to read reports for all customers, and to read ledgers for one; customers read their own."""
    everybody = customer_id is None and not context.is_customer
    return (Permission.READ_REPORTS if everybody else Permission.READ_LEDGER,)
