"""Two records of one person: all that is left moves, with its own dates; the history stays; nothing more is added."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from models.commands import Actor, MergeCustomers, Outcome
from models.operations.merge_customers import merge_customers
from tests.support.shop import MANAGER, Clock, Shop


@pytest.fixture
async def ann(shop: Shop) -> UUID:
    """The other record of Anna."""
    return await shop.customer("Ann")


async def merge(
    shop: Shop, from_id: UUID, into_id: UUID, *, key: str | None = None, note: str | None = None, actor: Actor = MANAGER
) -> Outcome:
    command = MergeCustomers(from_id, into_id, note)
    return await merge_customers(shop.ledger, shop.tenant_id, actor, command, key or uuid4().hex)


async def lots(shop: Shop, customer: UUID) -> list[tuple[Any, ...]]:
    return await shop.rows(
        """SELECT a.asset, c.remaining_minor, c.starts_at, c.expires_at, c.auto_apply, ARRAY(
                SELECT service_id FROM credit_services s WHERE s.tenant_id = $1 AND s.credit_id = c.id)
        FROM credits c JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id
        WHERE c.tenant_id = $1 AND a.customer_id = $2 AND c.open ORDER BY 1, 2""",
        customer,
    )


async def test_every_lot_moves_as_it_is(shop: Shop, anna: UUID, ann: UUID, clock: Clock) -> None:
    service = await shop.service()
    await shop.credit(ann, 10, expires_in_days=1)
    await shop.credit(ann, 20, auto_apply=True, expires_in_days=9)
    await shop.credit(ann, 30, effective_on=shop.today() + timedelta(days=30))
    await shop.credit(ann, 3, "SERVICE_CREDITS", service_ids=(service,))
    await shop.credit(ann, 500, "POINTS")
    await shop.adjust(ann, -5)
    clock.advance(days=3)  # the first has expired, and nobody has swept
    before = await lots(shop, ann)
    assert [lot[:2] for lot in before] == [
        ("GBP", 500), ("GBP", 2000), ("GBP", 3000), ("POINTS", 500), ("SERVICE_CREDITS", 3),
    ]  # fmt: skip
    old, history = await shop.account(ann), await shop.entries(ann)
    await merge(shop, ann, anna, note="The same Anna")

    assert await lots(shop, anna) == before
    assert await lots(shop, ann) == []
    new, left = await shop.account(anna), await shop.account(ann)
    assert old is not None
    assert new is not None
    assert left is not None
    assert (new.balance_minor, new.available_minor, new.scheduled_minor, new.lifetime_minor) == (
        old.balance_minor, old.available_minor, old.scheduled_minor, old.lifetime_minor,
    )  # fmt: skip
    assert (left.balance_minor, left.available_minor, left.lifetime_minor) == (0, 0, 0)
    assert (await shop.entries(ann))[: len(history)] == history
    counters = await shop.rows(
        """SELECT counter, sum(amount_minor), sum(lifetime_minor) FROM entries WHERE tenant_id = $1
            AND transaction_id IN (SELECT id FROM transactions WHERE tenant_id = $1 AND kind = 'MERGE') GROUP BY 1"""
    )
    assert counters == [("MERGED", 0, 0)]
    assert await shop.rows("SELECT merged_into_id FROM customers WHERE tenant_id = $1 AND id = $2", ann) == [(anna,)]
    await shop.expire()
    assert await shop.available(anna) == 2000


async def test_the_lifetime_total_moves_where_nothing_else_is_left(shop: Shop, anna: UUID, ann: UUID) -> None:
    await shop.tier("Silver", 1000)
    reward = await shop.reward(600)
    await shop.credit(ann, 600, "POINTS")
    await shop.give(ann, reward)
    await shop.credit(anna, 500, "POINTS")
    await merge(shop, ann, anna)

    account = await shop.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (500, 1100)
    tiers = await shop.rows("SELECT account_id, old_tier, new_tier FROM tier_changes WHERE tenant_id = $1")
    assert tiers == [(account.id, None, "Silver")]
    without = await shop.rows(
        "SELECT amount_minor, lifetime_minor FROM entries WHERE tenant_id = $1 AND credit_id IS NULL"
    )
    assert sorted(without) == [(0, -600), (0, 600)]


async def test_refused_while_invoices_are_unpaid(shop: Shop, anna: UUID, ann: UUID) -> None:
    await shop.credit(ann, 50)
    invoice = await shop.invoice(ann, 40)
    async with shop.refused("OPEN_INVOICES"):
        await merge(shop, ann, anna)
    await shop.pay(invoice, 10)
    async with shop.refused("OPEN_INVOICES"):
        await merge(shop, ann, anna)
    await shop.pay(invoice, 30)
    await shop.invoice(anna, 40)  # the other one's may be
    await merge(shop, ann, anna)
    assert await shop.available(anna) == 5000


async def test_what_is_no_merge(shop: Shop, anna: UUID, ann: UUID) -> None:
    third = await shop.customer("Anne")
    await shop.credit(ann, 5)
    for from_id, into_id, code in (
        (ann, ann, "INVALID"), (uuid4(), anna, "NOT_FOUND"), (ann, uuid4(), "NOT_FOUND"),
    ):  # fmt: skip
        async with shop.refused(code):
            await merge(shop, from_id, into_id)
    async with shop.refused("INVALID"):
        await merge(shop, ann, anna, note="x" * 10_001)
    await merge(shop, ann, anna)
    for from_id, into_id in ((anna, ann), (third, ann), (ann, third)):
        async with shop.refused("INVALID"):
            await merge(shop, from_id, into_id)
    await merge(shop, anna, third)  # one after the other
    assert await shop.available(third) == 500


async def test_nothing_is_added_to_a_merged_customer_and_what_comes_back_can_be_moved(
    shop: Shop, anna: UUID, ann: UUID
) -> None:
    reward = await shop.reward(100)
    await shop.credit(ann, 250, "POINTS")
    coupon = (await shop.give(ann, reward)).coupon_id
    await merge(shop, ann, anna)
    async with shop.refused("INVALID"):
        await shop.adjust(ann, 5)
    async with shop.refused("INVALID"):
        await shop.invoice(ann, 5)
    async with shop.refused("INVALID"):
        await shop.give(ann, reward, deduct=False)
    assert [await shop.available(c, "POINTS") for c in (ann, anna)] == [0, 150]
    await shop.disable(coupon, refund=True)
    assert [await shop.available(c, "POINTS") for c in (ann, anna)] == [100, 150]
    await merge(shop, ann, anna)
    assert [await shop.available(c, "POINTS") for c in (ann, anna)] == [0, 250]


async def test_once_for_the_key_and_for_all_who_ask_at_once(shop: Shop, anna: UUID, ann: UUID) -> None:
    await shop.credit(ann, 50)
    outcomes = await asyncio.gather(*(merge(shop, ann, anna, key="k") for _ in range(5)))
    assert sorted(outcome.replayed for outcome in outcomes) == [False, True, True, True, True]
    before = await shop.fingerprint()
    assert (await merge(shop, ann, anna, key="k")).replayed
    assert await shop.fingerprint() == before
    async with shop.refused("IDEMPOTENCY_KEY_REUSED"):
        await merge(shop, ann, anna, key="k", note="Other")


async def test_while_both_are_being_adjusted(shop: Shop, anna: UUID, ann: UUID) -> None:
    """Crosswise, and added to until it is merged: nothing is lost, and what is refused moved nothing."""
    await shop.credit(ann, 50)
    adds = [shop.adjust(customer, 1) for customer in (anna, ann) * 15]
    done = await asyncio.gather(*adds[:15], merge(shop, ann, anna), *adds[15:], return_exceptions=True)
    assert all(isinstance(one, Outcome) or getattr(one, "code", None) == "INVALID" for one in done), done
    posted = sum(isinstance(one, Outcome) for one in done) - 1
    assert await shop.available(anna) == 5000 + 100 * posted
    assert await shop.available(ann) == 0


async def test_a_customer_with_nothing(shop: Shop, anna: UUID, ann: UUID) -> None:
    await merge(shop, ann, anna)
    assert await shop.count("transactions") == 0
    events = await shop.rows(
        "SELECT action, subject_id, customer_id FROM audit_events WHERE tenant_id = $1 AND action <> 'customer.created'"
    )
    assert events == [("customer.merged", anna, ann)]
