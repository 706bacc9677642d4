"""customer and customers."""

from uuid import UUID

from models.reads import customers
from models.reads.paging import Condition
from schema import texts
from schema.context import Context, Info
from schema.ids import asked_id
from schema.naming import CustomerBy
from schema.types.base import Connection
from schema.types.customer import Customer
from schema.types.metadata import ReferenceBy
from schema.types.pages import root_page


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
        return asked_id(by.id, "Customer", "id")
    external_id = texts.looked_up(str(by.external_id), texts.MAX_EXTERNAL_ID, "externalId")
    found = await customers.by_external_id(context.reads, external_id)
    return None if found is None else found.id


async def resolve_all(
    info: Info,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    search: str | None = None,
    reference: ReferenceBy | None = None,
) -> Connection[Customer] | None:
    """List customers, oldest first; by the beginning of references, in the order of these.

    search: Beginning of a name, last name, e-mail address or external id, upper or lower case. Null: all customers.
    reference: Reference of those to list, or of a record merged into one. Null: all customers.
    """
    conditions: tuple[Condition, ...] = ()
    if search is not None and search.strip():
        conditions = (customers.matching(texts.looked_up(search, texts.MAX_SEARCH, "search")),)
    listing, tenant = customers.CUSTOMERS, info.context.tenant.id
    if reference is not None:
        asked = reference.reference()
        conditions = (*conditions, customers.referenced(asked))
        listing = customers.BY_REFERENCE if asked.begins else listing
    return await root_page(info, listing, tenant, (first, after, last, before), *conditions)
