"""The proof of the books finds what is wrong with coupons and their refunds, by its name."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.reads.verify import verify
from tests.support.clock import Clock
from tests.support.tampering import Tampering, planted
from tests.support.tenants import Tenant


@pytest.fixture
async def tenant(database: Urls, clock: Clock) -> AsyncIterator[Tenant]:
    """Anna had three coupons for 100 points: one is good, one was disabled with its points back, one without; and a
    free one that she used on an invoice. Ben has an invoice of his own."""
    tenant = await Tenant.open(clock)
    anna, reward = await tenant.customer(name="Anna"), await tenant.reward(100)
    await tenant.adjust(anna, 300, "POINTS")
    await tenant.give(anna, reward)
    for refund in (True, False):
        await tenant.disable((await tenant.give(anna, reward)).coupon_id, refund=refund)
    used = (await tenant.give(anna, await tenant.reward(0))).coupon_id
    await tenant.use_coupon(used, invoice=await tenant.invoice(anna, 3))
    await tenant.invoice(await tenant.customer(name="Ben"), 4)
    yield tenant
    await tenant.ledger.close()


REFUNDED, KEPT = "refund_transaction_id IS NOT NULL", "status = 'DISABLED' AND refund_transaction_id IS NULL"

PLANTED = {
    "a price after its refund": planted(
        "coupons", "points_spent_minor = 101", REFUNDED, "coupon points", "coupon refunds"
    ),
    "a refund that is forgotten": planted("coupons", "refund_transaction_id = NULL", REFUNDED, "coupon refunds"),
    "a refund that was none": planted("coupons", "refund_transaction_id = transaction_id", KEPT, "coupon refunds"),
    "another's invoice": planted(
        "coupons",
        "invoice_id = (SELECT id FROM invoices WHERE total_minor = 400)",
        "invoice_id IS NOT NULL",
        "coupon parties",
        "row of coupons",
    ),
    "a use that was not undone": planted("coupons", "reopened_at = now()", "status = 'USED'", "row of coupons"),
    "a coupon that is gone": planted("coupons", None, REFUNDED, "coupon points", "coupon refunds"),
}


@pytest.mark.parametrize("what", PLANTED)
async def test_tampering_is_found(tenant: Tenant, owner_connection: "asyncpg.Connection[Any]", what: str) -> None:
    assert (await verify(tenant.id)).holds
    corruption = PLANTED[what]
    await Tampering(owner_connection, tenant.id)(corruption.table, corruption.statement)

    proof = await verify(tenant.id)

    assert corruption.found <= set(proof.found)
