"""liability and trialBalance: what is owed, by asset, month and source, then and now; and it balances."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from models import money
from models.errors import AssetUnknown
from models.operations.expire import expire_credits
from models.operations.releasing import update_credit
from models.planning.releasing import UpdateCredit
from schema.ids import global_id
from tests.api.conftest import Api
from tests.support.clock import Clock
from tests.support.tenants import ADMIN, Tenant

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


PARTS = """query($at: DateTime) { liability(at: $at) { asset outstanding expired
  byExpiryMonth { month outstanding } bySource { kind reason outstanding } } }"""
TRIAL = "query($at: DateTime) { trialBalance(at: $at) { asset accounts counters { counter amount } } }"


async def months(api: Api, at: datetime | None = None) -> list[tuple[str | None, str]]:
    """Of the one asset."""
    (row,) = (await api(PARTS, {"at": None if at is None else at.isoformat()}))["liability"]
    return [(part["month"], part["outstanding"]) for part in row["byExpiryMonth"]]


async def test_by_the_month_of_expiry_in_the_tenant_s_zone(api: Api, tenant: Tenant, clock: Clock) -> None:
    carol = await tenant.customer()
    year = clock().year + 1
    london = ZoneInfo("Europe/London")  # an hour ahead in summer: the first instant of July is still June in UTC
    for amount, expires_at in (
        ("1.00", datetime(year, 7, 1, tzinfo=london)),
        ("2.00", datetime(year, 7, 1, 0, 0, 1, tzinfo=london)),
        ("4.00", datetime(year + 1, 3, 1, tzinfo=UTC)),
        ("8.00", None),
    ):
        await tenant.adjust(carol, amount, expires_at=expires_at)
    assert await months(api) == [
        (f"{year}-06", "1.00"),
        (f"{year}-07", "2.00"),
        (f"{year + 1}-02", "4.00"),
        (None, "8.00"),
    ]


async def test_a_past_month_is_the_one_that_was_set_then(api: Api, tenant: Tenant, clock: Clock) -> None:
    year = clock().year + 1
    march, may = datetime(year, 3, 9, tzinfo=UTC), datetime(year, 5, 9, tzinfo=UTC)
    credit = (await tenant.adjust(await tenant.customer(), "5.00", expires_at=march)).credit_id
    assert credit is not None
    instants = []
    for change in ({"expires_at": may}, {"never_expires": True}):
        clock.advance(timedelta(hours=1))
        instants.append(clock())
        clock.advance(timedelta(hours=1))
        await update_credit(tenant.ledger, tenant.id, ADMIN, UpdateCredit(credit, **change), tenant.key())
    assert [await months(api, at) for at in instants] == [[(f"{year}-03", "5.00")], [(f"{year}-05", "5.00")]]
    assert await months(api) == [(None, "5.00")]


async def test_by_source_beside_the_trial_balance(api: Api, tenant: Tenant, clock: Clock) -> None:
    carol = await tenant.customer()
    await tenant.adjust(carol, "10.00", reason="GOODWILL")
    await tenant.adjust(carol, "3.00", reason="PROMOTION", expires_at=clock() + timedelta(hours=1))
    await tenant.adjust(carol, "4.00", reason="PROMOTION", expires_at=clock() + timedelta(days=9))
    await tenant.adjust(carol, "-2.00")  # out of the promotion that expires first
    await tenant.invoice(carol, "1.50", auto_apply=False)
    clock.advance(timedelta(hours=2))
    unswept = clock()
    clock.advance(timedelta(hours=1))
    await expire_credits(tenant.ledger, tenant.id)

    sources = [
        {"kind": "ADJUSTMENT", "reason": "GOODWILL", "outstanding": "10.00"},
        {"kind": "ADJUSTMENT", "reason": "PROMOTION", "outstanding": "4.00"},
    ]
    for at, expired in ((None, "0.00"), (unswept.isoformat(), "1.00")):
        (row,) = (await api(PARTS, {"at": at}))["liability"]
        assert (row["outstanding"], row["expired"], row["bySource"]) == ("14.00", expired, sources)
    (now,) = (await api(TRIAL))["trialBalance"]
    (then,) = (await api(TRIAL, {"at": unswept.isoformat()}))["trialBalance"]
    assert (then["accounts"], now["accounts"]) == ("15.00", "14.00")
    issued, removed = {"counter": "ISSUED", "amount": "17.00"}, {"counter": "REMOVED", "amount": "-2.00"}
    assert then["counters"] == [issued, removed]
    assert now["counters"] == [{"counter": "EXPIRED", "amount": "-1.00"}, issued, removed]
    assert (await api(TRIAL, {"at": "2000-01-01T00:00:00Z"}))["trialBalance"] == []


WITHDRAWN = """query($customer: ID!) {
  liability { asset outstanding } trialBalance { asset accounts }
  customer(by: {id: $customer}) { balances { asset available } ledger(first: 5) { edges { node { amount } } } }
}"""


async def test_a_currency_that_the_list_drops_is_read_as_ever(
    api: Api, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    carol = await tenant.customer()
    await tenant.adjust(carol, "12.50", "AUD")

    def none_listed(asset: str) -> int:
        raise AssetUnknown(asset)

    monkeypatch.setattr(money, "listed_exponent", none_listed)

    found = await api(WITHDRAWN, {"customer": global_id("Customer", carol)})

    assert found["liability"] == [{"asset": "AUD", "outstanding": "12.50"}]
    assert found["trialBalance"] == [{"asset": "AUD", "accounts": "12.50"}]
    assert found["customer"] == {
        "balances": [{"asset": "AUD", "available": "12.50"}],
        "ledger": {"edges": [{"node": {"amount": "12.50"}}]},
    }
