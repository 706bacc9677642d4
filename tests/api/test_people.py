"""updateCustomer, mergeCustomers and eraseCustomer, as a client meets them."""

from datetime import datetime

from auth.roles import Role
from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

UPDATE = """mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) {
  changed customer { externalId name email } userErrors { code field } } }"""
MERGE = """mutation($input: MergeCustomersInput!) { mergeCustomers(input: $input) {
  replayed customer { externalId account(asset: "POINTS") { available lifetime } } userErrors { code field } } }"""
ERASE = """mutation($input: EraseCustomerInput!) { eraseCustomer(input: $input) {
  changed customer { name email erasedAt } userErrors { code field } } }"""
LEDGER = """query($id: ID!) { node(id: $id) { ... on Account { ledger { edges { node {
  amount counter credit { id } transaction { kind note } } } } } } }"""


async def test_what_is_left_out_stays_and_null_takes_off(api: Api, tenant: Tenant) -> None:
    carol = gid("Customer", await tenant.customer("carol"))
    changed = (await api(UPDATE, {"input": {"customerId": carol, "name": "Caro", "email": "c@d.e"}}))["updateCustomer"]
    assert changed["customer"] == {"externalId": "carol", "name": "Caro", "email": "c@d.e"}
    again = (await api(UPDATE, {"input": {"customerId": carol, "name": "Caro"}}))["updateCustomer"]
    assert again == {**changed, "changed": False}
    off = (await api(UPDATE, {"input": {"customerId": carol, "email": None}}))["updateCustomer"]
    assert off["customer"] == {"externalId": "carol", "name": "Caro", "email": None}
    async with tenant.nothing_moves():
        for wrong in ({"name": ""}, {"email": "x"}, {"externalId": "y" * 256}):
            refused = (await api(UPDATE, {"input": {"customerId": carol, **wrong}}))["updateCustomer"]
            assert (refused["userErrors"][0]["code"], refused["customer"]) == ("INVALID", None)


async def test_merged_once_and_seen_in_both_histories(api: Api, tenant: Tenant) -> None:
    carol, caro = await tenant.customer("carol"), await tenant.customer("caro")
    await tenant.adjust(caro, "300", "POINTS")
    asked = {
        "input": {
            "fromId": gid("Customer", caro),
            "intoId": gid("Customer", carol),
            "note": "One",
            "idempotencyKey": "k",
        }
    }
    first = (await api(MERGE, asked, role=Role.MANAGER))["mergeCustomers"]
    assert first == {
        "replayed": False,
        "userErrors": [],
        "customer": {"externalId": "carol", "account": {"available": "300", "lifetime": "300"}},
    }
    async with tenant.nothing_moves():
        assert (await api(MERGE, asked, role=Role.MANAGER))["mergeCustomers"] == {**first, "replayed": True}
        assert (await api(MERGE, asked, role=Role.STAFF)).codes == ["FORBIDDEN"]
    accounts = await tenant.fetch("select id, customer_id from accounts where tenant_id = $1")
    found = {row["customer_id"]: gid("Account", row["id"]) for row in accounts}
    for customer, amounts in ((caro, ["300", "-300", "0"]), (carol, ["300", "0"])):
        edges = (await api(LEDGER, {"id": found[customer]}))["node"]["ledger"]["edges"]
        assert [edge["node"]["amount"] for edge in edges] == amounts
        assert edges[-1]["node"]["credit"] is None
        assert edges[-1]["node"]["transaction"] == {"kind": "MERGE", "note": "One"}


async def test_erased_for_ever(api: Api, tenant: Tenant) -> None:
    carol = gid("Customer", await tenant.customer("carol"))
    before = await api("query($id: ID!) { node(id: $id) { ... on Customer { erasedAt } } }", {"id": carol})
    assert before["node"] == {"erasedAt": None}
    first = (await api(ERASE, {"input": {"customerId": carol}}, role=Role.MANAGER))["eraseCustomer"]
    at = datetime.fromisoformat(first["customer"]["erasedAt"])
    assert at == (await tenant.rows("SELECT erased_at FROM customers WHERE tenant_id = $1 AND name = 'Erased'"))[0][0]
    assert first == {
        "changed": True,
        "customer": {"name": "Erased", "email": None, "erasedAt": first["customer"]["erasedAt"]},
        "userErrors": [],
    }
    async with tenant.nothing_moves():
        again = (await api(ERASE, {"input": {"customerId": carol}}))["eraseCustomer"]
        assert again == {**first, "changed": False}
        assert (await api(ERASE, {"input": {"customerId": carol}}, role=Role.STAFF)).codes == ["FORBIDDEN"]
        unknown = (await api(ERASE, {"input": {"customerId": "x"}}))["eraseCustomer"]
        assert unknown["userErrors"] == [{"code": "NOT_FOUND", "field": ["customerId"]}]
