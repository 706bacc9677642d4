"""A credit deleted, as the sources call it: what is left is reversed, on request with what is set against invoices."""

import asyncio
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from models.ledger import Ledger
from models.reads.verify import verify
from tests.support.clock import Clock
from tests.support.holds import held_now, hold
from tests.support.tenants import Tenant

STATE = """SELECT remaining_minor, voided_at IS NOT NULL, swept_at IS NOT NULL FROM credits
    WHERE tenant_id = $1 AND id = $2"""
MOVED = """SELECT e.counter, e.amount_minor, e.lifetime_minor FROM entries e
    WHERE e.tenant_id = $1 AND e.transaction_id = $2 ORDER BY e.sequence"""


async def lifetime(tenant: Tenant, customer: UUID, asset: str = "GBP") -> int:
    account = await tenant.account(customer, asset)
    assert account is not None
    return account.lifetime_minor


@pytest.mark.parametrize("asset", ["GBP", "POINTS", "SERVICE_CREDITS"])
async def test_what_is_left_is_reversed(tenant: Tenant, anna: UUID, asset: str) -> None:
    credit = await tenant.credit(anna, 100, asset)
    await tenant.adjust(anna, -30, asset)
    before = await lifetime(tenant, anna, asset)
    once = await tenant.void_credit(credit, key="k", note="Entered twice")
    again = await tenant.void_credit(credit, key="k", note="Entered twice")

    left = 70 if asset != "GBP" else 7000
    assert await tenant.rows(MOVED, once.transaction_id) == [("REMOVED", -left, -left)]
    assert await tenant.rows(STATE, credit) == [(0, True, False)]
    assert (await tenant.available(anna, asset), await lifetime(tenant, anna, asset)) == (0, before - left)
    assert again.replayed
    assert (again.transaction_id, again.account_id, again.credit_id) == (
        once.transaction_id,
        once.account_id,
        once.credit_id,
    )


async def test_a_scheduled_credit_can_be_voided(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 100, effective_on=date(2027, 1, 1))
    await tenant.void_credit(credit)

    account = await tenant.account(anna)
    assert account is not None
    assert (account.balance_minor, account.scheduled_minor, account.lifetime_minor) == (0, 0, 0)


async def test_it_never_counted_and_does_not_now(tenant: Tenant, anna: UUID) -> None:
    """Points that came back are no new points: voiding them takes nothing off the lifetime total either."""
    refund = await tenant.reason("REFUND", moves_lifetime=False)
    await tenant.adjust(anna, 500, "POINTS")
    credit = await tenant.credit(anna, 300, "POINTS", reason=refund)
    await tenant.void_credit(credit)

    assert (await tenant.available(anna, "POINTS"), await lifetime(tenant, anna, "POINTS")) == (500, 500)


async def test_the_lifetime_total_is_no_obstacle(tenant: Tenant, anna: UUID) -> None:
    refund = await tenant.reason("REFUND", moves_lifetime=False)
    earned = await tenant.credit(anna, 300, "POINTS")
    returned = await tenant.credit(anna, 200, "POINTS", reason=refund)
    await tenant.adjust(anna, -200, "POINTS", credit_id=returned)

    await tenant.void_credit(earned)
    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (0, 0)


async def test_voiding_points_drops_the_tier(tenant: Tenant, anna: UUID) -> None:
    await tenant.tier("Gold", 1000)
    await tenant.adjust(anna, 600, "POINTS")
    credit = await tenant.credit(anna, 500, "POINTS")
    await tenant.void_credit(credit)

    changes = await tenant.rows("SELECT old_tier, new_tier FROM tier_changes WHERE tenant_id = $1 ORDER BY id")
    assert changes == [(None, "Gold"), ("Gold", None)]


async def test_what_is_assigned_is_not_voided_by_the_way(tenant: Tenant, anna: UUID) -> None:
    credit, invoice = await tenant.credit(anna, 100), await tenant.invoice(anna, 40)
    await tenant.assign(credit, (invoice, 40))
    async with tenant.refused("CREDIT_ASSIGNED"):
        await tenant.void_credit(credit)


async def test_what_is_assigned_can_be_released_first(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 100)
    first, second = await tenant.invoice(anna, 40), await tenant.invoice(anna, 90)
    parts = (await tenant.assign(credit, (first, 40), (second, 60))).assignment_ids
    once = await tenant.void_credit(credit, release_assignments=True, key="k")
    again = await tenant.void_credit(credit, release_assignments=True, key="k")

    assert await tenant.rows(MOVED, once.transaction_id) == [
        ("INVOICES", 6000, 0),
        ("INVOICES", 4000, 0),
        ("REMOVED", -10000, -10000),
    ]
    assert [await tenant.invoice_state(i) for i in (first, second)] == [("OPEN", 0, 0)] * 2
    assert await tenant.rows(STATE, credit) == [(0, True, False)]
    assert (once.assignment_ids, again.assignment_ids) == (parts, parts)
    assert again.credit_id == once.credit_id == credit


async def test_an_expired_credit_that_is_assigned_comes_back_and_expires(
    tenant: Tenant, anna: UUID, clock: Clock
) -> None:
    """There is nothing left to reverse then, and the lifetime total stays: expiring does not touch it."""
    credit, invoice = await tenant.credit(anna, 100, expires_in_days=1), await tenant.invoice(anna, 40)
    await tenant.assign(credit, (invoice, 40))
    clock.advance(days=3)
    async with tenant.refused("CREDIT_ASSIGNED"):
        await tenant.void_credit(credit)
    outcome = await tenant.void_credit(credit, release_assignments=True)

    assert await tenant.rows(MOVED, outcome.transaction_id) == [("INVOICES", 4000, 0), ("EXPIRED", -10000, 0)]
    assert await tenant.rows(STATE, credit) == [(0, False, True)]
    assert await tenant.invoice_state(invoice) == ("OPEN", 0, 0)
    assert await lifetime(tenant, anna) == 10000


async def test_what_is_held_of_an_expired_credit_is_voided_with_it(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """It has not expired with the rest; and what was voided is not revived."""
    credit, invoice = await tenant.credit(anna, 100, expires_in_days=1), await tenant.invoice(anna, 40)
    await tenant.assign(credit, (invoice, 40))
    await hold(tenant, anna, 50, until=clock() + timedelta(days=9))
    clock.advance(days=3)
    outcome = await tenant.void_credit(credit, release_assignments=True, release_holds=True)

    assert await tenant.rows(MOVED, outcome.transaction_id) == [
        ("INVOICES", 4000, 0),
        ("EXPIRED", -5000, 0),
        ("REMOVED", -5000, -5000),
    ]
    assert await tenant.rows(STATE, credit) == [(0, True, True)]
    async with tenant.refused("CREDIT_NOT_OPEN"):
        await tenant.revive(credit)


@pytest.mark.parametrize("swept", [False, True])
async def test_what_is_held_of_an_expired_credit_is_voided_though_nothing_is_assigned(
    tenant: Tenant, anna: UUID, clock: Clock, swept: bool
) -> None:
    """The rest has expired, whether or not that was written off, and stays in the lifetime total."""
    credit = await tenant.credit(anna, 100, expires_in_days=1)
    await hold(tenant, anna, 30, until=clock() + timedelta(days=9))
    clock.advance(days=3)
    if swept:
        await tenant.expire()
    async with tenant.refused("CREDIT_HELD"):
        await tenant.void_credit(credit)
    once = await tenant.void_credit(credit, release_holds=True, key="k")
    again = await tenant.void_credit(credit, release_holds=True, key="k")

    before = [] if swept else [("EXPIRED", -7000, 0)]
    assert await tenant.rows(MOVED, once.transaction_id) == [*before, ("REMOVED", -3000, -3000)]
    assert await tenant.rows(STATE, credit) == [(0, True, True)]
    assert (await held_now(tenant, anna), await lifetime(tenant, anna)) == ((0, 0), 7000)
    assert (again.transaction_id, again.credit_id, again.replayed) == (once.transaction_id, credit, True)
    assert await tenant.expire() == 0
    for refused in (tenant.void_credit(credit), tenant.void_credit(credit, release_holds=True), tenant.revive(credit)):
        async with tenant.refused("CREDIT_NOT_OPEN"):
            await refused
    assert (await verify(tenant.id)).holds


async def test_what_is_held_of_a_credit_that_a_reversal_took_back_is_voided(
    tenant: Tenant, anna: UUID, clock: Clock
) -> None:
    """With what came back meanwhile, as another hold lapsed: all of it out of the lifetime total, in one tier change."""
    for name, threshold in (("Silver", 150), ("Gold", 250)):
        await tenant.tier(name, threshold)
    bulk = await tenant.bulk((anna, 500))
    ((credit,),) = await tenant.rows("SELECT id FROM credits WHERE tenant_id = $1")
    clock.advance(seconds=1)
    await hold(tenant, anna, 100, "POINTS")
    await hold(tenant, anna, 200, "POINTS", until=clock() + timedelta(days=9))
    await tenant.reverse(bulk)
    clock.advance(hours=1)
    assert await lifetime(tenant, anna, "POINTS") == 300
    async with tenant.refused("CREDIT_HELD"):
        await tenant.void_credit(credit)
    outcome = await tenant.void_credit(credit, release_holds=True)

    assert await tenant.rows(MOVED, outcome.transaction_id) == [("REMOVED", -300, -300)]
    assert (await held_now(tenant, anna, "POINTS"), await lifetime(tenant, anna, "POINTS")) == ((0, 0), 0)
    changes = "SELECT old_tier, new_tier FROM tier_changes WHERE tenant_id = $1 AND transaction_id = $2"
    assert await tenant.rows(changes, outcome.transaction_id) == [("Gold", None)]
    assert await tenant.expire() == 0
    assert (await verify(tenant.id)).holds


async def test_what_was_paid_with_it_is_voided_first(tenant: Tenant, anna: UUID) -> None:
    credit, invoice = await tenant.credit(anna, 100), await tenant.invoice(anna, 40)
    paid = await tenant.pay(invoice, 10, "ACCOUNT_CREDIT")
    async with tenant.refused("INVALID"):
        await tenant.void_credit(credit, release_assignments=True)
    await tenant.void_payment(paid.payment_id)
    await tenant.void_credit(credit)
    assert await tenant.available(anna) == 0


async def test_what_is_gone_cannot_be_voided(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    used, expired, voided = [await tenant.credit(anna, 10, expires_in_days=days) for days in (0, 1, 0)]
    await tenant.adjust(anna, -10, credit_id=used)
    await tenant.void_credit(voided)
    clock.advance(days=3)
    for credit in (used, expired, voided):
        async with tenant.refused("CREDIT_NOT_OPEN"):
            await tenant.void_credit(credit)
    async with tenant.refused("NOT_FOUND"):
        await tenant.void_credit(uuid4())


async def test_a_voided_credit_takes_part_in_nothing(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 10, auto_apply=True)
    await tenant.void_credit(credit)
    invoice = await tenant.invoice(anna, 10)

    assert await tenant.invoice_state(invoice) == ("OPEN", 0, 0)
    async with tenant.refused("CREDIT_NOT_OPEN"):
        await tenant.assign(credit, (invoice, 1))
    async with tenant.refused("CREDIT_NOT_OPEN"):
        await tenant.update_credit(credit, auto_apply=False)
    async with tenant.refused("CREDIT_NOT_OPEN"):
        await tenant.adjust(anna, -1, credit_id=credit)


async def test_a_voiding_and_an_assignment_race(tenant: Tenant, anna: UUID) -> None:
    """Either the credit is gone, or it is assigned and stays: never both, through whichever server."""
    other = Tenant(Ledger(tenant.clock), tenant.clock, tenant.slug, tenant.id)
    for _ in range(5):
        credit, invoice = await tenant.credit(anna, 10), await tenant.invoice(anna, 10)
        came = await asyncio.gather(
            tenant.void_credit(credit), other.assign(credit, (invoice, 10)), return_exceptions=True
        )

        codes = [getattr(result, "code", "done") for result in came]
        assert codes in (["done", "CREDIT_NOT_OPEN"], ["CREDIT_ASSIGNED", "done"])
        left = ("OPEN", 0, 0) if codes[0] == "done" else ("PAID", 0, 1000)
        assert await tenant.invoice_state(invoice) == left
    await other.ledger.close()
