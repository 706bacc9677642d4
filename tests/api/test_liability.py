"""liability: what is owed, by asset, now and at another instant."""

from datetime import timedelta
from typing import Any

from tests.api.conftest import Api
from tests.factories import Clock, Tenant

LIABILITY = "query($at: DateTime) { liability(at: $at) { asset accounts outstanding scheduled } }"

Row = tuple[str, int, str, str]


async def owed(api: Api, at: Any = None) -> list[Row]:
    found = (await api(LIABILITY, {"at": None if at is None else at.isoformat()}))["liability"]
    return [(row["asset"], row["accounts"], row["outstanding"], row["scheduled"]) for row in found]


async def test_sums_what_has_not_expired(api: Api, tenant: Tenant, other_tenant: Tenant, clock: Clock) -> None:
    await other_tenant.adjust(await other_tenant.customer(), "1000.00")
    assert await owed(api) == []
    before = clock()
    carol, dave = await tenant.customer(), await tenant.customer()
    await tenant.adjust(carol, "10.00")
    await tenant.adjust(carol, "-2.50")
    await tenant.adjust(dave, "1.00", expires_at=clock() + timedelta(hours=1))
    await tenant.adjust(dave, "5", "POINTS", effective_on=(clock() + timedelta(days=3)).date())
    await tenant.adjust(dave, "3", "JPY")
    await tenant.adjust(dave, "-3", "JPY")

    now = clock()
    with_daves = [("GBP", 2, "8.50", "0.00"), ("POINTS", 1, "5", "5")]
    assert await owed(api) == with_daves
    clock.advance(timedelta(hours=2))
    assert await owed(api) == [("GBP", 1, "7.50", "0.00"), ("POINTS", 1, "5", "5")]
    assert await owed(api, now) == with_daves
    assert await owed(api, before) == []
    assert await owed(api, clock() + timedelta(days=9)) == [("GBP", 1, "7.50", "0.00"), ("POINTS", 1, "5", "0")]


async def test_a_past_instant_is_judged_by_the_entries_up_to_it(api: Api, tenant: Tenant, clock: Clock) -> None:
    carol = await tenant.customer()
    await tenant.adjust(carol, "10.00")
    clock.advance(timedelta(hours=1))
    between = clock()
    clock.advance(timedelta(hours=1))
    await tenant.adjust(carol, "-10.00")

    assert await owed(api) == []
    assert await owed(api, between) == [("GBP", 1, "10.00", "0.00")]
