"""invoice, invoices and orders."""

from dataclasses import dataclass
from typing import Annotated

import strawberry

from gateway.errors import BadUserInput
from models.kinds import InvoiceStatus
from models.reads import invoices
from models.reads.filtering import looked
from models.reads.paging import Condition, Listing
from models.reads.references import Reference
from models.views import InvoiceView
from schema import texts
from schema.context import Info
from schema.ids import asked_id
from schema.naming import InvoiceBy
from schema.types.base import Connection
from schema.types.filters import InvoiceFilter
from schema.types.invoice import Invoice
from schema.types.metadata import ReferenceBy
from schema.types.pages import USE_FILTER, PageArguments, root_page
from schema.types.sorting import InvoiceSort


async def resolve_one(
    info: Info,
    id: strawberry.ID | None = None,  # noqa: A002 - the argument's name in the API
    by: InvoiceBy | None = None,
) -> Invoice | None:
    """Return one invoice or order; null if there is none, or the token may not see it.

    id: Invoice to return.
    by: The same by number or id, in place of id.
    """
    context = info.context
    if (id is None) == (by is None):
        raise BadUserInput("Name the invoice by id or by `by`: by one of the two.")
    if by is not None and by.sent is not None:
        number = texts.looked_up(by.sent, texts.MAX_NUMBER, "by.number")
        view = await invoices.by_number(context.reads, number)
        invoice = None if view is None else Invoice.of(view, context.loaders)
    else:
        invoice_id = asked_id(str(id), "Invoice", "id") if by is None else asked_id(str(by.id), "Invoice", "by.id")
        invoice = None if invoice_id is None else await context.loaders.invoices.load(invoice_id)
    # Asked even of none: else the time it takes would tell a customer which numbers there are (resolvers/customers.py).
    return invoice if await context.may_see(None if invoice is None else invoice.view.customer_id) else None


async def resolve_all(
    info: Info,
    customer_id: strawberry.ID | None = None,
    status: Annotated[list[InvoiceStatus] | None, USE_FILTER] = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
    reference: Annotated[ReferenceBy | None, USE_FILTER] = None,
    filter: InvoiceFilter | None = None,  # noqa: A002 - the argument's name in the API
    sort_by: InvoiceSort | None = None,
) -> Connection[Invoice] | None:
    """List invoices and orders of all customers or of one, by when they were recorded unless sortBy says otherwise.
    Customers see their own. Without a customer, by the beginning of references, in the order of these.

    customer_id: Customer whose invoices to list. Null: all customers.
    status: States to list. Null: all.
    reference: Reference of those to list. Null: all.
    filter: Which of them to list. Null: all.
    sort_by: Order of the list. Null: CREATED.
    """
    asked = _Asked(customer_id, status, reference, filter, sort_by)
    return await _listed(info, asked, (first, after, last, before, reverse))


async def resolve_orders(
    info: Info,
    customer_id: strawberry.ID | None = None,
    status: Annotated[list[InvoiceStatus] | None, USE_FILTER] = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
    reference: Annotated[ReferenceBy | None, USE_FILTER] = None,
    filter: InvoiceFilter | None = None,  # noqa: A002 - the argument's name in the API
    sort_by: InvoiceSort | None = None,
) -> Connection[Invoice] | None:
    """List orders of all customers or of one, by when they were recorded unless sortBy says otherwise. Customers see their
    own. Without a customer, by the beginning of references, in the order of these.

    customer_id: Customer whose orders to list. Null: all customers.
    status: States to list. Null: all.
    reference: Reference of those to list. Null: all.
    filter: Which of them to list. Null: all.
    sort_by: Order of the list. Null: CREATED.
    """
    asked = _Asked(customer_id, status, reference, filter, sort_by)
    return await _listed(info, asked, (first, after, last, before, reverse), invoices.ORDERS_ALONE)


@dataclass(frozen=True, slots=True)
class _Asked:
    customer_id: strawberry.ID | None
    status: list[InvoiceStatus] | None
    reference: ReferenceBy | None
    filter: InvoiceFilter | None
    sort_by: InvoiceSort | None

    @property
    def named(self) -> Reference | None:
        """The reference, by the argument or by the filter."""
        by = self.reference if self.reference is not None or self.filter is None else self.filter.reference
        return None if by is None else by.reference("filter.reference" if by is not self.reference else "reference")

    @property
    def by_due_day(self) -> Listing[InvoiceView]:
        """All customers' by due day: the unpaid ones alone, unless others are asked for."""
        by_filter = None if self.filter is None else self.filter.status
        asked_for = {*(self.status or ()), *(by_filter or ())}
        return invoices.BY_DUE_DAY if asked_for <= invoices.UNPAID else invoices.BY_ANY_DUE_DAY


async def _listed(info: Info, asked: _Asked, page: PageArguments, *conditions: Condition) -> Connection[Invoice] | None:
    """List the tenant's invoices or one customer's; without a customer id, a customer gets their own."""
    context, named, by_due_day = info.context, asked.named, asked.sort_by is InvoiceSort.DUE_ON
    listing, parent = asked.by_due_day if by_due_day else invoices.INVOICES, context.tenant.id
    if asked.customer_id is not None or context.is_customer:
        customer_id = (
            await context.own_customer_id()
            if asked.customer_id is None
            else asked_id(asked.customer_id, "Customer", "customerId")
        )
        person = await context.person(customer_id)
        if person is None:
            return None
        listing, parent = invoices.CUSTOMER_BY_DUE_DAY if by_due_day else invoices.CUSTOMER_INVOICES, person
        if named is not None:
            conditions = (*conditions, invoices.of_customer_referenced(named))
    elif named is not None and not by_due_day and (asked.sort_by is None or not named.begins):
        listing = invoices.BY_REFERENCE if named.begins else invoices.OF_REFERENCE
        conditions = (*conditions, invoices.referenced(named))
    elif named is not None:
        conditions = (*conditions, looked(invoices.of_customer_referenced(named), "reference"))
    if asked.status is not None:
        conditions = (*conditions, invoices.with_status(asked.status))
    if asked.filter is not None:
        by_reference = asked.reference is None
        conditions = (*conditions, *asked.filter.conditions(context, listing, by_reference=by_reference))
    return await root_page(info, listing, parent, page, *conditions)
