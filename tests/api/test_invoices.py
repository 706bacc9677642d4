"""invoice and invoices."""

from typing import Any

import pytest

from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

INVOICES = """query($customer: ID, $status: [InvoiceStatus!], $first: Int, $last: Int) {
  invoices(customerId: $customer, status: $status, first: $first, last: $last) {
    edges { node { number status } } pageInfo { hasNextPage hasPreviousPage } } }"""


async def numbers(api: Api, **arguments: Any) -> list[str]:
    found = (await api(INVOICES, arguments))["invoices"]
    return [edge["node"]["number"] for edge in found["edges"]]


@pytest.fixture
async def billed(tenant: Tenant) -> dict[str, Any]:
    """Carol has an open, a part-paid and a paid invoice; Dave an open one."""
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    ids = {}
    for number, customer in (("C-1", carol), ("C-2", carol), ("D-1", dave), ("C-3", carol)):
        ids[number] = await tenant.invoice(customer, "10.00", number=number, auto_apply=False)
    await tenant.pay(ids["C-2"], "4.00")
    await tenant.pay(ids["C-3"], "10.00", "CARD")
    return {"carol": carol, "dave": dave, **ids}


async def test_lists_all_or_one_customers(api: Api, billed: dict[str, Any]) -> None:
    assert await numbers(api) == ["C-1", "C-2", "D-1", "C-3"]
    assert await numbers(api, customer=gid("Customer", billed["carol"])) == ["C-1", "C-2", "C-3"]
    assert await numbers(api, status=["OPEN"]) == ["C-1", "D-1"]
    assert await numbers(api, status=["PART_PAID", "PAID"], customer=gid("Customer", billed["carol"])) == ["C-2", "C-3"]
    assert await numbers(api, status=[]) == []
    assert await numbers(api, last=1) == ["C-3"]


async def test_says_what_is_due_and_why(api: Api, tenant: Tenant, billed: dict[str, Any]) -> None:
    credit = await tenant.adjust(billed["carol"], "5.00")
    await tenant.assign(credit.credit_id, (billed["C-2"], "1.50"))
    query = """query($id: ID!) { invoice(id: $id) { id number currency status total paid credited due issuedOn dueOn
      customer { externalId } assignments { edges { node { amount origin releasedAt
        credit { remaining assignments { edges { node { invoice { number } } } } } } } } } }"""

    invoice = (await api(query, {"id": gid("Invoice", billed["C-2"])}))["invoice"]

    del invoice["issuedOn"]
    assert invoice == {
        "id": gid("Invoice", billed["C-2"]),
        "number": "C-2",
        "currency": "GBP",
        "status": "PART_PAID",
        "total": "10.00",
        "paid": "4.00",
        "credited": "1.50",
        "due": "4.50",
        "dueOn": None,
        "customer": {"externalId": "carol"},
        "assignments": {
            "edges": [
                {
                    "node": {
                        "amount": "1.50",
                        "origin": "MANUAL",
                        "releasedAt": None,
                        "credit": {
                            "remaining": "3.50",
                            "assignments": {"edges": [{"node": {"invoice": {"number": "C-2"}}}]},
                        },
                    }
                }
            ]
        },
    }


async def test_unknown_ones_are_none(api: Api, other_tenant: Tenant, billed: dict[str, Any]) -> None:
    theirs = await other_tenant.invoice(await other_tenant.customer(), "1.00", auto_apply=False)
    one = "query($id: ID!) { invoice(id: $id) { id } }"
    assert (await api(one, {"id": gid("Invoice", theirs)}))["invoice"] is None
    assert (await api(one, {"id": gid("Customer", billed["carol"])}))["invoice"] is None
    assert (await api(one, {"id": "C-1"})).codes == ["BAD_USER_INPUT"]
    assert (await api(INVOICES, {"customer": gid("Customer", theirs)}))["invoices"] is None
    assert (await api(INVOICES, {"customer": gid("Invoice", billed["C-1"])}))["invoices"] is None
    assert (await api(INVOICES, {"customer": ""})).codes == ["BAD_USER_INPUT"]


async def test_customers_see_their_own_alone(api: Api, billed: dict[str, Any]) -> None:
    own = (await api.as_customer("carol", INVOICES))["invoices"]["edges"]
    assert [edge["node"]["number"] for edge in own] == ["C-1", "C-2", "C-3"]
    assert (await api.as_customer("carol", INVOICES, {"customer": gid("Customer", billed["dave"])}))["invoices"] is None
    assert (await api.as_customer("nobody", INVOICES))["invoices"] is None
    one = "query($id: ID!) { invoice(id: $id) { number } }"
    assert (await api.as_customer("carol", one, {"id": gid("Invoice", billed["C-1"])}))["invoice"] == {"number": "C-1"}
    assert (await api.as_customer("carol", one, {"id": gid("Invoice", billed["D-1"])}))["invoice"] is None
