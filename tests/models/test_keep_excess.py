"""Payments of more than is due, of which the rest is kept as credit: how much, by whom, and what takes it back."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from models.commands import MergeCustomers, Outcome, RecordPayment
from models.errors import CreditSpent, LimitExceeded
from models.money import MAX_AMOUNT_MINOR
from models.operations.merge_customers import merge_customers
from models.operations.people import erase_customer
from models.operations.record_payment import preview_payment
from models.reads import liability
from models.reads.session import ReadSession
from models.reads.verify import verify
from tests.support.approvals import SECOND, approve, row, topics
from tests.support.tenants import ADMIN, MANAGER, PARTNER, STAFF, Tenant, known

KEPT = """SELECT o.amount_minor, c.remaining_minor, c.voided_at IS NOT NULL, t.kind, t.actor_id = p.actor_id, o.revoked_minor
    FROM overpayments o JOIN payments p ON p.tenant_id = $1 AND p.id = o.id
    JOIN credits c ON c.tenant_id = $1 AND c.id = o.credit_id
    JOIN transactions t ON t.tenant_id = $1 AND t.id = o.transaction_id WHERE o.tenant_id = $1 ORDER BY o.id"""


async def entries(tenant: Tenant) -> list[tuple[Any, ...]]:
    return await tenant.rows(
        """SELECT t.kind, e.counter, e.amount_minor, e.lifetime_minor FROM entries e
        JOIN transactions t ON t.tenant_id = $1 AND t.id = e.transaction_id
        WHERE e.tenant_id = $1 ORDER BY e.account_id, e.sequence"""
    )


async def waits(asked: Outcome) -> UUID:
    assert (asked.payment_id, asked.credit_id) == (None, None)
    return known(asked.approval_request_id)


async def test_the_rest_is_a_credit_that_names_the_payment(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    paid = await tenant.overpay(invoice, 120, received_on=tenant.today() - timedelta(days=3))

    assert await tenant.invoice_state(invoice) == ("PAID", 10000, 0)
    assert await tenant.available(anna) == 2000
    assert await tenant.rows("SELECT amount_minor FROM payments WHERE tenant_id = $1") == [(12000,)]
    assert await tenant.rows(KEPT) == [(2000, 2000, False, "OVERPAYMENT", True, None)]
    sql = "SELECT id, credit_id, transaction_id FROM overpayments WHERE tenant_id = $1"
    assert await tenant.rows(sql) == [(paid.payment_id, paid.credit_id, paid.transaction_id)]
    assert await entries(tenant) == [("OVERPAYMENT", "ORDERS", 2000, 2000)]
    terms = "SELECT effective_on, expires_at, auto_apply FROM credits WHERE tenant_id = $1"
    assert await tenant.rows(terms) == [(tenant.today() - timedelta(days=3), None, True)]
    assert (await verify(tenant.id)).holds


async def test_what_is_due_or_less_is_paid_as_ever(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    paid = [await tenant.overpay(invoice, amount) for amount in (40, 60)]
    assert [(each.credit_id, each.account_id) for each in paid] == [(None, None)] * 2
    assert await tenant.invoice_state(invoice) == ("PAID", 10000, 0)
    assert (await tenant.count("overpayments"), await tenant.count("accounts")) == (0, 0)
    async with tenant.refused("INVOICE_NOT_OPEN"):
        await tenant.overpay(invoice, 1)


async def test_it_has_to_be_asked_for_and_never_of_credit(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 200)
    invoice = await tenant.invoice(anna, 100)
    async with tenant.refused("EXCEEDS_DUE"):
        await tenant.pay(invoice, "100.01")
    for amount in (100, 120):
        async with tenant.refused("INVALID") as caught:
            await tenant.overpay(invoice, amount, method="ACCOUNT_CREDIT")
        assert caught.value.field == ("keepExcess",)
    async with tenant.refused("INVALID") as caught:
        await tenant.pay(invoice, 50, propose_only=True)
    assert caught.value.field == ("proposeOnly",)


async def test_it_goes_to_the_next_invoice_by_itself(tenant: Tenant, anna: UUID) -> None:
    await tenant.overpay(await tenant.invoice(anna, 100), 120)
    assert await tenant.invoice_state(await tenant.invoice(anna, 50)) == ("PART_PAID", 0, 2000)


async def test_an_order_grants_what_it_sells_beside_what_is_kept(tenant: Tenant, anna: UUID) -> None:
    order = await tenant.order(anna, (await tenant.product(1, "CREDIT"), 50))
    payment = await tenant.overpay(order, 53)
    assert await tenant.available(anna) == 5300
    assert [entry[0] for entry in await entries(tenant)] == ["ORDER", "OVERPAYMENT"]
    await tenant.void_payment(payment.payment_id)
    assert (await tenant.available(anna), await tenant.invoice_state(order)) == (0, ("OPEN", 0, 0))
    assert (await verify(tenant.id)).holds


async def test_an_account_has_room_for_it_or_nothing_is_recorded(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, str(Decimal(MAX_AMOUNT_MINOR - 100).scaleb(-2)))
    invoice = await tenant.invoice(anna, 100)
    async with tenant.refused("AMOUNT_OUT_OF_RANGE"):
        await tenant.overpay(invoice, "101.01")
    await tenant.overpay(invoice, "101.00")


async def test_nothing_is_kept_for_an_erased_customer(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    await erase_customer(tenant.ledger, tenant.id, ADMIN, anna)
    async with tenant.refused("INVALID"):
        await tenant.overpay(invoice, 120)
    await tenant.overpay(invoice, 100)


async def test_a_repetition_answers_the_same(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    once = await tenant.overpay(invoice, 120, key="k")
    again = await tenant.overpay(invoice, 120, key="k")
    assert (again.payment_id, again.credit_id, again.replayed) == (once.payment_id, once.credit_id, True)
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await tenant.pay(invoice, 120, key="k")
    assert await tenant.available(anna) == 2000


async def test_liability_names_its_source(tenant: Tenant, anna: UUID) -> None:
    await tenant.overpay(await tenant.invoice(anna, 100), 120)
    session, now = ReadSession(tenant.id), tenant.clock()
    try:
        (part,) = await liability.parts(session, now, now, "UTC")
    finally:
        await session.release()
    assert (part.kind, part.reason, part.outstanding_minor) == ("OVERPAYMENT", None, 2000)


# Taken back


async def test_voiding_the_payment_takes_it_back(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    await tenant.pay(invoice, 30)
    payment = await tenant.overpay(invoice, 90)
    assert await tenant.available(anna) == 2000

    voided = await tenant.void_payment(payment.payment_id, note="Bounced", key="v")

    assert (await tenant.available(anna), await tenant.invoice_state(invoice)) == (0, ("PART_PAID", 3000, 0))
    assert await tenant.rows(KEPT) == [(2000, 0, True, "OVERPAYMENT", True, 2000)]
    assert await entries(tenant) == [("OVERPAYMENT", "ORDERS", 2000, 2000), ("REVERSAL", "ORDERS", -2000, -2000)]
    again = await tenant.void_payment(payment.payment_id, note="Bounced", key="v")
    assert (again.transaction_id, again.replayed) == (voided.transaction_id, True)
    assert (await verify(tenant.id)).holds


async def test_another_payment_s_voiding_leaves_it(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    first = await tenant.pay(invoice, 30)
    await tenant.overpay(invoice, 90)
    await tenant.void_payment(first.payment_id)
    assert (await tenant.available(anna), await tenant.invoice_state(invoice)) == (2000, ("PART_PAID", 7000, 0))


async def test_not_if_any_of_it_is_used(tenant: Tenant, anna: UUID) -> None:
    payment = await tenant.overpay(await tenant.invoice(anna, 100), 120)
    spend = await tenant.spend(anna, "7.50")
    async with tenant.refused("CREDIT_SPENT") as caught:
        await tenant.void_payment(payment.payment_id)
    assert isinstance(caught.value, CreditSpent)
    assert caught.value.used == Decimal("7.50")
    assert "kept of the payment" in caught.value.message
    await tenant.refund(spend)
    await tenant.void_payment(payment.payment_id)
    assert await tenant.available(anna) == 0
    assert (await verify(tenant.id)).holds


async def test_what_was_removed_or_has_expired_is_no_obstacle(tenant: Tenant, anna: UUID, clock: Any) -> None:
    payment = await tenant.overpay(await tenant.invoice(anna, 100), 120)
    await tenant.adjust(anna, -5)
    await tenant.update_credit(known(payment.credit_id), expires_in_days=1)
    clock.advance(days=3)
    await tenant.expire()
    await tenant.void_payment(payment.payment_id)
    assert await tenant.rows(KEPT) == [(2000, 0, False, "OVERPAYMENT", True, 0)]
    assert (await verify(tenant.id)).holds


@pytest.mark.parametrize("spent", [False, True])
async def test_it_is_taken_back_wherever_a_merge_has_moved_it(tenant: Tenant, anna: UUID, spent: bool) -> None:
    payment = await tenant.overpay(await tenant.invoice(anna, 100), 120)
    if spent:  # all of it: the merge has nothing to move
        spend = await tenant.spend(anna, 20)
    into = await tenant.customer(name="Ben")
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(anna, into), "m")
    if spent:
        async with tenant.refused("CREDIT_SPENT"):
            await tenant.void_payment(payment.payment_id)
        await tenant.refund(spend)
    await tenant.void_payment(payment.payment_id)
    assert await tenant.available(into) == 0
    assert (await verify(tenant.id)).holds


async def test_at_once_it_is_spent_or_taken_back_never_both(tenant: Tenant, anna: UUID) -> None:
    for _ in range(5):
        payment = await tenant.overpay(await tenant.invoice(anna, 10), 15)
        spend, void = await asyncio.gather(
            tenant.spend(anna, 5), tenant.void_payment(payment.payment_id), return_exceptions=True
        )
        codes = {getattr(each, "code", "done") for each in (spend, void)}
        assert codes in ({"done", "CREDIT_SPENT"}, {"done", "INSUFFICIENT_BALANCE"})
        assert await tenant.available(anna) == 0
    assert (await verify(tenant.id)).holds


async def test_two_at_once_keep_what_is_too_much_once(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    results = await asyncio.gather(*(tenant.overpay(invoice, 120) for _ in range(4)), return_exceptions=True)
    assert sorted(getattr(result, "code", "done") for result in results) == ["INVOICE_NOT_OPEN"] * 3 + ["done"]
    assert await tenant.available(anna) == 2000


# Limits and approval


async def test_it_counts_as_an_addition(tenant: Tenant, anna: UUID) -> None:
    await tenant.overpay(await tenant.invoice(anna, 100), "199.99", actor=STAFF)
    large = await tenant.invoice(anna, 500, auto_apply=False)
    async with tenant.refused("LIMIT_EXCEEDED") as caught:
        await tenant.overpay(large, "600.01", actor=STAFF)
    assert isinstance(caught.value, LimitExceeded)
    await tenant.adjust(anna, 100, actor=STAFF)
    async with tenant.refused("LIMIT_EXCEEDED"):  # 200 of one customer's in a day
        await tenant.overpay(large, "500.02", actor=STAFF)
    await tenant.overpay(await tenant.invoice(anna, 1, auto_apply=False), 1000)  # a manager has no limit
    assert (await verify(tenant.id)).holds


async def test_over_the_limit_the_whole_payment_waits(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    asked = await tenant.overpay(invoice, 250, actor=STAFF, request_approval=True, key="k")
    request = await waits(asked)
    assert await tenant.overpay(invoice, 250, actor=STAFF, request_approval=True, key="k") == replace(
        asked, replayed=True, views=()
    )
    assert (await tenant.invoice_state(invoice), await tenant.count("payments")) == (("OPEN", 0, 0), 0)

    posted = await approve(tenant, request, key="a")

    assert (await tenant.invoice_state(invoice), await tenant.available(anna)) == (("PAID", 10000, 0), 15000)
    assert await tenant.rows(KEPT) == [(15000, 15000, False, "OVERPAYMENT", True, None)]
    status, decided_by, *_, transaction_id = await row(tenant, request)
    assert (status, decided_by, transaction_id) == ("APPROVED", "maria", posted.transaction_id)
    assert await topics(tenant, request) == ["approval.requested", "approval.approved"]
    again = await approve(tenant, request, key="a")
    assert (again.payment_id, again.credit_id, again.replayed) == (posted.payment_id, posted.credit_id, True)
    assert await tenant.rows("SELECT used_minor FROM limit_counters WHERE tenant_id = $1 AND used_minor > 0") == []
    assert (await verify(tenant.id)).holds


async def test_it_waits_within_the_limits_if_it_is_only_proposed(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    request = await waits(await tenant.overpay(invoice, 101, propose_only=True))
    async with tenant.refused("INVALID"):
        await tenant.overpay(invoice, 100, propose_only=True)
    await approve(tenant, request, SECOND)
    assert await tenant.available(anna) == 100


async def test_no_more_is_kept_than_was_asked_for(tenant: Tenant, anna: UUID) -> None:
    """What is due may fall or rise meanwhile."""
    invoice = await tenant.invoice(anna, 100)
    request = await waits(await tenant.overpay(invoice, 120, propose_only=True))
    part = await tenant.pay(invoice, 10)
    async with tenant.refused("INVALID") as caught:
        await approve(tenant, request, SECOND)
    assert caught.value.field == ("requestId",)
    await tenant.void_payment(part.payment_id)
    await approve(tenant, request, SECOND)
    assert await tenant.available(anna) == 2000


async def test_it_is_not_approved_if_nothing_would_be_kept(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    part = await tenant.pay(invoice, 30)
    request = await waits(await tenant.overpay(invoice, 100, propose_only=True))
    await tenant.void_payment(part.payment_id)
    async with tenant.refused("INVALID"):
        await approve(tenant, request, SECOND)
    assert await tenant.invoice_state(invoice) == ("OPEN", 0, 0)


async def test_a_partner_s_is_its_own(tenant: Tenant, anna: UUID) -> None:
    order = await tenant.order(anna, (await tenant.product(1, "CREDIT"), 5))
    request = await waits(await tenant.overpay(order, 8, actor=PARTNER, propose_only=True))
    await approve(tenant, request)
    assert await tenant.available(anna) == 800
    assert (await verify(tenant.id)).holds


# Previews


async def previewed(tenant: Tenant, invoice: UUID, amount: str | int, **more: Any) -> tuple[Any, ...]:
    command = RecordPayment(invoice, Decimal(amount), more.pop("method", "CASH"), **more)
    async with tenant.nothing_moves():
        preview = await preview_payment(tenant.ledger, tenant.id, STAFF, command)
    codes = [error.code for error in preview.errors]
    return preview.due_after_minor, preview.kept_minor, preview.available_after_minor, preview.limit.allowed, codes


async def test_a_preview_says_what_would_be_kept(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    assert await previewed(tenant, invoice, 60) == (4000, 0, 0, True, [])
    assert await previewed(tenant, invoice, 120, keep_excess=True) == (0, 2000, 2000, True, [])
    assert await previewed(tenant, invoice, 120) == (None, 0, 0, True, ["EXCEEDS_DUE"])
    assert await previewed(tenant, invoice, 201, keep_excess=True) == (None, 0, 0, False, ["LIMIT_EXCEEDED"])
    await tenant.credit(anna, 50)
    assert await previewed(tenant, invoice, 30, method="ACCOUNT_CREDIT") == (7000, 0, 2000, True, [])
    assert await previewed(tenant, invoice, 60, method="ACCOUNT_CREDIT") == (
        None,
        0,
        5000,
        True,
        ["INSUFFICIENT_BALANCE"],
    )
    assert await tenant.invoice_state(invoice) == ("OPEN", 0, 0)


async def test_a_date_of_receipt_is_bound_as_ever(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    for received_on in (tenant.today() + timedelta(days=1), date(1899, 12, 31)):
        async with tenant.refused("INVALID"):
            await tenant.overpay(invoice, 120, received_on=received_on)
