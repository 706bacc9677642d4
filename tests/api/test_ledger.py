"""ledger: a customer's entries, and the ways from an entry on."""

from datetime import timedelta
from typing import Any

import pytest

from auth.roles import Role
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.tenants import Tenant

LEDGER = """query($id: ID!, $asset: AssetCode, $from: DateTime, $to: DateTime, $first: Int, $after: String, $last: Int,
    $before: String) {
  ledger(customerId: $id, asset: $asset, from: $from, to: $to,
         first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { sequence amount balanceAfter account { asset } } }
    pageInfo { hasNextPage hasPreviousPage } } }"""

Row = tuple[str, int, str, str]


async def entries(api: Api, customer: Any, **arguments: Any) -> tuple[list[Row], bool, bool]:
    found = (await api(LEDGER, {"id": gid("Customer", customer), **arguments}))["ledger"]
    rows = [
        (node["account"]["asset"], node["sequence"], node["amount"], node["balanceAfter"])
        for node in (edge["node"] for edge in found["edges"])
    ]
    return rows, found["pageInfo"]["hasNextPage"], found["pageInfo"]["hasPreviousPage"]


@pytest.fixture
async def carol(tenant: Tenant, clock: Clock) -> Any:
    """Five entries an hour apart, on two accounts."""
    customer = await tenant.customer("carol")
    for amount, asset in (("1.00", "GBP"), ("10", "POINTS"), ("2.00", "GBP"), ("-0.50", "GBP"), ("20", "POINTS")):
        await tenant.adjust(customer, amount, asset, note="between us")
        clock.advance(timedelta(hours=1))
    return customer


ALL = [
    ("GBP", 1, "1.00", "1.00"),
    ("POINTS", 1, "10", "10"),
    ("GBP", 2, "2.00", "3.00"),
    ("GBP", 3, "-0.50", "2.50"),
    ("POINTS", 2, "20", "30"),
]


async def test_runs_through_all_accounts_by_time(api: Api, carol: Any) -> None:
    assert await entries(api, carol) == (ALL, False, False)
    assert await entries(api, carol, asset="POINTS") == ([ALL[1], ALL[4]], False, False)
    assert await entries(api, carol, asset="USD") == ([], False, False)


async def test_pages_both_ways_across_accounts(api: Api, carol: Any) -> None:
    edges = (await api(LEDGER, {"id": gid("Customer", carol)}))["ledger"]["edges"]
    cursors = [edge["cursor"] for edge in edges]

    assert await entries(api, carol, first=2) == (ALL[:2], True, False)
    assert await entries(api, carol, first=2, after=cursors[1]) == (ALL[2:4], True, True)
    assert await entries(api, carol, last=2) == (ALL[3:], False, True)
    assert await entries(api, carol, last=2, before=cursors[3]) == (ALL[1:3], True, True)
    assert await entries(api, carol, asset="GBP", after=cursors[0]) == (ALL[2:4], False, True)


async def test_entries_of_one_instant_are_each_shown_once(api: Api, tenant: Tenant) -> None:
    dave = await tenant.customer()
    for amount in range(1, 8):
        await tenant.adjust(dave, str(amount), "POINTS")
    await tenant.adjust(dave, "-28", "POINTS")  # seven entries with one time

    seen: list[int] = []
    cursor = None
    while True:
        found = (await api(LEDGER, {"id": gid("Customer", dave), "first": 3, "after": cursor}))["ledger"]
        seen += [edge["node"]["sequence"] for edge in found["edges"]]
        if not found["pageInfo"]["hasNextPage"]:
            break
        cursor = found["edges"][-1]["cursor"]
    assert seen == list(range(1, 15))


async def test_from_is_included_and_to_is_not(api: Api, tenant: Tenant, carol: Any) -> None:
    times = [
        row["created_at"].isoformat()
        for row in await tenant.fetch("select created_at from entries where tenant_id = $1 order by created_at")
    ]
    assert (await entries(api, carol, **{"from": times[1], "to": times[3]}))[0] == ALL[1:3]
    assert (await entries(api, carol, **{"from": times[4]}))[0] == ALL[4:]
    assert (await entries(api, carol, to=times[0]))[0] == []
    assert await entries(api, carol, **{"from": times[1], "first": 1}) == ([ALL[1]], True, False)


async def test_goes_on_to_account_credit_and_transaction(api: Api, carol: Any) -> None:
    query = """query($id: ID!) { ledger(customerId: $id, first: 1) { edges { node { createdAt
      account { id ledger(last: 1) { edges { node { sequence } } } } credit { amount }
      transaction { kind reason note createdAt approvedBy { subject } actor { subject name role client }
        entries { edges { node { sequence } } } } } } } }"""
    (edge,) = (await api(query, {"id": gid("Customer", carol)}))["ledger"]["edges"]
    node = edge["node"]
    assert node["account"]["ledger"]["edges"] == [{"node": {"sequence": 3}}]
    assert node["credit"] == {"amount": "1.00"}
    assert node["transaction"] == {
        "kind": "ADJUSTMENT",
        "reason": "GOODWILL",
        "note": "between us",
        "createdAt": node["createdAt"],
        "approvedBy": None,
        "actor": {"subject": "admin@test", "name": "Ada Admin", "role": "ADMIN", "client": None},
        "entries": {"edges": [{"node": {"sequence": 1}}]},
    }


async def test_customers_see_neither_notes_nor_who_it_was(api: Api, carol: Any) -> None:
    query = """query($id: ID!) { ledger(customerId: $id, first: 1) { edges { node {
      transaction { reason note actor { subject } approvedBy { subject } } } } } }"""
    (edge,) = (await api.as_customer("carol", query, {"id": gid("Customer", carol)}))["ledger"]["edges"]
    assert edge["node"]["transaction"] == {"reason": "GOODWILL", "note": None, "actor": None, "approvedBy": None}


async def test_another_customers_or_tenants_is_none(api: Api, tenant: Tenant, other_tenant: Tenant, carol: Any) -> None:
    await tenant.customer("dave")
    theirs = await other_tenant.customer()
    await other_tenant.adjust(theirs, "1.00")

    assert (await api.as_customer("dave", LEDGER, {"id": gid("Customer", carol)}))["ledger"] is None
    assert (await api(LEDGER, {"id": gid("Customer", theirs)}))["ledger"] is None
    assert (await api(LEDGER, {"id": gid("Account", carol)}))["ledger"] is None


@pytest.mark.parametrize(
    "bad",
    [{"first": -1}, {"last": 101}, {"after": "x"}, {"from": "2026-01-01T00:00:00"}, {"asset": "pounds"}, {"id": "?"}],
)
async def test_bad_input_has_its_code(api: Api, carol: Any, bad: dict[str, Any]) -> None:
    answer = await api(LEDGER, {"id": gid("Customer", carol), **bad}, role=Role.STAFF)
    assert answer.codes == ["BAD_USER_INPUT"]
