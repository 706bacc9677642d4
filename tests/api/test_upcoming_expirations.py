"""upcomingExpirations: all that is left and expires, soonest first; of everybody, or of one customer."""

from datetime import datetime, timedelta
from typing import Any

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.tenants import Tenant

UPCOMING = """query($until: DateTime, $asset: AssetCode, $id: ID, $first: Int, $after: String) {
  upcomingExpirations(until: $until, asset: $asset, customerId: $id, first: $first, after: $after) {
    edges { node { remaining expiresAt status account { asset customer { externalId } } } }
    pageInfo { hasNextPage endCursor } } }"""

Row = tuple[str, str, str]


def rows(connection: Any) -> list[Row]:
    nodes = [edge["node"] for edge in connection["edges"]]
    return [(n["account"]["customer"]["externalId"], n["account"]["asset"], n["remaining"]) for n in nodes]


async def upcoming(api: Api, **variables: Any) -> list[Row]:
    return rows((await api(UPCOMING, variables))["upcomingExpirations"])


async def fill(tenant: Tenant, clock: Clock) -> datetime:
    """Carol's and Dave's credits, what is used up, expired or never expires among them. Answers when it began."""
    began = clock()
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    await tenant.adjust(carol, "9.00", expires_at=began + timedelta(hours=1))
    await tenant.adjust(carol, "1.00", expires_at=began + timedelta(days=30))
    await tenant.adjust(dave, "2.00", expires_at=began + timedelta(days=20))
    await tenant.adjust(dave, "3", "POINTS", expires_at=began + timedelta(days=10))
    await tenant.adjust(dave, "4.00")
    used = await tenant.adjust(carol, "5.00", expires_at=began + timedelta(days=5))
    await tenant.adjust(carol, "-5.00", credit_id=used.credit_id)
    later = (began + timedelta(days=40)).date()
    await tenant.adjust(dave, "6.00", effective_on=later, expires_in_days=9)
    clock.advance(timedelta(hours=2))
    return began


async def test_soonest_first_and_all_of_them(api: Api, tenant: Tenant, other_tenant: Tenant, clock: Clock) -> None:
    other = await other_tenant.customer()
    await other_tenant.adjust(other, "1.00", expires_at=clock() + timedelta(days=1))
    began = await fill(tenant, clock)
    in_order = [("dave", "POINTS", "3"), ("dave", "GBP", "2.00"), ("carol", "GBP", "1.00"), ("dave", "GBP", "6.00")]
    assert await upcoming(api) == in_order
    found, after = list[Row](), None
    for _ in range(4):
        page = (await api(UPCOMING, {"first": 1, "after": after}))["upcomingExpirations"]
        found, after = found + rows(page), page["pageInfo"]["endCursor"]
    assert found == in_order
    assert page["pageInfo"]["hasNextPage"] is False
    assert await upcoming(api, asset="GBP") == in_order[1:]
    assert await upcoming(api, until=(began + timedelta(days=20)).isoformat()) == in_order[:2]
    assert await upcoming(api, until=(began + timedelta(days=30)).isoformat(), asset="GBP") == in_order[1:3]


async def test_of_one_customer_and_to_customers_their_own(api: Api, tenant: Tenant, clock: Clock) -> None:
    await fill(tenant, clock)
    rows_of = await tenant.fetch("select id, external_id from customers where tenant_id = $1")
    ids = {row["external_id"]: gid("Customer", row["id"]) for row in rows_of}
    daves = [("dave", "POINTS", "3"), ("dave", "GBP", "2.00"), ("dave", "GBP", "6.00")]
    assert await upcoming(api, id=ids["dave"]) == daves
    assert await upcoming(api, id=ids["dave"], asset="POINTS") == daves[:1]
    for variables in ({}, {"id": ids["dave"]}):
        assert rows((await api.as_customer("dave", UPCOMING, variables))["upcomingExpirations"]) == daves
    assert (await api.as_customer("dave", UPCOMING, {"id": ids["carol"]}))["upcomingExpirations"] is None
    assert (await api.as_customer("nobody", UPCOMING))["upcomingExpirations"] is None
    assert (await api(UPCOMING, {"id": gid("Customer", tenant.id)}))["upcomingExpirations"] is None


async def test_everybody_s_takes_the_right_to_reports_and_one_s_that_to_ledgers(
    api: Api, tenant: Tenant, clock: Clock
) -> None:
    dave = gid("Customer", await tenant.customer("dave"))
    for scope, id_, allowed in (
        (Scope.REPORTS_READ, None, True),
        (Scope.REPORTS_READ, dave, False),
        (Scope.LEDGER_READ, None, False),
        (Scope.LEDGER_READ, dave, True),
    ):
        answer = await api(UPCOMING, {"id": id_}, role=Role.PARTNER, scopes=[scope], client_id="shop")
        assert answer.codes == ([] if allowed else ["FORBIDDEN"]), (scope, id_)
