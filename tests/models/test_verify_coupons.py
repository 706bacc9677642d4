"""The proof of the books finds what is wrong with coupons and their refunds, by its name."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.reads.verify import verify
from tests.support.shop import Clock, Shop
from tests.support.tampering import Tampering, planted


@pytest.fixture
async def shop(database: Urls, clock: Clock) -> AsyncIterator[Shop]:
    """Anna had three coupons for 100 points: one is good, one was disabled with its points back, one without."""
    shop = await Shop.open(clock)
    anna, reward = await shop.customer("Anna"), await shop.reward(100)
    await shop.adjust(anna, 300, "POINTS")
    await shop.give(anna, reward)
    for refund in (True, False):
        await shop.disable((await shop.give(anna, reward)).coupon_id, refund=refund)
    yield shop
    await shop.ledger.close()


REFUNDED, KEPT = "refund_transaction_id IS NOT NULL", "status = 'DISABLED' AND refund_transaction_id IS NULL"

PLANTED = {
    "a price after its refund": planted(
        "coupons", "points_spent_minor = 101", REFUNDED, "coupon points", "coupon refunds"
    ),
    "a refund that is forgotten": planted("coupons", "refund_transaction_id = NULL", REFUNDED, "coupon refunds"),
    "a refund that was none": planted("coupons", "refund_transaction_id = transaction_id", KEPT, "coupon refunds"),
    "a coupon that is gone": planted("coupons", None, REFUNDED, "coupon points", "coupon refunds"),
}


@pytest.mark.parametrize("what", PLANTED)
async def test_tampering_is_found(shop: Shop, owner_connection: "asyncpg.Connection[Any]", what: str) -> None:
    assert (await verify(shop.tenant_id)).holds
    corruption = PLANTED[what]
    await Tampering(owner_connection, shop.tenant_id)(corruption.table, corruption.statement)

    proof = await verify(shop.tenant_id)

    assert corruption.found <= set(proof.found)
