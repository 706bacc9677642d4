"""adjustmentReasons, services, rewards and tiers."""

from auth.roles import Role
from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

REASONS = """query($only: Boolean) { adjustmentReasons(activeOnly: $only) {
  code label directions movesLifetime noteRequired active } }"""
REWARDS = """query($only: Boolean, $first: Int, $after: String) {
  rewards(activeOnly: $only, first: $first, after: $after) {
    edges { cursor node { id name pointsCost active } } pageInfo { hasNextPage } } }"""


async def test_a_new_tenant_has_its_first_reasons(api: Api) -> None:
    reasons = {reason["code"]: reason for reason in (await api(REASONS))["adjustmentReasons"]}

    assert {code: reason["directions"] for code, reason in reasons.items()} == {
        "CORRECTION": ["ADD", "REMOVE"],
        "GOODWILL": ["ADD"],
        "OTHER": ["ADD", "REMOVE"],
        "POLICY": ["REMOVE"],
        "PROMOTION": ["ADD"],
        "SERVICE_RECOVERY": ["ADD"],
    }
    assert reasons["OTHER"]["noteRequired"]
    assert not reasons["GOODWILL"]["noteRequired"]
    assert all(reason["active"] and reason["label"] for reason in reasons.values())


async def test_what_is_no_longer_in_use_is_for_the_configuration(api: Api, tenant: Tenant) -> None:
    await tenant.execute("update reasons set active = false where tenant_id = $1 and code = 'PROMOTION'")
    await tenant.service("Cut")
    await tenant.service("Perm", active=False)

    assert "PROMOTION" not in {reason["code"] for reason in (await api(REASONS))["adjustmentReasons"]}
    assert "PROMOTION" not in {reason["code"] for reason in (await api(REASONS, {"only": None}))["adjustmentReasons"]}
    everything = (await api(REASONS, {"only": False}, role=Role.MANAGER))["adjustmentReasons"]
    assert [reason["active"] for reason in everything if reason["code"] == "PROMOTION"] == [False]
    services = "query($only: Boolean = true) { services(activeOnly: $only) { name active } }"
    assert (await api(services))["services"] == [{"name": "Cut", "active": True}]
    assert [service["name"] for service in (await api(services, {"only": False}))["services"]] == ["Cut", "Perm"]
    assert (await api(services, {"only": False}, role=Role.STAFF)).codes == ["FORBIDDEN"]


async def test_rewards_by_name(api: Api, tenant: Tenant) -> None:
    mug = await tenant.reward(150, name="Mug")
    await tenant.reward(0, name="Ape")
    await tenant.reward(10, name="Zoo", active=False)

    first = (await api(REWARDS, {"first": 1}))["rewards"]
    assert ([edge["node"]["name"] for edge in first["edges"]], first["pageInfo"]["hasNextPage"]) == (["Ape"], True)
    rest = (await api(REWARDS, {"after": first["edges"][0]["cursor"]}))["rewards"]["edges"]
    assert [edge["node"] for edge in rest] == [
        {"id": gid("Reward", mug), "name": "Mug", "pointsCost": "150", "active": True}
    ]
    everything = (await api(REWARDS, {"only": False}))["rewards"]["edges"]
    assert [edge["node"]["active"] for edge in everything] == [True, True, False]


async def test_tiers_by_threshold(api: Api, tenant: Tenant) -> None:
    assert (await api("{ tiers { name } }"))["tiers"] == []
    for name, threshold in (("Gold", 1000), ("Bronze", 0), ("Silver", 250)):
        await tenant.tier(name, threshold)

    assert (await api("{ tiers { name threshold next { name next { name next { name } } } } }"))["tiers"] == [
        {"name": "Bronze", "threshold": "0", "next": {"name": "Silver", "next": {"name": "Gold", "next": None}}},
        {"name": "Silver", "threshold": "250", "next": {"name": "Gold", "next": None}},
        {"name": "Gold", "threshold": "1000", "next": None},
    ]


async def test_sees_nothing_of_another_tenant(api: Api, other_tenant: Tenant) -> None:
    await other_tenant.service("Cut")
    await other_tenant.reward(1, name="Mug")
    await other_tenant.tier("Gold", 1)

    answer = await api("{ services { id } rewards { edges { cursor } } tiers { name } }")
    assert answer.data == {"services": [], "rewards": {"edges": []}, "tiers": []}


async def test_customers_may_see_what_points_are_good_for(api: Api, tenant: Tenant) -> None:
    await tenant.customer("carol")
    await tenant.reward(1, name="Mug")
    found = (await api.as_customer("carol", "{ rewards { edges { node { name } } } tiers { name } }"))["rewards"]
    assert found == {"edges": [{"node": {"name": "Mug"}}]}
    assert (await api.as_customer("carol", REWARDS, {"only": False})).codes == ["FORBIDDEN"]
