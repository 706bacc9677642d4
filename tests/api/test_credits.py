"""credits: all of them, or one customer's."""

from datetime import timedelta

from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.tenants import Tenant

CREDITS = """query($customer: ID, $asset: AssetCode, $status: [CreditStatus!], $first: Int, $after: String) {
  credits(customerId: $customer, asset: $asset, status: $status, first: $first, after: $after) {
    edges { node { amount status } } pageInfo { hasNextPage endCursor } } }"""


async def amounts(api: Api, **variables: object) -> list[str]:
    return [edge["node"]["amount"] for edge in (await api(CREDITS, variables))["credits"]["edges"]]


async def test_are_listed_oldest_first_by_asset_and_status(api: Api, tenant: Tenant, clock: Clock) -> None:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    await tenant.adjust(carol, "1.00", expires_in_days=1)
    await tenant.adjust(dave, "2.00")
    await tenant.adjust(carol, "3", "POINTS")
    await tenant.adjust(carol, "4.00")
    clock.advance(timedelta(days=3))

    assert await amounts(api) == ["1.00", "2.00", "3", "4.00"]
    assert await amounts(api, asset="GBP", status=["OPEN"]) == ["2.00", "4.00"]
    assert await amounts(api, customer=gid("Customer", carol)) == ["1.00", "3", "4.00"]
    assert await amounts(api, customer=gid("Customer", carol), status=["EXPIRED"]) == ["1.00"]
    for narrowed in ({}, {"customer": gid("Customer", carol)}):
        seen: list[str] = []
        page: dict[str, str] = {}
        while True:
            answer = (await api(CREDITS, {"first": 2, **narrowed, **page}))["credits"]
            seen += [edge["node"]["amount"] for edge in answer["edges"]]
            if not answer["pageInfo"]["hasNextPage"]:
                break
            page = {"after": answer["pageInfo"]["endCursor"]}
        assert seen == await amounts(api, **narrowed)


async def test_customers_see_their_own_alone(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    await tenant.adjust(carol, "1.00")
    await tenant.adjust(dave, "2.00")
    await other_tenant.adjust(await other_tenant.customer("carol"), "5.00")

    own = (await api.as_customer("carol", CREDITS))["credits"]["edges"]
    assert [edge["node"]["amount"] for edge in own] == ["1.00"]
    assert (await api.as_customer("carol", CREDITS, {"customer": gid("Customer", dave)}))["credits"] is None
    assert (await api.as_customer("nobody", CREDITS))["credits"] is None
    assert (await api(CREDITS, {"customer": gid("Credit", carol)}))["credits"] is None
    assert await amounts(api) == ["1.00", "2.00"]
