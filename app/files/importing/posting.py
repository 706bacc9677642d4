"""Posts the documents of a file: customers, invoices and credit notes, through the same operations as the API."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final
from uuid import UUID

from app.files.importing.online_retail import CURRENCY, Document
from models.commands import Actor, AdjustCredit
from models.customers import UpsertCustomer
from models.errors import Busy, LedgerError
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.create_invoice import create_invoice
from models.operations.upsert_customer import upsert_customer
from models.planning.invoices import CreateInvoice
from models.reads import customers
from models.reads.session import reading

ACTOR: Final = Actor("import", "ADMIN", client="scrip-import", name="Import", keeps_keys=True)
REASON: Final = "CORRECTION"
"""Of every credit: a credit note corrects an invoice. New tenants have this reason."""
MAX_AT_ONCE: Final = 192
"""Customers whose documents are posted side by side: together they fill most of one posting."""
MAX_TRIES: Final = 5
MAX_NOTE_CHARACTERS: Final = 2_000


class ImportStopped(Exception):
    """The ledger refused a document. Those posted before it stay; another run continues from there."""


def unnamed(external_id: str) -> UpsertCustomer:
    """The customer of that number: the file has no names, and a country is no part of one."""
    return UpsertCustomer(external_id, f"Customer {external_id}")


async def post_documents(
    ledger: Ledger,
    tenant_id: UUID,
    documents: Iterable[Document],
    step: Callable[[], None],
    person: Callable[[str], UpsertCustomer] = unnamed,
) -> int:
    """Post each document once, even if some were posted before. Returns the number of new ones. `step` is called after each.
    person: a customer who is not there yet, by number.

    In order of time for each customer, since a credit note pays the invoices that come after it; customers side by
    side. Raises ImportStopped at the first that is refused.
    """
    by_customer: dict[str, list[Document]] = {}
    for document in documents:
        by_customer.setdefault(document.customer, []).append(document)
    for theirs in by_customer.values():
        theirs.sort(key=lambda document: document.order)
    known = await _known_customers(tenant_id, list(by_customer))
    # The customers with the most documents take longest, so they come first.
    new = 0
    queue = deque(sorted(by_customer.items(), key=lambda item: -len(item[1])))

    async def work() -> None:
        nonlocal new
        while queue:
            external_id, theirs = queue.popleft()
            customer_id = known.get(external_id) or await _add_customer(ledger, tenant_id, person(external_id))
            for document in theirs:
                is_new = await _post(ledger, tenant_id, customer_id, document)
                new += is_new  # not in one line: others add to it during the wait
                step()

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(MAX_AT_ONCE, len(queue))):
                workers.create_task(work())
    except* ImportStopped as stopped:
        raise stopped.exceptions[0] from None
    return new


def key_of(number: str) -> str:
    """The idempotency key that a document is posted under."""
    return f"online-retail/{number}"


async def _known_customers(tenant_id: UUID, external_ids: list[str]) -> dict[str, UUID]:
    """Customers who exist already: they are left as they are, even if their name differs."""
    async with reading(tenant_id) as session:
        return await customers.ids_of(session, external_ids)


async def _add_customer(ledger: Ledger, tenant_id: UUID, command: UpsertCustomer) -> UUID:
    customer, _ = await upsert_customer(ledger, tenant_id, ACTOR, command)
    return customer.id


async def _post(ledger: Ledger, tenant_id: UUID, customer_id: UUID, document: Document) -> bool:
    """Post one document, and return whether it was new."""
    key = key_of(document.number)
    for _ in range(MAX_TRIES):
        try:
            if document.is_credit_note:
                done = await adjust_credit(ledger, tenant_id, ACTOR, credit_note(customer_id, document), key)
            else:
                done = await create_invoice(ledger, tenant_id, ACTOR, invoice(customer_id, document), key)
        except Busy:
            continue  # it has waited for its turn already, many times over
        except LedgerError as error:
            raise ImportStopped(f"{_name(document)}: {error.message}") from error
        return not done.replayed
    raise ImportStopped(f"{_name(document)}: {Busy().message}")


def invoice(customer_id: UUID, document: Document) -> CreateInvoice:
    """The document as an invoice, issued on its own day."""
    return CreateInvoice(
        customer_id, document.number, CURRENCY, tuple(document.lines), issued_on=document.at.date(), auto_apply=True
    )


def credit_note(customer_id: UUID, document: Document) -> AdjustCredit:
    """The document as a credit for the amount it gives back, good from its own day on."""
    return AdjustCredit(
        customer_id, CURRENCY, document.total, REASON, note=_note(document), effective_on=document.at.date()
    )


def _note(document: Document) -> str:
    """`Credit note C536391: 12 of 22556 PLASTERS IN TIN CIRCUS PARADE at 1.65; …`, cut short between two goods."""
    note = f"Credit note {document.number}: "
    goods = [f"{line.quantity} of {line.description} at {_money(line.unit_price)}" for line in document.lines]
    for told, one in enumerate(goods):
        if len(note) + len(one) > MAX_NOTE_CHARACTERS:
            return f"{note}and {len(goods) - told} more"
        note += one if told == len(goods) - 1 else f"{one}; "
    return note


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _name(document: Document) -> str:
    return f"{'Credit note' if document.is_credit_note else 'Invoice'} {document.number}"
