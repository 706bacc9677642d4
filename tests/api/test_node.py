"""node: everything that has an id is found by it, by those who may see it."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLInterfaceType

from auth.roles import Role, Scope
from models.commands import MembershipChange, NotedLine
from models.operations.keep_feed import keep_feed
from models.operations.memberships import start_membership
from models.operations.releasing import update_credit
from models.planning.releasing import UpdateCredit
from schema.nodes import NODES
from tests.api.conftest import Api, gid
from tests.support.holds import hold
from tests.support.root_fields import ASKER, first_of
from tests.support.schema import SCHEMA
from tests.support.tenants import ADMIN, Tenant, known

NODE = "query($id: ID!) { node(id: $id) { __typename id } }"
NODES_OF = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
OWNED = [
    *("Customer", "Account", "Credit", "LedgerEntry", "Transaction", "Coupon", "Hold"),
    *("Invoice", "InvoiceLine", "Assignment", "Payment", "CreditNote", "CreditNoteLine"),
    *("CreditChange", "TierChange", "Membership", "Event"),
]


async def one_of_each(tenant: Tenant, external_id: str) -> dict[str, Any]:
    customer = await tenant.customer(external_id)
    credit = await tenant.adjust(customer, "10.00")
    invoice = await tenant.invoice(customer, "20.00", auto_apply=False)
    assigned = await tenant.assign(credit.credit_id, (invoice, "1.00"))
    paid = await tenant.pay(invoice, "2.00")
    line = (await tenant.lines_of(invoice))[0]
    noted = await tenant.note(invoice, None, NotedLine(line, None, Decimal("1.00")))
    change = UpdateCredit(known(credit.credit_id), expires_in_days=90)
    await update_credit(tenant.ledger, tenant.id, ADMIN, change, tenant.key())
    await start_membership(tenant.ledger, tenant.id, ADMIN, MembershipChange(customer))
    tier = await tenant.tier(f"Friends of {external_id}", sum(external_id.encode()) % 100)
    points = await tenant.adjust(customer, "100", "POINTS")
    tenant.clock.advance(seconds=1)
    await keep_feed(tenant.ledger, tenant.id)
    reward = await tenant.reward(50, name=f"Mug of {external_id}")
    coupon = await tenant.give(customer, reward)
    entries = "select id from entries where tenant_id = $1 and account_id = $2 limit 1"
    entry = (await tenant.fetch(entries, credit.account_id))[0]["id"]
    return {
        "Customer": customer,
        "Account": credit.account_id,
        "Credit": credit.credit_id,
        "LedgerEntry": entry,
        "Transaction": credit.transaction_id,
        "Invoice": invoice,
        "InvoiceLine": line,
        "Assignment": assigned.assignment_ids[0],
        "Payment": paid.payment_id,
        "CreditNote": noted.credit_note_id,
        "Coupon": coupon.coupon_id,
        "Hold": (await hold(tenant, customer, 1)).hold_id,
        "Reward": reward,
        "Service": await tenant.service(f"Cut of {external_id}"),
        "Tier": tier,
        "CreditChange": await first_of(tenant, "credit_changes", "credit_id", credit.credit_id),
        "TierChange": await first_of(tenant, "tier_changes", "account_id", points.account_id),
        "CreditNoteLine": await first_of(tenant, "credit_note_lines", "note_id", noted.credit_note_id),
        "Membership": customer,
        "AdjustmentReason": await first_of(tenant, "reasons"),
        "LimitRule": await first_of(tenant, "limit_rules"),
        "AuditRecord": await first_of(tenant, "audit_events", "customer_id", customer),
        "Actor": await first_of(tenant, "actors"),
    }


async def event_of(tenant: Tenant, customer: UUID) -> UUID:
    """The id of the customer's first event."""
    sql = "SELECT min(position) FROM feed WHERE tenant_id = $1 AND customer_id = $2"
    return UUID(int=(await tenant.rows(sql, customer))[0][0])


async def test_finds_each_kind(api: Api, tenant: Tenant) -> None:
    for kind, row_id in (await one_of_each(tenant, "carol")).items():
        assert (await api(NODE, {"id": gid(kind, row_id)}))["node"] == {"__typename": kind, "id": gid(kind, row_id)}


def test_knows_every_type_that_is_a_node() -> None:
    """Events of all kinds have ids of one."""
    node, event = SCHEMA.graphql.type_map["Node"], SCHEMA.graphql.type_map["Event"]
    assert isinstance(node, GraphQLInterfaceType)
    types = SCHEMA.graphql.get_possible_types(node)
    assert set(NODES) == {"Event" if event in type_.interfaces else type_.name for type_ in types}
    assert {kind for kind, rule in NODES.items() if rule.owner is not None} == set(OWNED)


async def test_customers_find_their_own_alone(api: Api, tenant: Tenant) -> None:
    carols, daves = await one_of_each(tenant, "carol"), await one_of_each(tenant, "dave")
    for kind in OWNED:
        if kind == "Event":
            carols[kind], daves[kind] = [await event_of(tenant, each["Customer"]) for each in (carols, daves)]
        own = await api.as_customer("carol", NODE, {"id": gid(kind, carols[kind])})
        others = await api.as_customer("carol", NODE, {"id": gid(kind, daves[kind])})
        nobodys = await api.as_customer("nobody", NODE, {"id": gid(kind, carols[kind])})
        typename = own["node"]["__typename"]
        assert typename == kind or typename.endswith(kind)
        assert own["node"]["id"] == gid(kind, carols[kind])
        assert (others["node"], nobodys["node"]) == (None, None), kind


async def test_sees_nothing_of_another_tenant(api: Api, other_tenant: Tenant) -> None:
    for kind, row_id in (await one_of_each(other_tenant, "carol")).items():
        assert (await api(NODE, {"id": gid(kind, row_id)}))["node"] is None, kind


@pytest.mark.parametrize("kind", [*NODES, "Nonsense"])
async def test_an_id_of_nothing_is_none(api: Api, tenant: Tenant, kind: str) -> None:
    assert (await api(NODE, {"id": gid(kind, UUID(int=7))}))["node"] is None


@pytest.mark.parametrize("id_", ["", "1", "not base64!", "\x00", "Q3VzdG9tZXI6" * 1000])
async def test_what_is_no_id_is_bad_input(api: Api, id_: str) -> None:
    answer = await api(NODE, {"id": id_})
    assert (answer.codes, answer.data) == (["BAD_USER_INPUT"], {"node": None})


async def test_who_asks_and_where_are_nodes(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    viewer = (await api("{ viewer { id tenant { id } } }"))["viewer"]
    for kind, id_ in (("Viewer", viewer["id"]), ("Tenant", viewer["tenant"]["id"])):
        assert (await api(NODE, {"id": id_}))["node"] == {"__typename": kind, "id": id_}
    assert (await api("{ viewer { id } }"))["viewer"]["id"] == viewer["id"]
    assert (await api("{ viewer { id } }", role=Role.STAFF))["viewer"]["id"] != viewer["id"]
    assert (await api(NODE, {"id": viewer["id"]}, role=Role.STAFF))["node"] is None
    assert (await api(NODE, {"id": gid("Tenant", other_tenant.id)}))["node"] is None


async def test_who_did_something_is_found_by_id(api: Api, tenant: Tenant) -> None:
    await tenant.adjust(await tenant.customer("carol"), "1.00")
    query = "{ auditTrail(last: 5) { edges { node { id actor { id subject role client } } } } }"
    actors = {edge["node"]["actor"]["id"]: edge["node"]["actor"] for edge in (await api(query))["auditTrail"]["edges"]}
    assert actors
    told = "query($id: ID!) { node(id: $id) { id ... on Actor { subject role client } } }"
    for id_, actor in actors.items():
        assert (await api(told, {"id": id_}))["node"] == actor
        assert (await api.as_customer("carol", told, {"id": id_}))["node"] is None


async def test_every_audit_record_is_found_by_id(api: Api, tenant: Tenant) -> None:
    await tenant.adjust(await tenant.customer("carol"), "1.00")
    fields = "id at kind action amount actor { subject }"
    listed = [
        e["node"] for e in (await api(f"{{ auditTrail {{ edges {{ node {{ {fields} }} }} }} }}"))["auditTrail"]["edges"]
    ]
    assert {record["kind"] for record in listed} == {None, "ADJUSTMENT"}
    query = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on AuditRecord {{ {fields} }} }} }}"
    assert (await api(query, {"ids": [record["id"] for record in listed]}))["nodes"] == listed


async def test_every_event_is_found_by_id_by_who_may_read_its_kind(api: Api, tenant: Tenant) -> None:
    carol = (await one_of_each(tenant, "carol"))["Customer"]
    await tenant.adjust(carol, "101.00", actor=ASKER, request_approval=True)
    tenant.clock.advance(seconds=1)
    await keep_feed(tenant.ledger, tenant.id)
    listed = [
        e["node"] for e in (await api("{ events(first: 100) { edges { node { id kind } } } }"))["events"]["edges"]
    ]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Event { id kind } } }"
    ids = {"ids": [event["id"] for event in listed]}
    assert (await api(query, ids))["nodes"] == listed
    narrow = await api(query, ids, role=Role.PARTNER, scopes=[Scope("events:read")], client_id="shop")
    seen = await api(
        "{ events(first: 100) { edges { node { id kind } } } }",
        role=Role.PARTNER,
        scopes=[Scope("events:read")],
        client_id="shop",
    )
    assert [node for node in narrow["nodes"] if node] == [edge["node"] for edge in seen["events"]["edges"]]
    assert None in narrow["nodes"]


async def test_several_come_in_the_order_that_they_were_asked_for(api: Api, tenant: Tenant) -> None:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    service = await tenant.service("Cut")
    asked = [gid("Customer", dave), gid("Service", service), gid("Customer", UUID(int=7)), gid("Customer", carol)]
    found = (await api(NODES_OF, {"ids": [*asked, asked[0]]}))["nodes"]
    assert [None if node is None else node["id"] for node in found] == [*asked[:2], None, asked[3], asked[0]]
    assert (await api(NODES_OF, {"ids": []}))["nodes"] == []


async def test_one_that_takes_another_right_costs_its_own_place_alone(api: Api, tenant: Tenant) -> None:
    carol, service = gid("Customer", await tenant.customer("carol")), gid("Service", await tenant.service("Cut"))
    token: dict[str, Any] = {"role": Role.PARTNER, "scopes": [Scope("customers:read")], "client_id": "shop"}
    answer = await api(NODES_OF, {"ids": [carol, service, carol]}, **token)
    assert answer.data is not None
    assert [node and node["id"] for node in answer.data["nodes"]] == [carol, None, carol]
    assert [(error["path"], error["extensions"]["code"]) for error in answer.errors] == [(["nodes", 1], "FORBIDDEN")]


async def test_too_many_and_what_is_no_id_are_bad_input(api: Api, tenant: Tenant) -> None:
    carol = gid("Customer", await tenant.customer("carol"))
    for ids in ([carol] * 101, [carol, "nonsense"]):
        answer = await api(NODES_OF, {"ids": ids})
        assert (answer.codes, answer.data) == (["BAD_USER_INPUT"], {"nodes": None})
    assert len((await api(NODES_OF, {"ids": [carol] * 100}))["nodes"]) == 100


async def test_several_cost_what_each_costs(api: Api, tenant: Tenant) -> None:
    carol = gid("Customer", await tenant.customer("carol"))

    async def cost(number: int) -> int:
        answer = await api(NODES_OF, {"ids": [carol] * number})
        requested: int = answer.response.json()["extensions"]["cost"]["requested"]
        return requested

    assert [await cost(n) for n in (1, 10, 100)] == [1, 10, 100]
