"""What is held is captured: as a spend or a payment, whatever happened to its credits meanwhile."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from models.commands import MergeCustomers
from models.errors import CreditSpent, ExceedsRemaining, LedgerError
from models.holding_errors import CreditHeld
from models.ledger import Ledger
from models.operations.merge_customers import merge_customers
from models.operations.people import erase_customer
from models.reads import liability
from models.reads.accounts import balances_at
from models.reads.session import ReadSession
from models.reads.verify import verify
from tests.support.clock import Clock
from tests.support.holds import as_it_is, capture, extend, held_now, hold, release
from tests.support.tenants import ADMIN, MANAGER, PARTNER, Tenant, known

ENTRIES = """SELECT credit_id, counter, amount_minor, lifetime_minor FROM entries
    WHERE tenant_id = $1 AND transaction_id = $2 ORDER BY sequence"""
CREDIT = "SELECT remaining_minor, gone_minor, voided_at IS NOT NULL FROM credits WHERE tenant_id = $1 AND id = $2"


async def merge(tenant: Tenant, source: UUID, target: UUID) -> None:
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(source, target), tenant.key())


async def test_whole_as_a_spend_that_is_given_back(tenant: Tenant, anna: UUID) -> None:
    never, soon = await tenant.credit(anna, 5), await tenant.credit(anna, 3, expires_in_days=5)
    held = await hold(tenant, anna, 4)
    outcome = await capture(tenant, held, note="Dinner")

    assert await tenant.rows(ENTRIES, outcome.transaction_id) == [(soon, "SPENT", -300, 0), (never, "SPENT", -100, 0)]
    assert await held_now(tenant, anna) == (400, 0)
    assert (await as_it_is(tenant, held)).status(tenant.clock()) == "CAPTURED"
    for again in (capture(tenant, held), release(tenant, held), extend(tenant, held, 60)):
        async with tenant.refused("HOLD_ENDED"):
            await again
    await tenant.refund(outcome, 2)
    await tenant.refund(outcome)
    assert await held_now(tenant, anna) == (800, 0)
    assert (await verify(tenant.id)).holds


async def test_in_parts_and_the_rest_is_released(tenant: Tenant, anna: UUID) -> None:
    first, second = [await tenant.credit(anna, 3, expires_in_days=n) for n in (1, 2)]
    held = await hold(tenant, anna, 5)
    for amount, taken in ((2, [(first, -200)]), (2, [(first, -100), (second, -100)])):
        outcome = await capture(tenant, held, amount)
        assert [(row[0], row[2]) for row in await tenant.rows(ENTRIES, outcome.transaction_id)] == taken
    async with tenant.refused("EXCEEDS_REMAINING") as caught:
        await capture(tenant, held, 2)
    assert isinstance(caught.value, ExceedsRemaining)
    for wrong, code in (("0", "AMOUNT_ZERO"), ("-1", "INVALID"), ("0.005", "AMOUNT_PRECISION")):
        async with tenant.refused(code):
            await capture(tenant, held, wrong)
    await release(tenant, held)
    assert await held_now(tenant, anna) == (200, 0)
    found = await as_it_is(tenant, held)
    assert (found.status(tenant.clock()), found.captured_minor) == ("RELEASED", 400)
    assert (await verify(tenant.id)).holds


async def test_nothing_that_happens_meanwhile_is_in_the_way(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """The credits expire and are swept, the limit falls, the service retires, the membership ends, all else is spent."""
    yoga = await tenant.service()
    await tenant.credit(anna, 5, "SERVICE_CREDITS", service_ids=(yoga,), expires_at=clock() + timedelta(hours=1))
    held = await hold(tenant, anna, 3, "SERVICE_CREDITS", services=(yoga,), minutes=60 * 24 * 30)
    await tenant.spend(anna, 2, "SERVICE_CREDITS")
    clock.advance(days=29)
    await tenant.expire()
    await tenant.limit("STAFF", "SERVICE_CREDITS", kind="SPENDING", adjustment=0, actor_day=0, customer_day=0)
    await tenant.execute("UPDATE services SET active = false WHERE tenant_id = $1")
    await tenant.cancel_membership(anna, clock() - timedelta(days=200))
    await erase_customer(tenant.ledger, tenant.id, ADMIN, anna)
    await capture(tenant, held, 1)
    await capture(tenant, held)
    assert await held_now(tenant, anna, "SERVICE_CREDITS") == (0, 0)
    assert (await verify(tenant.id)).holds


async def test_at_the_very_microsecond(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """Of the credit's expiry and the hold's, which is the same."""
    at = clock() + timedelta(minutes=10)
    credit = await tenant.credit(anna, 10, expires_at=at)
    same, longer = await hold(tenant, anna, 4, until=at), await hold(tenant, anna, 4, until=at + timedelta(minutes=1))
    clock.advance(seconds=600 - 1e-6)
    await hold(tenant, anna, 1, minutes=5)  # still there
    await capture(tenant, same, 1)
    clock.advance(seconds=1e-6)
    async with tenant.refused("HOLD_ENDED"):
        await capture(tenant, same)
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await hold(tenant, anna, "0.01")
    assert await held_now(tenant, anna) == (0, 500)
    await tenant.expire()
    assert await tenant.rows(CREDIT, credit) == [(500, 400, False)]
    clock.advance(seconds=60 - 1e-6)
    await capture(tenant, longer, 1)
    clock.advance(seconds=1e-6)
    async with tenant.refused("HOLD_ENDED"):
        await capture(tenant, longer)
    assert (await verify(tenant.id)).holds


async def test_as_the_payment_of_an_invoice(tenant: Tenant, anna: UUID) -> None:
    first, second = [await tenant.credit(anna, 10, expires_in_days=n) for n in (1, 2)]
    invoice = await tenant.invoice(anna, 15, auto_apply=False)
    held = await hold(tenant, anna, 15, invoice=invoice, note=None)
    outcome = await capture(tenant, held, 12)
    assert (outcome.invoice_id, outcome.hold_id) == (invoice, held.hold_id)
    entries = await tenant.rows(ENTRIES, outcome.transaction_id)
    assert entries == [(first, "INVOICES", -1000, 0), (second, "INVOICES", -200, 0)]
    async with tenant.refused("INVOICE_PAID"):  # it is voided after that payment
        await tenant.void_invoice(invoice)
    async with tenant.refused("INVALID"):
        await tenant.refund(known(outcome.transaction_id))
    await capture(tenant, held)
    assert await tenant.rows("SELECT status FROM invoices WHERE tenant_id = $1 AND id = $2", invoice) == [("PAID",)]
    await tenant.void_payment(outcome.payment_id)
    assert await held_now(tenant, anna) == (1700, 0)
    await tenant.void_credit(first)
    assert (await verify(tenant.id)).holds


async def test_holds_for_one_invoice_are_together_at_most_what_is_due(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """Whoever asks for more has held it twice, as a checkout that is opened again."""
    await tenant.credit(anna, 50)
    invoice, other = [await tenant.invoice(anna, 10, auto_apply=False) for _ in range(2)]
    first = await hold(tenant, anna, 6, invoice=invoice, minutes=5)
    await hold(tenant, anna, 10, invoice=other)
    async with tenant.refused("EXCEEDS_DUE") as caught:
        await hold(tenant, anna, "4.01", invoice=invoice)
    assert str(caught.value) == "Only 4.00 GBP of what is due is not held for it already."
    second = await hold(tenant, anna, 4, invoice=invoice)
    async with tenant.refused("EXCEEDS_DUE"):
        await hold(tenant, anna, "0.01", invoice=invoice)
    await release(tenant, second)
    await capture(tenant, first, 2)
    await hold(tenant, anna, 4, invoice=invoice)  # 2 are paid, 4 held before, and 4 now
    clock.advance(minutes=6)
    await hold(tenant, anna, 4, invoice=invoice, minutes=600)  # the first is over
    ben = await tenant.customer(name="Ben")
    await merge(tenant, anna, ben)
    async with tenant.refused("EXCEEDS_DUE"):
        await hold(tenant, ben, "0.01", invoice=invoice)


async def test_at_once_holds_for_one_invoice_are_at_most_what_is_due(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """From two servers, in one batch and in many."""
    await tenant.credit(anna, 500)
    invoice, other = await tenant.invoice(anna, 10, auto_apply=False), Ledger(source=tenant.ledger.source, clock=clock)
    try:
        answers = await asyncio.gather(
            *(
                hold(tenant, anna, 3, invoice=invoice, ledger=ledger)
                for ledger in (tenant.ledger, other)
                for _ in range(6)
            ),
            return_exceptions=True,
        )
    finally:
        await other.close()
    assert sorted(getattr(answer, "code", "") for answer in answers) == [""] * 3 + ["EXCEEDS_DUE"] * 9
    assert (await held_now(tenant, anna))[1] == 900


async def test_which_invoice_it_pays(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 50)
    one, other = [await tenant.invoice(anna, 10, auto_apply=False) for _ in range(2)]
    bens = await tenant.invoice(await tenant.customer(name="Ben"), 10, auto_apply=False)
    named, free = await hold(tenant, anna, 10, invoice=one), await hold(tenant, anna, 20)
    async with tenant.refused("INVALID"):
        await capture(tenant, named, invoice=other)
    async with tenant.refused("CUSTOMER_MISMATCH"):
        await capture(tenant, free, invoice=bens)
    async with tenant.refused("EXCEEDS_DUE"):
        await capture(tenant, free, 11, invoice=other)
    await tenant.pay(other, 4)
    outcome = await capture(tenant, free, invoice=other)  # as much as is due
    assert await tenant.rows(
        "SELECT amount_minor FROM payments WHERE tenant_id = $1 AND id = $2", outcome.payment_id
    ) == [(600,)]
    async with tenant.refused("INVOICE_NOT_OPEN"):
        await capture(tenant, free, invoice=other)
    await tenant.void_invoice(one)
    async with tenant.refused("INVOICE_NOT_OPEN"):
        await capture(tenant, named)
    await release(tenant, named)
    assert (await verify(tenant.id)).holds


async def test_an_order_grants_what_it_sells_and_holds_are_uses_of_that(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 50)
    goods, gift = await tenant.product(10), await tenant.product(1, "CREDIT")
    order = await tenant.order(anna, (goods, 1), (gift, 30))
    held = await hold(tenant, anna, 10, invoice=order)
    async with tenant.refused("EXCEEDS_DUE"):  # credit is not paid with credit
        await hold(tenant, anna, 11, invoice=order)
    await tenant.pay(order, 30)
    paid = await capture(tenant, held)
    assert await held_now(tenant, anna) == (7000, 0)
    uses = await hold(tenant, anna, 65)
    async with tenant.refused("CREDIT_SPENT") as caught:
        await tenant.void_payment(paid.payment_id)
    assert isinstance(caught.value, CreditSpent)
    assert caught.value.used == 25
    await release(tenant, uses)
    await tenant.void_payment(paid.payment_id)
    assert await held_now(tenant, anna) == (5000, 0)
    assert (await verify(tenant.id)).holds


async def test_a_credit_that_is_held_is_voided_with_what_is_held(tenant: Tenant, anna: UUID) -> None:
    first, second = [await tenant.credit(anna, 10, expires_in_days=n) for n in (1, 2)]
    held = await hold(tenant, anna, 15)
    for credit, amount in ((first, 10), (second, 5)):
        async with tenant.refused("CREDIT_HELD") as caught:
            await tenant.void_credit(credit)
        assert isinstance(caught.value, CreditHeld)
        assert caught.value.held == amount
    await tenant.void_credit(first, release_holds=True)
    assert await tenant.rows(CREDIT, first) == [(0, 1000, True)]
    assert await held_now(tenant, anna) == (500, 500)
    async with tenant.refused("EXCEEDS_REMAINING"):
        await capture(tenant, held, 6)
    await capture(tenant, held)
    await tenant.void_credit(second)
    found = await as_it_is(tenant, held)
    assert (found.status(tenant.clock()), found.captured_minor) == ("RELEASED", 500)
    assert (await verify(tenant.id)).holds


async def test_a_shortened_expiry_leaves_what_is_held(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    credit = await tenant.credit(anna, 10)
    held = await hold(tenant, anna, 10, minutes=600)
    await tenant.update_credit(credit, expires_at=clock() + timedelta(minutes=1))
    clock.advance(hours=1)
    async with tenant.refused("CREDIT_NOT_OPEN"):
        await tenant.update_credit(credit, never_expires=True)
    await capture(tenant, held)
    assert (await verify(tenant.id)).holds


async def test_a_merge_takes_holds_along(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """Live ones with what they have of each credit, expired or not; and what is undone later lands on the survivor."""
    ben = await tenant.customer(name="Ben")
    await tenant.credit(ben, 1)
    soon = await tenant.credit(anna, 10, expires_at=clock() + timedelta(hours=1))
    late = await tenant.credit(anna, 10)
    over = await hold(tenant, anna, 1, minutes=1)
    both, one = await hold(tenant, anna, 15, minutes=6000), await hold(tenant, anna, 2, minutes=5000)
    await capture(tenant, both, 1)
    clock.advance(hours=2)
    at, before = clock(), await tenant.account(anna)
    assert before is not None
    clock.advance(seconds=1)
    await merge(tenant, anna, ben)
    assert await held_now(tenant, ben) == (300, 1600)
    assert await held_now(tenant, anna) == (0, 0)
    clock.advance(hours=1)
    await extend(tenant, one, 10_000)
    carol = await tenant.customer(name="Carol")
    await merge(tenant, ben, carol)
    assert await held_now(tenant, carol) == (300, 1600)
    spent = await capture(tenant, both, 12)
    await release(tenant, one)
    assert await held_now(tenant, carol) == (500, 200)
    await tenant.expire()
    await tenant.refund(spent)
    async with tenant.refused("HOLD_ENDED"):
        await release(tenant, over)
    await tenant.void_credit(late, release_holds=True)
    async with tenant.refused("CREDIT_NOT_OPEN"):
        await tenant.void_credit(soon)
    session = ReadSession(tenant.id)
    try:
        (found,) = await balances_at(session, [(before.id, at)])
    finally:
        await session.release()
    assert (found.available_minor, found.held_minor) == (before.available_minor, before.held_minor)
    assert (await verify(tenant.id)).holds


@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize("end", ["capture", "all", "release", "part", "merge"])
async def test_the_past_stands_still_once_what_is_held_of_an_expired_credit_is_gone(
    tenant: Tenant, anna: UUID, clock: Clock, end: str, swept: bool
) -> None:
    ben = await tenant.customer(name="Ben")
    await tenant.credit(anna, 10, expires_at=clock() + timedelta(hours=1))
    held_minor = 1000 if end == "all" else 400
    held = await hold(tenant, anna, held_minor // 100, minutes=600)
    clock.advance(hours=2)
    if swept:
        await tenant.expire()
    clock.advance(hours=1)
    at, before = clock(), await tenant.account(anna, "GBP")
    assert before is not None
    clock.advance(hours=1)
    match end:
        case "capture" | "all":
            await capture(tenant, held)
        case "part":
            await capture(tenant, held, 1)
            clock.advance(hours=1)
            await capture(tenant, held, 2)
        case "release":
            await release(tenant, held)
        case "merge":
            await merge(tenant, anna, ben)
    clock.advance(hours=12)
    await tenant.expire()
    session = ReadSession(tenant.id)
    try:
        (found,) = await balances_at(session, [(before.id, at)])
    finally:
        await session.release()
    assert (before.available_minor, before.held_minor) == (0, held_minor)
    assert (found.available_minor, found.held_minor) == (0, held_minor)


@pytest.mark.parametrize("minutes", [5, 120])
@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize("end", ["capture", "all", "release", "lapse", "merge", "revive"])
async def test_liability_of_the_past_stands_still_once_what_is_held_of_an_expired_credit_is_gone(
    tenant: Tenant, anna: UUID, clock: Clock, end: str, swept: bool, minutes: int
) -> None:
    """minutes: after the expiry; within its quarter of an hour, the totals do not tell the one from the other."""
    ben = await tenant.customer(name="Ben")
    await tenant.credit(ben, 1)
    credit = await tenant.credit(anna, 10, expires_at=clock() + timedelta(minutes=61))
    held_minor = 1000 if end == "all" else 400
    held = await hold(tenant, anna, held_minor // 100, minutes=600)
    clock.advance(minutes=62)
    if swept:
        await tenant.expire()
    clock.advance(minutes=minutes - 1)
    at = clock()

    async def owed() -> tuple[object, ...]:
        session = ReadSession(tenant.id)
        try:
            views = await liability.by_asset(session, at, clock())
            parts = await liability.parts(session, at, clock(), "Europe/London")
            return views, parts
        finally:
            await session.release()

    before = await owed()
    clock.advance(hours=1)
    assert await owed() == before
    match end:
        case "capture" | "all":
            await capture(tenant, held)
        case "release":
            await release(tenant, held)
        case "merge":
            await merge(tenant, anna, ben)
        case "revive":
            await tenant.expire()
            await capture(tenant, held, 1)
            await tenant.revive(credit)
        case "lapse":
            pass
    assert await owed() == before
    clock.advance(hours=12)
    await tenant.expire()
    assert await owed() == before


async def test_liability_shows_it_apart(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    ben = await tenant.customer(name="Ben")
    await tenant.credit(anna, 10, expires_at=clock() + timedelta(hours=1))
    await tenant.credit(ben, 5, expires_at=clock() + timedelta(hours=1))
    await tenant.credit(ben, 3)
    await hold(tenant, anna, 4, minutes=600)
    await hold(tenant, ben, 6, minutes=600)

    async def owed() -> tuple[int, ...]:
        session = ReadSession(tenant.id)
        try:
            (view,) = await liability.by_asset(session, clock(), clock())
            parts = await liability.parts(session, clock(), clock(), "Europe/London")
        finally:
            await session.release()
        assert sum(part.outstanding_minor for part in parts) == view.outstanding_minor
        return view.accounts, view.outstanding_minor, view.expired_minor, view.held_minor

    assert await owed() == (2, 1800, 0, 1000)
    clock.advance(hours=2)
    assert await owed() == (2, 1200, 600, 1000)
    await tenant.expire()
    assert await owed() == (2, 1200, 0, 1000)
    clock.advance(hours=9)
    assert await owed() == (1, 300, 900, 0)


async def test_partners_capture_and_refund_their_own_clients(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 10)
    theirs, staffs = await hold(tenant, anna, 2, actor=PARTNER), await hold(tenant, anna, 2)
    async with tenant.refused("NOT_FOUND"):
        await capture(tenant, staffs, actor=PARTNER)
    spent = await capture(tenant, theirs, actor=PARTNER)
    await tenant.refund(spent, actor=PARTNER)
    taken = await capture(tenant, staffs)
    async with tenant.refused("NOT_FOUND"):
        await tenant.refund(taken, actor=PARTNER)


@pytest.mark.parametrize("paying", [False, True])
async def test_once_for_a_key(tenant: Tenant, anna: UUID, paying: bool) -> None:
    await tenant.credit(anna, 10)
    invoice = await tenant.invoice(anna, 10, auto_apply=False) if paying else None
    held = await hold(tenant, anna, 5, invoice=invoice)
    first, again = [await capture(tenant, held, Decimal(2), key="k") for _ in range(2)]
    assert (first.replayed, again.replayed) == (False, True)
    for name in ("transaction_id", "account_id", "hold_id", "payment_id", "invoice_id"):
        assert getattr(first, name) == getattr(again, name)
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await capture(tenant, held, 3, key="k")
    assert await held_now(tenant, anna) == (500, 300)
    assert (await verify(tenant.id)).holds


async def test_captures_at_once_never_take_more_than_is_held(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.credit(anna, 10)
    held = await hold(tenant, anna, 5)
    other = Ledger(clock)
    results = await asyncio.gather(
        *(capture(tenant, held, 2, ledger=ledger) for ledger in (tenant.ledger, other) * 4),
        *(tenant.spend(anna, 1) for _ in range(8)),
        return_exceptions=True,
    )
    await other.close()
    assert all(isinstance(result, LedgerError) for result in results if isinstance(result, BaseException))
    done = [not isinstance(result, BaseException) for result in results]
    assert (sum(done[:8]), sum(done[8:])) == (2, 5)
    assert await held_now(tenant, anna) == (0, 100)
