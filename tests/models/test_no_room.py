"""What would come back to an account that has filled up meanwhile: refused, and nothing moves."""

from uuid import UUID

import pytest

from models.money import MAX_AMOUNT_MINOR, to_decimal
from tests.support.tenants import Tenant

FULL = str(to_decimal(MAX_AMOUNT_MINOR, "GBP"))


@pytest.fixture
async def silent(tenant: Tenant) -> str:
    """A reason that leaves the lifetime total alone: else that is full before the balance is."""
    return await tenant.reason("TRANSFER", moves_lifetime=False)


async def test_assigned_credit(tenant: Tenant, anna: UUID, silent: str) -> None:
    credit, invoice = await tenant.credit(anna, FULL, reason=silent), await tenant.invoice(anna, FULL)
    part = (await tenant.assign(credit, (invoice, None))).assignment_ids[0]
    last = await tenant.credit(anna, "0.01", reason=silent)
    async with tenant.refused("AMOUNT_OUT_OF_RANGE"):
        await tenant.release(part)
    async with tenant.refused("AMOUNT_OUT_OF_RANGE"):
        await tenant.reassign(part, (invoice, 1))
    async with tenant.refused("AMOUNT_OUT_OF_RANGE"):
        await tenant.void_invoice(invoice)
    async with tenant.refused("AMOUNT_OUT_OF_RANGE") as caught:
        await tenant.void_credit(credit, release_assignments=True)
    assert caught.value.field is None
    await tenant.void_credit(last)
    await tenant.release(part)
    assert await tenant.available(anna) == MAX_AMOUNT_MINOR


async def test_a_payment_with_account_credit(tenant: Tenant, anna: UUID, silent: str) -> None:
    invoice = await tenant.invoice(anna, FULL)
    await tenant.credit(anna, FULL, reason=silent)
    payment = await tenant.pay(invoice, FULL, "ACCOUNT_CREDIT")
    await tenant.credit(anna, "0.01", reason=silent)
    async with tenant.refused("AMOUNT_OUT_OF_RANGE"):
        await tenant.void_payment(payment.payment_id)


async def test_a_coupons_points(tenant: Tenant, anna: UUID, silent: str) -> None:
    await tenant.credit(anna, MAX_AMOUNT_MINOR, "POINTS", reason=silent)
    given = await tenant.give(anna, await tenant.reward(MAX_AMOUNT_MINOR))
    await tenant.credit(anna, 1, "POINTS", reason=silent)
    async with tenant.refused("AMOUNT_OUT_OF_RANGE"):
        await tenant.disable(given.coupon_id, refund=True)
    await tenant.disable(given.coupon_id, refund=False)
