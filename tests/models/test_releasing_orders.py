"""What becomes of the credit that an order granted when its assignments are released, moved or voided with it, or its
payment is."""

from uuid import UUID

import pytest

from models.errors import CreditSpent
from tests.support.tenants import Tenant


@pytest.fixture
async def order(tenant: Tenant, anna: UUID) -> UUID:
    """A chair for 30 and credit for 20, paid in full: 30 by assignment and 20 by card."""
    order = await tenant.order(anna, (await tenant.product(30), 1), (await tenant.product(1, "CREDIT"), 20))
    await tenant.pay(order, 20)
    await tenant.assign(await tenant.credit(anna, 30), (order, 30))
    return order


async def part(tenant: Tenant) -> UUID:
    """The one live assignment."""
    rows = await tenant.rows("SELECT id FROM assignments WHERE tenant_id = $1 AND released_at IS NULL")
    found: UUID = rows[0][0]
    assert len(rows) == 1
    return found


async def granted(tenant: Tenant) -> list[tuple[int, bool]]:
    """Remainder of each credit granted, and whether it was taken back, oldest first."""
    return [
        (row[0], row[1])
        for row in await tenant.rows(
            """SELECT c.remaining_minor, g.revoked_transaction_id IS NOT NULL FROM grants g
            JOIN credits c ON c.tenant_id = $1 AND c.id = g.credit_id WHERE g.tenant_id = $1 ORDER BY g.id"""
        )
    ]


async def test_a_release_takes_back_what_the_order_granted(tenant: Tenant, anna: UUID, order: UUID) -> None:
    assert await granted(tenant) == [(2000, False)]
    outcome = await tenant.release(await part(tenant))

    assert await tenant.invoice_state(order) == ("PART_PAID", 2000, 0)
    assert await granted(tenant) == [(0, True)]
    assert await tenant.available(anna) == 3000
    kinds = await tenant.rows("SELECT kind FROM transactions WHERE tenant_id = $1 ORDER BY created_at, id")
    assert [kind for (kind,) in kinds].count("REVERSAL") == 1
    kinds = await tenant.rows("SELECT kind FROM transactions WHERE tenant_id = $1 AND id = $2", outcome.transaction_id)
    assert kinds == [("RELEASE",)]


async def test_paid_in_full_again_it_grants_again(tenant: Tenant, order: UUID) -> None:
    await tenant.release(await part(tenant))
    await tenant.pay(order, 30)
    assert await granted(tenant) == [(0, True), (2000, False)]


async def test_once_that_has_been_spent_nothing_is_released(tenant: Tenant, anna: UUID, order: UUID) -> None:
    assigned = await part(tenant)
    await tenant.invoice(anna, 1)
    other = await tenant.invoice(anna, 30, auto_apply=False)
    async with tenant.refused("CREDIT_SPENT") as caught:
        await tenant.release(assigned)
    assert isinstance(caught.value, CreditSpent)
    async with tenant.refused("CREDIT_SPENT"):
        await tenant.reassign(assigned, (other, None))
    (credit,) = (await tenant.rows("SELECT credit_id FROM assignments WHERE tenant_id = $1"))[0]
    async with tenant.refused("CREDIT_SPENT"):
        await tenant.void_credit(credit, release_assignments=True)


async def test_moved_away_it_takes_back_and_moved_within_it_grants_anew(
    tenant: Tenant, anna: UUID, order: UUID
) -> None:
    other = await tenant.invoice(anna, 30, auto_apply=False)
    await tenant.reassign(await part(tenant), (order, 30))
    assert await granted(tenant) == [(0, True), (2000, False)]
    await tenant.reassign(await part(tenant), (other, 30))
    assert await granted(tenant) == [(0, True), (0, True)]
    assert (await tenant.invoice_state(order), await tenant.invoice_state(other)) == (
        ("PART_PAID", 2000, 0),
        ("PAID", 0, 3000),
    )


async def test_voiding_the_credit_that_pays_takes_back_what_it_paid_for(
    tenant: Tenant, anna: UUID, order: UUID
) -> None:
    (credit,) = (await tenant.rows("SELECT credit_id FROM assignments WHERE tenant_id = $1"))[0]
    await tenant.void_credit(credit, release_assignments=True)
    assert await granted(tenant) == [(0, True)]
    assert (await tenant.available(anna), await tenant.invoice_state(order)) == (0, ("PART_PAID", 2000, 0))


async def test_an_order_is_voided_once_its_payments_are(tenant: Tenant, anna: UUID, order: UUID) -> None:
    async with tenant.refused("INVOICE_PAID"):
        await tenant.void_invoice(order)
    (payment,) = (await tenant.rows("SELECT id FROM payments WHERE tenant_id = $1"))[0]
    await tenant.void_payment(payment)
    assert await granted(tenant) == [(0, True)]
    await tenant.void_invoice(order)
    assert (await tenant.invoice_state(order), await tenant.available(anna)) == (("VOID", 0, 0), 3000)


async def test_how_much_of_an_order_is_spent_is_said_of_all_its_lines(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.product(1, "CREDIT")
    order = await tenant.order(anna, (credit, 10), (credit, 20))
    payment = await tenant.pay(order, 30)
    spent = await tenant.spend(anna, 15)
    for back, figures in ((0, "15.00 GBP of the 30.00 GBP"), (10, "5.00 GBP of the 30.00 GBP")):
        if back:
            await tenant.refund(spent, back)
        async with tenant.refused("CREDIT_SPENT") as caught:
            await tenant.void_payment(payment.payment_id)
        assert caught.value.message.startswith(figures)
