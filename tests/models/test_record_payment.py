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
from tests.support.tenants import MANAGER, Tenant


async def test_payments_add_up_to_paid(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    await tenant.pay(invoice, "40.01")
    assert await tenant.invoice_state(invoice) == ("PART_PAID", 4001, 0)
    await tenant.pay(invoice, "59.99", "CASH")
    assert await tenant.invoice_state(invoice) == ("PAID", 10000, 0)
    assert await tenant.count("entries") == 0  # what comes in is not what is owed


async def test_more_than_is_due_is_refused(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    await tenant.assign(await tenant.credit(anna, 30), (invoice, 30))
    async with tenant.refused("EXCEEDS_DUE") as caught:
        await tenant.pay(invoice, "70.01")
    assert isinstance(caught.value, ExceedsDue)
    assert "70.00 GBP" in caught.value.message


async def test_nothing_is_due_on_a_paid_invoice(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 0)
    async with tenant.refused("INVOICE_NOT_OPEN"):
        await tenant.pay(invoice, 1)


@pytest.mark.parametrize(
    ("amount", "method", "code"),
    [
        ("-1", "CARD", "INVALID"),
        ("0", "CARD", "AMOUNT_ZERO"),
        ("0.001", "CARD", "AMOUNT_PRECISION"),
        ("1", "BARTER", "INVALID"),
    ],
)
async def test_what_no_payment_is(tenant: Tenant, anna: UUID, amount: str, method: str, code: str) -> None:
    invoice = await tenant.invoice(anna, 100)
    async with tenant.refused(code):
        await tenant.pay(invoice, amount, method)


async def test_an_unknown_invoice_is_refused(tenant: Tenant) -> None:
    async with tenant.refused("NOT_FOUND"):
        await tenant.pay(uuid4(), 1)


async def test_money_comes_in_today_or_before(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    for received_on in (tenant.today() + timedelta(days=1), date(1899, 12, 31)):
        async with tenant.refused("INVALID"):
            await tenant.pay(invoice, 1, received_on=received_on)
    await tenant.pay(invoice, 1, received_on=date(2026, 1, 2))
    assert await tenant.rows("SELECT received_on FROM payments WHERE tenant_id = $1") == [(date(2026, 1, 2),)]


async def test_two_payments_at_once_never_pay_more_than_is_due(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    results = await asyncio.gather(*(tenant.pay(invoice, 60) for _ in range(4)), return_exceptions=True)

    assert sorted(getattr(result, "code", "posted") for result in results) == ["EXCEEDS_DUE"] * 3 + ["posted"]
    assert await tenant.invoice_state(invoice) == ("PART_PAID", 6000, 0)


async def test_a_repetition_answers_the_same_payment(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    once = await tenant.pay(invoice, 60, key="k")
    again = await tenant.pay(invoice, 60, key="k")

    assert (again.payment_id, again.invoice_id, again.replayed) == (once.payment_id, invoice, True)
    assert await tenant.count("payments") == 1


async def test_an_account_that_is_not_there_is_not_shown(tenant: Tenant, anna: UUID) -> None:
    order = await tenant.order(anna, (await tenant.product(10, "CREDIT"), 5))
    command = RecordPayment(order, Decimal(20), "CASH")

    paid = await record_payment(tenant.ledger, tenant.id, MANAGER, command, "k")
    voided = await tenant.void_payment(paid.payment_id)

    assert await tenant.count("accounts") == 0  # nothing is on it before the order is paid in full
    for outcome in (paid, voided):
        assert outcome.account_id is None
        assert not [view for view in outcome.views if isinstance(view, AccountView)]
