"""Setting a money credit against invoices."""

import asyncio
from datetime import date
from uuid import UUID, uuid4

from models.errors import ExceedsDue, ExceedsRemaining
from tests.support.shop import Clock, Shop


async def test_one_credit_is_split_over_two_invoices(shop: Shop, anna: UUID) -> None:
    credit = await shop.credit(anna, 250)
    first, second = await shop.invoice(anna, 100), await shop.invoice(anna, 150)
    outcome = await shop.assign(credit, (first, 100), (second, 150))

    assert await shop.invoice_state(first) == ("PAID", 0, 10000)
    assert await shop.invoice_state(second) == ("PAID", 0, 15000)
    assert await shop.remainders(credit) == [0]
    assert await shop.available(anna) == 0
    assert len(outcome.assignment_ids) == 2
    sql = "SELECT id, invoice_id, amount_minor, origin FROM assignments WHERE tenant_id = $1 ORDER BY id"
    rows = await shop.rows(sql)
    assert rows == [
        (outcome.assignment_ids[0], first, 10000, "MANUAL"),
        (outcome.assignment_ids[1], second, 15000, "MANUAL"),
    ]


async def test_a_part_of_it_leaves_the_invoice_part_paid(shop: Shop, anna: UUID) -> None:
    credit, invoice = await shop.credit(anna, 30), await shop.invoice(anna, 100)
    await shop.assign(credit, (invoice, "12.34"))

    assert await shop.invoice_state(invoice) == ("PART_PAID", 0, 1234)
    assert await shop.remainders(credit) == [1766]


async def test_without_an_amount_it_is_as_much_as_possible(shop: Shop, anna: UUID) -> None:
    credit = await shop.credit(anna, 120)
    first, second = await shop.invoice(anna, 100), await shop.invoice(anna, 100)
    await shop.assign(credit, (first, None), (second, None))

    assert await shop.invoice_state(first) == ("PAID", 0, 10000)
    assert await shop.invoice_state(second) == ("PART_PAID", 0, 2000)


async def test_blanks_share_in_their_order_and_who_gets_nothing_is_left_out(shop: Shop, anna: UUID) -> None:
    credit = await shop.credit(anna, 120)
    first, second, third = [await shop.invoice(anna, total) for total in (70, 60, 50)]
    outcome = await shop.assign(credit, (second, None), (first, None), (third, None))

    assert await amounts_of(shop, *outcome.assignment_ids) == [(second, 6000), (first, 6000)]
    assert await shop.invoice_state(third) == ("OPEN", 0, 0)
    assert await shop.remainders(credit) == [0]


async def test_what_is_left_of_the_credit_stays_on_it(shop: Shop, anna: UUID) -> None:
    credit, invoice = await shop.credit(anna, 120), await shop.invoice(anna, 70)
    await shop.assign(credit, (invoice, None))
    assert await shop.remainders(credit) == [5000]


async def test_blanks_share_what_the_amounts_given_leave(shop: Shop, anna: UUID) -> None:
    """Wherever the amounts stand: what was asked for exactly is never the less for a blank before it."""
    credit = await shop.credit(anna, 100)
    first, second, third, fourth = [await shop.invoice(anna, 80) for _ in range(4)]
    outcome = await shop.assign(credit, (first, None), (second, 30), (third, None), (fourth, 10))

    assert await amounts_of(shop, *outcome.assignment_ids) == [(first, 6000), (second, 3000), (fourth, 1000)]
    assert await shop.invoice_state(third) == ("OPEN", 0, 0)


async def test_beside_blanks_amounts_are_refused_as_ever(shop: Shop, anna: UUID) -> None:
    credit = await shop.credit(anna, 100)
    first, second, third = [await shop.invoice(anna, 80) for _ in range(3)]
    for parts, code in (
        (((first, None), (second, "80.01")), "EXCEEDS_DUE"),
        (((first, None), (second, 80), (third, "20.01")), "EXCEEDS_REMAINING"),
        (((first, None), (second, 0)), "AMOUNT_ZERO"),
        (((first, None), (first, None)), "DUPLICATE"),
        (((first, None), (uuid4(), None)), "NOT_FOUND"),
    ):
        async with shop.refused(code) as caught:
            await shop.assign(credit, *parts)
        assert caught.value.field is not None
        assert caught.value.field[:2] == ("assignments", str(len(parts) - 1))


async def test_where_no_blank_gets_anything_it_is_refused(shop: Shop, anna: UUID) -> None:
    """Both orders sell credit alone, which account credit cannot pay; beside an amount, a blank is just left out."""
    credit, coins = await shop.credit(anna, 100), await shop.product(1, "CREDIT")
    orders = [await shop.order(anna, (coins, 5)) for _ in range(2)]
    async with shop.refused("EXCEEDS_REMAINING") as caught:
        await shop.assign(credit, *((order, None) for order in orders))
    assert caught.value.field == ("assignments",)
    invoice = await shop.invoice(anna, 10)
    outcome = await shop.assign(credit, (orders[0], None), (invoice, 4))
    assert await amounts_of(shop, *outcome.assignment_ids) == [(invoice, 400)]


async def test_a_blank_takes_of_an_order_what_credit_may_pay(shop: Shop, anna: UUID) -> None:
    credit, coins, tea = await shop.credit(anna, 100), await shop.product(1, "CREDIT"), await shop.product(7)
    order = await shop.order(anna, (coins, 5), (tea, 2))
    await shop.assign(credit, (order, None))
    assert await shop.invoice_state(order) == ("PART_PAID", 0, 1400)


async def test_blanks_of_a_reassignment_share_what_comes_back(shop: Shop, anna: UUID) -> None:
    credit, old = await shop.credit(anna, 50), await shop.invoice(anna, 50)
    first, second, third = [await shop.invoice(anna, 40) for _ in range(3)]
    made = await shop.assign(credit, (old, None))
    outcome = await shop.reassign(made.assignment_ids[0], (first, None), (second, 20), (third, None))

    assert await amounts_of(shop, *outcome.assignment_ids) == [(first, 3000), (second, 2000)]
    assert await shop.invoice_state(old) == ("OPEN", 0, 0)
    coins = await shop.order(anna, (await shop.product(1, "CREDIT"), 5))
    async with shop.refused("EXCEEDS_REMAINING"):
        await shop.reassign(outcome.assignment_ids[0], (coins, None))


async def amounts_of(shop: Shop, *assignment_ids: UUID) -> list[tuple[UUID, int]]:
    """Invoice and amount of each, in this order."""
    sql = "SELECT id, invoice_id, amount_minor FROM assignments WHERE tenant_id = $1 AND id = ANY($2)"
    found = {row[0]: (row[1], row[2]) for row in await shop.rows(sql, assignment_ids)}
    return [found[each] for each in assignment_ids]


async def test_it_is_all_or_nothing(shop: Shop, anna: UUID) -> None:
    credit = await shop.credit(anna, 250)
    first, second = await shop.invoice(anna, 100), await shop.invoice(anna, 100)

    async with shop.refused("EXCEEDS_DUE") as caught:
        await shop.assign(credit, (first, 100), (second, "100.01"))
    assert isinstance(caught.value, ExceedsDue)
    assert caught.value.field == ("assignments", "1", "amount")


async def test_no_more_than_the_remainder(shop: Shop, anna: UUID) -> None:
    credit = await shop.credit(anna, 150)
    first, second = await shop.invoice(anna, 100), await shop.invoice(anna, 100)

    async with shop.refused("EXCEEDS_REMAINING") as caught:
        await shop.assign(credit, (first, 100), (second, "50.01"))
    assert isinstance(caught.value, ExceedsRemaining)


async def test_the_same_invoice_twice_is_refused(shop: Shop, anna: UUID) -> None:
    credit, invoice = await shop.credit(anna, 150), await shop.invoice(anna, 100)
    async with shop.refused("DUPLICATE"):
        await shop.assign(credit, (invoice, 1), (invoice, 1))


async def test_another_customers_invoice_is_refused(shop: Shop, anna: UUID) -> None:
    credit, invoice = await shop.credit(anna, 150), await shop.invoice(await shop.customer("Ben"), 100)
    async with shop.refused("CUSTOMER_MISMATCH"):
        await shop.assign(credit, (invoice, 1))


async def test_currencies_are_never_mixed(shop: Shop, anna: UUID) -> None:
    credit, invoice = await shop.credit(anna, 150), await shop.invoice(anna, 100, "EUR")
    async with shop.refused("CURRENCY_MISMATCH"):
        await shop.assign(credit, (invoice, 1))


async def test_only_money_is_assigned(shop: Shop, anna: UUID) -> None:
    invoice = await shop.invoice(anna, 100)
    for asset in ("POINTS", "SERVICE_CREDITS"):
        credit = await shop.credit(anna, 150, asset)
        async with shop.refused("INVALID"):
            await shop.assign(credit, (invoice, 1))


async def test_a_paid_invoice_takes_no_more(shop: Shop, anna: UUID) -> None:
    credit, invoice = await shop.credit(anna, 150), await shop.invoice(anna, 100)
    await shop.pay(invoice, 100)
    for amount in (1, None):
        async with shop.refused("INVOICE_NOT_OPEN"):
            await shop.assign(credit, (invoice, amount))


async def test_payments_count_towards_what_is_due(shop: Shop, anna: UUID) -> None:
    credit, invoice = await shop.credit(anna, 150), await shop.invoice(anna, 100)
    await shop.pay(invoice, 30)
    async with shop.refused("EXCEEDS_DUE"):
        await shop.assign(credit, (invoice, "70.01"))
    await shop.assign(credit, (invoice, 70))

    assert await shop.invoice_state(invoice) == ("PAID", 3000, 7000)


async def test_the_credit_has_to_be_open(shop: Shop, anna: UUID, clock: Clock) -> None:
    invoice, other = await shop.invoice(anna, 100), await shop.invoice(anna, 100)
    used = await shop.credit(anna, 1)
    await shop.assign(used, (other, 1))
    scheduled = await shop.credit(anna, 1, effective_on=date(2027, 1, 1))
    expired = await shop.credit(anna, 1, expires_in_days=1)
    clock.advance(days=3)

    for credit in (used, scheduled, expired):
        async with shop.refused("CREDIT_NOT_OPEN"):
            await shop.assign(credit, (invoice, 1))


async def test_unknown_names_are_refused(shop: Shop, anna: UUID) -> None:
    credit, invoice = await shop.credit(anna, 5), await shop.invoice(anna, 5)
    async with shop.refused("NOT_FOUND"):
        await shop.assign(uuid4(), (invoice, 1))
    async with shop.refused("NOT_FOUND"):
        await shop.assign(credit, (invoice, 1), (uuid4(), 1))
    async with shop.refused("INVALID"):
        await shop.assign(credit)
    async with shop.refused("INVALID"):
        await shop.assign(credit, *((uuid4(), 1) for _ in range(101)))


async def test_amounts_have_to_be_positive_and_exact(shop: Shop, anna: UUID) -> None:
    credit, invoice = await shop.credit(anna, 5), await shop.invoice(anna, 5)
    for amount, code in (
        ("-1", "INVALID"),
        ("0", "AMOUNT_ZERO"),
        ("0.001", "AMOUNT_PRECISION"),
        ("1e14", "AMOUNT_OUT_OF_RANGE"),
    ):
        async with shop.refused(code):
            await shop.assign(credit, (invoice, amount))


async def test_a_repetition_answers_the_same_assignments(shop: Shop, anna: UUID) -> None:
    credit = await shop.credit(anna, 250)
    first, second = await shop.invoice(anna, 100), await shop.invoice(anna, 150)
    once = await shop.assign(credit, (first, 10), (second, 20), key="k")
    before = await shop.fingerprint()
    again = await shop.assign(credit, (first, 10), (second, 20), key="k")

    assert again.replayed
    assert (again.transaction_id, again.credit_id) == (once.transaction_id, once.credit_id)
    assert set(again.assignment_ids) == set(once.assignment_ids)
    assert await shop.fingerprint() == before


async def test_one_credit_asked_for_many_times_at_once_is_given_once(shop: Shop, anna: UUID) -> None:
    credit = await shop.credit(anna, 30)
    invoices = [await shop.invoice(anna, 100) for _ in range(8)]
    results = await asyncio.gather(*(shop.assign(credit, (i, 10)) for i in invoices), return_exceptions=True)

    refused = [result for result in results if isinstance(result, BaseException)]
    assert len(refused) == 5
    assert {getattr(error, "code", None) for error in refused} <= {"EXCEEDS_REMAINING", "CREDIT_NOT_OPEN"}
    assert sum([(await shop.invoice_state(i))[2] for i in invoices]) == 3000
