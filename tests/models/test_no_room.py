"""What would come back to an account that has filled up meanwhile: refused, and nothing moves."""

from uuid import UUID

import pytest

from models.money import MAX_AMOUNT_MINOR, to_decimal
from tests.support.shop import Shop

FULL = str(to_decimal(MAX_AMOUNT_MINOR, "GBP"))


@pytest.fixture
async def silent(shop: Shop) -> str:
    """A reason that leaves the lifetime total alone: else that is full before the balance is."""
    return await shop.reason("TRANSFER", moves_lifetime=False)


async def test_assigned_credit(shop: Shop, anna: UUID, silent: str) -> None:
    credit, invoice = await shop.credit(anna, FULL, reason=silent), await shop.invoice(anna, FULL)
    part = (await shop.assign(credit, (invoice, None))).assignment_ids[0]
    last = await shop.credit(anna, "0.01", reason=silent)
    async with shop.refused("AMOUNT_OUT_OF_RANGE"):
        await shop.release(part)
    async with shop.refused("AMOUNT_OUT_OF_RANGE"):
        await shop.reassign(part, (invoice, 1))
    async with shop.refused("AMOUNT_OUT_OF_RANGE"):
        await shop.void_invoice(invoice)
    async with shop.refused("AMOUNT_OUT_OF_RANGE") as caught:
        await shop.void_credit(credit, release_assignments=True)
    assert caught.value.field is None
    await shop.void_credit(last)
    await shop.release(part)
    assert await shop.available(anna) == MAX_AMOUNT_MINOR


async def test_a_payment_with_account_credit(shop: Shop, anna: UUID, silent: str) -> None:
    invoice = await shop.invoice(anna, FULL)
    await shop.credit(anna, FULL, reason=silent)
    payment = await shop.pay(invoice, FULL, "ACCOUNT_CREDIT")
    await shop.credit(anna, "0.01", reason=silent)
    async with shop.refused("AMOUNT_OUT_OF_RANGE"):
        await shop.void_payment(payment.payment_id)


async def test_a_coupons_points(shop: Shop, anna: UUID, silent: str) -> None:
    await shop.credit(anna, MAX_AMOUNT_MINOR, "POINTS", reason=silent)
    given = await shop.give(anna, await shop.reward(MAX_AMOUNT_MINOR))
    await shop.credit(anna, 1, "POINTS", reason=silent)
    async with shop.refused("AMOUNT_OUT_OF_RANGE"):
        await shop.disable(given.coupon_id, refund=True)
    await shop.disable(given.coupon_id, refund=False)
