"""createTier, updateTier and deleteTier; what they do to customers."""

from typing import Any, Final

from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

TIER: Final = "customersMoved tier { id name threshold next { name } } userErrors { code field }"
STANDING: Final = """query($id: ID!) { customer(by: {id: $id}) { account(asset: "POINTS") { tier { name }
  tierChanges { edges { node { old new at transaction { kind reason } } } } } } }"""


async def ask(api: Api, field: str, given: dict[str, Any], selection: str = TIER) -> dict[str, Any]:
    kind = field[0].upper() + field[1:]
    query = f"mutation($input: {kind}Input!) {{ {field}(input: $input) {{ {selection} }} }}"
    payload: dict[str, Any] = (await api(query, {"input": given}))[field]
    return payload


async def standing(api: Api, customer: str) -> tuple[str | None, list[tuple[Any, ...]]]:
    """The customer's tier, and how they came by it: old, new and the kind of transaction."""
    account = (await api(STANDING, {"id": customer}))["customer"]["account"]
    nodes = [edge["node"] for edge in account["tierChanges"]["edges"]]
    assert [node["at"] for node in nodes] == sorted(node["at"] for node in nodes)
    changes = [(n["old"], n["new"], n["transaction"] and n["transaction"]["kind"]) for n in nodes]
    return account["tier"] and account["tier"]["name"], changes


async def test_customers_follow_the_thresholds(api: Api, tenant: Tenant) -> None:
    carol = gid("Customer", row := await tenant.customer("carol"))
    await tenant.adjust(row, "100", "POINTS")
    made = await ask(api, "createTier", {"name": "Gold", "threshold": "100"})
    gold = made["tier"]["id"]
    assert made == {
        "customersMoved": 1,
        "userErrors": [],
        "tier": {"id": gold, "name": "Gold", "threshold": "100", "next": None},
    }
    assert (await ask(api, "createTier", {"name": "Top", "threshold": "900"}))["customersMoved"] == 0
    assert await standing(api, carol) == ("Gold", [(None, "Gold", None)])

    raised = await ask(api, "updateTier", {"tierId": gold, "threshold": "101"})
    assert (raised["customersMoved"], raised["tier"]["threshold"]) == (1, "101")
    assert raised["tier"]["next"] == {"name": "Top"}
    await tenant.adjust(row, "1", "POINTS")
    renamed = await ask(api, "updateTier", {"tierId": gold, "name": "Golden"})
    assert (renamed["customersMoved"], renamed["tier"]["name"]) == (0, "Golden")
    gone = await ask(api, "deleteTier", {"tierId": gold}, "deletedTierId customersMoved userErrors { code }")
    assert gone == {"deletedTierId": gold, "customersMoved": 1, "userErrors": []}
    assert await standing(api, carol) == (
        None,
        [(None, "Gold", None), ("Gold", None, None), (None, "Gold", "ADJUSTMENT"), ("Golden", None, None)],
    )


async def test_customers_see_their_own_changes_of_tier(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    await tenant.tier("Silver", 50)
    await tenant.adjust(carol, "60", "POINTS")
    await tenant.adjust(carol, "-20", "POINTS", note="A mistake of Sam's")
    seen = """{ customer(by: {externalId: "carol"}) { account(asset: "POINTS") { tierChanges(last: 1) {
      edges { node { old new transaction { reason note actor { subject } } } }
      pageInfo { hasPreviousPage } } } } }"""
    found = (await api.as_customer("carol", seen))["customer"]["account"]["tierChanges"]
    transaction = {"reason": "POLICY", "note": None, "actor": None}
    assert found["edges"] == [{"node": {"old": "Silver", "new": None, "transaction": transaction}}]
    assert found["pageInfo"] == {"hasPreviousPage": True}


async def test_what_cannot_be_moves_nothing(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    await tenant.tier("Gold", 100)
    silver, theirs = gid("Tier", await tenant.tier("Silver", 50)), gid("Tier", await other_tenant.tier("Best", 1))
    bad: list[tuple[str, dict[str, Any], list[str]]] = [
        ("createTier", {"name": "Gold", "threshold": "1"}, ["DUPLICATE", "name"]),
        ("createTier", {"name": "New", "threshold": "100"}, ["DUPLICATE", "threshold"]),
        ("createTier", {"name": "New", "threshold": "-1"}, ["INVALID", "threshold"]),
        ("createTier", {"name": "New", "threshold": "1.5"}, ["AMOUNT_PRECISION", "threshold"]),
        ("createTier", {"name": " ", "threshold": "1"}, ["INVALID", "name"]),
        ("createTier", {"name": "x" * 201, "threshold": "1"}, ["INVALID", "name"]),
        ("updateTier", {"tierId": silver, "name": "Gold"}, ["DUPLICATE", "name"]),
        ("updateTier", {"tierId": silver, "threshold": "100"}, ["DUPLICATE", "threshold"]),
        ("updateTier", {"tierId": silver, "name": "\x00"}, ["INVALID", "name"]),
        ("updateTier", {"tierId": theirs, "name": "Mine"}, ["NOT_FOUND", "tierId"]),
        ("updateTier", {"tierId": "x"}, ["NOT_FOUND", "tierId"]),
        ("deleteTier", {"tierId": theirs}, ["NOT_FOUND", "tierId"]),
        ("deleteTier", {"tierId": gid("Reward", tenant.id)}, ["NOT_FOUND", "tierId"]),
    ]
    async with tenant.nothing_moves(), other_tenant.nothing_moves():
        for field, given, expected in bad:
            payload = await ask(api, field, given, "customersMoved userErrors { code field }")
            assert [[error["code"], *error["field"]] for error in payload["userErrors"]] == [expected], given
            assert payload["customersMoved"] == 0
