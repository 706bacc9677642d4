"""Memberships, and the gate that a cancelled one closes after its days of grace."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from models.commands import MembershipChange
from models.configuration_commands import UpdateTenant
from models.errors import LedgerError, LedgerErrors
from models.operations.memberships import cancel_membership, reinstate_membership, start_membership
from models.operations.update_tenant import update_tenant
from tests.support.clock import NOON, Clock
from tests.support.tenants import MANAGER, STAFF, Tenant

AUCKLAND = ZoneInfo("Pacific/Auckland")


async def start(tenant: Tenant, customer_id: UUID, at: datetime | None = None) -> bool:
    return await start_membership(tenant.ledger, tenant.id, STAFF, MembershipChange(customer_id, at))


async def cancel(tenant: Tenant, customer_id: UUID, at: datetime | None = None, note: str | None = None) -> bool:
    return await cancel_membership(tenant.ledger, tenant.id, STAFF, MembershipChange(customer_id, at, note))


async def reinstate(tenant: Tenant, customer_id: UUID) -> bool:
    return await reinstate_membership(tenant.ledger, tenant.id, STAFF, MembershipChange(customer_id))


async def dates(tenant: Tenant, customer_id: UUID) -> tuple[datetime | None, datetime | None]:
    sql = "SELECT membership_started_at, membership_cancelled_at FROM customers WHERE tenant_id = $1 AND id = $2"
    started_at, cancelled_at = (await tenant.rows(sql, customer_id))[0]
    return started_at, cancelled_at


async def events(tenant: Tenant) -> list[tuple[str, object, str | None]]:
    sql = "SELECT action, details, note FROM audit_events WHERE tenant_id = $1 AND action <> 'customer.created'"
    sql += " ORDER BY created_at, id"
    return [(row[0], json.loads(row[1]), row[2]) for row in await tenant.rows(sql)]


async def zone(tenant: Tenant, name: str, grace_days: int = 60) -> None:
    command = UpdateTenant(time_zone=name, grace_days=grace_days)
    await update_tenant(tenant.ledger, tenant.id, MANAGER, command)


async def test_a_membership_is_started_cancelled_and_taken_up_again(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    assert await start(tenant, anna)
    assert await dates(tenant, anna) == (NOON, None)
    cancelled_at = clock.advance(days=10)
    assert await cancel(tenant, anna, note="Moved away")
    assert await dates(tenant, anna) == (NOON, cancelled_at)
    clock.advance(days=1)
    assert await reinstate(tenant, anna)
    assert await dates(tenant, anna) == (NOON, None)

    before, after = NOON.isoformat(), cancelled_at.isoformat()
    assert await events(tenant) == [
        ("membership.started", {"startedAt": [None, before]}, None),
        ("membership.cancelled", {"cancelledAt": [None, after]}, "Moved away"),
        ("membership.reinstated", {"cancelledAt": [after, None]}, None),
    ]


async def test_asked_for_twice_it_changes_nothing_more(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await start(tenant, anna)
    clock.advance(days=1)
    assert not await start(tenant, anna)
    assert not await reinstate(tenant, anna)
    assert await dates(tenant, anna) == (NOON, None)
    cancelled_at = clock.advance(days=1)
    await cancel(tenant, anna)
    clock.advance(days=59)
    assert not await cancel(tenant, anna)  # the grace period does not begin anew
    assert await dates(tenant, anna) == (NOON, cancelled_at)
    assert [action for action, *_ in await events(tenant)] == ["membership.started", "membership.cancelled"]


async def test_cancelled_by_many_at_once_it_is_cancelled_once(tenant: Tenant, anna: UUID) -> None:
    await start(tenant, anna)
    results = await asyncio.gather(*(cancel(tenant, anna) for _ in range(8)))
    assert sorted(results) == [False] * 7 + [True]
    assert len(await events(tenant)) == 2


async def test_a_cancelled_member_at_the_last_minute_of_day_60_in_auckland(
    tenant: Tenant, anna: UUID, clock: Clock
) -> None:
    await zone(tenant, "Pacific/Auckland")
    # 1 August there, though still 31 July in London; the clocks there go forward on 27 September.
    clock.stand_still(datetime(2026, 8, 1, 9, 30, tzinfo=AUCKLAND).astimezone(UTC))
    await start(tenant, anna)
    await cancel(tenant, anna)

    clock.stand_still(datetime(2026, 9, 30, 23, 59, tzinfo=AUCKLAND).astimezone(UTC))
    await tenant.adjust(anna, 5, "SERVICE_CREDITS")

    clock.advance(seconds=60)
    assert clock().astimezone(AUCKLAND) == datetime(2026, 10, 1, tzinfo=AUCKLAND)
    async with tenant.refused("MEMBERSHIP_GRACE_ENDED"):
        await tenant.adjust(anna, 5, "SERVICE_CREDITS")
    async with tenant.refused("INVALID") as caught:
        await tenant.bulk((anna, 5), asset="SERVICE_CREDITS")
    assert isinstance(caught.value, LedgerErrors)
    assert [error.code for error in caught.value.errors] == ["MEMBERSHIP_GRACE_ENDED"]
    # What is there can still be taken away and spent; money and points know no gate.
    service = await tenant.service()
    await tenant.adjust(anna, -2, "SERVICE_CREDITS")
    await tenant.use(anna, service, 3)
    await tenant.adjust(anna, 5, "GBP")
    await tenant.adjust(anna, 5, "POINTS")


@pytest.mark.parametrize("again", [start, reinstate])
async def test_a_member_again_gets_service_credits_again(
    tenant: Tenant, anna: UUID, clock: Clock, again: Callable[[Tenant, UUID], Awaitable[bool]]
) -> None:
    await start(tenant, anna)
    await cancel(tenant, anna)
    clock.advance(days=100)
    async with tenant.refused("MEMBERSHIP_GRACE_ENDED"):
        await tenant.adjust(anna, 1, "SERVICE_CREDITS")
    assert await again(tenant, anna)
    await tenant.adjust(anna, 1, "SERVICE_CREDITS")
    assert await dates(tenant, anna) == ((clock() if again is start else NOON), None)


async def test_the_tenants_own_days_of_grace(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await zone(tenant, "Europe/London", grace_days=0)
    await start(tenant, anna)
    await cancel(tenant, anna)
    clock.stand_still(datetime(2026, 6, 15, 22, 59, 59, tzinfo=UTC))
    await tenant.adjust(anna, 1, "SERVICE_CREDITS")
    clock.advance(seconds=1)
    async with tenant.refused("MEMBERSHIP_GRACE_ENDED"):
        await tenant.adjust(anna, 1, "SERVICE_CREDITS")
    await zone(tenant, "Europe/London", grace_days=1)  # for memberships cancelled already, too
    await tenant.adjust(anna, 1, "SERVICE_CREDITS")


async def test_it_may_have_happened_earlier_but_in_order(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    day = timedelta(days=1)
    async with tenant.refused("INVALID"):
        await start(tenant, anna, clock() + timedelta(seconds=1))
    await start(tenant, anna, NOON - 100 * day)
    async with tenant.refused("INVALID"):
        await cancel(tenant, anna, NOON - 101 * day)
    async with tenant.refused("INVALID"):
        await cancel(tenant, anna, clock() + timedelta(seconds=1))
    await cancel(tenant, anna, NOON - 61 * day)
    async with tenant.refused("MEMBERSHIP_GRACE_ENDED"):
        await tenant.adjust(anna, 1, "SERVICE_CREDITS")
    async with tenant.refused("INVALID"):
        await start(tenant, anna, NOON - 62 * day)
    assert await dates(tenant, anna) == (NOON - 100 * day, NOON - 61 * day)


async def test_what_never_began_cannot_end(tenant: Tenant, anna: UUID) -> None:
    for change in (cancel, reinstate):
        async with tenant.refused("NO_MEMBERSHIP"):
            await change(tenant, anna)
    await tenant.adjust(anna, 1, "SERVICE_CREDITS")  # nobody has to be a member


async def test_nobody_is_no_member(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    for change in (start, cancel, reinstate):
        async with tenant.refused("NOT_FOUND"):
            await change(tenant, uuid4())
    elsewhere = await Tenant.open(clock)
    try:
        with pytest.raises(LedgerError) as caught:
            await start(elsewhere, anna)
        assert caught.value.code == "NOT_FOUND"
    finally:
        await elsewhere.ledger.close()
    assert await dates(tenant, anna) == (None, None)


async def test_a_record_that_was_merged_away_stays_as_it_is(tenant: Tenant, anna: UUID) -> None:
    bert = await tenant.customer(name="Bert")
    sql = "UPDATE customers SET merged_into_id = $2, merged_at = $4 WHERE tenant_id = $1 AND id = $3"
    await tenant.execute(sql, bert, anna, NOON)
    assert await start(tenant, anna)
    assert (await dates(tenant, anna), await dates(tenant, bert)) == ((None, None), (NOON, None))
