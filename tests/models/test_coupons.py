"""Coupons: used, reopened, disabled with or without their points back, expired."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from models.ledger import Ledger
from tests.support.clock import Clock
from tests.support.tenants import MANAGER, STAFF, Tenant


async def points(tenant: Tenant, customer_id: UUID) -> tuple[int, int, int]:
    """Ledger balance, available and lifetime."""
    account = await tenant.account(customer_id, "POINTS")
    assert account is not None
    return account.balance_minor, account.available_minor, account.lifetime_minor


async def moved(tenant: Tenant, transaction_id: UUID | None) -> list[tuple[Any, ...]]:
    """Credit, counter, amount and lifetime of each entry of a transaction."""
    return await tenant.rows(
        """SELECT credit_id, counter, amount_minor, lifetime_minor FROM entries
        WHERE tenant_id = $1 AND transaction_id = $2 ORDER BY sequence""",
        transaction_id,
    )


async def test_disabling_without_points_back(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.adjust(anna, 500, "POINTS")
    given = await tenant.give(anna, await tenant.reward(300))
    clock.advance(hours=1)
    done = await tenant.disable(given.coupon_id, refund=False, note="Left the shop")

    assert (done.coupon_id, done.transaction_id, done.account_id) == (given.coupon_id, None, None)
    assert await points(tenant, anna) == (200, 200, 500)
    rows = await tenant.rows("SELECT status, closed_at, refund_transaction_id FROM coupons WHERE tenant_id = $1")
    assert rows == [("DISABLED", clock(), None)]
    rows = await tenant.rows(
        """SELECT e.action, e.subject_id, e.customer_id, e.note, a.subject FROM audit_events e
        JOIN actors a ON a.tenant_id = $1 AND a.id = e.actor_id WHERE e.tenant_id = $1 AND e.action <> 'customer.created'"""
    )
    assert rows == [("coupon.disabled", given.coupon_id, anna, "Left the shop", "maria")]


async def test_disabling_with_points_back(tenant: Tenant, anna: UUID) -> None:
    first, second = (
        await tenant.credit(anna, 100, "POINTS", expires_in_days=9),
        await tenant.credit(anna, 400, "POINTS"),
    )
    given = await tenant.give(anna, await tenant.reward(300))
    done = await tenant.disable(given.coupon_id, refund=True, note="Out of stock")

    # To the credits that they came from, the last first; the lifetime total never moved.
    assert await moved(tenant, done.transaction_id) == [(second, "REDEEMED", 200, 0), (first, "REDEEMED", 100, 0)]
    assert await tenant.remainders(first, second) == [100, 400]
    assert await points(tenant, anna) == (500, 500, 500)
    rows = await tenant.rows(
        """SELECT c.status, t.kind, x.note FROM coupons c
        JOIN transactions t ON t.tenant_id = $1 AND t.id = c.refund_transaction_id
        JOIN transaction_texts x ON x.tenant_id = $1 AND x.id = t.id WHERE c.tenant_id = $1"""
    )
    assert rows == [("DISABLED", "REVERSAL", "Out of stock")]


async def test_a_free_coupon_has_no_points_to_give_back(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 10, "POINTS")
    given = await tenant.give(anna, await tenant.reward(300), deduct_points=False)
    done = await tenant.disable(given.coupon_id, refund=True, key="k")
    again = await tenant.disable(given.coupon_id, refund=True, key="k")

    assert (done.transaction_id, done.account_id) == (None, None)
    assert (again.coupon_id, again.transaction_id, again.replayed) == (given.coupon_id, None, True)
    assert await points(tenant, anna) == (10, 10, 10)


async def test_points_that_have_expired_come_back_and_expire(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    soon, never = await tenant.credit(anna, 200, "POINTS", expires_in_days=1), await tenant.credit(anna, 200, "POINTS")
    given = await tenant.give(anna, await tenant.reward(250))
    clock.advance(days=3)
    done = await tenant.disable(given.coupon_id, refund=True)

    assert await moved(tenant, done.transaction_id) == [
        (never, "REDEEMED", 50, 0),
        (soon, "REDEEMED", 200, 0),
        (soon, "EXPIRED", -200, 0),
    ]
    assert await points(tenant, anna) == (200, 200, 400)
    assert await tenant.rows("SELECT swept_at FROM credits WHERE tenant_id = $1 AND id = $2", soon) == [(clock(),)]
    assert await tenant.expire() == 0


async def test_points_come_back_to_what_a_sweep_has_closed(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    credit = await tenant.credit(anna, 300, "POINTS", expires_in_days=1)
    given = await tenant.give(anna, await tenant.reward(250))
    clock.advance(days=3)
    assert await tenant.expire() == 1
    done = await tenant.disable(given.coupon_id, refund=True)

    assert await moved(tenant, done.transaction_id) == [(credit, "REDEEMED", 250, 0), (credit, "EXPIRED", -250, 0)]
    assert await points(tenant, anna) == (0, 0, 300)


async def test_points_come_back_to_a_voided_credit_and_are_reversed_as_the_rest_was(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 300, "POINTS")
    given = await tenant.give(anna, await tenant.reward(250))
    await tenant.void_credit(credit)
    done = await tenant.disable(given.coupon_id, refund=True)

    assert await moved(tenant, done.transaction_id) == [(credit, "REDEEMED", 250, 0), (credit, "REMOVED", -250, -250)]
    assert await points(tenant, anna) == (0, 0, 0)


async def test_points_that_came_back_can_be_spent_again(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 300, "POINTS")
    reward = await tenant.reward(300)
    for _ in range(3):
        given = await tenant.give(anna, reward)
        await tenant.disable(given.coupon_id, refund=True)
    await tenant.give(anna, reward)
    assert await points(tenant, anna) == (0, 0, 300)


async def test_a_coupon_is_used_once(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    given = await tenant.give(anna, await tenant.reward(0))
    done = await tenant.use_coupon(given.coupon_id)
    assert (done.coupon_id, done.transaction_id) == (given.coupon_id, None)
    assert await tenant.rows("SELECT status, closed_at FROM coupons WHERE tenant_id = $1") == [("USED", clock())]
    events = await tenant.rows("SELECT action, subject_id FROM audit_events WHERE tenant_id = $1 ORDER BY id")
    assert events[1:] == [("coupon.used", given.coupon_id)]  # the first was the customer's
    # It was free: there are no points to give back instead.
    for refused in (
        tenant.use_coupon(given.coupon_id),
        tenant.disable(given.coupon_id, refund=True),
        tenant.disable(given.coupon_id, refund=False),
    ):
        async with tenant.refused("COUPON_NOT_ISSUED"):
            await refused


async def coupon_row(tenant: Tenant, coupon_id: UUID | None) -> tuple[Any, ...]:
    sql = "SELECT status, closed_at, invoice_id, reopened_at, expires_at FROM coupons WHERE tenant_id = $1 AND id = $2"
    return (await tenant.rows(sql, coupon_id))[0]


async def test_a_use_names_an_invoice(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    ben = await tenant.customer(name="Ben")
    theirs, void, order = (
        await tenant.invoice(ben, 5),
        await tenant.invoice(anna, 5),
        await tenant.order(anna, (await tenant.product(5), 1)),
    )
    await tenant.void_invoice(void)
    given = await tenant.give(anna, await tenant.reward(0))
    for invoice, code in ((theirs, "CUSTOMER_MISMATCH"), (void, "INVOICE_NOT_OPEN"), (uuid4(), "NOT_FOUND")):
        async with tenant.refused(code) as caught:
            await tenant.use_coupon(given.coupon_id, invoice=invoice)
        assert caught.value.field == ("invoiceId",)
    await tenant.pay(order, 5)
    await tenant.use_coupon(given.coupon_id, invoice=order)
    assert await coupon_row(tenant, given.coupon_id) == ("USED", clock(), order, None, None)
    ((details,),) = await tenant.rows(
        "SELECT details->>'invoice' FROM audit_events WHERE tenant_id = $1 AND action = 'coupon.used'"
    )
    ((number,),) = await tenant.rows("SELECT number FROM invoices WHERE tenant_id = $1 AND id = $2", order)
    assert details == number


async def test_a_used_coupon_is_made_good_again_once(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """The order that it was used on was cancelled (U9). It keeps its expiry, and may be used again."""
    await tenant.adjust(anna, 300, "POINTS")
    given = await tenant.give(anna, await tenant.reward(300, validity_days=10))
    expires = (await coupon_row(tenant, given.coupon_id))[4]
    invoice = await tenant.invoice(anna, 5)
    async with tenant.refused("COUPON_NOT_USED"):
        await tenant.reopen(given.coupon_id)
    await tenant.use_coupon(given.coupon_id, invoice=invoice)
    await tenant.void_invoice(invoice)
    done = await tenant.reopen(given.coupon_id, note="Cancelled", key="k")
    assert (done.coupon_id, done.transaction_id) == (given.coupon_id, None)
    assert await coupon_row(tenant, given.coupon_id) == ("ISSUED", None, None, clock(), expires)
    assert (await tenant.reopen(given.coupon_id, note="Cancelled", key="k")).replayed
    events = "SELECT action, note FROM audit_events WHERE tenant_id = $1 AND subject_id = $2 ORDER BY id"
    assert await tenant.rows(events, given.coupon_id) == [("coupon.used", None), ("coupon.reopened", "Cancelled")]
    topics = "SELECT topic FROM outbox WHERE tenant_id = $1 AND subject_id = $2 ORDER BY position"
    assert await tenant.rows(topics, given.coupon_id) == [("coupon.issued",), ("coupon.used",), ("coupon.reopened",)]

    # Its points stay spent, before it is used again and after.
    async with tenant.refused("COUPON_REOPENED"):
        await tenant.disable(given.coupon_id, refund=True)
    await tenant.use_coupon(given.coupon_id)
    for refused in (tenant.reopen(given.coupon_id), tenant.disable(given.coupon_id, refund=True)):
        async with tenant.refused("COUPON_REOPENED"):
            await refused
    async with tenant.refused("COUPON_NOT_ISSUED"):
        await tenant.disable(given.coupon_id, refund=False)
    assert await points(tenant, anna) == (0, 0, 300)


async def test_one_that_was_reopened_may_be_disabled_without_its_points(tenant: Tenant, anna: UUID) -> None:
    given = await tenant.give(anna, await tenant.reward(0))
    await tenant.use_coupon(given.coupon_id)
    await tenant.reopen(given.coupon_id)
    await tenant.disable(given.coupon_id, refund=True)  # it had cost none
    assert (await coupon_row(tenant, given.coupon_id))[0] == "DISABLED"
    async with tenant.refused("COUPON_NOT_USED"):
        await tenant.reopen(given.coupon_id)


async def test_one_that_has_expired_meanwhile_stays_expired(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    given = await tenant.give(anna, await tenant.reward(0, validity_days=1))
    await tenant.use_coupon(given.coupon_id)
    clock.advance(days=3)
    await tenant.reopen(given.coupon_id)
    async with tenant.refused("COUPON_NOT_ISSUED"):
        await tenant.use_coupon(given.coupon_id)


async def test_the_points_of_a_used_coupon_instead(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    first, second = await tenant.credit(anna, 100, "POINTS"), await tenant.credit(anna, 400, "POINTS")
    given = await tenant.give(anna, await tenant.reward(300))
    invoice = await tenant.invoice(anna, 5)
    await tenant.use_coupon(given.coupon_id, invoice=invoice)
    clock.advance(hours=1)
    done = await tenant.disable(given.coupon_id, refund=True)

    assert await moved(tenant, done.transaction_id) == [(second, "REDEEMED", 200, 0), (first, "REDEEMED", 100, 0)]
    assert await points(tenant, anna) == (500, 500, 500)
    assert await coupon_row(tenant, given.coupon_id) == ("DISABLED", clock(), invoice, None, None)
    async with tenant.refused("COUPON_NOT_USED"):
        await tenant.reopen(given.coupon_id)
    async with tenant.refused("COUPON_NOT_ISSUED"):
        await tenant.disable(given.coupon_id, refund=True)


async def test_a_use_is_undone_in_one_way_at_once(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """By two clients of two processes, each in both ways."""
    await tenant.adjust(anna, 3_000, "POINTS")
    reward = await tenant.reward(300)
    other = Tenant(Ledger(clock), clock, tenant.slug, tenant.id)
    for _ in range(10):
        given = await tenant.give(anna, reward)
        await tenant.use_coupon(given.coupon_id)
        left = await tenant.available(anna, "POINTS")
        results = await asyncio.gather(
            tenant.reopen(given.coupon_id),
            other.reopen(given.coupon_id),
            other.disable(given.coupon_id, refund=True),
            tenant.disable(given.coupon_id, refund=True),
            return_exceptions=True,
        )
        codes = sorted(getattr(result, "code", "done") for result in results)
        assert codes.count("done") == 1, codes
        status, *_ = await coupon_row(tenant, given.coupon_id)
        assert await tenant.available(anna, "POINTS") - left == {"ISSUED": 0, "DISABLED": 300}[status]
    await other.ledger.close()


@pytest.mark.parametrize("stock", [5, None])
async def test_a_disabled_one_goes_back_into_stock_if_asked(tenant: Tenant, anna: UUID, stock: int | None) -> None:
    await tenant.adjust(anna, 1_000, "POINTS")
    reward = await tenant.reward(100, stock=stock)
    kept, back, used = [await tenant.give(anna, reward) for _ in range(3)]
    await tenant.disable(kept.coupon_id, refund=True)
    await tenant.disable(back.coupon_id, refund=False, restock=True, key="k")
    await tenant.disable(back.coupon_id, refund=False, restock=True, key="k")
    await tenant.use_coupon(used.coupon_id)
    await tenant.disable(used.coupon_id, refund=True, restock=True)
    assert await tenant.rows("SELECT stock FROM rewards WHERE tenant_id = $1") == [(stock and 4,)]
    async with tenant.refused("COUPON_NOT_ISSUED"):
        await tenant.disable(back.coupon_id, refund=False, restock=True)


async def test_the_last_one_back_can_be_given_again(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """Put back by many at once, and given by many at once: never more than there are."""
    reward = await tenant.reward(0, stock=8)
    given = [await tenant.give(anna, reward) for _ in range(8)]
    other = Tenant(Ledger(clock), clock, tenant.slug, tenant.id)
    results = await asyncio.gather(
        *(tenant.disable(each.coupon_id, refund=False, restock=True) for each in given),
        *(other.give(anna, reward) for _ in range(12)),
        return_exceptions=True,
    )
    await other.ledger.close()
    assert {getattr(result, "code", "REWARD_INACTIVE") for result in results} == {"REWARD_INACTIVE"}
    ((issued,),) = await tenant.rows("SELECT count(*) FROM coupons WHERE tenant_id = $1 AND status = 'ISSUED'")
    assert await tenant.rows("SELECT stock FROM rewards WHERE tenant_id = $1") == [(8 - issued,)]


async def test_the_database_keeps_it_too(tenant: Tenant, anna: UUID) -> None:
    given = await tenant.give(anna, await tenant.reward(0))
    await tenant.use_coupon(given.coupon_id)
    await tenant.reopen(given.coupon_id)
    for change in (
        "status = 'DISABLED', closed_at = now(), refund_transaction_id = transaction_id",
        "invoice_id = (SELECT id FROM invoices LIMIT 1)",
    ):
        await tenant.invoice(anna, 1)
        with pytest.raises(asyncpg.CheckViolationError):
            await tenant.execute(f"UPDATE coupons SET {change} WHERE tenant_id = $1")


async def test_a_coupon_used_twice_at_once(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """By two tills of two processes, and disabled at the same time: one of them wins."""
    await tenant.adjust(anna, 300, "POINTS")
    given = await tenant.give(anna, await tenant.reward(300))
    other = Tenant(Ledger(clock), clock, tenant.slug, tenant.id)
    results = await asyncio.gather(
        tenant.use_coupon(given.coupon_id),
        other.use_coupon(given.coupon_id),
        tenant.disable(given.coupon_id, refund=True),
        other.disable(given.coupon_id, refund=True),
        return_exceptions=True,
    )
    await other.ledger.close()

    # One wins; of one that was used, the points can be given back after it.
    codes = sorted(getattr(result, "code", "done") for result in results)
    assert codes in (["COUPON_NOT_ISSUED"] * 3 + ["done"], ["COUPON_NOT_ISSUED"] * 2 + ["done"] * 2)
    assert await tenant.count("audit_events") == 1 + codes.count("done")  # the customer's, and the winners'
    ((status,),) = await tenant.rows("SELECT status FROM coupons WHERE tenant_id = $1")
    assert await tenant.available(anna, "POINTS") == {"USED": 0, "DISABLED": 300}[status]


async def test_a_coupon_can_be_used_until_its_last_instant(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.adjust(anna, 500, "POINTS")
    reward = await tenant.reward(100, validity_days=10)
    used, expired = await tenant.give(anna, reward), await tenant.give(anna, reward)
    clock.stand_still(datetime(2026, 6, 25, 22, 59, 59, tzinfo=UTC))  # midnight in London is an hour later
    await tenant.use_coupon(used.coupon_id)
    clock.advance(seconds=1)
    for refused in (tenant.use_coupon(expired.coupon_id), tenant.disable(expired.coupon_id, refund=True)):
        async with tenant.refused("COUPON_NOT_ISSUED") as caught:
            await refused
        assert caught.value.message == "The coupon is already expired."
    assert await points(tenant, anna) == (300, 300, 500)


async def test_what_is_no_coupon_is_refused(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    for refused in (
        tenant.use_coupon(uuid4()),
        tenant.disable(uuid4(), refund=True),
        tenant.disable(uuid4(), refund=False),
    ):
        async with tenant.refused("NOT_FOUND"):
            await refused
    other = await Tenant.open(clock)
    theirs = await other.give(await other.customer(), await other.reward(0))
    for refused in (tenant.use_coupon(theirs.coupon_id), tenant.disable(theirs.coupon_id, refund=True)):
        async with tenant.refused("NOT_FOUND"):
            await refused
    given = await tenant.give(anna, await tenant.reward(0))
    async with tenant.refused("INVALID"):
        await tenant.disable(given.coupon_id, refund=False, note="x" * 10_001)
    await other.ledger.close()


async def test_a_repetition_answers_as_the_first_did(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 300, "POINTS")
    used, disabled = (
        await tenant.give(anna, await tenant.reward(100)),
        await tenant.give(anna, await tenant.reward(100)),
    )
    await tenant.use_coupon(used.coupon_id, key="use")
    again = await tenant.use_coupon(used.coupon_id, key="use")
    assert (again.coupon_id, again.replayed) == (used.coupon_id, True)

    once = await tenant.disable(disabled.coupon_id, refund=True, key="disable")
    again = await tenant.disable(disabled.coupon_id, refund=True, key="disable")
    assert (again.coupon_id, again.transaction_id, again.account_id, again.replayed) == (
        once.coupon_id,
        once.transaction_id,
        once.account_id,
        True,
    )
    assert await tenant.available(anna, "POINTS") == 200
    for refused in (
        tenant.disable(disabled.coupon_id, refund=False, key="disable"),
        tenant.use_coupon(disabled.coupon_id, key="use"),
    ):
        async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
            await refused


async def test_two_givers_and_one_left(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    bob, reward = await tenant.customer(name="Bob"), await tenant.reward(100, stock=1)
    for customer in (anna, bob):
        await tenant.adjust(customer, 100, "POINTS")
    other = Tenant(Ledger(clock), clock, tenant.slug, tenant.id)
    results = await asyncio.gather(tenant.give(anna, reward), other.give(bob, reward), return_exceptions=True)
    await other.ledger.close()

    assert sorted(getattr(result, "code", "given") for result in results) == ["REWARD_INACTIVE", "given"]
    assert await tenant.rows("SELECT stock FROM rewards WHERE tenant_id = $1") == [(0,)]
    assert await tenant.count("coupons") == 1
    assert sorted([await tenant.available(anna, "POINTS"), await tenant.available(bob, "POINTS")]) == [0, 100]


async def test_free_rewards_stay_within_the_limits_of_staff(tenant: Tenant, anna: UUID) -> None:
    """Priced in points, beside the points that they add: five times the 1,000 per adjustment in a day."""
    reward, dear = await tenant.reward(900), await tenant.reward(1001)
    async with tenant.refused("LIMIT_EXCEEDED") as caught:
        await tenant.give(anna, dear, deduct_points=False, actor=STAFF)
    assert caught.value.field == ("rewardId",)
    for name in "ABCDE":
        await tenant.give(await tenant.customer(name=name), reward, deduct_points=False, actor=STAFF)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.give(anna, reward, deduct_points=False, actor=STAFF)
    await tenant.adjust(anna, 500, "POINTS", actor=STAFF)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.adjust(anna, 1, "POINTS", actor=STAFF)
    # For points there is no limit, and a manager has none at all.
    await tenant.give(anna, await tenant.reward(500), actor=STAFF)
    await tenant.give(anna, reward, deduct_points=False, actor=MANAGER)
