"""ledger: a customer's entries."""

from datetime import datetime
from typing import Annotated

import strawberry

from models.reads import filtering, ledger
from models.reads.paging import Condition
from models.reads.references import TooManyFound, of_transaction, transactions_of
from schema.context import Context, Info
from schema.ids import asked_id
from schema.scalars import AssetCode
from schema.types.base import Connection
from schema.types.filters import LedgerEntryFilter
from schema.types.ledger import LedgerEntry
from schema.types.metadata import ReferenceBy
from schema.types.pages import USE_FILTER, USE_FILTER_TEXT, root_page


async def resolve(
    info: Info,
    customer_id: strawberry.ID,
    asset: Annotated[AssetCode | None, USE_FILTER] = None,
    from_: Annotated[datetime | None, strawberry.argument(name="from", deprecation_reason=USE_FILTER_TEXT)] = None,
    to: Annotated[datetime | None, USE_FILTER] = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
    reference: Annotated[ReferenceBy | None, USE_FILTER] = None,
    filter: LedgerEntryFilter | None = None,  # noqa: A002 - the argument's name in the API
) -> Connection[LedgerEntry] | None:
    """List a customer's entries from `from` (included) to `to` (excluded), oldest first.

    customer_id: Customer whose entries to list.
    asset: Asset of the entries. Null: all.
    from_: Start of the period, included. Null: from the beginning.
    to: End of the period, excluded. Null: now.
    reference: Reference of the transactions whose entries to list. Null: all.
    filter: Which of them to list. Null: all.
    """
    context = info.context
    person = await context.person(asked_id(customer_id, "Customer", "customerId"))
    if person is None:
        return None
    period = None if filter is None else filter.posted_at
    await context.settle(to, None if period is None else period.to)
    conditions = ledger.posted(ledger.CUSTOMER_LEDGER, from_, to) + (() if asset is None else (ledger.of_asset(asset),))
    named = reference if reference is not None or filter is None else filter.reference
    if named is not None:
        conditions = (
            *conditions,
            await _referenced(context, named, "reference" if named is reference else "filter.reference"),
        )
    if filter is not None:
        by_reference = reference is None
        conditions = (*conditions, *filter.conditions(context, ledger.CUSTOMER_LEDGER, by_reference=by_reference))
    return await root_page(info, ledger.CUSTOMER_LEDGER, person, (first, after, last, before, reverse), *conditions)


async def _referenced(context: Context, by: ReferenceBy, place: str) -> Condition:
    """Return the condition for it: by the transactions that have it, if they are few.

    Else the person's entries are looked through: a refusal would tell a customer how many others have it.
    """
    reference = by.reference(place)
    try:
        found = await transactions_of(context.reads, reference)
    except TooManyFound:
        return filtering.looked(of_transaction(reference, "t.transaction_id"), "reference")
    return of_transaction(reference, "t.transaction_id") if found is None else ledger.of_transactions(found)
