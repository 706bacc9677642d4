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
from models.operations.suspend_tenant import resume_tenant, suspend_tenant
from models.planning.releasing import UpdateCredit
from models.planning.using import ExpireCredits, expire_needs
from tests.support.clock import Clock
from tests.support.tenants import ADMIN, MANAGER, Tenant

EXPIRIES = """SELECT e.credit_id, e.amount_minor, e.counter, t.reason, a.role FROM entries e
    JOIN transactions t ON t.tenant_id = $1 AND t.id = e.transaction_id
    JOIN actors a ON a.tenant_id = $1 AND a.id = t.actor_id
    WHERE e.tenant_id = $1 AND t.kind = 'EXPIRY' ORDER BY e.created_at, e.account_id, e.sequence"""


async def sweep(tenant: Tenant) -> int:
    return await expire_credits(tenant.ledger, tenant.id)


async def test_a_remainder_is_written_off_once(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 10, expires_in_days=1)
    lasting = await tenant.credit(anna, 5)
    await tenant.adjust(anna, -3)
    assert await sweep(tenant) == 0
    tenant.clock.advance(days=2)
    before = await tenant.account(anna)
    assert await sweep(tenant) == 1
    after = await tenant.account(anna)

    assert await tenant.rows(EXPIRIES) == [(credit, -700, "EXPIRED", None, "SYSTEM")]
    assert before is not None
    assert after is not None
    assert (before.available_minor, before.lifetime_minor, before.balance_minor) == (500, 1200, 1200)
    assert (after.available_minor, after.lifetime_minor, after.balance_minor) == (500, 1200, 500)
    assert await tenant.remainders(credit, lasting) == [0, 500]
    swept = await tenant.fingerprint()
    assert await sweep(tenant) == 0
    assert await tenant.fingerprint() == swept


async def test_points_that_expire_leave_the_tier(tenant: Tenant, anna: UUID) -> None:
    await tenant.tier("Gold", 100)
    await tenant.credit(anna, 150, "POINTS", expires_in_days=30)
    changes = await tenant.count("tier_changes")
    tenant.clock.advance(days=40)
    assert await sweep(tenant) == 1
    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (0, 150)
    assert await tenant.count("tier_changes") == changes


async def test_what_is_assigned_does_not_expire(tenant: Tenant, anna: UUID) -> None:
    credit, invoice = await tenant.credit(anna, 10, expires_in_days=1), await tenant.invoice(anna, 4, auto_apply=False)
    await tenant.assign(credit, (invoice, 4))
    tenant.clock.advance(days=3)
    assert await sweep(tenant) == 1
    assert [row[:2] for row in await tenant.rows(EXPIRIES)] == [(credit, -600)]
    assert await tenant.invoice_state(invoice) == ("PAID", 0, 400)


async def test_after_a_week_s_outage_everything_is_found_in_small_steps(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    customers = [await tenant.customer(name=f"C{n}") for n in range(4)]
    for day in range(1, 6):
        for customer in customers:
            await tenant.credit(customer, day, expires_in_days=day)
    tenant.clock.advance(days=14)
    monkeypatch.setattr(expire, "CREDITS_AT_ONCE", 3)
    monkeypatch.setattr(expire, "MAX_STEPS", 4)
    assert await sweep(tenant) > 0
    soonest = [row[1] for row in await tenant.rows(EXPIRIES)]
    assert sorted(soonest) == [-300] * 4 + [-200] * 4 + [-100] * 4
    while await sweep(tenant):
        pass
    rows = await tenant.rows(EXPIRIES)
    assert len(rows) == len({row[0] for row in rows}) == 20
    assert [await tenant.available(customer) for customer in customers] == [0] * 4


async def test_two_sweeps_at_once_write_it_once(tenant: Tenant, clock: Clock) -> None:
    for n in range(30):
        await tenant.credit(await tenant.customer(name=f"C{n}"), 10, expires_in_days=1)
    clock.advance(days=2)
    other = Ledger(clock)
    try:
        done = await asyncio.gather(*(expire_credits(each, tenant.id) for each in (tenant.ledger, other) * 3))
    finally:
        await other.close()
    assert sum(done) == 30
    assert len(await tenant.rows(EXPIRIES)) == 30


async def test_what_was_prolonged_since_it_was_looked_up_stays(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 10, expires_at=tenant.clock() + timedelta(hours=1))
    command = UpdateCredit(credit, expires_at=tenant.clock() + timedelta(hours=9))
    await update_credit(tenant.ledger, tenant.id, MANAGER, command, uuid4().hex)
    tenant.clock.advance(hours=2)
    before = await tenant.fingerprint()
    command_of_the_sweep = ExpireCredits(anna, "GBP")
    needs = expire_needs(command_of_the_sweep, (credit,))
    done = await tenant.ledger.submit(tenant.id, SYSTEM, "expireCredits", command_of_the_sweep, needs, None)
    assert isinstance(done, Outcome)
    assert done.transaction_id is None
    assert await tenant.fingerprint() == before
    tenant.clock.advance(hours=8)
    assert await sweep(tenant) == 1


async def test_an_account_that_cannot_be_swept_does_not_keep_the_others_from_it(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tenant.credit(anna, 10, expires_in_days=1)
    bert = await tenant.customer(name="Bert")
    await tenant.credit(bert, 20, expires_in_days=2)
    tenant.clock.advance(days=4)
    submit = tenant.ledger.submit

    async def fail_for_anna(tenant: UUID, actor: Any, operation: str, command: Any, *more: Any) -> Any:
        if command.customer_id == anna:
            raise RuntimeError("her books are on fire")
        return await submit(tenant, actor, operation, command, *more)

    with monkeypatch.context() as patch:
        patch.setattr(tenant.ledger, "submit", fail_for_anna)
        with pytest.raises(ExceptionGroup) as caught:
            await sweep(tenant)
    assert [str(error) for error in caught.value.exceptions] == ["her books are on fire"]
    assert [row[1] for row in await tenant.rows(EXPIRIES)] == [-2000]
    assert await sweep(tenant) == 1


async def test_a_sweep_stops_once_the_tenant_is_suspended(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expire, "CREDITS_AT_ONCE", 1)
    for _ in range(3):
        await tenant.credit(anna, 10, expires_in_days=1)
    tenant.clock.advance(days=2)
    write_off = expire._write_off

    async def suspended_by_then(*asked: Any) -> Outcome:
        found = await write_off(*asked)
        await suspend_tenant(tenant.ledger, tenant.id, ADMIN)
        return found

    monkeypatch.setattr(expire, "_write_off", suspended_by_then)
    assert await sweep(tenant) == 1
    assert await sweep(tenant) == 0
    await resume_tenant(tenant.ledger, tenant.id, ADMIN)
    monkeypatch.setattr(expire, "_write_off", write_off)
    assert await sweep(tenant) == 2
