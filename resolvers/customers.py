"""customer and customers."""

from typing import Annotated, Final
from uuid import UUID

from auth.roles import Permission
from gateway.errors import BadUserInput
from models.customers import CustomerView
from models.reads import customers
from models.reads.filtering import looked
from models.reads.paging import Condition, Listing
from schema import texts
from schema.context import Context, Info
from schema.ids import asked_id
from schema.naming import CustomerBy
from schema.types.base import Connection
from schema.types.customer import Customer
from schema.types.filters import CustomerFilter
from schema.types.metadata import ReferenceBy
from schema.types.pages import USE_FILTER, looked_into, root_page
from schema.types.sorting import CustomerSort

_ORDERS: Final = {
    CustomerSort.CREATED: customers.CUSTOMERS,
    CustomerSort.NAME: customers.BY_NAME,
    CustomerSort.BALANCE: customers.BY_BALANCE,
    CustomerSort.LAST_ACTIVITY: customers.BY_ACTIVITY,
}


async def resolve_one(info: Info, by: CustomerBy) -> Customer | None:
    """Return one customer; null if there is none, or the token may not see it.

    by: Customer to return.
    """
    context = info.context
    customer_id = await _named(context, by)
    # Checked even if there is no such customer: the attempt is recorded, and the time taken must not reveal which names
    # exist.
    if not await context.may_see(customer_id) or customer_id is None:
        return None
    return await context.loaders.customers.load(customer_id)


async def _named(context: Context, by: CustomerBy) -> UUID | None:
    if isinstance(by.id, str):
        return asked_id(by.id, "Customer", "by.id")
    external_id = texts.looked_up(str(by.external_id), texts.MAX_EXTERNAL_ID, "by.externalId")
    found = await customers.by_external_id(context.reads, external_id)
    return None if found is None else found.id


def _sorted_asset(given: CustomerFilter | None) -> str:
    """Return the asset whose balances customers are to be in the order of. Raises BadUserInput if none is named."""
    asset = None if given is None else given.has_balance if given.balance is None else given.balance.asset
    if asset is None:
        raise BadUserInput(
            "sortBy BALANCE takes filter.balance or filter.hasBalance: balances of one asset have an order.", "filter"
        )
    return asset


async def _begun(
    context: Context, listing: Listing[CustomerView], text: str, *, served: bool
) -> tuple[Listing[CustomerView], tuple[Condition, ...]]:
    """Return the list of those in whom something begins with the text, and the conditions for it: by their ids, or if they
    are many, as they come in the list: `served`, or looked for."""
    ids = await customers.found_by_beginning(context.reads, text)
    if ids is not None:
        return customers.among(listing, ids)
    begins = customers.matching(text)
    return listing, (begins if served else looked(begins, "search"),)


async def resolve_all(
    info: Info,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
    search: Annotated[str | None, USE_FILTER] = None,
    reference: Annotated[ReferenceBy | None, USE_FILTER] = None,
    filter: CustomerFilter | None = None,  # noqa: A002 - the argument's name in the API
    sort_by: CustomerSort | None = None,
) -> Connection[Customer] | None:
    """List customers, by when they were added unless sortBy says otherwise; by the beginning of references, in the order of
    these.

    search: Beginning of a name, last name, e-mail address or external id, upper or lower case. Null: all customers.
    reference: Reference of those to list, or of a record merged into one. Null: all customers.
    filter: Which customers to list. Null: all.
    sort_by: Order of the list. Null: CREATED.
    """
    conditions: list[Condition] = []
    listing, tenant = _ORDERS[sort_by or CustomerSort.CREATED], info.context.tenant.id
    if sort_by in (CustomerSort.BALANCE, CustomerSort.LAST_ACTIVITY):
        info.context.require(Permission.READ_LEDGER)
    if sort_by is CustomerSort.BALANCE:
        conditions.append(customers.in_asset(_sorted_asset(filter)))
    begun = texts.looked_up(search, texts.MAX_SEARCH, "search") if search is not None and search.strip() else None
    named = reference if reference is not None or filter is None else filter.reference
    if named is not None:
        asked = named.reference("reference" if named is reference else "filter.reference")
        served = sort_by is None or (sort_by is CustomerSort.CREATED and not asked.begins)
        found = customers.referenced(asked)
        conditions.append(found if served else looked(found, "reference"))
        listing = customers.BY_REFERENCE if sort_by is None and asked.begins else listing
    page = (first, after, last, before, reverse)
    if filter is not None:
        conditions += await filter.conditions(info.context, listing, by_reference=reference is None)
    if begun is not None:
        served = sort_by in (None, CustomerSort.CREATED)
        listing, searched = await _begun(info.context, listing, begun, served=served)
        conditions += searched
    if filter is not None:
        text = filter.searches if listing in customers.BY_THEMSELVES else None
        if text is not None and after is None and before is None and 0 not in (first, last):
            shown = await looked_into(info, listing, tenant, page, *conditions, customers.found_within(text))
            if shown is None or shown.edges:
                return shown
        listing, searched = await filter.searched(info.context, listing)
        conditions += searched
    return await root_page(info, listing, tenant, page, *conditions)
