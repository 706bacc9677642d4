"""balances, and what hangs on an account: credits, ledger, the balance at another instant."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from models.operations.expire import expire_credits
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.tenants import Tenant

BALANCES = "query($id: ID!) { balances(customerId: $id) { asset available scheduled lifetime tier { name } } }"


async def one(api: Api, account_id: UUID | None, fields: str, **variables: Any) -> dict[str, Any]:
    """Fields of an account."""
    declared = ", $at: DateTime!" if "at" in variables else ""
    query = f"query($id: ID!{declared}) {{ node(id: $id) {{ ... on Account {{ {fields} }} }} }}"
    node: dict[str, Any] = (await api(query, {"id": gid("Account", account_id), **variables}))["node"]
    return node


async def test_lists_every_account_by_asset(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    await tenant.tier("Silver", 100)
    await tenant.tier("Gold", 500)
    await tenant.adjust(carol, "1.505", "KWD")
    await tenant.adjust(carol, "7", "JPY")
    await tenant.adjust(carol, "120", "POINTS")
    await tenant.adjust(carol, "-20", "POINTS")
    await tenant.adjust(carol, "10.50")
    await tenant.adjust(carol, "-0.25")

    assert (await api(BALANCES, {"id": gid("Customer", carol)}))["balances"] == [
        {"asset": "GBP", "available": "10.25", "scheduled": "0.00", "lifetime": "10.25", "tier": None},
        {"asset": "JPY", "available": "7", "scheduled": "0", "lifetime": "7", "tier": None},
        {"asset": "KWD", "available": "1.505", "scheduled": "0.000", "lifetime": "1.505", "tier": None},
        {"asset": "POINTS", "available": "100", "scheduled": "0", "lifetime": "100", "tier": {"name": "Silver"}},
    ]


async def test_a_customer_without_accounts_has_an_empty_list_and_no_customer_none(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    assert (await api(BALANCES, {"id": gid("Customer", carol)}))["balances"] == []
    assert (await api(BALANCES, {"id": gid("Customer", tenant.id)}))["balances"] is None
    assert (await api(BALANCES, {"id": gid("Account", carol)}))["balances"] is None
    assert (await api(BALANCES, {"id": "x"})).codes == ["BAD_USER_INPUT"]


async def test_what_has_expired_or_not_begun_is_not_available(api: Api, tenant: Tenant, clock: Clock) -> None:
    carol = await tenant.customer()
    await tenant.adjust(carol, "1.00")
    await tenant.adjust(carol, "10.00", expires_at=clock() + timedelta(hours=1))
    later = (clock() + timedelta(days=3)).date()
    await tenant.adjust(carol, "100.00", effective_on=later)

    async def figures() -> tuple[str, str]:
        (account,) = (await api(BALANCES, {"id": gid("Customer", carol)}))["balances"]
        return account["available"], account["scheduled"]

    assert await figures() == ("11.00", "100.00")
    clock.advance(timedelta(hours=1))
    assert await figures() == ("1.00", "100.00")
    clock.advance(timedelta(days=4))
    assert await figures() == ("101.00", "0.00")


async def test_the_balance_at_an_instant(api: Api, tenant: Tenant, clock: Clock) -> None:
    carol = await tenant.customer()
    start = clock()
    account = (await tenant.adjust(carol, "1.00")).account_id
    clock.advance(timedelta(hours=1))
    await tenant.adjust(carol, "10.00", expires_at=clock() + timedelta(hours=2))
    clock.advance(timedelta(hours=1))
    await tenant.adjust(carol, "-4.00")
    await tenant.adjust(carol, "100.00", effective_on=(clock() + timedelta(days=3)).date())
    clock.advance(timedelta(hours=12))

    for at, available in (
        (start - timedelta(hours=1), "0.00"),
        (start + timedelta(minutes=30), "1.00"),
        (start + timedelta(minutes=90), "11.00"),
        (start + timedelta(minutes=150), "7.00"),
        (start + timedelta(hours=4), "1.00"),
        (start + timedelta(days=6), "101.00"),
    ):
        node = await one(api, account, "balanceAt(at: $at)", at=at.isoformat())
        assert node["balanceAt"] == available, at

    query = """query($id: ID!, $a: DateTime!, $b: DateTime!) { node(id: $id) { ... on Account {
      a: balanceAt(at: $a) b: balanceAt(at: $b) } } }"""
    two = await api(query, {"id": gid("Account", account), "a": start.isoformat(), "b": clock().isoformat()})
    assert two["node"]["b"] == "1.00"


async def test_credits_by_status(api: Api, tenant: Tenant, clock: Clock) -> None:
    carol = await tenant.customer()
    account = (await tenant.adjust(carol, "1.00")).account_id
    await tenant.adjust(carol, "-1.00")
    await tenant.adjust(carol, "2.00", expires_at=clock() + timedelta(hours=1))
    clock.advance(timedelta(hours=1))
    await tenant.adjust(carol, "3.00", effective_on=(clock() + timedelta(days=3)).date())
    await tenant.adjust(carol, "4.00")
    fields = "edges { node { amount remaining status } }"

    async def found_by(arguments: str) -> list[tuple[str, str, str]]:
        found = await one(api, account, f"credits{arguments} {{ {fields} }}")
        return [(e["node"]["amount"], e["node"]["remaining"], e["node"]["status"]) for e in found["credits"]["edges"]]

    exhausted, expired = ("1.00", "0.00", "EXHAUSTED"), ("2.00", "2.00", "EXPIRED")
    scheduled, open_ = ("3.00", "3.00", "SCHEDULED"), ("4.00", "4.00", "OPEN")
    assert await found_by("") == [exhausted, expired, scheduled, open_]
    assert await found_by("(status: [OPEN])") == [open_]
    assert await found_by("(status: [OPEN, SCHEDULED], last: 5)") == [scheduled, open_]
    assert await found_by("(status: [EXPIRED, EXHAUSTED])") == [exhausted, expired]
    assert await found_by("(status: [VOIDED])") == []
    assert await found_by("(status: [])") == []
    assert await found_by("(first: 2)") == [exhausted, expired]


async def test_a_credit_says_when_it_runs_and_on_what(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    cut, wash = await tenant.service("Cut"), await tenant.service("Wash")
    credit = await tenant.adjust(carol, "3", "SERVICE_CREDITS", service_ids=(wash, cut), expires_in_days=1)
    node = (
        await api(
            """query($id: ID!) { node(id: $id) { ... on Credit { effectiveOn expiresAt autoApply services { name }
        account { asset } assignments { edges { cursor } } transaction { id } } } }""",
            {"id": gid("Credit", credit.credit_id)},
        )
    )["node"]

    assert node["services"] == [{"name": "Cut"}, {"name": "Wash"}]
    assert datetime.fromisoformat(node["expiresAt"]) > datetime.now(UTC)
    assert node["account"] == {"asset": "SERVICE_CREDITS"}
    assert node["assignments"] == {"edges": []}
    assert node["transaction"] == {"id": gid("Transaction", credit.transaction_id)}


async def test_one_account_by_asset(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    await tenant.adjust(carol, "1.00")
    query = """{ customer(by: {externalId: "carol"}) { a: account(asset: "GBP") { available }
      b: account(asset: "USD") { available } c: account(asset: "XXX") { available } } }"""
    assert (await api(query))["customer"] == {"a": {"available": "1.00"}, "b": None, "c": None}
    assert (await api('{ customer(by: {externalId: "carol"}) { account(asset: "gbp") { id } } }')).codes == [
        "GRAPHQL_VALIDATION_FAILED"
    ]


@pytest.mark.parametrize("at", ["2026-01-01T00:00:00", "yesterday", ""])
async def test_an_instant_needs_an_offset(api: Api, tenant: Tenant, at: str) -> None:
    query = "query($id: ID!, $at: DateTime!) { node(id: $id) { ... on Account { balanceAt(at: $at) } } }"
    assert (await api(query, {"id": gid("Account", tenant.id), "at": at})).codes == ["BAD_USER_INPUT"]


async def test_customers_see_their_own_alone(api: Api, tenant: Tenant) -> None:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    await tenant.adjust(carol, "1.00")
    await tenant.adjust(dave, "2.00")

    assert len((await api.as_customer("carol", BALANCES, {"id": gid("Customer", carol)}))["balances"]) == 1
    assert (await api.as_customer("carol", BALANCES, {"id": gid("Customer", dave)}))["balances"] is None
    assert (await api.as_customer("nobody", BALANCES, {"id": gid("Customer", dave)}))["balances"] is None


async def test_sees_nothing_of_another_tenant(api: Api, other_tenant: Tenant) -> None:
    theirs = await other_tenant.customer()
    await other_tenant.adjust(theirs, "1.00")
    assert (await api(BALANCES, {"id": gid("Customer", theirs)}))["balances"] is None


async def test_a_balance_is_explained(api: Api, tenant: Tenant, clock: Clock) -> None:
    carol = await tenant.customer()
    account = (await tenant.adjust(carol, "1.00")).account_id
    await tenant.adjust(carol, "10.00", expires_at=clock() + timedelta(hours=1))
    await tenant.adjust(carol, "100.00", effective_on=(clock() + timedelta(days=3)).date())
    clock.advance(timedelta(hours=2))
    then = clock()
    clock.advance(timedelta(days=9))
    await expire_credits(tenant.ledger, tenant.id)
    fields = """balanceExplanation(at: $at) { ledgerBalance scheduled expired available
      entries(last: 2) { edges { node { amount counter } } pageInfo { hasPreviousPage hasNextPage } } }"""
    found = (await one(api, account, fields, at=then.isoformat()))["balanceExplanation"]
    assert [found[name] for name in ("ledgerBalance", "scheduled", "expired", "available")] == [
        "111.00",
        "100.00",
        "10.00",
        "1.00",
    ]
    assert [edge["node"]["amount"] for edge in found["entries"]["edges"]] == ["10.00", "100.00"]
    assert found["entries"]["pageInfo"] == {"hasPreviousPage": True, "hasNextPage": False}
    now = (await one(api, account, fields, at=clock().isoformat()))["balanceExplanation"]
    assert [now[name] for name in ("ledgerBalance", "scheduled", "expired", "available")] == [
        "101.00",
        "0.00",
        "0.00",
        "101.00",
    ]
    assert now["entries"]["edges"][-1]["node"] == {"amount": "-10.00", "counter": "EXPIRED"}
    long_ago = (await one(api, account, fields, at="2001-01-01T00:00:00Z"))["balanceExplanation"]
    assert (long_ago["ledgerBalance"], long_ago["entries"]["edges"]) == ("0.00", [])
