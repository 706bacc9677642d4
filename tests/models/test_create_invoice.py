"""Issuing invoices, and the credit that applies itself to them."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from models.configuration_commands import UpdateTenant
from models.ledger import Ledger
from models.operations.create_invoice import create_invoice
from models.operations.update_tenant import update_tenant
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from tests.support.batch import Batch
from tests.support.clock import Clock
from tests.support.tenants import ADMIN, MANAGER, Tenant


def line(price: str, quantity: int = 1, description: str = "Tea") -> InvoiceLineItem:
    return InvoiceLineItem(description, quantity, Decimal(price))


async def assigned(tenant: Tenant, invoice_id: UUID) -> list[tuple[UUID, int, str]]:
    sql = "SELECT credit_id, amount_minor, origin FROM assignments WHERE tenant_id = $1 AND invoice_id = $2 ORDER BY id"
    return [(row[0], row[1], row[2]) for row in await tenant.rows(sql, invoice_id)]


async def test_its_total_is_the_sum_of_its_lines(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 0, lines=(line("1.10", 3), line("0"), line("0.01", 7)))

    sql = "SELECT total_minor, status, issued_on FROM invoices WHERE tenant_id = $1 AND id = $2"
    rows = await tenant.rows(sql, invoice)
    assert rows == [(337, "OPEN", tenant.today())]
    assert await tenant.count("entries") == 0


async def test_one_over_nothing_is_paid(tenant: Tenant, anna: UUID) -> None:
    assert await tenant.invoice_state(await tenant.invoice(anna, 0)) == ("PAID", 0, 0)


async def test_what_is_left_of_a_credit_goes_to_the_next_invoices(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 250, auto_apply=True)
    first, second, third = [await tenant.invoice(anna, total) for total in (100, 100, 100)]

    assert await assigned(tenant, first) == [(credit, 10000, "AUTO")]
    assert await tenant.invoice_state(first) == ("PAID", 0, 10000)
    assert await tenant.invoice_state(second) == ("PAID", 0, 10000)
    assert await tenant.invoice_state(third) == ("PART_PAID", 0, 5000)
    assert await tenant.available(anna) == 0


async def test_credits_apply_in_burn_order(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    never = await tenant.credit(anna, 10, auto_apply=True)
    clock.advance(seconds=1)
    later = await tenant.credit(anna, 10, auto_apply=True, expires_in_days=9)
    soon = await tenant.credit(anna, 10, auto_apply=True, expires_in_days=2)
    invoice = await tenant.invoice(anna, 25)

    assert await assigned(tenant, invoice) == [(soon, 1000, "AUTO"), (later, 1000, "AUTO"), (never, 500, "AUTO")]


async def test_paused_credits_and_paused_invoices_are_left_alone(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 10, auto_apply=False, expires_in_days=1)
    applying = await tenant.credit(anna, 10, auto_apply=True)

    assert await assigned(tenant, await tenant.invoice(anna, 5, auto_apply=False)) == []
    assert await assigned(tenant, await tenant.invoice(anna, 20)) == [(applying, 1000, "AUTO")]


async def test_only_credit_that_has_started_and_not_expired_applies(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.credit(anna, 10, auto_apply=True, expires_in_days=1)
    await tenant.credit(anna, 10, auto_apply=True, effective_on=date(2026, 7, 1))
    clock.advance(days=2)
    invoice = await tenant.invoice(anna, 5)
    assert await assigned(tenant, invoice) == []

    clock.advance(days=30)  # a start triggers nothing by itself
    assert await tenant.invoice_state(invoice) == ("OPEN", 0, 0)
    assert len(await assigned(tenant, await tenant.invoice(anna, 5))) == 1


async def test_only_the_same_currency_applies(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 10, "EUR", auto_apply=True)
    assert await assigned(tenant, await tenant.invoice(anna, 5, "GBP")) == []


async def test_another_customers_credit_does_not_apply(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(await tenant.customer(name="Ben"), 10, auto_apply=True)
    assert await assigned(tenant, await tenant.invoice(anna, 5)) == []


async def test_a_number_is_used_once(tenant: Tenant, anna: UUID) -> None:
    await tenant.invoice(anna, 5, number="A1")
    async with tenant.refused("DUPLICATE"):
        await tenant.invoice(anna, 6, number="A1")


@pytest.mark.parametrize("number", ["", "  ", "x" * 65])
async def test_a_number_fits_its_column(tenant: Tenant, anna: UUID, number: str) -> None:
    command = CreateInvoice(anna, number, "GBP", (line("1"),))
    async with tenant.refused("INVALID"):
        await create_invoice(tenant.ledger, tenant.id, MANAGER, command, uuid4().hex)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((), "INVALID"),
        ((line("1"),) * 1001, "INVALID"),
        ((line("1", 0),), "INVALID"),
        ((line("1", -1),), "INVALID"),
        ((line("-1"),), "INVALID"),
        ((line("1", 1, "x" * 501),), "INVALID"),
        ((line("0.00001"),), "AMOUNT_PRECISION"),
        ((line("10000000000000.01"),), "AMOUNT_OUT_OF_RANGE"),
        ((line("10000000000000", 2),), "AMOUNT_OUT_OF_RANGE"),
        ((line("10000000000000"), line("0.01")), "AMOUNT_OUT_OF_RANGE"),
    ],
)
async def test_lines_that_no_invoice_may_have(
    tenant: Tenant, anna: UUID, lines: tuple[InvoiceLineItem, ...], code: str
) -> None:
    await tenant.credit(anna, 10, auto_apply=True)
    async with tenant.refused(code):
        await tenant.invoice(anna, 0, lines=lines)


async def test_facts_that_no_invoice_may_have(tenant: Tenant, anna: UUID) -> None:
    day = date(2026, 6, 1)
    async with tenant.refused("NOT_FOUND"):
        await tenant.invoice(uuid4(), 1)
    async with tenant.refused("CURRENCY_MISMATCH"):
        await tenant.invoice(anna, 1, "POINTS")
    async with tenant.refused("INVALID"):
        await tenant.invoice(anna, 1, "XXX")
    async with tenant.refused("INVALID"):
        await tenant.invoice(anna, 1, issued_on=day, due_on=day - timedelta(days=1))
    for issued_on in (date(1899, 12, 31), date(2201, 1, 1)):
        async with tenant.refused("INVALID"):
            await tenant.invoice(anna, 1, issued_on=issued_on)


async def test_a_repetition_answers_the_same_invoice(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 10, auto_apply=True)
    once = await tenant.invoice(anna, 5, number="A1", key="k")
    before = await tenant.fingerprint()

    assert await tenant.invoice(anna, 5, number="A1", key="k") == once
    assert await tenant.fingerprint() == before
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await tenant.invoice(anna, 5, number="A2", key="k")


# Auto-apply minds dates (domain: credits on invoices). The clock stands at noon of 15 June 2026 in London.


async def test_an_old_invoice_takes_no_credit_of_later(tenant: Tenant, anna: UUID) -> None:
    today = tenant.today()
    now = await tenant.credit(anna, 10, auto_apply=True)
    yesterday = await tenant.credit(anna, 10, auto_apply=True, effective_on=today - timedelta(days=1))
    for days_ago, takes in ((2, []), (1, [yesterday]), (0, [now])):
        invoice = await tenant.invoice(anna, 10, issued_on=today - timedelta(days=days_ago))
        assert [credit for credit, *_ in await assigned(tenant, invoice)] == takes


async def test_without_a_date_it_is_of_today(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 10, auto_apply=True)
    assert await assigned(tenant, await tenant.invoice(anna, 4)) == [(credit, 400, "AUTO")]


async def test_an_invoice_dated_ahead_takes_what_is_open_and_nothing_scheduled(tenant: Tenant, anna: UUID) -> None:
    ahead = tenant.today() + timedelta(days=30)
    await tenant.credit(anna, 10, auto_apply=True, effective_on=tenant.today() + timedelta(days=1))
    open_now = await tenant.credit(anna, 3, auto_apply=True)
    invoice = await tenant.invoice(anna, 10, issued_on=ahead)
    assert await assigned(tenant, invoice) == [(open_now, 300, "AUTO")]


async def test_an_invoice_dated_ahead_takes_nothing_that_has_expired_when_its_day_begins(clock: Clock) -> None:
    """By the tenant's midnight, in Auckland 12 hours before that of UTC: the end of the 18th is the start of the 19th."""
    tenant = await Tenant.open(clock, time_zone="Pacific/Auckland")
    anna = await tenant.customer()
    assert date(2026, 6, 16) == clock().astimezone(ZoneInfo("Pacific/Auckland")).date()
    lots = [await tenant.credit(anna, 1, auto_apply=True, expires_in_days=days) for days in (1, 2, 3)]
    midnight = datetime(2026, 6, 17, 12, tzinfo=UTC)  # the 18th begins
    before, at, after = [
        await tenant.credit(anna, 1, auto_apply=True, expires_at=midnight + timedelta(seconds=s)) for s in (-1, 0, 1)
    ]
    assert await assigned(tenant, await tenant.invoice(anna, 100, issued_on=date(2026, 6, 18))) == [
        (after, 100, "AUTO"),
        (lots[1], 100, "AUTO"),
        (lots[2], 100, "AUTO"),
    ]
    assert await tenant.remainders(lots[0], before, at) == [100, 100, 100]
    await tenant.ledger.close()


async def test_the_effective_day_is_compared_as_a_day_of_the_tenants(clock: Clock) -> None:
    """Noon of the 15th in London is the 16th in Auckland: what is added then is of the 16th."""
    tenant = await Tenant.open(clock, time_zone="Pacific/Auckland")
    anna = await tenant.customer()
    credit = await tenant.credit(anna, 10, auto_apply=True)
    assert await assigned(tenant, await tenant.invoice(anna, 1, issued_on=date(2026, 6, 15))) == []
    for day in (date(2026, 6, 16), None):
        assert await assigned(tenant, await tenant.invoice(anna, 1, issued_on=day)) == [(credit, 100, "AUTO")]
    await tenant.ledger.close()


async def test_an_order_minds_dates_as_an_invoice_does(tenant: Tenant, anna: UUID) -> None:
    tea, credit = await tenant.product(5), await tenant.credit(anna, 10, auto_apply=True)
    yesterday = tenant.today() - timedelta(days=1)
    old = await tenant.order(anna, (tea, 1), issued_on=yesterday, auto_apply=True)
    new = await tenant.order(anna, (tea, 1), auto_apply=True)
    assert (await assigned(tenant, old), await assigned(tenant, new)) == ([], [(credit, 500, "AUTO")])


async def test_by_hand_and_in_payment_the_date_of_an_invoice_does_not_count(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 10, auto_apply=True)
    old = [await tenant.invoice(anna, 3, issued_on=date(2010, 12, 1)) for _ in range(2)]
    await tenant.assign(credit, (old[0], None))
    await tenant.pay(old[1], 3, "ACCOUNT_CREDIT")
    assert await tenant.remainders(credit) == [400]


async def test_enough_is_loaded_for_an_invoices_date(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not apply by its date fills the first load, and does not count as enough."""
    monkeypatch.setattr("models.loading.credits.CREDITS_PER_LOAD", (2, 8))
    yesterday = tenant.today() - timedelta(days=1)
    for days in (3, 4):
        await tenant.credit(anna, 50, auto_apply=True, expires_in_days=days)
    old = await tenant.credit(anna, 10, auto_apply=True, expires_in_days=5, effective_on=yesterday)
    tea = await tenant.product(2)
    invoice = await tenant.invoice(anna, 4, issued_on=yesterday)
    order = await tenant.order(anna, (tea, 1), issued_on=yesterday, auto_apply=True)
    assert await assigned(tenant, invoice) == [(old, 400, "AUTO")]
    assert await assigned(tenant, order) == [(old, 200, "AUTO")]


async def test_enough_is_loaded_for_a_day_that_is_ahead(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.loading.credits.CREDITS_PER_LOAD", (2, 8))
    for days in (1, 2):
        await tenant.credit(anna, 50, auto_apply=True, expires_in_days=days)
    lasting = await tenant.credit(anna, 10, auto_apply=True)
    invoice = await tenant.invoice(anna, 4, issued_on=tenant.today() + timedelta(days=9))
    assert await assigned(tenant, invoice) == [(lasting, 400, "AUTO")]


@pytest.mark.parametrize("day", [date(1, 1, 1), date(9999, 12, 31)])
async def test_a_date_that_no_book_holds_is_refused(tenant: Tenant, anna: UUID, day: date) -> None:
    await tenant.credit(anna, 10, auto_apply=True)
    async with tenant.refused("INVALID"):
        await tenant.invoice(anna, 5, issued_on=day)


async def test_what_applies_only_since_a_moment_ago_is_taken_too(tenant: Tenant, anna: UUID) -> None:
    """Changed and invoiced in one batch."""
    paused = await tenant.credit(anna, 10)
    batch = Batch(tenant.clock)
    asked = Tenant(batch.ledger, tenant.clock, tenant.slug, tenant.id)
    await batch.run(tenant.id, [asked.update_credit(paused, auto_apply=True), asked.invoice(anna, 4, number="I1")])
    assert await tenant.remainders(paused) == [600]


async def test_today_is_the_tenant_s_day_in_the_zone_in_force_when_it_is_posted(tenant: Tenant, anna: UUID) -> None:
    """Also on a server that has known another zone, and by whichever zone was there first where both come at once."""
    other = Tenant(Ledger(tenant.clock), tenant.clock, tenant.slug, tenant.id)
    before, after = date(2026, 6, 15), date(2026, 6, 16)
    assert await issued_on(other, await other.invoice(anna, 1)) == before
    change = update_tenant(tenant.ledger, tenant.id, ADMIN, UpdateTenant(time_zone="Pacific/Auckland"))
    at_once = await asyncio.gather(*(other.invoice(anna, 1) for _ in range(8)), change)
    assert {await issued_on(tenant, invoice) for invoice in at_once[:-1] if isinstance(invoice, UUID)} <= {
        before,
        after,
    }
    for server in (tenant, other):
        assert await issued_on(server, await server.invoice(anna, 1)) == after
    await other.ledger.close()


async def issued_on(tenant: Tenant, invoice: UUID) -> date:
    ((day,),) = await tenant.rows("SELECT issued_on FROM invoices WHERE tenant_id = $1 AND id = $2", invoice)
    assert isinstance(day, date)
    return day
