"""Queries that arrive at the same time read in the same snapshot, and each answers what it would alone."""

import asyncio
from typing import Any, Final

import pytest

from auth.roles import Role
from models.reads import moments
from models.session import TenantConnection, tenant_transaction
from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

PAGE: Final = """query($id: ID!, $entries: Int!) { node(id: $id) { ... on Customer { id name
  balances { asset available }
  account(asset: "GBP") { credits(first: 2) { edges { cursor node { id remaining } } } }
  ledger(first: $entries) { edges { node { sequence amount transaction { kind reason actor { name } } } } }
  invoices(first: 2) { edges { node { number total lines(first: 2) { edges { node { description } } } } } } } } }"""
MANY: Final = 24
FAILS: Final = "from invoices t"


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was begun for reads that may be shared."""
    found: list[object] = []

    def counted(*arguments: Any, **options: Any) -> Any:
        found.append(arguments)
        return original(*arguments, **options)

    original = tenant_transaction
    monkeypatch.setattr(moments, "tenant_transaction", counted)
    return found


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of the statements that read."""
    found: list[str] = []

    async def noted(connection: TenantConnection, sql: str, *arguments: object) -> list[Any]:
        found.append(sql)
        return await original(connection, sql, *arguments)

    original = moments.fetch
    monkeypatch.setattr(moments, "fetch", noted)
    return found


async def test_many_at_once_each_get_their_own(
    api: Api, tenant: Tenant, begun: list[object], statements: list[str]
) -> None:
    people = []
    for number in range(6):
        customer = await tenant.customer(name=f"Customer {number}")
        for entry in range(4):
            await tenant.adjust(customer, f"{number + 1}.0{entry}")
        await tenant.adjust(customer, str(number + 1), "POINTS")
        people.append(customer)
    asked: list[dict[str, Any]] = [
        {"id": gid("Customer", people[number % len(people)]), "entries": 2 + number % 3} for number in range(MANY)
    ]
    roles = [Role.ADMIN, Role.STAFF, Role.MANAGER]
    alone = [await api(PAGE, each, role=roles[n % 3]) for n, each in enumerate(asked)]
    begun_alone, statements_alone = len(begun), len(statements)
    together = await asyncio.gather(*(api(PAGE, each, role=roles[n % 3]) for n, each in enumerate(asked)))

    assert [each.data for each in together] == [each.data for each in alone]
    assert [each.errors for each in together] == [[]] * MANY
    assert begun_alone == MANY
    assert len(begun) - begun_alone <= MANY // 2
    assert len(statements) - statements_alone <= statements_alone // 2


async def test_a_customer_beside_staff_sees_only_their_own(api: Api, tenant: Tenant) -> None:
    mine, other = await tenant.customer("C-1", name="Anna"), await tenant.customer("C-2", name="Bert")
    for customer, amount in ((mine, "1.00"), (other, "2.00")):
        await tenant.adjust(customer, amount)
    asked = [{"id": gid("Customer", customer), "entries": 3} for customer in (mine, other)]
    own, foreign, staffs = await asyncio.gather(
        api.as_customer("C-1", PAGE, asked[0]),
        api.as_customer("C-1", PAGE, asked[1]),
        api(PAGE, asked[1], role=Role.STAFF),
    )
    assert own["node"]["name"] == "Anna"
    assert [edge["node"]["transaction"]["actor"] for edge in own["node"]["ledger"]["edges"]] == [None]
    assert foreign.data == {"node": None}
    assert staffs["node"]["name"] == "Bert"
    assert staffs["node"]["ledger"]["edges"][0]["node"]["transaction"]["actor"]["name"] is not None


async def test_a_statement_that_fails_is_one_querys_failure_and_others_answer_right_or_busy(
    api: Api, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = await tenant.customer()
    await tenant.adjust(customer, "1.00")
    asked = {"id": gid("Customer", customer), "entries": 3}
    whole = """query($id: ID!) { node(id: $id) { ... on Customer {
      balances { available } ledger(first: 3) { edges { node { amount } } } } } }"""

    async def failing(connection: TenantConnection, sql: str, *arguments: object) -> list[Any]:
        return (
            await original(connection, "select 1 / 0 where $1::uuid is not null")
            if FAILS in sql
            else await original(connection, sql, *arguments)
        )

    original = moments.fetch
    monkeypatch.setattr(moments, "fetch", failing)
    failed, *others = await asyncio.gather(api(PAGE, asked), *(api(whole, {"id": asked["id"]}) for _ in range(5)))
    assert "INTERNAL_SERVER_ERROR" in failed.codes
    right = {"node": {"balances": [{"available": "1.00"}], "ledger": {"edges": [{"node": {"amount": "1.00"}}]}}}
    for other in others:
        assert other.data == right or set(other.codes) == {"BUSY"}
    assert (await api(whole, {"id": asked["id"]})).data == right
