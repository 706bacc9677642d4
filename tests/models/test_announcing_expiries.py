"""Expiries that come are announced in the feed: each once, whatever becomes of the credit, the notice or the relay."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from models.commands import MergeCustomers
from models.configuration_commands import UpdateTenant
from models.event_kinds import EventKind
from models.operations.keep_feed import keep_feed
from models.operations.merge_customers import merge_customers
from models.operations.update_tenant import update_tenant
from models.reads.verify import verify
from tests.models.test_keep_feed import feed, kinds
from tests.support.clock import Clock
from tests.support.pausing import Pause
from tests.support.tenants import ADMIN, Tenant


async def announced(tenant: Tenant) -> list[UUID | None]:
    """The credits whose expiry has been announced, a second later."""
    tenant.clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    return [event.subject_id for event in await feed(tenant) if event.kind is EventKind.CREDIT_EXPIRING]


async def notice(tenant: Tenant, days: int) -> None:
    await update_tenant(tenant.ledger, tenant.id, ADMIN, UpdateTenant(expiry_notice_days=days))


async def test_expiries_are_announced_once(tenant: Tenant, clock: Clock, anna: UUID) -> None:
    late = await tenant.credit(anna, 7, expires_in_days=30)
    await tenant.credit(anna, 5, expires_in_days=3)
    await tenant.credit(anna, 9)

    async def announced() -> list[tuple[UUID | None, int | None]]:
        clock.advance(timedelta(seconds=1))
        await keep_feed(tenant.ledger, tenant.id)
        found = [event for event in await feed(tenant) if event.kind is EventKind.CREDIT_EXPIRING]
        return [(event.subject_id, event.amount_minor) for event in found]

    assert [amount for _, amount in await announced()] == [500]
    clock.advance(days=22)
    assert len(await announced()) == 1
    clock.advance(days=2)
    assert (await announced())[1:] == [(late, 700)]
    assert len(await announced()) == 2
    await tenant.update_credit(late, expires_in_days=40)
    assert len(await announced()) == 2
    clock.advance(days=34)
    assert (await announced())[1:] == [(late, 700)] * 2
    proof = await verify(tenant.id)
    assert proof.holds, proof.listed


async def test_with_less_notice_each_expiry_is_still_announced_once(tenant: Tenant, clock: Clock, anna: UUID) -> None:
    """Also one that was given after the days became fewer, and lies before others that had been announced by then."""

    await notice(tenant, 30)
    early, late = await tenant.credit(anna, 1, expires_in_days=15), await tenant.credit(anna, 2, expires_in_days=28)
    changed = await tenant.credit(anna, 4, expires_in_days=27)
    expected: list[UUID | None] = [early, changed, late]
    assert await announced(tenant) == expected
    await notice(tenant, 7)
    clock.advance(days=1)
    between = await tenant.credit(anna, 3, expires_in_days=19)
    await tenant.update_credit(changed, expires_in_days=20)
    assert await announced(tenant) == expected
    await notice(tenant, 6)  # before it has come again to where it was
    for days, new in ((9, []), (5, [between]), (1, [changed]), (7, [])):
        clock.advance(days=days)
        expected += new
        assert await announced(tenant) == expected
    await notice(tenant, 30)
    last = await tenant.credit(anna, 5, expires_in_days=29)
    assert await announced(tenant) == [*expected, last]
    proof = await verify(tenant.id)
    assert proof.holds, proof.listed


async def test_what_was_announced_between_two_reductions_of_the_notice_is_not_again(
    tenant: Tenant, clock: Clock, anna: UUID
) -> None:
    await notice(tenant, 30)
    early = await tenant.credit(anna, 1, expires_in_days=29)
    changed = await tenant.credit(anna, 2, expires_in_days=28)
    assert await announced(tenant) == [changed, early]
    await notice(tenant, 7)
    clock.advance(days=1)
    between = await tenant.credit(anna, 3, expires_in_days=8)
    await tenant.update_credit(changed, expires_in_days=7)
    clock.advance(days=2)
    expected = [changed, early, changed, between]
    assert await announced(tenant) == expected
    await notice(tenant, 5)
    clock.advance(days=3)
    assert await announced(tenant) == expected
    assert (await verify(tenant.id)).holds


async def test_who_was_held_up_announces_nothing_at_an_instant_before_the_last(
    tenant: Tenant, clock: Clock, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the question what is due, and the lock of the feed's head, another relay has announced some of it."""
    await keep_feed(tenant.ledger, tenant.id)
    for _ in range(2):
        await tenant.credit(anna, 5, expires_in_days=3)
    clock.advance(timedelta(seconds=1))
    monkeypatch.setattr("models.operations.keep_feed.ENDS_AT_ONCE", 1)
    monkeypatch.setattr("models.operations.keep_feed.MAX_STEPS", 1)
    pause = Pause(monkeypatch, "models.operations.keep_feed._give")
    slow = asyncio.create_task(keep_feed(tenant.ledger, tenant.id))
    async with asyncio.timeout(10):
        await pause.reached.wait()
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    pause.go_on.set()
    await slow
    while await keep_feed(tenant.ledger, tenant.id):
        pass
    events = await feed(tenant)
    assert kinds(events).count("CREDIT_EXPIRING") == 2
    recorded = [event.recorded_at for event in events]
    assert recorded == sorted(recorded)


async def test_what_a_merge_has_moved_is_not_announced_again(tenant: Tenant, clock: Clock, anna: UUID) -> None:
    ben = await tenant.customer("ben")
    await tenant.adjust(ben, 5, expires_in_days=3)
    for into in (anna, await tenant.customer("cleo")):
        clock.advance(timedelta(seconds=1))
        await keep_feed(tenant.ledger, tenant.id)
        await merge_customers(tenant.ledger, tenant.id, ADMIN, MergeCustomers(ben, into), tenant.key())
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    assert kinds(await feed(tenant)).count("CREDIT_EXPIRING") == 1


async def test_what_a_merge_had_moved_before_is_announced_however_few_are_at_once(
    tenant: Tenant, clock: Clock, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = await tenant.customer("ben")
    await tenant.adjust(ben, 5, expires_in_days=30)
    await tenant.adjust(anna, 7, expires_in_days=30)
    await tenant.adjust(ben, 9, expires_in_days=90)
    await merge_customers(tenant.ledger, tenant.id, ADMIN, MergeCustomers(ben, anna), tenant.key())
    monkeypatch.setattr("models.operations.keep_feed.ENDS_AT_ONCE", 1)
    clock.advance(days=25)
    await keep_feed(tenant.ledger, tenant.id)

    async def announced() -> list[int | None]:
        return [event.amount_minor for event in await feed(tenant) if event.kind is EventKind.CREDIT_EXPIRING]

    assert await announced() == [700, 500]
    await keep_feed(tenant.ledger, tenant.id)
    assert await announced() == [700, 500]


async def test_an_expiry_that_is_new_is_announced_whatever_was_before_a_merge(
    tenant: Tenant, clock: Clock, anna: UUID
) -> None:
    ben = await tenant.customer("ben")
    credit = await tenant.credit(ben, 5, expires_in_days=3)
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    await tenant.update_credit(credit, expires_in_days=5)
    await merge_customers(tenant.ledger, tenant.id, ADMIN, MergeCustomers(ben, anna), tenant.key())
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    assert kinds(await feed(tenant)).count("CREDIT_EXPIRING") == 2


async def test_what_has_expired_is_not_announced_any_more(tenant: Tenant, clock: Clock, anna: UUID) -> None:
    await tenant.adjust(anna, 5, expires_in_days=3)
    await tenant.adjust(anna, 7, expires_in_days=9)
    clock.advance(days=5)
    await keep_feed(tenant.ledger, tenant.id)
    announced = [event for event in await feed(tenant) if event.kind is EventKind.CREDIT_EXPIRING]
    assert [event.amount_minor for event in announced] == [700]


async def test_nothing_is_announced_if_the_tenant_wants_none(tenant: Tenant, clock: Clock, anna: UUID) -> None:
    await update_tenant(tenant.ledger, tenant.id, ADMIN, UpdateTenant(expiry_notice_days=0))
    await tenant.credit(anna, 5, expires_in_days=3)
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    assert "CREDIT_EXPIRING" not in kinds(await feed(tenant))
