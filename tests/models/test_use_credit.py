"""Service credits spent on a service."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from models.errors import InsufficientBalance
from tests.support.shop import Clock, Shop


async def test_a_use_takes_what_serves_it_in_burn_order(shop: Shop, anna: UUID) -> None:
    cut, colour = await shop.service(), await shop.service()
    anything = await shop.credit(anna, 3, "SERVICE_CREDITS")
    for_cut = await shop.credit(anna, 3, "SERVICE_CREDITS", service_ids=(cut,))
    for_both = await shop.credit(anna, 3, "SERVICE_CREDITS", service_ids=(cut, colour))
    for_colour = await shop.credit(anna, 3, "SERVICE_CREDITS", service_ids=(colour,))
    soon = await shop.credit(anna, 3, "SERVICE_CREDITS", expires_in_days=5)

    outcome = await shop.use(anna, cut, 8, note="Saturday")

    assert await shop.remainders(soon, for_cut, for_both, anything, for_colour) == [0, 0, 1, 3, 3]
    kinds = "SELECT kind, reason FROM transactions WHERE tenant_id = $1 AND id = $2"
    assert await shop.rows(kinds, outcome.transaction_id) == [("USE", None)]
    entries = """SELECT counter, amount_minor, lifetime_minor FROM entries
        WHERE tenant_id = $1 AND transaction_id = $2 ORDER BY sequence"""
    taken = await shop.rows(entries, outcome.transaction_id)
    assert taken == [("REDEEMED", -3, 0), ("REDEEMED", -3, 0), ("REDEEMED", -2, 0)]


async def test_credits_for_another_service_do_not_count(shop: Shop, anna: UUID) -> None:
    cut, colour = await shop.service(), await shop.service()
    await shop.credit(anna, 5, "SERVICE_CREDITS", service_ids=(colour,))
    await shop.credit(anna, 2, "SERVICE_CREDITS")
    async with shop.refused("INSUFFICIENT_BALANCE") as caught:
        await shop.use(anna, cut, 3)
    assert isinstance(caught.value, InsufficientBalance)
    assert caught.value.available == 2


async def test_neither_expired_nor_scheduled_credits_are_spent(shop: Shop, anna: UUID, clock: Clock) -> None:
    cut = await shop.service()
    await shop.credit(anna, 5, "SERVICE_CREDITS", expires_in_days=1)
    await shop.credit(anna, 5, "SERVICE_CREDITS", effective_on=datetime(2026, 6, 20, tzinfo=UTC).date())
    clock.advance(days=2)
    async with shop.refused("INSUFFICIENT_BALANCE"):
        await shop.use(anna, cut, 1)
    clock.advance(days=3)
    await shop.use(anna, cut, 5)
    assert await shop.available(anna, "SERVICE_CREDITS") == 0


async def test_a_retired_service_is_still_owed(shop: Shop, anna: UUID) -> None:
    cut = await shop.service()
    await shop.credit(anna, 5, "SERVICE_CREDITS", service_ids=(cut,))
    await shop.run("UPDATE services SET active = false WHERE tenant_id = $1")
    await shop.use(anna, cut, 5)
    async with shop.refused("INVALID"):
        await shop.adjust(anna, 5, "SERVICE_CREDITS", service_ids=(cut,))


@pytest.mark.parametrize(
    ("amount", "code"),
    [("0", "AMOUNT_ZERO"), ("-1", "INVALID"), ("0.5", "AMOUNT_PRECISION"), ("9" * 16, "AMOUNT_OUT_OF_RANGE")],
)
async def test_an_amount_that_is_none(shop: Shop, anna: UUID, amount: str, code: str) -> None:
    cut = await shop.service()
    await shop.credit(anna, 5, "SERVICE_CREDITS")
    async with shop.refused(code):
        await shop.use(anna, cut, amount)


async def test_nobody_and_nothing(shop: Shop, anna: UUID, clock: Clock) -> None:
    cut = await shop.service()
    async with shop.refused("INSUFFICIENT_BALANCE"):  # no account, and none is opened
        await shop.use(anna, cut, 1)
    await shop.credit(anna, 5, "SERVICE_CREDITS")
    for customer, service in ((uuid4(), cut), (anna, uuid4())):
        async with shop.refused("NOT_FOUND"):
            await shop.use(customer, service, 1)


async def test_once_for_a_key(shop: Shop, anna: UUID) -> None:
    cut = await shop.service()
    await shop.credit(anna, 5, "SERVICE_CREDITS")
    first = await shop.use(anna, cut, 2, key="k")
    again = await shop.use(anna, cut, Decimal("2.0"), key="k")
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.transaction_id, again.account_id) == (first.transaction_id, first.account_id)
    assert await shop.available(anna, "SERVICE_CREDITS") == 3
    async with shop.refused("IDEMPOTENCY_KEY_REUSED"):
        await shop.use(anna, cut, 3, key="k")


async def test_uses_at_once_never_spend_more_than_there_is(shop: Shop, anna: UUID) -> None:
    cut = await shop.service()
    await shop.credit(anna, 5, "SERVICE_CREDITS", service_ids=(cut,))
    results = await asyncio.gather(*(shop.use(anna, cut, 2) for _ in range(6)), return_exceptions=True)
    assert sum(not isinstance(result, BaseException) for result in results) == 2
    assert all(isinstance(r, InsufficientBalance) for r in results if isinstance(r, BaseException))
    assert await shop.available(anna, "SERVICE_CREDITS") == 1


def test_a_refusal_says_what_there_is() -> None:
    messages = [InsufficientBalance(Decimal(available), "POINTS").message for available in ("0", "7")]

    assert messages == ["Not enough: nothing is available.", "Not enough: only 7 POINTS is available."]
