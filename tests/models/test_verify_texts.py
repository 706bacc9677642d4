"""The proof of the books finds what was changed of references and metadata, by its name."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.operations.people import erase_customer
from models.reads.verify import verify
from models.texts import Texts
from tests.support.clock import Clock
from tests.support.tampering import Tampering, planted
from tests.support.tenants import MANAGER, Tenant

TEXTS = Texts("Order 7", (("shop", "Lisboa \u2014 1"), ("\U0001f375", "tea")))


@pytest.fixture
async def tenant(database: Urls, clock: Clock) -> AsyncIterator[Tenant]:
    """Anna has an addition with a note and texts, one with a reference alone, and one with metadata alone; and an invoice
    with texts."""
    tenant = await Tenant.open(clock)
    anna = await tenant.customer(name="Anna")
    await tenant.adjust(anna, 1, note="n\u00f6te" * 2_500, texts=TEXTS)
    await tenant.adjust(anna, 2, texts=Texts("Order 8"))
    await tenant.adjust(anna, 3, texts=Texts(None, TEXTS.metadata))
    await tenant.invoice(anna, 5, invoice_texts=TEXTS)
    yield tenant
    await tenant.ledger.close()


NOTED, REFERENCED, DESCRIBED = "note <> ''", "reference = 'Order 8'", "reference IS NULL"
PLANTED = {
    "another reference": planted("transaction_texts", "reference = 'Order 9'", REFERENCED, "note"),
    "another reference beside a note": planted("transaction_texts", "reference = 'Order 9'", NOTED, "note"),
    "a reference that is gone": planted(
        "transaction_texts", "reference = NULL, referenced_at = NULL", REFERENCED, "note"
    ),
    "a reference that was not": planted(
        "transaction_texts", "reference = 'x', referenced_at = now()", DESCRIBED, "note"
    ),
    "another instant": planted("transaction_texts", "referenced_at = referenced_at - interval '1 s'", NOTED, "note"),
    "another value": planted("transaction_texts", "metadata = replace(metadata, 'tea', 'milk')", NOTED, "note"),
    "another spelling": planted("transaction_texts", "metadata = replace(metadata, ':', ': ')", DESCRIBED, "note"),
    "metadata that is gone": planted("transaction_texts", "metadata = NULL", NOTED, "note"),
    "a note that was not": planted("transaction_texts", "note = 'Hm'", REFERENCED, "note"),
    "an invoice's reference": planted("invoice_texts", "reference = 'Order 9'", "true", "row of invoice_texts"),
    "an invoice's texts that are gone": planted("invoice_texts", None, "true", "row of invoice_texts"),
    "a customer's reference": planted("customers", "reference = 'x'", "true", "row of customers"),
}


async def test_right_books_hold(tenant: Tenant) -> None:
    proof = await verify(tenant.id)

    assert proof.holds, proof.listed
    assert proof.notes == 3


@pytest.mark.parametrize("what", PLANTED)
async def test_a_change_is_found(tenant: Tenant, owner_connection: "asyncpg.Connection[Any]", what: str) -> None:
    corruption = PLANTED[what]
    await Tampering(owner_connection, tenant.id)(corruption.table, corruption.statement)

    assert set((await verify(tenant.id)).found) == corruption.found


async def test_erased_texts_leave_right_books(tenant: Tenant) -> None:
    (anna,) = await tenant.rows("SELECT id FROM customers WHERE tenant_id = $1")
    assert await erase_customer(tenant.ledger, tenant.id, MANAGER, anna[0])

    assert (await verify(tenant.id)).holds
    texts = "SELECT note, reference, metadata, referenced_at FROM transaction_texts WHERE tenant_id = $1"
    assert await tenant.rows(texts) == [("", None, None, None)] * 3
    assert await tenant.rows("SELECT * FROM invoice_texts WHERE tenant_id = $1") == []
