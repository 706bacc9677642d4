"""Setting a money credit against invoices."""

import asyncio
from datetime import date
from uuid import UUID, uuid4

from models.errors import ExceedsDue, ExceedsRemaining
from tests.support.clock import Clock
from tests.support.tenants import Tenant


async def test_one_credit_is_split_over_two_invoices(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 250)
    first, second = await tenant.invoice(anna, 100), await tenant.invoice(anna, 150)
    outcome = await tenant.assign(credit, (first, 100), (second, 150))

    assert await tenant.invoice_state(first) == ("PAID", 0, 10000)
    assert await tenant.invoice_state(second) == ("PAID", 0, 15000)
    assert await tenant.remainders(credit) == [0]
    assert await tenant.available(anna) == 0
    assert len(outcome.assignment_ids) == 2
    sql = "SELECT id, invoice_id, amount_minor, origin FROM assignments WHERE tenant_id = $1 ORDER BY id"
    rows = await tenant.rows(sql)
    assert rows == [
        (outcome.assignment_ids[0], first, 10000, "MANUAL"),
        (outcome.assignment_ids[1], second, 15000, "MANUAL"),
    ]


async def test_a_part_of_it_leaves_the_invoice_part_paid(tenant: Tenant, anna: UUID) -> None:
    credit, invoice = await tenant.credit(anna, 30), await tenant.invoice(anna, 100)
    await tenant.assign(credit, (invoice, "12.34"))

    assert await tenant.invoice_state(invoice) == ("PART_PAID", 0, 1234)
    assert await tenant.remainders(credit) == [1766]


async def test_without_an_amount_it_is_as_much_as_possible(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 120)
    first, second = await tenant.invoice(anna, 100), await tenant.invoice(anna, 100)
    await tenant.assign(credit, (first, None), (second, None))

    assert await tenant.invoice_state(first) == ("PAID", 0, 10000)
    assert await tenant.invoice_state(second) == ("PART_PAID", 0, 2000)


async def test_blanks_share_in_their_order_and_who_gets_nothing_is_left_out(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 120)
    first, second, third = [await tenant.invoice(anna, total) for total in (70, 60, 50)]
    outcome = await tenant.assign(credit, (second, None), (first, None), (third, None))

    assert await amounts_of(tenant, *outcome.assignment_ids) == [(second, 6000), (first, 6000)]
    assert await tenant.invoice_state(third) == ("OPEN", 0, 0)
    assert await tenant.remainders(credit) == [0]


async def test_what_is_left_of_the_credit_stays_on_it(tenant: Tenant, anna: UUID) -> None:
    credit, invoice = await tenant.credit(anna, 120), await tenant.invoice(anna, 70)
    await tenant.assign(credit, (invoice, None))
    assert await tenant.remainders(credit) == [5000]


async def test_blanks_share_what_the_amounts_given_leave(tenant: Tenant, anna: UUID) -> None:
    """Wherever the amounts stand: what was asked for exactly is never the less for a blank before it."""
    credit = await tenant.credit(anna, 100)
    first, second, third, fourth = [await tenant.invoice(anna, 80) for _ in range(4)]
    outcome = await tenant.assign(credit, (first, None), (second, 30), (third, None), (fourth, 10))

    assert await amounts_of(tenant, *outcome.assignment_ids) == [(first, 6000), (second, 3000), (fourth, 1000)]
    assert await tenant.invoice_state(third) == ("OPEN", 0, 0)


async def test_beside_blanks_amounts_are_refused_as_ever(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 100)
    first, second, third = [await tenant.invoice(anna, 80) for _ in range(3)]
    for parts, code in (
        (((first, None), (second, "80.01")), "EXCEEDS_DUE"),
        (((first, None), (second, 80), (third, "20.01")), "EXCEEDS_REMAINING"),
        (((first, None), (second, 0)), "AMOUNT_ZERO"),
        (((first, None), (first, None)), "DUPLICATE"),
        (((first, None), (uuid4(), None)), "NOT_FOUND"),
    ):
        async with tenant.refused(code) as caught:
            await tenant.assign(credit, *parts)
        assert caught.value.field is not None
        assert caught.value.field[:2] == ("assignments", str(len(parts) - 1))


async def test_where_no_blank_gets_anything_it_is_refused(tenant: Tenant, anna: UUID) -> None:
    """Both orders sell credit alone, which account credit cannot pay; beside an amount, a blank is just left out."""
    credit, coins = await tenant.credit(anna, 100), await tenant.product(1, "CREDIT")
    orders = [await tenant.order(anna, (coins, 5)) for _ in range(2)]
    async with tenant.refused("EXCEEDS_REMAINING") as caught:
        await tenant.assign(credit, *((order, None) for order in orders))
    assert caught.value.field == ("assignments",)
    invoice = await tenant.invoice(anna, 10)
    outcome = await tenant.assign(credit, (orders[0], None), (invoice, 4))
    assert await amounts_of(tenant, *outcome.assignment_ids) == [(invoice, 400)]


async def test_a_blank_takes_of_an_order_what_credit_may_pay(tenant: Tenant, anna: UUID) -> None:
    credit, coins, tea = await tenant.credit(anna, 100), await tenant.product(1, "CREDIT"), await tenant.product(7)
    order = await tenant.order(anna, (coins, 5), (tea, 2))
    await tenant.assign(credit, (order, None))
    assert await tenant.invoice_state(order) == ("PART_PAID", 0, 1400)


async def test_blanks_of_a_reassignment_share_what_comes_back(tenant: Tenant, anna: UUID) -> None:
    credit, old = await tenant.credit(anna, 50), await tenant.invoice(anna, 50)
    first, second, third = [await tenant.invoice(anna, 40) for _ in range(3)]
    made = await tenant.assign(credit, (old, None))
    outcome = await tenant.reassign(made.assignment_ids[0], (first, None), (second, 20), (third, None))

    assert await amounts_of(tenant, *outcome.assignment_ids) == [(first, 3000), (second, 2000)]
    assert await tenant.invoice_state(old) == ("OPEN", 0, 0)
    coins = await tenant.order(anna, (await tenant.product(1, "CREDIT"), 5))
    async with tenant.refused("EXCEEDS_REMAINING"):
        await tenant.reassign(outcome.assignment_ids[0], (coins, None))


async def amounts_of(tenant: Tenant, *assignment_ids: UUID) -> list[tuple[UUID, int]]:
    """Invoice and amount of each, in this order."""
    sql = "SELECT id, invoice_id, amount_minor FROM assignments WHERE tenant_id = $1 AND id = ANY($2)"
    found = {row[0]: (row[1], row[2]) for row in await tenant.rows(sql, assignment_ids)}
    return [found[each] for each in assignment_ids]


async def test_it_is_all_or_nothing(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 250)
    first, second = await tenant.invoice(anna, 100), await tenant.invoice(anna, 100)

    async with tenant.refused("EXCEEDS_DUE") as caught:
        await tenant.assign(credit, (first, 100), (second, "100.01"))
    assert isinstance(caught.value, ExceedsDue)
    assert caught.value.field == ("assignments", "1", "amount")


async def test_no_more_than_the_remainder(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 150)
    first, second = await tenant.invoice(anna, 100), await tenant.invoice(anna, 100)

    async with tenant.refused("EXCEEDS_REMAINING") as caught:
        await tenant.assign(credit, (first, 100), (second, "50.01"))
    assert isinstance(caught.value, ExceedsRemaining)


async def test_the_same_invoice_twice_is_refused(tenant: Tenant, anna: UUID) -> None:
    credit, invoice = await tenant.credit(anna, 150), await tenant.invoice(anna, 100)
    async with tenant.refused("DUPLICATE"):
        await tenant.assign(credit, (invoice, 1), (invoice, 1))


async def test_another_customers_invoice_is_refused(tenant: Tenant, anna: UUID) -> None:
    credit, invoice = await tenant.credit(anna, 150), await tenant.invoice(await tenant.customer(name="Ben"), 100)
    async with tenant.refused("CUSTOMER_MISMATCH"):
        await tenant.assign(credit, (invoice, 1))


async def test_currencies_are_never_mixed(tenant: Tenant, anna: UUID) -> None:
    credit, invoice = await tenant.credit(anna, 150), await tenant.invoice(anna, 100, "EUR")
    async with tenant.refused("CURRENCY_MISMATCH"):
        await tenant.assign(credit, (invoice, 1))


async def test_only_money_is_assigned(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    for asset in ("POINTS", "SERVICE_CREDITS"):
        credit = await tenant.credit(anna, 150, asset)
        async with tenant.refused("INVALID"):
            await tenant.assign(credit, (invoice, 1))


async def test_a_paid_invoice_takes_no_more(tenant: Tenant, anna: UUID) -> None:
    credit, invoice = await tenant.credit(anna, 150), await tenant.invoice(anna, 100)
    await tenant.pay(invoice, 100)
    for amount in (1, None):
        async with tenant.refused("INVOICE_NOT_OPEN"):
            await tenant.assign(credit, (invoice, amount))


async def test_payments_count_towards_what_is_due(tenant: Tenant, anna: UUID) -> None:
    credit, invoice = await tenant.credit(anna, 150), await tenant.invoice(anna, 100)
    await tenant.pay(invoice, 30)
    async with tenant.refused("EXCEEDS_DUE"):
        await tenant.assign(credit, (invoice, "70.01"))
    await tenant.assign(credit, (invoice, 70))

    assert await tenant.invoice_state(invoice) == ("PAID", 3000, 7000)


async def test_the_credit_has_to_be_open(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    invoice, other = await tenant.invoice(anna, 100), await tenant.invoice(anna, 100)
    used = await tenant.credit(anna, 1)
    await tenant.assign(used, (other, 1))
    scheduled = await tenant.credit(anna, 1, effective_on=date(2027, 1, 1))
    expired = await tenant.credit(anna, 1, expires_in_days=1)
    clock.advance(days=3)

    for credit in (used, scheduled, expired):
        async with tenant.refused("CREDIT_NOT_OPEN"):
            await tenant.assign(credit, (invoice, 1))


async def test_unknown_names_are_refused(tenant: Tenant, anna: UUID) -> None:
    credit, invoice = await tenant.credit(anna, 5), await tenant.invoice(anna, 5)
    async with tenant.refused("NOT_FOUND"):
        await tenant.assign(uuid4(), (invoice, 1))
    async with tenant.refused("NOT_FOUND"):
        await tenant.assign(credit, (invoice, 1), (uuid4(), 1))
    async with tenant.refused("INVALID"):
        await tenant.assign(credit)
    async with tenant.refused("INVALID"):
        await tenant.assign(credit, *((uuid4(), 1) for _ in range(101)))


async def test_amounts_have_to_be_positive_and_exact(tenant: Tenant, anna: UUID) -> None:
    credit, invoice = await tenant.credit(anna, 5), await tenant.invoice(anna, 5)
    for amount, code in (
        ("-1", "INVALID"),
        ("0", "AMOUNT_ZERO"),
        ("0.001", "AMOUNT_PRECISION"),
        ("1e14", "AMOUNT_OUT_OF_RANGE"),
    ):
        async with tenant.refused(code):
            await tenant.assign(credit, (invoice, amount))


async def test_a_repetition_answers_the_same_assignments(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 250)
    first, second = await tenant.invoice(anna, 100), await tenant.invoice(anna, 150)
    once = await tenant.assign(credit, (first, 10), (second, 20), key="k")
    before = await tenant.fingerprint()
    again = await tenant.assign(credit, (first, 10), (second, 20), key="k")

    assert again.replayed
    assert (again.transaction_id, again.credit_id) == (once.transaction_id, once.credit_id)
    assert set(again.assignment_ids) == set(once.assignment_ids)
    assert await tenant.fingerprint() == before


async def test_one_credit_asked_for_many_times_at_once_is_given_once(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 30)
    invoices = [await tenant.invoice(anna, 100) for _ in range(8)]
    results = await asyncio.gather(*(tenant.assign(credit, (i, 10)) for i in invoices), return_exceptions=True)

    refused = [result for result in results if isinstance(result, BaseException)]
    assert len(refused) == 5
    assert {getattr(error, "code", None) for error in refused} <= {"EXCEEDS_REMAINING", "CREDIT_NOT_OPEN"}
    assert sum([(await tenant.invoice_state(i))[2] for i in invoices]) == 3000
