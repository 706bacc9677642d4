"""One person of several records, as whoever reads finds them: by any id and name, with all that any record had."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest

from auth.roles import Role
from models.commands import Actor, AdjustCredit, GiveReward, MergeCustomers
from models.operations.adjust import adjust_credit
from models.operations.give_reward import give_reward
from models.operations.merge_customers import merge_customers
from tests.api.conftest import Api, bearer, gid
from tests.support.clock import Clock
from tests.support.tenants import ADMIN, Tenant

STAFF: Final = Actor("sam", "STAFF", name="Sam")
WHO: Final = "query($by: CustomerBy!) { customer(by: $by) { id externalId balances { id asset available } } }"
_ARGUMENTS: Final = "customerId: $id, after: $after, first: $first"
_MORE: Final = "pageInfo { endCursor hasNextPage } } }"
_NODE: Final = "edges { node { id customer { externalId } } }"
_QUERY: Final = "query($id: ID!, $after: String, $first: Int) {"
LISTS: Final = {
    "ledger": f"{_QUERY} found: ledger({_ARGUMENTS}) {{ edges {{ node {{ id account {{ id }} sequence }} }} {_MORE}",
    "invoices": f"{_QUERY} found: invoices({_ARGUMENTS}) {{ {_NODE} {_MORE}",
    "credits": f"{_QUERY} found: credits({_ARGUMENTS}) {{ edges {{ node {{ id }} }} {_MORE}",
    "approvals": f"{_QUERY} found: approvalRequests({_ARGUMENTS}) {{ {_NODE} {_MORE}",
    "audit": f"""{_QUERY} found: auditTrail({_ARGUMENTS}) {{
        edges {{ node {{ at action kind customer {{ externalId }} transaction {{ id }} subjectId }} }} {_MORE}""",
    "coupons": f"""{_QUERY} person: node(id: $id) {{ ... on Customer {{
        coupons(after: $after, first: $first) {{ {_NODE} {_MORE} }} }}""",
}


def named(node: dict[str, Any]) -> dict[str, Any]:
    """The node, with something that tells records of the audit apart."""
    transaction = node.get("transaction") or {}
    node.setdefault("id", f"{node.get('at')} {node.get('action')} {node.get('subjectId')} {transaction.get('id')}")
    return node


class People:
    """Ann, who becomes Bea, who becomes Cat: each with one of everything."""

    def __init__(self, api: Api, tenant: Tenant, clock: Clock) -> None:
        self.api, self.tenant, self.clock = api, tenant, clock
        self.ids: dict[str, UUID] = {}
        self.invoices: dict[str, UUID] = {}

    async def come(self, *names: str) -> None:
        reward = await self.tenant.reward(5, name=f"Tea {names}")
        for name in names:
            self.ids[name] = person = await self.tenant.customer(name, f"{name.title()} Person", f"{name}@x.y")
            self.later()
            await self.tenant.adjust(person, "30.00")
            invoice = await self.tenant.invoice(person, "7.00", auto_apply=False)
            assert invoice is not None
            self.invoices[name] = invoice
            command = GiveReward(person, reward, False)
            await give_reward(self.tenant.ledger, self.tenant.id, ADMIN, command, self.tenant.key())
            asked = AdjustCredit(person, "GBP", Decimal(200), "GOODWILL", request_approval=True)
            await adjust_credit(self.tenant.ledger, self.tenant.id, STAFF, asked, self.tenant.key())
            self.later()

    async def merge(self, one: str, into: str) -> datetime:
        at = self.clock() + timedelta(minutes=1)
        self.later()
        command = MergeCustomers(self.ids[one], self.ids[into])
        await merge_customers(self.tenant.ledger, self.tenant.id, ADMIN, command, self.tenant.key())
        self.later()
        return at

    def later(self) -> None:
        self.clock.advance(timedelta(minutes=2))

    def id(self, name: str) -> str:
        return gid("Customer", self.ids[name])

    async def page(self, kind: str, name: str, after: str | None = None, first: int = 100) -> Any:
        answer = await self.api(LISTS[kind], {"id": self.id(name), "after": after, "first": first})
        assert not answer.errors, answer.errors
        assert answer.data is not None
        page = answer.data["found"] if "found" in answer.data else answer.data["person"]["coupons"]
        for edge in page["edges"]:
            named(edge["node"])
        return page

    async def follow(self, kind: str, name: str, after: str | None = None, first: int = 2) -> list[Any]:
        nodes, more = [], True
        while more:
            page = await self.page(kind, name, after, first)
            nodes += [edge["node"] for edge in page["edges"]]
            more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
        return nodes


@pytest.fixture
async def people(api: Api, tenant: Tenant, clock: Clock) -> People:
    people = People(api, tenant, clock)
    await people.come("ann", "bea", "cat")
    return people


async def test_every_id_and_name_is_the_person_s(people: People, api: Api) -> None:
    await people.merge("ann", "bea")
    await people.merge("bea", "cat")
    cat = (await api(WHO, {"by": {"id": people.id("cat")}}))["customer"]
    assert cat["externalId"] == "cat"
    assert [(each["asset"], each["available"]) for each in cat["balances"]] == [("GBP", "90.00")]
    for name in ("ann", "bea"):
        assert (await api(WHO, {"by": {"id": people.id(name)}}))["customer"] == cat
        assert (await api(WHO, {"by": {"externalId": name}}))["customer"] == cat
        balances = await api("query($id: ID!) { balances(customerId: $id) { id } }", {"id": people.id(name)})
        assert balances["balances"] == [{"id": cat["balances"][0]["id"]}]
        node = await api("query($id: ID!) { node(id: $id) { id } }", {"id": people.id(name)})
        assert node["node"] == {"id": people.id("cat")}
    found = "query($s: String) { customers(search: $s) { edges { node { externalId } } } }"
    for search in (None, "ann", "Bea P", "person", "ann@", "cat"):
        edges = (await api(found, {"s": search}))["customers"]["edges"]
        assert [edge["node"]["externalId"] for edge in edges] == ["cat"], search
    assert (await api(found, {"s": "dan"}))["customers"]["edges"] == []


@pytest.mark.parametrize("kind", LISTS)
async def test_a_list_has_what_all_records_had_each_thing_once(people: People, kind: str) -> None:
    own = {name: await people.follow(kind, name) for name in ("ann", "bea", "cat")}
    await people.merge("ann", "bea")
    await people.merge("bea", "cat")
    for name in ("cat", "ann"):
        listed = [node["id"] for node in await people.follow(kind, name)]
        assert len(listed) == len(set(listed))
        mine = [node["id"] for node in own["cat"]]
        # What the merges brought stands behind what was there, the older merge's first where both came at once.
        assert listed[: len(mine)] == mine
        if kind == "credits":  # those that were moved are new ones
            assert len(listed) == 3
        else:
            assert set(listed) >= {node["id"] for nodes in own.values() for node in nodes}
    listed = await people.follow(kind, "cat")
    assert {node["customer"]["externalId"] for node in listed if "customer" in node} <= {"cat"}


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("first", [1, 2, 100])
async def test_who_follows_a_list_misses_nothing_that_a_merge_brings(people: People, kind: str, first: int) -> None:
    before = await people.page(kind, "cat")
    cursor = before["pageInfo"]["endCursor"]
    seen = [edge["node"]["id"] for edge in before["edges"]]
    await people.merge("ann", "cat")
    more = await people.page(kind, "cat", cursor, first)
    seen += [edge["node"]["id"] for edge in more["edges"]]
    await people.merge("bea", "cat")
    await people.tenant.adjust(people.ids["ann"], "1.00")
    seen += [node["id"] for node in await people.follow(kind, "cat", more["pageInfo"]["endCursor"], first)]
    assert seen == [node["id"] for node in await people.follow(kind, "cat")]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("kind", LISTS)
async def test_backwards_it_is_the_same_list(people: People, kind: str) -> None:
    await people.merge("ann", "bea")
    await people.merge("bea", "cat")
    forwards = [node["id"] for node in await people.follow(kind, "cat")]
    query = LISTS[kind].replace("$after", "$before").replace("after:", "before:")
    query = query.replace("$first", "$last").replace("first:", "last:")
    query = query.replace("endCursor hasNextPage", "startCursor hasPreviousPage")
    backwards: list[str] = []
    before, more = None, True
    while more:
        answer = await people.api(query, {"id": people.id("cat"), "before": before, "last": 2})
        assert answer.data is not None
        page = answer.data["found"] if "found" in answer.data else answer.data["person"]["coupons"]
        backwards = [named(edge["node"])["id"] for edge in page["edges"]] + backwards
        more, before = page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["startCursor"]
    assert backwards == forwards


async def test_a_customer_s_own_token_sees_what_all_records_had(people: People, api: Api) -> None:
    await people.merge("ann", "cat")
    coupons = await people.tenant.fetch("select id, code, customer_id from coupons where tenant_id = $1")
    ours = [row for row in coupons if row["customer_id"] != people.ids["bea"]]
    assert len(ours) == 2
    for row in coupons:
        answer = await api.as_customer(
            "cat", "query($c: String!) { coupon(by: {code: $c}) { id } }", {"c": row["code"]}
        )
        assert answer.data == {"coupon": {"id": gid("Coupon", row["id"])} if row in ours else None}
    for name, seen in (("ann", True), ("bea", False), ("cat", True)):
        invoice = {"id": gid("Invoice", people.invoices[name])}
        answer = await api.as_customer("cat", "query($id: ID!) { invoice(id: $id) { id } }", invoice)
        assert answer.data == {"invoice": invoice if seen else None}
        answer = await api.as_customer("cat", "query($id: ID!) { node(id: $id) { id } }", invoice)
        assert answer.data == {"node": invoice if seen else None}
        ledger = "query($id: ID!) { ledger(customerId: $id) { edges { node { id } } } }"
        told = (await api.as_customer("cat", ledger, {"id": people.id(name)})).data
        assert told is not None
        assert (told["ledger"] is not None) is seen


async def test_liability_has_the_sources_that_it_had(people: People, api: Api) -> None:
    query = "query($at: DateTime) { liability(at: $at) { asset bySource { kind reason outstanding } } }"
    before = (await api(query))["liability"]
    then = people.clock()
    await people.merge("ann", "bea")
    await people.merge("bea", "cat")
    assert (await api(query))["liability"] == before
    assert [part["kind"] for part in before[0]["bySource"]] == ["ADJUSTMENT"]
    now = people.clock().isoformat()
    people.later()
    for at in (then.isoformat(), now):
        assert (await api(query, {"at": at}))["liability"] == before


async def test_a_balance_of_before_is_each_account_s_own(people: People, api: Api) -> None:
    accounts = await people.tenant.fetch("select id, customer_id from accounts where tenant_id = $1")
    then = people.clock().isoformat()
    people.later()
    await people.merge("ann", "cat")
    query = """query($id: ID!, $at: DateTime!) { node(id: $id) { ... on Account { balanceAt(at: $at)
        customer { externalId } } } }"""
    for row in accounts:
        found = (await api(query, {"id": gid("Account", row["id"]), "at": then}))["node"]
        name = "bea" if row["customer_id"] == people.ids["bea"] else "cat"
        assert found == {"balanceAt": "30.00", "customer": {"externalId": name}}


STATEMENT: Final = """query($id: ID!, $from: DateTime, $to: DateTime) {
  statement(customerId: $id, asset: "GBP", from: $from, to: $to) {
  openingBalance closingBalance entries(first: 100) { edges { node { amount sequence account { id } } } } csv } }"""


async def test_a_statement_has_all_records_entries_from_the_merge_on(people: People, api: Api) -> None:
    start = people.clock().isoformat()
    before = (await api(STATEMENT, {"id": people.id("cat"), "to": start}))["statement"]
    merged = await people.merge("ann", "cat")
    await people.tenant.adjust(people.ids["ann"], "1.00")
    people.later()
    assert (await api(STATEMENT, {"id": people.id("cat"), "to": start}))["statement"] == before
    assert before["closingBalance"] == "30.00"
    assert before["csv"].count("OPENING BALANCE") == 1
    for name in ("cat", "ann"):
        now = (await api(STATEMENT, {"id": people.id(name)}))["statement"]
        assert (now["openingBalance"], now["closingBalance"]) == ("0.00", "61.00")
        entries = [edge["node"] for edge in now["entries"]["edges"]]
        assert [(e["amount"], e["sequence"]) for e in entries] == [
            ("30.00", 1),
            ("30.00", 1),
            ("-30.00", 2),
            ("0.00", 3),
            ("30.00", 2),
            ("0.00", 3),
            ("1.00", 4),
        ]
        assert len({e["account"]["id"] for e in entries}) == 2
        assert now["csv"].count("OPENING BALANCE") == 2
        assert {e["account"]["id"] for e in entries} == {line.split(",")[9] for line in now["csv"].splitlines()[1:]}
    part = (await api(STATEMENT, {"id": people.id("cat"), "from": merged.isoformat()}))["statement"]
    assert (part["openingBalance"], part["closingBalance"]) == ("60.00", "61.00")
    header = {"authorization": bearer(people.tenant.slug, Role.STAFF)}
    file = await api.client.get(f"/statements/{people.id('ann')}.csv", headers=header)
    assert file.text == now["csv"]


async def test_what_a_merge_moved_of_an_order_is_shown_where_it_is(people: People, api: Api) -> None:
    tenant = people.tenant
    product = await tenant.product("1.00", "CREDIT", name="Voucher")
    order = await tenant.order(people.ids["ann"], (product, 50))
    await tenant.pay(order, "50.00")
    query = """query($id: ID!) { invoice(id: $id) { granted { edges { node { amount remaining
        account { id customer { externalId } } } } } } }"""
    await people.merge("ann", "cat")
    (edge,) = (await api(query, {"id": gid("Invoice", order)}))["invoice"]["granted"]["edges"]
    cats = (await api(WHO, {"by": {"id": people.id("cat")}}))["customer"]["balances"]
    assert edge["node"] == {
        "amount": "50.00",
        "remaining": "50.00",
        "account": {"id": cats[0]["id"], "customer": {"externalId": "cat"}},
    }
