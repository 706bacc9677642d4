"""Service credits spent on a service."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from models.errors import InsufficientBalance
from tests.support.clock import Clock
from tests.support.tenants import Tenant


async def test_a_use_takes_what_serves_it_in_burn_order(tenant: Tenant, anna: UUID) -> None:
    cut, colour = await tenant.service(), await tenant.service()
    anything = await tenant.credit(anna, 3, "SERVICE_CREDITS")
    for_cut = await tenant.credit(anna, 3, "SERVICE_CREDITS", service_ids=(cut,))
    for_both = await tenant.credit(anna, 3, "SERVICE_CREDITS", service_ids=(cut, colour))
    for_colour = await tenant.credit(anna, 3, "SERVICE_CREDITS", service_ids=(colour,))
    soon = await tenant.credit(anna, 3, "SERVICE_CREDITS", expires_in_days=5)

    outcome = await tenant.use(anna, cut, 8, note="Saturday")

    assert await tenant.remainders(soon, for_cut, for_both, anything, for_colour) == [0, 0, 1, 3, 3]
    kinds = "SELECT kind, reason FROM transactions WHERE tenant_id = $1 AND id = $2"
    assert await tenant.rows(kinds, outcome.transaction_id) == [("USE", None)]
    entries = """SELECT counter, amount_minor, lifetime_minor FROM entries
        WHERE tenant_id = $1 AND transaction_id = $2 ORDER BY sequence"""
    taken = await tenant.rows(entries, outcome.transaction_id)
    assert taken == [("REDEEMED", -3, 0), ("REDEEMED", -3, 0), ("REDEEMED", -2, 0)]


async def test_credits_for_another_service_do_not_count(tenant: Tenant, anna: UUID) -> None:
    cut, colour = await tenant.service(), await tenant.service()
    await tenant.credit(anna, 5, "SERVICE_CREDITS", service_ids=(colour,))
    await tenant.credit(anna, 2, "SERVICE_CREDITS")
    async with tenant.refused("INSUFFICIENT_BALANCE") as caught:
        await tenant.use(anna, cut, 3)
    assert isinstance(caught.value, InsufficientBalance)
    assert caught.value.available == 2


async def test_neither_expired_nor_scheduled_credits_are_spent(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    cut = await tenant.service()
    await tenant.credit(anna, 5, "SERVICE_CREDITS", expires_in_days=1)
    await tenant.credit(anna, 5, "SERVICE_CREDITS", effective_on=datetime(2026, 6, 20, tzinfo=UTC).date())
    clock.advance(days=2)
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.use(anna, cut, 1)
    clock.advance(days=3)
    await tenant.use(anna, cut, 5)
    assert await tenant.available(anna, "SERVICE_CREDITS") == 0


async def test_a_retired_service_is_still_owed(tenant: Tenant, anna: UUID) -> None:
    cut = await tenant.service()
    await tenant.credit(anna, 5, "SERVICE_CREDITS", service_ids=(cut,))
    await tenant.execute("UPDATE services SET active = false WHERE tenant_id = $1")
    await tenant.use(anna, cut, 5)
    async with tenant.refused("INVALID"):
        await tenant.adjust(anna, 5, "SERVICE_CREDITS", service_ids=(cut,))


@pytest.mark.parametrize(
    ("amount", "code"),
    [("0", "AMOUNT_ZERO"), ("-1", "INVALID"), ("0.5", "AMOUNT_PRECISION"), ("9" * 16, "AMOUNT_OUT_OF_RANGE")],
)
async def test_an_amount_that_is_none(tenant: Tenant, anna: UUID, amount: str, code: str) -> None:
    cut = await tenant.service()
    await tenant.credit(anna, 5, "SERVICE_CREDITS")
    async with tenant.refused(code):
        await tenant.use(anna, cut, amount)


async def test_nobody_and_nothing(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    cut = await tenant.service()
    async with tenant.refused("INSUFFICIENT_BALANCE"):  # no account, and none is opened
        await tenant.use(anna, cut, 1)
    await tenant.credit(anna, 5, "SERVICE_CREDITS")
    for customer, service in ((uuid4(), cut), (anna, uuid4())):
        async with tenant.refused("NOT_FOUND"):
            await tenant.use(customer, service, 1)


async def test_once_for_a_key(tenant: Tenant, anna: UUID) -> None:
    cut = await tenant.service()
    await tenant.credit(anna, 5, "SERVICE_CREDITS")
    first = await tenant.use(anna, cut, 2, key="k")
    again = await tenant.use(anna, cut, Decimal("2.0"), key="k")
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.transaction_id, again.account_id) == (first.transaction_id, first.account_id)
    assert await tenant.available(anna, "SERVICE_CREDITS") == 3
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await tenant.use(anna, cut, 3, key="k")


async def test_uses_at_once_never_spend_more_than_there_is(tenant: Tenant, anna: UUID) -> None:
    cut = await tenant.service()
    await tenant.credit(anna, 5, "SERVICE_CREDITS", service_ids=(cut,))
    results = await asyncio.gather(*(tenant.use(anna, cut, 2) for _ in range(6)), return_exceptions=True)
    assert sum(not isinstance(result, BaseException) for result in results) == 2
    assert all(isinstance(r, InsufficientBalance) for r in results if isinstance(r, BaseException))
    assert await tenant.available(anna, "SERVICE_CREDITS") == 1


def test_a_refusal_says_what_there_is() -> None:
    messages = [InsufficientBalance(Decimal(available), "POINTS").message for available in ("0", "7")]

    assert messages == ["Not enough: nothing is available.", "Not enough: only 7 POINTS is available."]
