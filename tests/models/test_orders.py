"""Orders of products, credit among them: when it is granted, what may pay, and what goes back (source 004)."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from models.commands import CreateOrder, OrderItem, RecordPayment
from models.errors import ExceedsDue
from models.ledger import Ledger
from models.money import MAX_AMOUNT_MINOR, to_decimal
from models.operations.create_order import create_order
from models.planning import payments, releasing
from models.planning.releasing import VoidCredit, VoidInvoice
from models.session import TenantConnection, tenant_transaction
from models.units import Posted, Refused
from tests.support.citus import ACTIVITY
from tests.support.tenants import MANAGER, Tenant
from tests.support.units import post, unit

METHODS = ("CASH", "CHECK", "CARD", "TRANSFER", "OTHER")


@pytest.fixture
async def credit(tenant: Tenant) -> UUID:
    """A credit product as the source recommends it: one costs 1.00."""
    return await tenant.product(1, "CREDIT")


@pytest.fixture
async def chair(tenant: Tenant) -> UUID:
    return await tenant.product(30)


async def granted(tenant: Tenant, order: UUID) -> list[int]:
    """What the order has put on the account and not taken back, line by line."""
    return [
        amount
        for (amount,) in await tenant.rows(
            """SELECT c.amount_minor FROM grants g JOIN credits c ON c.tenant_id = $1 AND c.id = g.credit_id
            WHERE g.tenant_id = $1 AND g.invoice_id = $2 AND g.revoked_transaction_id IS NULL ORDER BY g.id""",
            order,
        )
    ]


# When credit is granted


@pytest.mark.parametrize("method", METHODS)
async def test_credit_is_granted_when_the_order_is_paid_in_full_and_not_before(
    tenant: Tenant, anna: UUID, credit: UUID, method: str
) -> None:
    order = await tenant.order(anna, (credit, 50))
    await tenant.pay(order, "49.99", method)
    assert (await tenant.available(anna), await granted(tenant, order)) == (0, [])
    assert await tenant.invoice_state(order) == ("PART_PAID", 4999, 0)

    await tenant.pay(order, "0.01", method)

    assert (await tenant.available(anna), await granted(tenant, order)) == (5000, [5000])
    assert await tenant.invoice_state(order) == ("PAID", 5000, 0)


async def test_the_quantity_of_a_credit_product_is_what_it_is_worth(tenant: Tenant, anna: UUID) -> None:
    order = await tenant.order(anna, (await tenant.product("2.50", "CREDIT"), 3))
    await tenant.pay(order, "7.50")
    account = await tenant.account(anna)
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (750, 750)
    rows = await tenant.rows("SELECT kind, idempotency_key IS NOT NULL FROM transactions WHERE tenant_id = $1")
    assert rows == [("ORDER", True)]


async def test_a_credit_product_bought_twice_in_one_order(tenant: Tenant, anna: UUID, credit: UUID) -> None:
    order = await tenant.order(anna, (credit, 50), (credit, 10))
    payment = await tenant.pay(order, 60)
    assert await granted(tenant, order) == [5000, 1000]
    assert await tenant.available(anna) == 6000

    await tenant.void_payment(payment.payment_id)

    assert await granted(tenant, order) == []
    assert await tenant.available(anna) == 0
    # Taken back as it was granted, last first.
    assert [amount for _, amount, _ in await tenant.entries(anna)] == [5000, 1000, -1000, -5000]


async def test_one_bought_together_with_goods_and_paid_partly_by_credit(
    tenant: Tenant, anna: UUID, credit: UUID, chair: UUID
) -> None:
    mine = await tenant.credit(anna, 100)
    order = await tenant.order(anna, (credit, 50), (chair, 1))
    async with tenant.refused("EXCEEDS_DUE") as caught:
        await tenant.pay(order, "30.01", "ACCOUNT_CREDIT")
    assert caught.value.message == "Only 30.00 GBP of what is due can be paid with account credit."

    await tenant.pay(order, 20, "ACCOUNT_CREDIT")
    await tenant.pay(order, 50, "CASH")
    assert (await tenant.invoice_state(order), await granted(tenant, order)) == (("PART_PAID", 5000, 2000), [])
    await tenant.pay(order, 10, "ACCOUNT_CREDIT")

    assert (await tenant.invoice_state(order), await granted(tenant, order)) == (("PAID", 5000, 3000), [5000])
    assert await tenant.remainders(mine) == [7000]
    assert await tenant.available(anna) == 12000


async def test_credit_cannot_be_paid_with_account_credit(tenant: Tenant, anna: UUID, credit: UUID) -> None:
    mine = await tenant.credit(anna, 100)
    order = await tenant.order(anna, (credit, 50))
    async with tenant.refused("EXCEEDS_DUE") as caught:
        await tenant.pay(order, 1, "ACCOUNT_CREDIT")
    assert isinstance(caught.value, ExceedsDue)
    assert caught.value.message == "Only 0.00 GBP of what is due can be paid with account credit."
    async with tenant.refused("EXCEEDS_DUE"):
        await tenant.assign(mine, (order, 1))
    async with tenant.refused("EXCEEDS_REMAINING") as refused:
        await tenant.assign(mine, (order, None))
    assert refused.value.message == "Only 0.00 GBP of the credit can be set against these invoices."


async def test_an_order_takes_credit_by_itself_only_when_told_and_only_for_goods(
    tenant: Tenant, anna: UUID, credit: UUID, chair: UUID
) -> None:
    await tenant.adjust(anna, 100)
    left_alone = await tenant.order(anna, (chair, 1))
    assert await tenant.invoice_state(left_alone) == ("OPEN", 0, 0)
    order = await tenant.order(anna, (credit, 50), (chair, 1), auto_apply=True)
    assert await tenant.invoice_state(order) == ("PART_PAID", 0, 3000)
    assert await tenant.available(anna) == 7000


async def test_assigning_by_hand_can_be_what_pays_an_order_in_full(
    tenant: Tenant, anna: UUID, credit: UUID, chair: UUID
) -> None:
    mine = await tenant.credit(anna, 30)
    order = await tenant.order(anna, (credit, 50), (chair, 1))
    await tenant.pay(order, 50)
    await tenant.assign(mine, (order, None))
    assert (await tenant.invoice_state(order), await granted(tenant, order)) == (("PAID", 5000, 3000), [5000])


async def test_an_order_in_a_currency_without_an_account_yet(tenant: Tenant, anna: UUID) -> None:
    order = await tenant.order(anna, (await tenant.product(1, "CREDIT", "KWD"), 5), currency="KWD")
    assert await tenant.account(anna, "KWD") is None
    await tenant.pay(order, 2)
    assert await tenant.account(anna, "KWD") is None  # nothing has been owed in it so far
    async with tenant.refused("EXCEEDS_DUE"):
        await tenant.pay(order, "3.001")

    await tenant.pay(order, 3)

    assert await tenant.available(anna, "KWD") == 5000


async def test_what_was_ordered_stays_as_it_was_sold(tenant: Tenant, anna: UUID, credit: UUID) -> None:
    order = await tenant.order(anna, (credit, 50))
    await tenant.execute(
        "UPDATE products SET price_minor = 200, name = 'Dear credit', active = false WHERE tenant_id = $1"
    )
    await tenant.pay(order, 50)
    assert await granted(tenant, order) == [5000]
    async with tenant.refused("INVALID"):
        await tenant.order(anna, (credit, 1))


async def test_granted_credit_goes_to_the_next_invoice(tenant: Tenant, anna: UUID, credit: UUID) -> None:
    await tenant.pay(await tenant.order(anna, (credit, 50)), 50)
    assert await tenant.invoice_state(await tenant.invoice(anna, 80)) == ("PART_PAID", 0, 5000)


async def test_a_full_account_takes_every_payment_but_the_last(tenant: Tenant, anna: UUID, credit: UUID) -> None:
    await tenant.credit(anna, str(to_decimal(MAX_AMOUNT_MINOR, "GBP")))
    order = await tenant.order(anna, (credit, 50))
    await tenant.pay(order, 49)
    async with tenant.refused("AMOUNT_OUT_OF_RANGE"):
        await tenant.pay(order, 1)


# Paying


async def test_the_sources_own_flow(tenant: Tenant, anna: UUID, chair: UUID) -> None:
    """An order paid in full with credit, the payment voided, a part paid another way, the rest with credit."""
    mine = await tenant.credit(anna, 30)
    order = await tenant.order(anna, (chair, 1))
    first = await tenant.pay(order, 30, "ACCOUNT_CREDIT")
    assert await tenant.invoice_state(order) == ("PAID", 0, 3000)

    await tenant.void_payment(first.payment_id, note="Wanted to pay a part in cash")
    assert (await tenant.invoice_state(order), await tenant.remainders(mine)) == (("OPEN", 0, 0), [3000])
    await tenant.pay(order, 10, "CASH")
    await tenant.pay(order, 20, "ACCOUNT_CREDIT")

    assert (await tenant.invoice_state(order), await tenant.remainders(mine)) == (("PAID", 1000, 2000), [1000])


async def test_account_credit_is_taken_in_burn_order(tenant: Tenant, anna: UUID, chair: UUID) -> None:
    never, late, soon, later_on = (
        await tenant.credit(anna, 10),
        await tenant.credit(anna, 10, expires_in_days=9),
        await tenant.credit(anna, 10, expires_in_days=2),
        await tenant.credit(anna, 99, effective_on=tenant.clock().date().replace(year=2027)),
    )
    order = await tenant.order(anna, (chair, 1))
    payment = await tenant.pay(order, 25, "ACCOUNT_CREDIT")
    assert await tenant.remainders(soon, late, never, later_on) == [0, 0, 500, 9900]

    await tenant.void_payment(payment.payment_id)

    assert await tenant.remainders(soon, late, never, later_on) == [1000, 1000, 1000, 9900]
    assert [(c, a) for c, a, _ in await tenant.entries(anna)][4:] == [
        (soon, -1000),
        (late, -1000),
        (never, -500),
        (never, 500),
        (late, 1000),
        (soon, 1000),
    ]


async def test_more_than_there_is_of_account_credit_is_refused(tenant: Tenant, anna: UUID, chair: UUID) -> None:
    order = await tenant.order(anna, (chair, 1))
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.pay(order, 1, "ACCOUNT_CREDIT")
    await tenant.credit(anna, 10)
    await tenant.credit(anna, 50, expires_in_days=1)
    tenant.clock.advance(days=2)
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.pay(order, "10.01", "ACCOUNT_CREDIT")


async def test_more_than_is_due_is_refused_whatever_the_method(tenant: Tenant, anna: UUID, chair: UUID) -> None:
    await tenant.credit(anna, 100)
    order = await tenant.order(anna, (chair, 1))
    await tenant.pay(order, 20)
    for method in (*METHODS, "ACCOUNT_CREDIT"):
        async with tenant.refused("EXCEEDS_DUE") as caught:
            await tenant.pay(order, "10.01", method)
        assert caught.value.message == "Only 10.00 GBP is due."


async def test_a_payment_with_credit_is_not_released_by_itself(tenant: Tenant, anna: UUID, chair: UUID) -> None:
    await tenant.credit(anna, 30)
    order = await tenant.order(anna, (chair, 1))
    await tenant.pay(order, 30, "ACCOUNT_CREDIT")
    part = (await tenant.rows("SELECT id FROM assignments WHERE tenant_id = $1"))[0][0]
    async with tenant.refused("INVALID"):
        await tenant.release(part)
    async with tenant.refused("INVOICE_PAID"):
        await tenant.void_invoice(order)


# Voiding


async def test_voiding_one_of_two_part_payments(tenant: Tenant, anna: UUID, credit: UUID) -> None:
    order = await tenant.order(anna, (credit, 50))
    first = await tenant.pay(order, 20, "CASH")
    await tenant.pay(order, 30, "CARD")
    await tenant.void_payment(first.payment_id)
    assert await tenant.invoice_state(order) == ("PART_PAID", 3000, 0)
    assert (await tenant.available(anna), await granted(tenant, order)) == (0, [])

    await tenant.pay(order, 20, "TRANSFER")

    assert (await tenant.invoice_state(order), await granted(tenant, order)) == (("PAID", 5000, 0), [5000])
    assert await tenant.available(anna) == 5000


async def test_credit_that_has_been_spent_keeps_its_order_paid(tenant: Tenant, anna: UUID, credit: UUID) -> None:
    order = await tenant.order(anna, (credit, 50))
    payment = await tenant.pay(order, 50)
    await tenant.invoice(anna, 1)
    async with tenant.refused("CREDIT_SPENT") as caught:
        await tenant.void_payment(payment.payment_id)
    assert caught.value.message.startswith("1.00 GBP of the 50.00 GBP")


async def test_released_again_it_can_be_taken_back(tenant: Tenant, anna: UUID, credit: UUID) -> None:
    order = await tenant.order(anna, (credit, 50))
    payment = await tenant.pay(order, 50)
    spent_on = await tenant.invoice(anna, 20)
    await tenant.void_invoice(spent_on)
    await tenant.void_payment(payment.payment_id)
    assert await tenant.available(anna) == 0


async def test_voiding_a_payment_with_credit_that_has_expired_since(tenant: Tenant, anna: UUID, chair: UUID) -> None:
    mine = await tenant.credit(anna, 30, expires_in_days=1)
    order = await tenant.order(anna, (chair, 1))
    payment = await tenant.pay(order, 30, "ACCOUNT_CREDIT")
    tenant.clock.advance(days=3)

    done = await tenant.void_payment(payment.payment_id)

    assert (await tenant.available(anna), await tenant.remainders(mine)) == (0, [0])
    moved = await tenant.rows(
        "SELECT counter, amount_minor FROM entries WHERE tenant_id = $1 AND transaction_id = $2 ORDER BY sequence",
        done.transaction_id,
    )
    assert moved == [("INVOICES", 3000), ("EXPIRED", -3000)]


async def test_voiding_reopens_a_plain_invoice_too(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 100)
    payment = await tenant.pay(invoice, 100)
    await tenant.void_payment(payment.payment_id)
    assert await tenant.invoice_state(invoice) == ("OPEN", 0, 0)
    assert await tenant.count("entries") == 0
    async with tenant.refused("PAYMENT_VOIDED"):
        await tenant.void_payment(payment.payment_id)


async def test_what_cannot_be_voided(tenant: Tenant, anna: UUID) -> None:
    payment = await tenant.pay(await tenant.invoice(anna, 100), 100)
    async with tenant.refused("NOT_FOUND"):
        await tenant.void_payment(uuid4())
    async with tenant.refused("INVALID"):
        await tenant.void_payment(payment.payment_id, note="x" * 10_001)


async def test_a_voiding_is_written_down(tenant: Tenant, anna: UUID) -> None:
    payment = await tenant.pay(await tenant.invoice(anna, 100), 100)
    await tenant.void_payment(payment.payment_id, note="The cheque bounced")
    rows = await tenant.rows(
        """SELECT action, subject_id, customer_id, note FROM audit_events
        WHERE tenant_id = $1 AND action LIKE 'payment.%' ORDER BY id"""
    )
    assert rows == [
        ("payment.recorded", payment.payment_id, anna, None),
        ("payment.voided", payment.payment_id, anna, "The cheque bounced"),
    ]


async def test_repetitions_answer_the_same(tenant: Tenant, anna: UUID, chair: UUID) -> None:
    await tenant.credit(anna, 30)
    order = await tenant.order(anna, (chair, 1), number="O-1", key="order")
    assert await tenant.order(anna, (chair, 1), number="O-1", key="order") == order
    paid = await tenant.pay(order, 30, "ACCOUNT_CREDIT", key="pay")
    paid_again = await tenant.pay(order, 30, "ACCOUNT_CREDIT", key="pay")
    assert (paid_again.payment_id, paid_again.replayed) == (paid.payment_id, True)
    voided = await tenant.void_payment(paid.payment_id, key="void")
    again = await tenant.void_payment(paid.payment_id, key="void")
    assert (again.payment_id, again.invoice_id, again.transaction_id) == (
        voided.payment_id,
        order,
        voided.transaction_id,
    )
    assert (voided.replayed, again.replayed) == (False, True)
    assert await tenant.count("payments") == 1


# Races


@pytest.fixture
async def elsewhere(tenant: Tenant) -> AsyncIterator[Tenant]:
    """The same tenant by way of another ledger, as in another process: their postings never share a transaction."""
    ledger = Ledger(tenant.clock)
    yield Tenant(ledger, tenant.clock, tenant.slug, tenant.id)
    await ledger.close()


async def test_two_voidings_at_once(tenant: Tenant, elsewhere: Tenant, anna: UUID, credit: UUID) -> None:
    payment = await tenant.pay(await tenant.order(anna, (credit, 50)), 50)
    voidings = (where.void_payment(payment.payment_id) for where in (tenant, elsewhere, tenant, elsewhere))
    results = await asyncio.gather(*voidings, return_exceptions=True)
    assert sorted(getattr(result, "code", "posted") for result in results) == ["PAYMENT_VOIDED"] * 3 + ["posted"]
    assert await tenant.available(anna) == 0


async def test_voiding_and_paying_at_once(
    tenant: Tenant, elsewhere: Tenant, anna: UUID, credit: UUID, chair: UUID
) -> None:
    """Whichever comes first: what is paid and what is granted agree in the end (the proof of the books sees to it)."""
    await tenant.credit(anna, 500)
    for _ in range(5):
        order = await tenant.order(anna, (credit, 50), (chair, 1))
        payment = await tenant.pay(order, 50, "CASH")
        results = await asyncio.gather(
            tenant.void_payment(payment.payment_id),
            elsewhere.pay(order, 30, "ACCOUNT_CREDIT"),
            elsewhere.pay(order, 30, "CARD"),
            return_exceptions=True,
        )
        codes = [getattr(result, "code", "posted") for result in results]
        # One pays the 30 first. The other finds nothing due, unless the 50 is due again by then: money may pay that.
        assert codes[0] == "posted"
        assert codes[1:] in (["posted", "posted"], ["posted", "INVOICE_NOT_OPEN"], ["INVOICE_NOT_OPEN", "posted"])
        status, paid, credited = await tenant.invoice_state(order)
        assert (status, paid + credited) == ("PART_PAID", 6000 if codes.count("posted") == 3 else 3000)
        assert await granted(tenant, order) == []


async def test_voiding_while_the_last_payment_opens_the_account(
    tenant: Tenant, elsewhere: Tenant, anna: UUID, credit: UUID
) -> None:
    """The voiding must not go by there being no account when the payment before it in the queue has just made one."""
    order = await tenant.order(anna, (credit, 50))
    first = await tenant.pay(order, 20)
    assert await tenant.account(anna) is None
    async with tenant_transaction(tenant.id) as connection:
        sql = "SELECT FROM invoices WHERE tenant_id = $1 AND id = $2 FOR UPDATE"
        await connection.raw.execute(sql, tenant.id, order)
        paying = asyncio.create_task(tenant.pay(order, 30))
        await waiting(connection, 1)
        voiding = asyncio.create_task(elsewhere.void_payment(first.payment_id))
        await waiting(connection, 2)
    await asyncio.gather(paying, voiding)
    assert await tenant.invoice_state(order) == ("PART_PAID", 3000, 0)
    assert (await granted(tenant, order), await tenant.available(anna)) == ([], 0)


async def waiting(connection: TenantConnection, number: int) -> None:
    """Until so many of this database's sessions wait for a lock, and will for longer than the fast lane does."""
    sql = f"""SELECT count(*) FROM {ACTIVITY} WHERE wait_event_type = 'Lock' AND datname = current_database()
        AND state_change < clock_timestamp() - interval '300 ms'"""
    async with asyncio.timeout(10):
        while await connection.raw.fetchval(sql) < number:
            await asyncio.sleep(0.05)
            await connection.raw.execute("SELECT pg_stat_clear_snapshot()")


async def test_what_one_batch_pays_and_voids(tenant: Tenant, anna: UUID, chair: UUID) -> None:
    """A unit sees what the units before it in the same batch have set against an invoice."""
    credit = await tenant.credit(anna, 30)
    order = await tenant.order(anna, (chair, 1))
    pounds = (anna, "GBP")
    pay, void, delete = RecordPayment(order, Decimal(20), "ACCOUNT_CREDIT"), VoidInvoice(order), VoidCredit(credit)
    results = await post(
        tenant,
        await unit(tenant, pay, needs=payments.needs(pay, pounds, grants=False, amount_minor=2000)),
        await unit(tenant, void, needs=releasing.void_invoice_needs(void, pounds)),
        await unit(tenant, delete, needs=releasing.void_credit_needs(delete, pounds)),
    )
    assert isinstance(results[0], Posted)
    assert [result.error.code for result in results[1:] if isinstance(result, Refused)] == [
        "INVOICE_PAID",
        "CREDIT_ASSIGNED",
    ]


# What no order is


@pytest.mark.parametrize(
    ("quantity", "price", "code", "field"),
    [
        (0, None, "INVALID", "quantity"),
        (-1, None, "INVALID", "quantity"),
        (1, "-1", "INVALID", "unitPrice"),
        (1, "0.00001", "AMOUNT_PRECISION", "unitPrice"),
    ],
)
async def test_items_that_no_order_has(
    tenant: Tenant, anna: UUID, credit: UUID, quantity: int, price: str | None, code: str, field: str
) -> None:
    item = OrderItem(credit, quantity, None if price is None else Decimal(price))
    async with tenant.refused(code) as caught:
        await _create(tenant, CreateOrder(anna, "O-1", "GBP", (OrderItem(credit, 1), item)))
    assert caught.value.field == ("items", "1", field)


async def test_orders_that_there_are_not(tenant: Tenant, anna: UUID, credit: UUID) -> None:
    one = (OrderItem(credit, 1),)
    for command, code, field in (
        (CreateOrder(anna, "O-1", "GBP", ()), "INVALID", ("items",)),
        (CreateOrder(anna, "O-1", "GBP", one * 1001), "INVALID", ("items",)),
        (CreateOrder(anna, "O-1", "GBP", (OrderItem(uuid4(), 1),)), "NOT_FOUND", ("items", "0", "productId")),
        (CreateOrder(anna, "O-1", "EUR", one), "CURRENCY_MISMATCH", ("items", "0", "productId")),
        (CreateOrder(anna, "O-1", "POINTS", one), "CURRENCY_MISMATCH", ("currency",)),
        (CreateOrder(anna, " ", "GBP", one), "INVALID", ("number",)),
        (CreateOrder(uuid4(), "O-1", "GBP", one), "NOT_FOUND", ("customerId",)),
    ):
        async with tenant.refused(code) as caught:
            await _create(tenant, command)
        assert caught.value.field == field


async def test_an_order_of_nothing_but_gifts_is_paid(tenant: Tenant, anna: UUID, credit: UUID, chair: UUID) -> None:
    command = CreateOrder(anna, "O-1", "GBP", (OrderItem(chair, 1, Decimal(0)), OrderItem(credit, 5, Decimal(0))))
    order = await _create(tenant, command)
    assert await tenant.invoice_state(order) == ("PAID", 0, 0)
    assert await granted(tenant, order) == []


async def test_an_orders_number_is_an_invoices_number(tenant: Tenant, anna: UUID, chair: UUID) -> None:
    await tenant.invoice(anna, 1, number="N-1")
    async with tenant.refused("DUPLICATE"):
        await tenant.order(anna, (chair, 1), number="N-1")


async def _create(tenant: Tenant, command: CreateOrder) -> UUID:
    outcome = await create_order(tenant.ledger, tenant.id, MANAGER, command, uuid4().hex)
    assert outcome.invoice_id is not None
    return outcome.invoice_id
