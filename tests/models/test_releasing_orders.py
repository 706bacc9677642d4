"""What becomes of the credit that an order granted when its assignments are released, moved or voided with it."""

from uuid import UUID

import pytest

from models.errors import CreditSpent
from tests.support.shop import Shop


@pytest.fixture
async def order(shop: Shop, anna: UUID) -> UUID:
    """A chair for 30 and credit for 20, paid in full: 30 by assignment and 20 by card."""
    order = await shop.order(anna, (await shop.product(30), 1), (await shop.product(1, "CREDIT"), 20))
    await shop.pay(order, 20)
    await shop.assign(await shop.credit(anna, 30), (order, 30))
    return order


async def part(shop: Shop) -> UUID:
    """The one live assignment."""
    rows = await shop.rows("SELECT id FROM assignments WHERE tenant_id = $1 AND released_at IS NULL")
    found: UUID = rows[0][0]
    assert len(rows) == 1
    return found


async def granted(shop: Shop) -> list[tuple[int, bool]]:
    """Remainder of each credit granted, and whether it was taken back, oldest first."""
    return [
        (row[0], row[1])
        for row in await shop.rows(
            """SELECT c.remaining_minor, g.revoked_transaction_id IS NOT NULL FROM grants g
            JOIN credits c ON c.tenant_id = $1 AND c.id = g.credit_id WHERE g.tenant_id = $1 ORDER BY g.id"""
        )
    ]


async def test_a_release_takes_back_what_the_order_granted(shop: Shop, anna: UUID, order: UUID) -> None:
    assert await granted(shop) == [(2000, False)]
    outcome = await shop.release(await part(shop))

    assert await shop.invoice_state(order) == ("PART_PAID", 2000, 0)
    assert await granted(shop) == [(0, True)]
    assert await shop.available(anna) == 3000
    kinds = await shop.rows("SELECT kind FROM transactions WHERE tenant_id = $1 ORDER BY created_at, id")
    assert [kind for (kind,) in kinds].count("REVERSAL") == 1
    kinds = await shop.rows("SELECT kind FROM transactions WHERE tenant_id = $1 AND id = $2", outcome.transaction_id)
    assert kinds == [("RELEASE",)]


async def test_paid_in_full_again_it_grants_again(shop: Shop, order: UUID) -> None:
    await shop.release(await part(shop))
    await shop.pay(order, 30)
    assert await granted(shop) == [(0, True), (2000, False)]


async def test_once_that_has_been_spent_nothing_is_released(shop: Shop, anna: UUID, order: UUID) -> None:
    assigned = await part(shop)
    await shop.invoice(anna, 1)
    other = await shop.invoice(anna, 30, auto_apply=False)
    async with shop.refused("CREDIT_SPENT") as caught:
        await shop.release(assigned)
    assert isinstance(caught.value, CreditSpent)
    async with shop.refused("CREDIT_SPENT"):
        await shop.reassign(assigned, (other, None))
    (credit,) = (await shop.rows("SELECT credit_id FROM assignments WHERE tenant_id = $1"))[0]
    async with shop.refused("CREDIT_SPENT"):
        await shop.void_credit(credit, release_assignments=True)


async def test_moved_away_it_takes_back_and_moved_within_it_grants_anew(shop: Shop, anna: UUID, order: UUID) -> None:
    other = await shop.invoice(anna, 30, auto_apply=False)
    await shop.reassign(await part(shop), (order, 30))
    assert await granted(shop) == [(0, True), (2000, False)]
    await shop.reassign(await part(shop), (other, 30))
    assert await granted(shop) == [(0, True), (0, True)]
    assert (await shop.invoice_state(order), await shop.invoice_state(other)) == (
        ("PART_PAID", 2000, 0),
        ("PAID", 0, 3000),
    )


async def test_voiding_the_credit_that_pays_takes_back_what_it_paid_for(shop: Shop, anna: UUID, order: UUID) -> None:
    (credit,) = (await shop.rows("SELECT credit_id FROM assignments WHERE tenant_id = $1"))[0]
    await shop.void_credit(credit, release_assignments=True)
    assert await granted(shop) == [(0, True)]
    assert (await shop.available(anna), await shop.invoice_state(order)) == (0, ("PART_PAID", 2000, 0))


async def test_an_order_is_voided_once_its_payments_are(shop: Shop, anna: UUID, order: UUID) -> None:
    async with shop.refused("INVOICE_PAID"):
        await shop.void_invoice(order)
    (payment,) = (await shop.rows("SELECT id FROM payments WHERE tenant_id = $1"))[0]
    await shop.void_payment(payment)
    assert await granted(shop) == [(0, True)]
    await shop.void_invoice(order)
    assert (await shop.invoice_state(order), await shop.available(anna)) == (("VOID", 0, 0), 3000)
