"""The sweep: it writes down once what has expired, and nobody's balance changes by it."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from models.commands import Outcome
from models.ledger import Ledger
from models.operations import expire
from models.operations.expire import SYSTEM, expire_credits
from models.operations.releasing import update_credit
from models.planning.releasing import UpdateCredit
from models.planning.using import ExpireCredits, expire_needs
from tests.support.shop import MANAGER, Clock, Shop

EXPIRIES = """SELECT e.credit_id, e.amount_minor, e.counter, t.reason, a.role FROM entries e
    JOIN transactions t ON t.tenant_id = $1 AND t.id = e.transaction_id
    JOIN actors a ON a.tenant_id = $1 AND a.id = t.actor_id
    WHERE e.tenant_id = $1 AND t.kind = 'EXPIRY' ORDER BY e.created_at, e.account_id, e.sequence"""


async def sweep(shop: Shop) -> int:
    return await expire_credits(shop.ledger, shop.tenant_id)


async def test_a_remainder_is_written_off_once(shop: Shop, anna: UUID) -> None:
    credit = await shop.credit(anna, 10, expires_in_days=1)
    lasting = await shop.credit(anna, 5)
    await shop.adjust(anna, -3)
    assert await sweep(shop) == 0
    shop.clock.advance(days=2)
    before = await shop.account(anna)
    assert await sweep(shop) == 1
    after = await shop.account(anna)

    assert await shop.rows(EXPIRIES) == [(credit, -700, "EXPIRED", None, "SYSTEM")]
    assert before is not None
    assert after is not None
    assert (before.available_minor, before.lifetime_minor, before.balance_minor) == (500, 1200, 1200)
    assert (after.available_minor, after.lifetime_minor, after.balance_minor) == (500, 1200, 500)
    assert await shop.remainders(credit, lasting) == [0, 500]
    swept = await shop.fingerprint()
    assert await sweep(shop) == 0
    assert await shop.fingerprint() == swept


async def test_points_that_expire_leave_the_tier(shop: Shop, anna: UUID) -> None:
    await shop.tier("Gold", 100)
    await shop.credit(anna, 150, "POINTS", expires_in_days=30)
    changes = await shop.count("tier_changes")
    shop.clock.advance(days=40)
    assert await sweep(shop) == 1
    account = await shop.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (0, 150)
    assert await shop.count("tier_changes") == changes


async def test_what_is_assigned_does_not_expire(shop: Shop, anna: UUID) -> None:
    credit, invoice = await shop.credit(anna, 10, expires_in_days=1), await shop.invoice(anna, 4, auto_apply=False)
    await shop.assign(credit, (invoice, 4))
    shop.clock.advance(days=3)
    assert await sweep(shop) == 1
    assert [row[:2] for row in await shop.rows(EXPIRIES)] == [(credit, -600)]
    assert await shop.invoice_state(invoice) == ("PAID", 0, 400)


async def test_after_a_week_s_outage_everything_is_found_in_small_steps(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    customers = [await shop.customer(f"C{n}") for n in range(4)]
    for day in range(1, 6):
        for customer in customers:
            await shop.credit(customer, day, expires_in_days=day)
    shop.clock.advance(days=14)
    monkeypatch.setattr(expire, "CREDITS_AT_ONCE", 3)
    monkeypatch.setattr(expire, "MAX_STEPS", 4)
    assert await sweep(shop) > 0
    soonest = [row[1] for row in await shop.rows(EXPIRIES)]
    assert sorted(soonest) == [-300] * 4 + [-200] * 4 + [-100] * 4
    while await sweep(shop):
        pass
    rows = await shop.rows(EXPIRIES)
    assert len(rows) == len({row[0] for row in rows}) == 20
    assert [await shop.available(customer) for customer in customers] == [0] * 4


async def test_two_sweeps_at_once_write_it_once(shop: Shop, clock: Clock) -> None:
    for n in range(30):
        await shop.credit(await shop.customer(f"C{n}"), 10, expires_in_days=1)
    clock.advance(days=2)
    other = Ledger(clock)
    try:
        done = await asyncio.gather(*(expire_credits(each, shop.tenant_id) for each in (shop.ledger, other) * 3))
    finally:
        await other.close()
    assert sum(done) == 30
    assert len(await shop.rows(EXPIRIES)) == 30


async def test_what_was_prolonged_since_it_was_looked_up_stays(shop: Shop, anna: UUID) -> None:
    credit = await shop.credit(anna, 10, expires_at=shop.clock() + timedelta(hours=1))
    command = UpdateCredit(credit, expires_at=shop.clock() + timedelta(hours=9))
    await update_credit(shop.ledger, shop.tenant_id, MANAGER, command, uuid4().hex)
    shop.clock.advance(hours=2)
    before = await shop.fingerprint()
    command_of_the_sweep = ExpireCredits(anna, "GBP")
    needs = expire_needs(command_of_the_sweep, (credit,))
    done = await shop.ledger.submit(shop.tenant_id, SYSTEM, "expireCredits", command_of_the_sweep, needs, None)
    assert isinstance(done, Outcome)
    assert done.transaction_id is None
    assert await shop.fingerprint() == before
    shop.clock.advance(hours=8)
    assert await sweep(shop) == 1


async def test_an_account_that_cannot_be_swept_does_not_keep_the_others_from_it(
    shop: Shop, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.credit(anna, 10, expires_in_days=1)
    bert = await shop.customer("Bert")
    await shop.credit(bert, 20, expires_in_days=2)
    shop.clock.advance(days=4)
    submit = shop.ledger.submit

    async def fail_for_anna(tenant: UUID, actor: Any, operation: str, command: Any, *more: Any) -> Any:
        if command.customer_id == anna:
            raise RuntimeError("her books are on fire")
        return await submit(tenant, actor, operation, command, *more)

    with monkeypatch.context() as patch:
        patch.setattr(shop.ledger, "submit", fail_for_anna)
        with pytest.raises(ExceptionGroup) as caught:
            await sweep(shop)
    assert [str(error) for error in caught.value.exceptions] == ["her books are on fire"]
    assert [row[1] for row in await shop.rows(EXPIRIES)] == [-2000]
    assert await sweep(shop) == 1
