"""The proof of the books finds what is wrong with credit notes, by its name."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.commands import NotedLine
from models.reads.verify import verify
from tests.support.clock import Clock
from tests.support.tampering import Tampering, planted
from tests.support.tenants import Tenant


@pytest.fixture
async def tenant(database: Urls, clock: Clock) -> AsyncIterator[Tenant]:
    """Of an invoice of 100.00, 40.00 paid with credit, 50.00 in cash and 10.00 by card, one note took back 30.00; one of
    another, of its one line of 5, is for 3, and one of it was voided."""
    tenant = await Tenant.open(clock)
    anna = await tenant.customer(name="Anna")
    invoice = await tenant.invoice(anna, 100, auto_apply=False)
    await tenant.assign(await tenant.credit(anna, 50), (invoice, 40))
    await tenant.pay(invoice, 50, "CASH")
    await tenant.pay(invoice, 10, "CARD")
    await tenant.note(invoice, 30, give_back="IN_PROPORTION")
    other, line = await tenant.invoice_with_line(anna, 5, 5)
    await tenant.note(other, None, NotedLine(line, Decimal(3)))
    await tenant.void_note(await tenant.note(other, 1))
    yield tenant
    await tenant.ledger.close()


GIVING, LINED, VOIDED = "amount_minor = 3000", "amount_minor = 300", "amount_minor = 100"
OF_CREDIT = "assignment_id IS NOT NULL"
OF_CARD = "payment_id IS NOT NULL AND amount_minor = 1000"

PLANTED = {
    "a larger note": planted("credit_notes", "amount_minor = 3001", GIVING, "credit notes", "invoice sums"),
    "a note that lowered less": planted("credit_notes", "lowered_minor = 299", LINED, "credit notes"),
    "a note of another invoice": planted(
        "credit_notes",
        "invoice_id = (SELECT invoice_id FROM credit_notes WHERE amount_minor = 300)",
        GIVING,
        "credit note parts",
        "invoice sums",
    ),
    "a note that is forgotten": planted("credit_notes", None, VOIDED, "credit notes", "row of credit_notes"),
    "a note that was not voided": planted(
        "credit_notes", "voided_at = NULL, void_transaction_id = NULL", VOIDED, "invoice sums", "row of credit_notes"
    ),
    "a larger part": planted("credit_note_parts", "amount_minor = 1201", OF_CREDIT, "assignment entries"),
    "a part of money that is larger": planted(
        "credit_note_parts", "amount_minor = 1001", OF_CARD, "credit note entries", "credit note parts", "credit notes"
    ),
    "a part that is forgotten": planted(
        "credit_note_parts", None, OF_CREDIT, "assignment entries", "credit note parts", "credit notes"
    ),
    "a part that was not lost": planted("credit_note_parts", "gone = true", OF_CREDIT, "row of credit_note_parts"),
    "less given back of an assignment": planted(
        "assignments", "noted_minor = 1199", "noted_minor > 0", "credit note parts", "invoice sums"
    ),
    "less given back of a payment": planted(
        "payments", "noted_minor = 999", "noted_minor = 1000", "credit note parts", "invoice sums"
    ),
    "less noted": planted("invoices", "noted_minor = 299", "noted_minor = 300", "invoice sums"),
    "a line of more": planted(
        "credit_note_lines",
        "amount_minor = 501",
        "true",
        "credit note lines",
        "credit notes",
        "row of credit_note_lines",
    ),
    "more of a line": planted("credit_note_lines", "quantity = 6", "true", "credit note lines"),
    "an adjustment that was a note": planted(
        "entries", "counter = 'NOTES', lifetime_minor = 0", "counter = 'ISSUED'", "credit note entries"
    ),
    "a note that was an order": planted("entries", "counter = 'ORDERS'", "counter = 'NOTES'", "credit note entries"),
}


@pytest.mark.parametrize("what", PLANTED)
async def test_tampering_is_found(tenant: Tenant, owner_connection: "asyncpg.Connection[Any]", what: str) -> None:
    assert (await verify(tenant.id)).holds
    corruption = PLANTED[what]
    await Tampering(owner_connection, tenant.id)(corruption.table, corruption.statement)

    proof = await verify(tenant.id)

    assert corruption.found <= set(proof.found)
