"""Days are the tenant's own: over changes of the clocks, through midnights that never were, on leap days, at UTC+14."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

import pytest

from app.postgres.embedded import Urls
from models.operations.expire import expire_credits
from models.reads import accounts
from models.reads.session import ReadSession
from models.reads.verify import verify
from tests.support.clock import Clock
from tests.support.tenants import STAFF, Tenant

LONDON, AUCKLAND, SAO_PAULO, KIRITIMATI = "Europe/London", "Pacific/Auckland", "America/Sao_Paulo", "Pacific/Kiritimati"
TICK: Final = timedelta(microseconds=1)

Open = Callable[[str, datetime], Awaitable[Tenant]]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
async def shop_in(database: Urls) -> AsyncIterator[Open]:
    """Opens a shop in a zone, at an instant; its books are proved in the end."""
    async with AsyncExitStack() as stack:

        async def close(tenant: Tenant) -> None:
            await tenant.ledger.close()
            proof = await verify(tenant.id)
            assert proof.holds, proof.listed

        async def open_tenant(zone: str, now: datetime) -> Tenant:
            tenant = await Tenant.open(Clock(now), time_zone=zone)
            stack.push_async_callback(close, tenant)
            return tenant

        yield open_tenant


async def past(tenant: Tenant, account_id: UUID | None, *instants: datetime) -> list[int]:
    assert account_id is not None
    session = ReadSession(tenant.id)
    try:
        found = await accounts.balances_at(session, [(account_id, at) for at in instants])
    finally:
        await session.release()
    return [view.available_minor for view in found]


@pytest.mark.parametrize(
    ("zone", "now", "days", "end"),
    [
        (LONDON, "2026-03-28T12:00", 1, "2026-03-29T23:00"),  # the day has 23 hours
        (LONDON, "2026-10-24T12:00", 1, "2026-10-26T00:00"),  # and this one 25
        (LONDON, "2026-03-01T12:00", 60, "2026-04-30T23:00"),  # given in winter, over in summer
        (AUCKLAND, "2026-09-25T13:00", 1, "2026-09-27T11:00"),  # it is the 26th there already; 23 hours
        (AUCKLAND, "2026-04-04T00:00", 1, "2026-04-05T12:00"),  # 25 hours
        (SAO_PAULO, "2018-11-02T15:00", 1, "2018-11-04T03:00"),  # the 4th begins at one o'clock
        (SAO_PAULO, "2018-11-03T15:00", 1, "2018-11-05T02:00"),  # and has 23 hours
        (SAO_PAULO, "2018-02-16T15:00", 1, "2018-02-18T03:00"),  # the last hour of the 17th comes twice
        (KIRITIMATI, "2026-12-30T09:59", 1, "2026-12-31T10:00"),  # a minute to midnight, at UTC+14
        (KIRITIMATI, "2026-12-30T10:00", 1, "2027-01-01T10:00"),  # midnight
        (LONDON, "2028-02-28T12:00", 1, "2028-03-01T00:00"),  # a leap day
        (LONDON, "2027-02-28T12:00", 1, "2027-03-02T00:00"),
        (LONDON, "2028-02-29T12:00", 366, "2029-03-02T00:00"),
    ],
)
async def test_a_credit_lasts_to_the_end_of_its_last_day(
    shop_in: Open, zone: str, now: str, days: int, end: str
) -> None:
    tenant = await shop_in(zone, at(now))
    anna = await tenant.customer()
    account_id = (await tenant.adjust(anna, 5, expires_in_days=days)).account_id
    assert await tenant.rows("SELECT expires_at FROM credits WHERE tenant_id = $1") == [(at(end),)]

    tenant.clock.stand_still(at(end) - TICK)
    assert await tenant.available(anna) == 500
    assert await expire_credits(tenant.ledger, tenant.id) == 0
    tenant.clock.stand_still(at(end))
    assert await tenant.available(anna) == 0
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.adjust(anna, -1)
    tenant.clock.advance(days=7)
    assert await expire_credits(tenant.ledger, tenant.id) == 1
    assert await past(tenant, account_id, at(now), at(end) - TICK, at(end), tenant.clock()) == [500, 500, 0, 0]


@pytest.mark.parametrize(
    ("zone", "now", "day", "start"),
    [
        (LONDON, "2026-03-27T12:00", date(2026, 3, 30), "2026-03-29T23:00"),
        (AUCKLAND, "2026-09-25T13:00", date(2026, 9, 28), "2026-09-27T11:00"),
        (SAO_PAULO, "2018-11-02T15:00", date(2018, 11, 4), "2018-11-04T03:00"),
        (KIRITIMATI, "2026-12-30T09:59", date(2026, 12, 31), "2026-12-30T10:00"),
        (LONDON, "2028-02-28T12:00", date(2028, 2, 29), "2028-02-29T00:00"),
    ],
)
async def test_a_credit_starts_with_the_first_instant_of_its_day(
    shop_in: Open, zone: str, now: str, day: date, start: str
) -> None:
    tenant = await shop_in(zone, at(now))
    anna = await tenant.customer()
    account_id = (await tenant.adjust(anna, 5, effective_on=day)).account_id
    tenant.clock.stand_still(at(start) - TICK)
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.adjust(anna, -1)
    tenant.clock.stand_still(at(start))
    await tenant.adjust(anna, -1)
    assert await past(tenant, account_id, at(now), at(start) - TICK, at(start)) == [0, 0, 400]


@pytest.mark.parametrize(
    ("zone", "noon", "next_day"),
    [
        (LONDON, "2026-03-29T11:00", "2026-03-29T23:00"),
        (LONDON, "2026-10-25T01:30", "2026-10-26T00:00"),  # in the hour that comes twice
        (AUCKLAND, "2026-09-27T00:00", "2026-09-27T11:00"),
        (SAO_PAULO, "2018-11-03T15:00", "2018-11-04T03:00"),
        (SAO_PAULO, "2018-02-18T01:30", "2018-02-18T03:00"),  # half past eleven in the evening, for the first time
        (KIRITIMATI, "2026-12-30T22:00", "2026-12-31T10:00"),
        (LONDON, "2028-02-29T12:00", "2028-03-01T00:00"),
    ],
)
async def test_daily_limits_begin_anew_with_the_tenant_s_day(
    shop_in: Open, zone: str, noon: str, next_day: str
) -> None:
    tenant = await shop_in(zone, at(noon))
    anna = await tenant.customer()
    await tenant.limit("STAFF", "GBP", actor_day=100)
    await tenant.adjust(anna, 100, actor=STAFF)
    tenant.clock.stand_still(at(next_day) - TICK)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.adjust(anna, 1, actor=STAFF)
    tenant.clock.stand_still(at(next_day))
    await tenant.adjust(anna, 100, actor=STAFF)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.adjust(anna, 1, actor=STAFF)


@pytest.mark.parametrize(
    ("zone", "cancelled", "end"),
    [
        (AUCKLAND, "2026-08-01T05:00", "2026-09-30T11:00"),  # the 60th day is the 30th of September, in summer time
        (LONDON, "2027-12-31T12:00", "2028-03-01T00:00"),  # and here the leap day
        (SAO_PAULO, "2018-09-04T12:00", "2018-11-04T03:00"),  # the day after begins at one o'clock
    ],
)
async def test_grace_lasts_to_the_end_of_the_sixtieth_day(shop_in: Open, zone: str, cancelled: str, end: str) -> None:
    tenant = await shop_in(zone, at(cancelled))
    anna = await tenant.customer()
    await tenant.execute(
        "UPDATE customers SET membership_cancelled_at = $3 WHERE tenant_id = $1 AND id = $2", anna, at(cancelled)
    )
    tenant.clock.stand_still(at(end) - TICK)
    await tenant.adjust(anna, 1, "SERVICE_CREDITS")
    tenant.clock.stand_still(at(end))
    async with tenant.refused("MEMBERSHIP_GRACE_ENDED"):
        await tenant.adjust(anna, 1, "SERVICE_CREDITS")
