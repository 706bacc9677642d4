"""What is the same of every list: nodes, the count, the opposite order, cursors of one order, filters that are bounded."""

import json
from datetime import timedelta
from typing import Any, Final

import pytest
from graphql import GraphQLObjectType

from models.commands import MergeCustomers
from models.operations.keep_standings import keep_standings
from models.operations.merge_customers import merge_customers
from models.reads import counts, customers, paging
from tests.api.conftest import Api, gid
from tests.api.test_texts import write
from tests.support.clock import Clock
from tests.support.schema import SCHEMA
from tests.support.tenants import MANAGER, Tenant

PAGE: Final = """query($first: Int, $after: String, $last: Int, $before: String, $reverse: Boolean, $sort: CustomerSort,
    $filter: CustomerFilter) {
  customers(first: $first, after: $after, last: $last, before: $before, reverse: $reverse, sortBy: $sort, filter: $filter) {
    totalCount nodes { externalId } edges { cursor node { externalId } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
NAMES: Final = ["eve", "ann", "Bob", "dan", "Cid"]


async def page(api: Api, **asked: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await api(PAGE, asked))["customers"]
    assert found["nodes"] == [edge["node"] for edge in found["edges"]]
    return found


def shown(found: dict[str, Any]) -> list[str]:
    return [node["externalId"] for node in found["nodes"]]


async def walked(api: Api, **asked: Any) -> list[str]:
    """All pages of two, by their cursors: forth, and back again."""
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        found = await page(api, first=2, **asked, **cursor)
        assert found["pageInfo"]["hasPreviousPage"] is bool(seen)
        seen += shown(found)
        if not found["pageInfo"]["hasNextPage"]:
            break
        cursor = {"after": found["pageInfo"]["endCursor"]}
    back: list[str] = []
    cursor = {}
    while True:
        found = await page(api, last=2, **asked, **cursor)
        assert found["pageInfo"]["hasNextPage"] is bool(back)
        back = shown(found) + back
        if not found["pageInfo"]["hasPreviousPage"]:
            break
        cursor = {"before": found["pageInfo"]["startCursor"]}
    assert back == seen
    return seen


@pytest.fixture
async def five(tenant: Tenant, clock: Clock) -> None:
    for name in NAMES:
        await tenant.customer(name, name)
        clock.advance(timedelta(seconds=1))


@pytest.mark.usefixtures("five")
async def test_a_list_runs_in_either_direction(api: Api) -> None:
    assert await walked(api) == NAMES
    assert await walked(api, reverse=True) == NAMES[::-1]
    assert await walked(api, reverse=None) == NAMES
    by_name = ["ann", "Bob", "Cid", "dan", "eve"]
    assert await walked(api, sort="NAME") == by_name
    assert await walked(api, sort="NAME", reverse=True) == by_name[::-1]


@pytest.mark.usefixtures("five")
async def test_without_a_number_a_page_is_from_the_list_s_own_beginning(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "DEFAULT_PAGE", 2)
    assert shown(await page(api)) == NAMES[:2]
    assert shown(await page(api, reverse=True)) == NAMES[:2:-1]
    last = (await page(api, first=1, reverse=True))["pageInfo"]["startCursor"]
    assert shown(await page(api, reverse=True, after=last)) == ["dan", "Bob"]


@pytest.mark.usefixtures("five")
async def test_a_cursor_is_good_for_both_directions_and_for_one_order(api: Api) -> None:
    bob = next(e["cursor"] for e in (await page(api))["edges"] if e["node"]["externalId"] == "Bob")
    assert shown(await page(api, after=bob, reverse=True)) == ["ann", "eve"]
    assert shown(await page(api, before=bob, reverse=True)) == ["Cid", "dan"]
    answer = await api(PAGE, {"after": bob, "sort": "NAME"})
    assert answer.codes == ["BAD_USER_INPUT"]
    assert "another order" in answer.errors[0]["message"]
    assert "other" not in (await api(PAGE, {"after": "x"})).errors[0]["message"]


@pytest.mark.parametrize("letter", ["ж", "𝄞", '"', "a"])
async def test_lists_by_text_take_the_cursors_of_the_longest(api: Api, tenant: Tenant, letter: str) -> None:
    product = gid("Product", await tenant.product("3.00"))
    for last in ("1", "2"):
        reference, name = letter * 254 + last, letter * 199 + last
        customer = {"externalId": last, "name": reference, "reference": reference}
        made = await write(api, "upsertCustomer", customer, "customer { id }")
        order = {"customerId": made["customer"]["id"], "number": last, "currency": "GBP", "reference": reference}
        order |= {"items": [{"productId": product, "quantity": 1}], "idempotencyKey": last}
        await write(api, "createOrder", order, "replayed")
        goods = {"name": name, "kind": "GOODS", "currency": "GBP", "price": "3.00", "reference": reference}
        await write(api, "createProduct", goods, "product { id }")
        await write(
            api, "createReward", {"name": name, "kind": "FREE_PRODUCT", "pointsCost": "1", "product": "Tea"}, ""
        )
    begins = f"reference: {{startsWith: {json.dumps(letter)}}}"
    for field, arguments, shown_by, number in (
        ("customers", "sortBy: NAME", "name", 2),
        ("customers", f"filter: {{{begins}}}", "reference", 2),
        ("products", "", "name", 3),
        ("products", begins, "name", 2),
        ("rewards", "", "name", 2),
        ("invoices", begins, "number", 2),
        ("orders", begins, "number", 2),
    ):
        query = f"""query($after: String) {{
          {field}(first: 1, after: $after, {arguments}) {{
            nodes {{ {shown_by} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
        seen: list[str] = []
        going_on, after = True, None
        while going_on:
            found = (await api(query, {"after": after}))[field]
            seen += [node[shown_by] for node in found["nodes"]]
            going_on, after = found["pageInfo"]["hasNextPage"], found["pageInfo"]["endCursor"]
        assert len(set(seen)) == len(seen) == number, (field, arguments)


@pytest.mark.usefixtures("five")
async def test_a_count_is_of_the_whole_list_and_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await page(api, first=1))["totalCount"] == 5
    assert (await page(api, first=0, filter={"membership": ["ACTIVE"]}))["totalCount"] == 0
    assert (await page(api, first=0, filter={"search": "b"}))["totalCount"] == 1
    monkeypatch.setattr(counts, "MOST_COUNTED", 4)
    assert (await page(api, first=1))["totalCount"] is None
    assert (await page(api, first=1, filter={"search": "b"}))["totalCount"] == 1
    # Rows are looked at for it, whether or not they have it.
    assert (await page(api, first=1, filter={"membership": ["ACTIVE"]}))["totalCount"] is None


@pytest.mark.usefixtures("five")
async def test_what_no_index_leads_to_is_looked_for_among_so_many_rows_and_then_refused(
    api: Api, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tenant.execute(
        "UPDATE customers SET membership_started_at = now() WHERE tenant_id = $1 AND name = ANY($2)", ["ann", "Cid"]
    )
    asked: dict[str, Any] = {"filter": {"membership": ["ACTIVE"]}}
    assert await walked(api, **asked) == ["ann", "Cid"]
    assert await walked(api, sort="NAME", reverse=True, **asked) == ["Cid", "ann"]
    monkeypatch.setattr(paging, "LOOKED_AT", 3)
    monkeypatch.setattr(counts, "LOOKED_AT", 3)
    assert shown(await page(api, first=1, **asked)) == ["ann"]  # full
    answer = await api(PAGE, {"first": 2, **asked})
    assert answer.codes == ["BAD_USER_INPUT"]
    assert "filter.membership" in answer.errors[0]["message"]
    assert (await api(PAGE, {"first": 2, "reverse": True, **asked})).codes == ["BAD_USER_INPUT"]
    after = (await page(api, first=2))["pageInfo"]["endCursor"]
    assert shown(await page(api, first=2, after=after, **asked)) == ["Cid"]  # none follow


async def test_a_list_that_is_refused_costs_its_neighbours_nothing(
    api: Api, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of two customers are read in one statement."""
    few, many = await tenant.customer("few"), await tenant.customer("many")
    for customer, number in ((few, 1), (many, 4)):
        for _ in range(number):
            await tenant.invoice(customer, 1)
    monkeypatch.setattr(paging, "LOOKED_AT", 2)
    monkeypatch.setattr(counts, "LOOKED_AT", 2)
    query = """{ customers { nodes { externalId invoices(filter: {kind: ORDER}) { nodes { number } totalCount } } } }"""
    answer = await api(query)
    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.data is not None
    found = {node["externalId"]: node["invoices"] for node in answer.data["customers"]["nodes"]}
    assert found == {"few": {"nodes": [], "totalCount": 0}, "many": None}


async def test_a_count_costs_what_it_takes(api: Api) -> None:
    query = "{ customers(first: 1) { nodes { id } %s } }"
    costs = [
        (await api(query % more)).response.json()["extensions"]["cost"]["requested"] for more in ("", "totalCount")
    ]
    assert costs[1] - costs[0] == 100


@pytest.mark.parametrize(
    ("arguments", "variables", "cost"),
    [
        ("", {}, 0),
        ('filter: {search: "a"}', {}, 100),
        ("filter: $filter", {"filter": {}}, 100),
        ("filter: $filter", {"filter": None}, 0),
        ("filter: $filter", {}, 0),
        ("sortBy: NAME", {}, 0),
    ],
)
async def test_a_filter_costs_what_is_looked_at(api: Api, arguments: str, variables: dict[str, Any], cost: int) -> None:
    costs = []
    for asked in (f"first: 1 {arguments}", "first: 1"):
        query = f"query($filter: CustomerFilter) {{ customers({asked}) {{ nodes {{ id }} }} ...Unused }}"
        unused = "fragment Unused on Query { c: customers(filter: $filter) { nodes { id } } }"
        answer = await api(f"{query} {unused}", variables)
        costs.append(answer.response.json()["extensions"]["cost"]["requested"])
    assert costs[0] - costs[1] == cost


def test_every_connection_has_them() -> None:
    types = SCHEMA.graphql.type_map
    connections = [name for name in types if name.endswith("Connection")]
    assert len(connections) > 15
    for name in connections:
        type_ = types[name]
        assert isinstance(type_, GraphQLObjectType)
        assert {"nodes", "totalCount", "edges", "pageInfo"} <= type_.fields.keys()
    for type_ in types.values():
        if isinstance(type_, GraphQLObjectType):
            for name, field in type_.fields.items():
                if "first" in field.args:
                    assert str(field.args["reverse"].type) == "Boolean", f"{type_.name}.{name}"


async def test_a_search_finds_what_stands_within_an_external_id(api: Api, tenant: Tenant) -> None:
    for external_id, name in (("C-17404", "Anna Schmidt"), ("C-17405", "7404 Ben"), ("7404", "Cid"), ("C-99", "Dan")):
        await tenant.customer(external_id, name, f"{name[:3].lower()}@example.com")
    for text, found in (
        ("7404", {"C-17404", "C-17405", "7404"}),
        ("1740", {"C-17404", "C-17405"}),
        ("-17404", {"C-17404"}),
        ("74", {"7404", "C-17405"}),  # two characters are looked for at beginnings alone
        ("SCHM", {"C-17404"}),
        ("c-", {"C-17404", "C-17405", "C-99"}),
        ("dan@", {"C-99"}),
        ("404x", set()),
    ):
        assert set(shown(await page(api, filter={"search": text}))) == found, text


async def test_a_search_of_many_finds_the_same(api: Api, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = await tenant.customer("C-17404", "Anna")
    old = await tenant.customer("X-27404", "Old")
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(old, anna), tenant.key())
    await tenant.customer("C-55", "Ben")
    for text in ("7404", "2740", "x-", "c-", "anna", "17404", "b"):
        few = shown(await page(api, filter={"search": text}, sort="NAME"))
        with monkeypatch.context() as patch:
            patch.setattr(customers, "FEW_FOUND", 0)
            assert shown(await page(api, filter={"search": text}, sort="NAME")) == few
        assert few
    assert shown(await page(api, filter={"search": "27404"})) == ["C-17404"]


BEGUN: Final = """query($search: String, $sort: CustomerSort, $filter: CustomerFilter, $reverse: Boolean) {
  customers(search: $search, sortBy: $sort, filter: $filter, reverse: $reverse) { totalCount nodes { externalId } } }"""


async def test_a_search_by_a_beginning_finds_the_same_in_each_order_of_few_and_of_many(
    api: Api, tenant: Tenant, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The argument beside the filter: a word that all have, with one that few have; and both at once."""
    people = [await tenant.customer(f"C-{n}", f"Customer {n % 3:03}") for n in range(9)]
    old = await tenant.customer("old", "Customer 002")
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(old, people[0]), tenant.key())
    for person in people:
        clock.advance(timedelta(seconds=1))
        await tenant.adjust(person, 1)
    clock.advance(timedelta(seconds=1))
    assert await keep_standings(tenant.ledger, tenant.id)
    wanted = {"C-0", "C-2", "C-5", "C-8"}
    for sort in (None, "CREATED", "NAME", "BALANCE", "LAST_ACTIVITY"):
        for few in (1_000, 3):
            monkeypatch.setattr(customers, "FEW_FOUND", few)
            asked: dict[str, Any] = {"search": "customer 002", "sort": sort, "filter": {"hasBalance": "GBP"}}
            for reverse in (False, True):
                found = (await api(BEGUN, asked | {"reverse": reverse}))["customers"]
                assert {node["externalId"] for node in found["nodes"]} == wanted, (sort, few)
                assert found["totalCount"] == len(wanted)
            both = (await api(BEGUN, asked | {"filter": {"hasBalance": "GBP", "search": "c-5"}}))["customers"]
            assert [node["externalId"] for node in both["nodes"]] == ["C-5"], (sort, few)


SENHOR = "João da Silva Santos-Pereira d'Avila e Costa"
FOUND_BY_WORDS = {
    SENHOR: ("joão", "JOÃO DA S", "da silva", "silva", "Santos", "santos-per", "pereira d", "costa"),
    "Ann Smith-Jones": ("ann s", "smith", "JONES", "jones"),
    "O’Brien & Sons (Cork) Ltd.": ("o’b", "brien", "sons", "cork", "ltd"),
    "“Acme” Shop_2": ("“acme", "shop", "2"),
    "山田 太郎": ("山田", "太郎"),
    "Ines": ("ines", "ines.maria", "maria_do", "do.carmo", "mail.example", "ines.maria_do.carmo+x@mail.example.org"),
}
NOT_BY = ("oão", "ilva", "ones", "mith-j", "example.org", "carmo", "@mail", "x@", "avila e", "e costa")
"""What stands within a word; a word beyond the first five; a part beyond the first three, and parts of a domain."""


async def test_a_search_finds_what_words_begin_with(api: Api, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FOUND_BY_WORDS:
        email = "Ines.Maria_do.carmo+x@Mail.Example.org" if name == "Ines" else None
        await tenant.customer(name[:3].strip(), name, email)
    for few in (1_000, 0):
        monkeypatch.setattr(customers, "FEW_FOUND", few)
        for name, texts in FOUND_BY_WORDS.items():
            for text in texts:
                assert shown(await page(api, filter={"search": text})) == [name[:3].strip()], text
        for text in NOT_BY:
            assert shown(await page(api, filter={"search": text})) == [], text


async def test_a_search_that_finds_each_of_many_in_many_ways_is_one_of_many(
    api: Api, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        await tenant.customer(f"ann-{n}", "Ann-Ann Ann-Ann Ann", f"ann.ann.ann{n}@ann.example")
    monkeypatch.setattr(customers, "MOST_READ", 6)
    assert len(shown(await page(api, filter={"search": "ann"}))) == 5
