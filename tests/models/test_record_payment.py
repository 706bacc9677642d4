"""Money that came in for an invoice."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from models.commands import RecordPayment
from models.errors import ExceedsDue
from models.operations.record_payment import record_payment
from models.views import AccountView
from tests.support.shop import MANAGER, Shop


async def test_payments_add_up_to_paid(shop: Shop, anna: UUID) -> None:
    invoice = await shop.invoice(anna, 100)
    await shop.pay(invoice, "40.01")
    assert await shop.invoice_state(invoice) == ("PART_PAID", 4001, 0)
    await shop.pay(invoice, "59.99", "CASH")
    assert await shop.invoice_state(invoice) == ("PAID", 10000, 0)
    assert await shop.count("entries") == 0  # what comes in is not what is owed


async def test_more_than_is_due_is_refused(shop: Shop, anna: UUID) -> None:
    invoice = await shop.invoice(anna, 100)
    await shop.assign(await shop.credit(anna, 30), (invoice, 30))
    async with shop.refused("EXCEEDS_DUE") as caught:
        await shop.pay(invoice, "70.01")
    assert isinstance(caught.value, ExceedsDue)
    assert "70.00 GBP" in caught.value.message


async def test_nothing_is_due_on_a_paid_invoice(shop: Shop, anna: UUID) -> None:
    invoice = await shop.invoice(anna, 0)
    async with shop.refused("INVOICE_NOT_OPEN"):
        await shop.pay(invoice, 1)


@pytest.mark.parametrize(
    ("amount", "method", "code"),
    [
        ("-1", "CARD", "INVALID"),
        ("0", "CARD", "AMOUNT_ZERO"),
        ("0.001", "CARD", "AMOUNT_PRECISION"),
        ("1", "BARTER", "INVALID"),
    ],
)
async def test_what_no_payment_is(shop: Shop, anna: UUID, amount: str, method: str, code: str) -> None:
    invoice = await shop.invoice(anna, 100)
    async with shop.refused(code):
        await shop.pay(invoice, amount, method)


async def test_an_unknown_invoice_is_refused(shop: Shop) -> None:
    async with shop.refused("NOT_FOUND"):
        await shop.pay(uuid4(), 1)


async def test_money_comes_in_today_or_before(shop: Shop, anna: UUID) -> None:
    invoice = await shop.invoice(anna, 100)
    for received_on in (shop.today() + timedelta(days=1), date(1899, 12, 31)):
        async with shop.refused("INVALID"):
            await shop.pay(invoice, 1, received_on=received_on)
    await shop.pay(invoice, 1, received_on=date(2026, 1, 2))
    assert await shop.rows("SELECT received_on FROM payments WHERE tenant_id = $1") == [(date(2026, 1, 2),)]


async def test_two_payments_at_once_never_pay_more_than_is_due(shop: Shop, anna: UUID) -> None:
    invoice = await shop.invoice(anna, 100)
    results = await asyncio.gather(*(shop.pay(invoice, 60) for _ in range(4)), return_exceptions=True)

    assert sorted(getattr(result, "code", "posted") for result in results) == ["EXCEEDS_DUE"] * 3 + ["posted"]
    assert await shop.invoice_state(invoice) == ("PART_PAID", 6000, 0)


async def test_a_repetition_answers_the_same_payment(shop: Shop, anna: UUID) -> None:
    invoice = await shop.invoice(anna, 100)
    once = await shop.pay(invoice, 60, key="k")
    again = await shop.pay(invoice, 60, key="k")

    assert (again.payment_id, again.invoice_id, again.replayed) == (once.payment_id, invoice, True)
    assert await shop.count("payments") == 1


async def test_an_account_that_is_not_there_is_not_shown(shop: Shop, anna: UUID) -> None:
    order = await shop.order(anna, (await shop.product(10, "CREDIT"), 5))
    command = RecordPayment(order, Decimal(20), "CASH")

    paid = await record_payment(shop.ledger, shop.tenant_id, MANAGER, command, "k")
    voided = await shop.void_payment(paid.payment_id)

    assert await shop.count("accounts") == 0  # nothing is on it before the order is paid in full
    for outcome in (paid, voided):
        assert outcome.account_id is None
        assert not [view for view in outcome.views if isinstance(view, AccountView)]
