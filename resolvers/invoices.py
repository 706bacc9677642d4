"""invoice, invoices and orders."""

import strawberry

from gateway.errors import BadUserInput
from models.kinds import InvoiceStatus
from models.reads import invoices
from models.reads.paging import Condition
from schema import texts
from schema.context import Info
from schema.ids import asked_id
from schema.naming import InvoiceBy
from schema.types.base import Connection
from schema.types.invoice import Invoice
from schema.types.metadata import ReferenceBy
from schema.types.pages import PageArguments, root_page


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
    status: list[InvoiceStatus] | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reference: ReferenceBy | None = None,
) -> Connection[Invoice] | None:
    """List invoices and orders of all customers or of one, oldest first. Customers see their own. Without a customer, by
    the beginning of references, in the order of these.

    customer_id: Customer whose invoices to list. Null: all customers.
    status: States to list. Null: all.
    reference: Reference of those to list. Null: all.
    """
    return await _listed(info, customer_id, status, reference, (first, after, last, before))


async def resolve_orders(
    info: Info,
    customer_id: strawberry.ID | None = None,
    status: list[InvoiceStatus] | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reference: ReferenceBy | None = None,
) -> Connection[Invoice] | None:
    """List orders of all customers or of one, oldest first. Customers see their own. Without a customer, by the beginning
    of references, in the order of these.

    customer_id: Customer whose orders to list. Null: all customers.
    status: States to list. Null: all.
    reference: Reference of those to list. Null: all.
    """
    return await _listed(info, customer_id, status, reference, (first, after, last, before), invoices.ORDERS_ALONE)


async def _listed(
    info: Info,
    customer_id: strawberry.ID | None,
    status: list[InvoiceStatus] | None,
    reference: ReferenceBy | None,
    page: PageArguments,
    *conditions: Condition,
) -> Connection[Invoice] | None:
    """List the tenant's invoices or one customer's; without a customer id, a customer gets their own."""
    context = info.context
    listing, parent = invoices.INVOICES, context.tenant.id
    asked = None if reference is None else reference.reference()
    if customer_id is not None or context.is_customer:
        named = (
            await context.own_customer_id() if customer_id is None else asked_id(customer_id, "Customer", "customerId")
        )
        person = await context.person(named)
        if person is None:
            return None
        listing, parent = invoices.CUSTOMER_INVOICES, person
        if asked is not None:
            conditions = (*conditions, invoices.of_customer_referenced(asked))
    elif asked is not None:
        listing = invoices.BY_REFERENCE if asked.begins else invoices.OF_REFERENCE
        conditions = (*conditions, invoices.referenced(asked))
    if status is not None:
        conditions = (*conditions, invoices.with_status(status))
    return await root_page(info, listing, parent, page, *conditions)
