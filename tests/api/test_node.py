"""node: everything that has an id is found by it, by those who may see it."""

from typing import Any

import pytest
from strawberry.types.base import get_object_definition

from schema.nodes import NODES
from schema.types.base import Node
from tests.api.conftest import Api, gid
from tests.support.holds import hold
from tests.support.schema import SCHEMA
from tests.support.tenants import Tenant

NODE = "query($id: ID!) { node(id: $id) { __typename id } }"
OWNED = [
    *("Customer", "Account", "Credit", "LedgerEntry", "Transaction", "Coupon", "Hold"),
    *("Invoice", "InvoiceLine", "Assignment", "Payment", "CreditNote"),
]


async def one_of_each(tenant: Tenant, external_id: str) -> dict[str, Any]:
    customer = await tenant.customer(external_id)
    credit = await tenant.adjust(customer, "10.00")
    invoice = await tenant.invoice(customer, "20.00", auto_apply=False)
    assigned = await tenant.assign(credit.credit_id, (invoice, "1.00"))
    paid = await tenant.pay(invoice, "2.00")
    noted = await tenant.note(invoice, "1.00")
    await tenant.adjust(customer, "100", "POINTS")
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
        "InvoiceLine": (await tenant.lines_of(invoice))[0],
        "Assignment": assigned.assignment_ids[0],
        "Payment": paid.payment_id,
        "CreditNote": noted.credit_note_id,
        "Coupon": coupon.coupon_id,
        "Hold": (await hold(tenant, customer, 1)).hold_id,
        "Reward": reward,
        "Service": await tenant.service(f"Cut of {external_id}"),
        "Tier": await tenant.tier(f"Friends of {external_id}", sum(external_id.encode())),
    }


async def test_finds_each_kind(api: Api, tenant: Tenant) -> None:
    for kind, row_id in (await one_of_each(tenant, "carol")).items():
        assert (await api(NODE, {"id": gid(kind, row_id)}))["node"] == {"__typename": kind, "id": gid(kind, row_id)}


def test_knows_every_type_that_is_a_node() -> None:
    interface = SCHEMA.graphql.type_map[get_object_definition(Node, strict=True).name]
    kinds = {type_.name for type_ in SCHEMA.graphql.get_possible_types(interface)}  # type: ignore[arg-type]
    assert set(NODES) == kinds
    assert {kind for kind, rule in NODES.items() if rule.owner is not None} == set(OWNED)


async def test_customers_find_their_own_alone(api: Api, tenant: Tenant) -> None:
    carols, daves = await one_of_each(tenant, "carol"), await one_of_each(tenant, "dave")
    for kind in OWNED:
        own = await api.as_customer("carol", NODE, {"id": gid(kind, carols[kind])})
        others = await api.as_customer("carol", NODE, {"id": gid(kind, daves[kind])})
        nobodys = await api.as_customer("nobody", NODE, {"id": gid(kind, carols[kind])})
        assert own["node"] == {"__typename": kind, "id": gid(kind, carols[kind])}
        assert (others["node"], nobodys["node"]) == (None, None), kind


async def test_sees_nothing_of_another_tenant(api: Api, other_tenant: Tenant) -> None:
    for kind, row_id in (await one_of_each(other_tenant, "carol")).items():
        assert (await api(NODE, {"id": gid(kind, row_id)}))["node"] is None, kind


@pytest.mark.parametrize("kind", [*NODES, "Tenant", "Nonsense"])
async def test_an_id_of_nothing_is_none(api: Api, tenant: Tenant, kind: str) -> None:
    assert (await api(NODE, {"id": gid(kind, tenant.id)}))["node"] is None


@pytest.mark.parametrize("id_", ["", "1", "not base64!", "\x00", "Q3VzdG9tZXI6" * 1000])
async def test_what_is_no_id_is_bad_input(api: Api, id_: str) -> None:
    answer = await api(NODE, {"id": id_})
    assert (answer.codes, answer.data) == (["BAD_USER_INPUT"], {"node": None})
