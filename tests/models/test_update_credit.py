"""A credit changed: its expiry, its pause, what it serves, and what is noted about it. Each change is an event."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.clock import Clock
from tests.support.tenants import Tenant

CHANGES = """SELECT old_expires_at, new_expires_at, old_auto_apply, new_auto_apply,
        old_services::text, new_services::text
    FROM credit_changes WHERE tenant_id = $1 AND transaction_id = $2"""
SAYS = "SELECT expires_at, auto_apply, restricted FROM credits WHERE tenant_id = $1 AND id = $2"
MIDNIGHT = datetime(2026, 6, 21, 23, tzinfo=UTC)  # in London, at the end of the sixth day after the fifteenth


async def test_a_change_of_expiry_is_an_event_without_entries(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 10)
    once = await tenant.update_credit(credit, expires_in_days=6, note="As agreed by phone", key="k")
    again = await tenant.update_credit(credit, expires_in_days=6, note="As agreed by phone", key="k")

    assert await tenant.rows(SAYS, credit) == [(MIDNIGHT, False, False)]
    assert await tenant.rows(CHANGES, once.transaction_id) == [(None, MIDNIGHT, False, False, "[]", "[]")]
    kinds = await tenant.rows("SELECT kind FROM transactions WHERE tenant_id = $1 AND id = $2", once.transaction_id)
    assert kinds == [("UPDATE",)]
    assert await tenant.count("entries") == 1
    assert (once.credit_id, again.credit_id, again.transaction_id) == (credit, credit, once.transaction_id)
    assert again.replayed


async def test_it_expires_by_what_it_says_now(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    sooner, later, never = [await tenant.credit(anna, 10, expires_in_days=5) for _ in range(3)]
    await tenant.update_credit(sooner, expires_at=tenant.clock() + timedelta(days=1))
    await tenant.update_credit(later, expires_in_days=9)
    await tenant.update_credit(never, never_expires=True)
    for days, left in ((2, 2000), (5, 2000), (5, 1000)):
        clock.advance(days=days)
        assert await tenant.available(anna) == left


async def test_zero_days_is_never_here_too(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 10, expires_in_days=5)
    await tenant.update_credit(credit, expires_in_days=0)
    assert await tenant.rows(SAYS, credit) == [(None, False, False)]


async def test_it_changes_its_place_in_the_burn_order(tenant: Tenant, anna: UUID) -> None:
    first, second = await tenant.credit(anna, 10, expires_in_days=5), await tenant.credit(anna, 10, expires_in_days=6)
    await tenant.update_credit(second, expires_in_days=4)
    await tenant.adjust(anna, -10)
    assert await tenant.remainders(first, second) == [1000, 0]


async def test_a_paused_credit_is_left_out(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 10, auto_apply=True)
    await tenant.update_credit(credit, auto_apply=False)
    skipped = await tenant.invoice(anna, 10)
    await tenant.update_credit(credit, auto_apply=True)
    taken = await tenant.invoice(anna, 4)

    assert [await tenant.invoice_state(i) for i in (skipped, taken)] == [("OPEN", 0, 0), ("PAID", 0, 400)]
    assert await tenant.remainders(credit) == [600]


async def test_what_it_serves_can_be_changed(tenant: Tenant, anna: UUID) -> None:
    cut, massage = sorted([await tenant.service(), await tenant.service()])
    credit = await tenant.credit(anna, 10, "SERVICE_CREDITS", service_ids=(cut,))
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.use(anna, massage, 1)
    changed = await tenant.update_credit(credit, service_ids=(massage, cut, massage))
    await tenant.use(anna, massage, 1)
    assert await tenant.rows(CHANGES, changed.transaction_id) == [
        (None, None, False, False, f'["{cut}"]', f'["{cut}", "{massage}"]')
    ]
    await tenant.update_credit(credit, service_ids=())
    assert await tenant.rows(SAYS, credit) == [(None, False, False)]
    assert await tenant.count("credit_services") == 0


async def test_a_service_that_is_no_longer_offered_stays_and_does_not_come(tenant: Tenant, anna: UUID) -> None:
    old, gone, new = [await tenant.service() for _ in range(3)]
    credit = await tenant.credit(anna, 10, "SERVICE_CREDITS", service_ids=(old,))
    await tenant.execute("UPDATE services SET active = false WHERE tenant_id = $1 AND id = ANY($2)", [old, gone])
    async with tenant.refused("INVALID"):
        await tenant.update_credit(credit, service_ids=(old, gone))
    await tenant.update_credit(credit, service_ids=(old, new))
    assert await tenant.count("credit_services") == 2


async def test_a_note_alone_is_a_change(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 10)
    outcome = await tenant.update_credit(credit, note="Asked about it twice")
    sql = "SELECT note FROM transaction_texts WHERE tenant_id = $1 AND id = $2"
    rows = await tenant.rows(sql, outcome.transaction_id)
    assert rows == [("Asked about it twice",)]
    for nothing in ({}, {"note": " "}, {"auto_apply": False}, {"never_expires": True}, {"service_ids": ()}):
        async with tenant.refused("INVALID"):
            await tenant.update_credit(credit, **nothing)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"expires_in_days": 1, "never_expires": True}, "EXPIRY_CONFLICT"),
        ({"expires_in_days": 1, "expires_at": MIDNIGHT}, "EXPIRY_CONFLICT"),
        ({"expires_at": MIDNIGHT, "never_expires": True}, "EXPIRY_CONFLICT"),
        ({"expires_at": datetime(2026, 6, 15, 12, tzinfo=UTC)}, "EXPIRY_IN_PAST"),
        ({"expires_in_days": -1}, "INVALID"),
        ({"expires_in_days": 36_501}, "INVALID"),
        ({"service_ids": (UUID(int=7),)}, "INVALID"),
        ({"note": "x" * 10_001}, "INVALID"),
    ],
    ids=str,
)
async def test_what_makes_no_sense_changes_nothing(
    tenant: Tenant, anna: UUID, change: dict[str, Any], code: str
) -> None:
    credit = await tenant.credit(anna, 10)
    async with tenant.refused(code):
        await tenant.update_credit(credit, **change)


async def test_a_scheduled_credit_does_not_expire_before_it_starts(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 10, effective_on=date(2026, 7, 1))
    async with tenant.refused("EXPIRY_IN_PAST"):
        await tenant.update_credit(credit, expires_at=MIDNIGHT)
    await tenant.update_credit(credit, expires_in_days=1)  # from the day it starts
    assert await tenant.rows(SAYS, credit) == [(datetime(2026, 7, 2, 23, tzinfo=UTC), False, False)]


async def test_what_has_expired_does_not_come_back(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    credit = await tenant.credit(anna, 10, expires_in_days=1)
    clock.advance(days=3)
    async with tenant.refused("CREDIT_NOT_OPEN"):
        await tenant.update_credit(credit, never_expires=True)
    async with tenant.refused("NOT_FOUND"):
        await tenant.update_credit(uuid4(), never_expires=True)


async def test_what_is_assigned_comes_back_under_the_new_expiry(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    credit, invoice = await tenant.credit(anna, 10, expires_in_days=5), await tenant.invoice(anna, 10)
    part = (await tenant.assign(credit, (invoice, 10))).assignment_ids[0]
    await tenant.update_credit(credit, expires_in_days=1)
    clock.advance(days=3)
    await tenant.release(part)

    assert (await tenant.available(anna), await tenant.remainders(credit)) == (0, [0])
