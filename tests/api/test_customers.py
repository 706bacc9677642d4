"""customer and customers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import pytest
from tortoise import connections

from auth.roles import Role, Scope
from models.session import CONNECTION_NAME
from tests.api.conftest import Api, gid
from tests.support.sockets import until
from tests.support.tenants import Tenant

PAGE = """query($first: Int, $after: String, $last: Int, $before: String, $search: String) {
  customers(first: $first, after: $after, last: $last, before: $before, search: $search) {
    edges { cursor node { externalId } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""

DEEP = """query($first: Int) { customers(first: $first) { edges { node {
  id externalId name email createdAt
  balances { id asset available scheduled lifetime tier { name } customer { id }
    credits(first: 3) { edges { node { id amount remaining status services { name } transaction { kind note } } } } }
  invoices(first: 3) { edges { node { number due status customer { name }
    assignments { edges { node { amount } } } } } }
} } pageInfo { hasNextPage } } }"""


async def names(api: Api, **page: Any) -> tuple[list[str], bool, bool]:
    found = (await api(PAGE, page))["customers"]
    info = found["pageInfo"]
    assert (info["startCursor"], info["endCursor"]) == (
        (found["edges"][0]["cursor"], found["edges"][-1]["cursor"]) if found["edges"] else (None, None)
    )
    return [edge["node"]["externalId"] for edge in found["edges"]], info["hasNextPage"], info["hasPreviousPage"]


async def cursor_of(api: Api, external_id: str) -> str:
    edges = (await api(PAGE, {"first": 100}))["customers"]["edges"]
    found: str = next(edge["cursor"] for edge in edges if edge["node"]["externalId"] == external_id)
    return found


@pytest.fixture
async def five(tenant: Tenant) -> list[str]:
    external_ids = ["a", "b", "c", "d", "e"]
    for external_id in external_ids:
        await tenant.customer(external_id, name=f"Name {external_id.upper()}", email=f"{external_id}@example.com")
    return external_ids


async def test_finds_one_by_either_id(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol", "Carol", "carol@example.com")
    query = "query($by: CustomerBy!) { customer(by: $by) { id externalId name email createdAt } }"

    by_id = (await api(query, {"by": {"id": gid("Customer", carol)}}))["customer"]
    by_external_id = (await api(query, {"by": {"externalId": "carol"}}))["customer"]

    assert by_id == by_external_id
    assert (by_id["id"], by_id["name"], by_id["email"]) == (gid("Customer", carol), "Carol", "carol@example.com")
    assert by_id["createdAt"].endswith("Z")
    assert (await api(query, {"by": {"externalId": "nobody"}}))["customer"] is None
    assert (await api(query, {"by": {"id": gid("Invoice", carol)}}))["customer"] is None


@pytest.mark.parametrize("by", [{}, {"id": "x", "externalId": "y"}, {"id": None}])
async def test_takes_exactly_one_of_the_ids(api: Api, by: dict[str, str]) -> None:
    answer = await api("query($by: CustomerBy!) { customer(by: $by) { id } }", {"by": by})
    assert answer.codes == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("id_", ["", "x", "Q3VzdG9tZXI6", "💥", "Q3VzdG9tZXI6AZ8" * 50])
async def test_a_malformed_id_is_bad_input(api: Api, id_: str) -> None:
    answer = await api("query($by: CustomerBy!) { customer(by: $by) { id } }", {"by": {"id": id_}})
    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.data == {"customer": None}


@pytest.mark.parametrize("external_id", ["\x00", "c" * 256])
async def test_an_external_id_that_no_table_holds_is_bad_input(api: Api, external_id: str) -> None:
    answer = await api("query($by: CustomerBy!) { customer(by: $by) { id } }", {"by": {"externalId": external_id}})
    assert answer.codes == ["BAD_USER_INPUT"]


async def test_sees_nothing_of_another_tenant(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    theirs = await other_tenant.customer("carol")

    assert (await api("query($id: ID!) { customer(by: {id: $id}) { id } }", {"id": gid("Customer", theirs)}))[
        "customer"
    ] is None
    assert (await api('{ customer(by: {externalId: "carol"}) { id } }'))["customer"] is None
    assert await names(api) == ([], False, False)


async def test_pages_forward_and_back(api: Api, five: list[str]) -> None:
    assert await names(api) == (five, False, False)
    assert await names(api, first=2) == (["a", "b"], True, False)
    b = await cursor_of(api, "b")
    assert await names(api, first=2, after=b) == (["c", "d"], True, True)
    d = await cursor_of(api, "d")
    assert await names(api, first=2, after=d) == (["e"], False, True)
    assert await names(api, last=2) == (["d", "e"], False, True)
    assert await names(api, last=2, before=d) == (["b", "c"], True, True)
    assert await names(api, last=9, before=b) == (["a"], True, False)
    assert await names(api, before=b) == (["a"], True, False)
    assert await names(api, after=b, before=d) == (["c"], True, True)
    assert await names(api, first=0) == ([], True, False)
    e = await cursor_of(api, "e")
    assert await names(api, after=e) == ([], False, True)


async def test_a_page_is_twenty_unless_asked_for(api: Api, tenant: Tenant) -> None:
    for number in range(21):
        await tenant.customer(f"n{number:02}")
    found, more, before = await names(api)
    assert (len(found), more, before) == (20, True, False)


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ({"first": -1}, "first must lie between 0 and 100"),
        ({"last": -1}, "last must lie between 0 and 100"),
        ({"first": 101}, "first must lie between 0 and 100"),
        ({"first": 1, "last": 1}, "either first or last"),
        ({"after": "nonsense"}, "cursor"),
        ({"before": ""}, "cursor"),
        ({"after": "é" * 2000}, "cursor"),
        ({"after": "WyJsZWRnZXIiLDFd"}, "cursor"),  # ["ledger",1]
        ({"after": "WyJjdXN0b21lcnMiLDEsMl0"}, "cursor"),  # ["customers",1,2]
        ({"after": "WyJjdXN0b21lcnMiXQ"}, "cursor"),  # ["customers"]
    ],
)
async def test_a_page_that_is_none_is_bad_input(api: Api, page: dict[str, Any], says: str) -> None:
    answer = await api(PAGE, page)
    assert answer.codes == ["BAD_USER_INPUT"]
    assert says in answer.errors[0]["message"]


async def test_searches_beginnings_whatever_the_case(api: Api, tenant: Tenant) -> None:
    await tenant.customer("X-1", "Anna Bell", "anna@example.com")
    await tenant.customer("X-2", "Bella Ash", "bella@example.org")
    await tenant.customer("y-3", "Cleo 50%_\\", None)

    for text, found in (
        ("bell", ["X-1", "X-2"]),
        ("ANNA@", ["X-1"]),
        ("x-", ["X-1", "X-2"]),
        ("ash", ["X-2"]),
        ("cleo 50%_\\", ["y-3"]),
        ("%", []),
        ("ella", []),
        ("  ", ["X-1", "X-2", "y-3"]),
    ):
        assert (await names(api, search=text))[0] == found, text
    assert await names(api, search="x-", first=1) == (["X-1"], True, False)
    assert (await api(PAGE, {"search": "\x00"})).codes == ["BAD_USER_INPUT"]


async def test_customers_may_not_list_but_find_themselves(api: Api, tenant: Tenant) -> None:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")

    assert (await api.as_customer("carol", "{ customers { edges { node { id } } } }")).codes == ["FORBIDDEN"]
    for by, found in (
        ({"externalId": "carol"}, True),
        ({"id": gid("Customer", carol)}, True),
        ({"externalId": "dave"}, False),
        ({"id": gid("Customer", dave)}, False),
    ):
        answer = await api.as_customer(
            "carol", "query($by: CustomerBy!) { customer(by: $by) { externalId } }", {"by": by}
        )
        assert answer["customer"] == ({"externalId": "carol"} if found else None)


async def test_a_scope_that_is_missing_closes_the_way_to_what_it_is_for(api: Api, tenant: Tenant) -> None:
    await tenant.customer("carol")
    partner: dict[str, Any] = {"role": Role.PARTNER, "scopes": [Scope.CUSTOMERS_READ], "client_id": "shop"}

    assert (await api('{ customer(by: {externalId: "carol"}) { name } }', **partner))["customer"][
        "name"
    ] == "Carol Customer"
    for field in (
        "balances { id }",
        'account(asset: "GBP") { id }',
        "ledger { edges { cursor } }",
        "invoices { edges { cursor } }",
        "coupons { edges { cursor } }",
    ):
        answer = await api(f'{{ customer(by: {{externalId: "carol"}}) {{ name {field} }} }}', **partner)
        assert answer.codes == ["FORBIDDEN"], field


@asynccontextmanager
async def counting(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """Every statement that a connection of the pool is given, in this block; settings that travel with one are none."""
    statements: list[str] = []
    settings = ("DO $$BEGIN SET LOCAL ", "SET LOCAL ", "END$$", "DISCARD PLANS")
    for name in ("execute", "fetch", "fetchrow", "fetchval", "executemany"):
        original = getattr(asyncpg.Connection, name)

        def patched(self: Any, query: str, *args: Any, _original: Any = original, **more: Any) -> Any:
            parts = map(str.strip, query.split(";"))
            statements.extend(part for part in parts if part and not part.startswith(settings))
            return _original(self, query, *args, **more)

        monkeypatch.setattr(asyncpg.Connection, name, patched)
    try:
        yield statements
    finally:
        monkeypatch.undo()


async def test_a_field_that_fails_leaves_no_connection_behind(api: Api, tenant: Tenant) -> None:
    customer = await tenant.customer("carol")
    await tenant.adjust(customer, "1.00")
    pool: Any = connections.get(CONNECTION_NAME)
    partner: dict[str, Any] = {"role": Role.PARTNER, "scopes": [Scope.CUSTOMERS_READ, Scope.LEDGER_READ]}
    pending = "balances { customer { name } credits { edges { node { transaction { note } } } } }"
    for fields in (
        f"{pending} coupons {{ edges {{ cursor }} }}",
        f"coupons {{ edges {{ cursor }} }} {pending}",
        f'{pending} account(asset: "GBP") {{ credits(first: -1) {{ edges {{ cursor }} }} }}',
    ):
        answer = await api(f'{{ customer(by: {{externalId: "carol"}}) {{ {fields} }} }}', **partner)
        assert len(answer.codes) == 1
        with suppress(TimeoutError):
            await until(lambda: pool._pool.get_idle_size() == pool._pool.get_size())
        assert pool._pool.get_idle_size() == pool._pool.get_size(), fields


HEADLINE = """query($first: Int) { customers(first: $first) { edges { node {
  externalId balances { asset available credits { edges { node { amount status } } } }
  invoices { edges { node { number due } } } } } pageInfo { hasNextPage } } }"""


async def test_a_page_costs_at_most_ten_statements_however_long(
    api: Api, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = await tenant.service("Cut")
    await tenant.tier("Gold", 10)
    for number in range(50):
        customer = await tenant.customer(f"n{number:02}")
        await tenant.adjust(customer, "2.50", note="sorry")
        await tenant.adjust(customer, "3", "SERVICE_CREDITS", service_ids=(cut,))
        if number < 8:
            await tenant.adjust(customer, "20", "POINTS")
            await tenant.invoice(customer, "9.00", auto_apply=True)

    async def run(query: str, first: int) -> tuple[list[dict[str, Any]], int]:
        await api("{ viewer { subject } }")  # the tenant is looked up, and then remembered for a while
        async with counting(monkeypatch) as statements:
            found = (await api(query, {"first": first}))["customers"]
        return [edge["node"] for edge in found["edges"]], len(statements)

    five, statements_for_five = await run(HEADLINE, 5)
    fifty, statements_for_fifty = await run(HEADLINE, 50)
    assert statements_for_five == statements_for_fifty <= 9
    assert (len(five), len(fifty)) == (5, 50)
    assert five[0]["invoices"]["edges"][0]["node"]["due"] == "6.50"

    _, statements_for_five = await run(DEEP, 5)
    deep, statements_for_fifty = await run(DEEP, 50)
    assert statements_for_five == statements_for_fifty <= 11
    assert [(b["asset"], b["available"], b["tier"]) for b in deep[7]["balances"]] == [
        ("GBP", "0.00", None),
        ("POINTS", "20", {"name": "Gold"}),
        ("SERVICE_CREDITS", "3", None),
    ]
    (credit,) = deep[7]["balances"][2]["credits"]["edges"]
    assert credit["node"]["services"] == [{"name": "Cut"}]
    assert deep[7]["balances"][0]["credits"]["edges"][0]["node"]["transaction"] == {
        "kind": "ADJUSTMENT",
        "note": "sorry",
    }
    assert deep[7]["invoices"]["edges"][0]["node"]["assignments"]["edges"] == [{"node": {"amount": "2.50"}}]


async def test_found_by_what_is_the_same_name(api: Api, tenant: Tenant) -> None:
    await tenant.customer("Zo\u00eb")
    for name in ("Zo\u00eb", "Zoe\u0308", "\u00a0Zo\u00eb\n"):
        by = {"by": {"externalId": name}}
        found = await api("query($by: CustomerBy!) { customer(by: $by) { externalId } }", by)
        assert found["customer"] == {"externalId": "Zo\u00eb"}
        searched = await api(
            "query($s: String) { customers(search: $s) { edges { node { externalId } } } }", {"s": name}
        )
        assert [edge["node"]["externalId"] for edge in searched["customers"]["edges"]] == ["Zo\u00eb"]
