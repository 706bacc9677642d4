"""The proof of the books finds what is wrong with lines' details and with what was kept of payments, by its name."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.planning.invoices import InvoiceLineItem
from models.reads.verify import verify
from tests.support.clock import Clock
from tests.support.tampering import Tampering, planted
from tests.support.tenants import Tenant


@pytest.fixture
async def tenant(database: Urls, clock: Clock) -> AsyncIterator[Tenant]:
    """Anna has an invoice over 2.5 × 1.99 less 10 per cent, with tax of 0.90; two pounds of what she paid were kept. Of what
    Ben paid, three were, and that was voided."""
    tenant = await Tenant.open(clock)
    anna, ben = await tenant.customer(name="Anna"), await tenant.customer(name="Ben")
    line = InvoiceLineItem(
        "Tea", 0, Decimal("1.99"), Decimal("2.5"), discount_percent=Decimal(10), tax_amount=Decimal("0.90")
    )
    await tenant.overpay(await tenant.invoice(anna, 0, lines=(line,)), "7.38")
    voided = await tenant.overpay(await tenant.invoice(ben, 5), 8)
    await tenant.void_payment(voided.payment_id)
    yield tenant
    await tenant.ledger.close()


TAX, KEPT, VOIDED = "tax_minor = 90", "amount_minor = 200", "amount_minor = 300"

PLANTED = {
    "more tax": planted("invoice_line_details", "tax_minor = 91", TAX, "invoice sums", "row of invoice_line_details"),
    "more units": planted("invoice_line_details", "quantity = 2.5001", TAX, "row of invoice_line_details"),
    "another total": planted(
        "invoice_line_details", "quantity = 3, amount_minor = 537", TAX, "line details", "row of invoice_line_details"
    ),
    "details that are forgotten": planted(
        "invoice_line_details", None, TAX, "invoice sums", "row of invoice_line_details"
    ),
    "a line of another total": planted(
        "invoice_lines", "unit_price_minor = 449", "unit_price_minor = 448", "line details"
    ),
    "an invoice of less tax": planted("invoices", "tax_minor = 89", TAX, "invoice sums"),
    "more that was kept": planted("overpayments", "amount_minor = 201", KEPT, "overpayments", "grant entries"),
    "what was kept is forgotten": planted("overpayments", None, KEPT, "grant entries", "invoice sums"),
    "less that was taken back": planted("overpayments", "revoked_minor = 299", VOIDED, "grant entries"),
    "a payment that was not voided": planted("payments", "voided_at = NULL", "voided_at IS NOT NULL", "overpayments"),
    "a credit that an order gave": planted(
        "transactions",
        "kind = 'ORDER'",
        "kind = 'OVERPAYMENT' AND id = (SELECT transaction_id FROM overpayments WHERE amount_minor = 200)",
        "overpayments",
    ),
}


@pytest.mark.parametrize("what", PLANTED)
async def test_tampering_is_found(tenant: Tenant, owner_connection: "asyncpg.Connection[Any]", what: str) -> None:
    assert (await verify(tenant.id)).holds
    corruption = PLANTED[what]
    await Tampering(owner_connection, tenant.id)(corruption.table, corruption.statement)

    proof = await verify(tenant.id)

    assert corruption.found <= set(proof.found)
