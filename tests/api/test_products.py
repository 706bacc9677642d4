"""products, createProduct and updateProduct."""

import json
from typing import Any
from uuid import UUID

import pytest

from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

PRODUCTS = """query($activeOnly: Boolean, $first: Int, $after: String) {
  products(activeOnly: $activeOnly, first: $first, after: $after) {
    edges { node { id name kind currency price active } } pageInfo { hasNextPage endCursor } } }"""
CREATE = """mutation($input: CreateProductInput!) { createProduct(input: $input) {
  product { id name kind currency price active } userErrors { code field } } }"""
UPDATE = """mutation($input: UpdateProductInput!) { updateProduct(input: $input) {
  product { id name kind currency price active } userErrors { code field } } }"""


async def names(api: Api, **arguments: Any) -> list[str]:
    return [edge["node"]["name"] for edge in (await api(PRODUCTS, arguments))["products"]["edges"]]


async def test_a_product_is_created_changed_and_retired(api: Api, tenant: Tenant) -> None:
    new = {"name": "Account credit", "kind": "CREDIT", "currency": "GBP", "price": "1"}
    created = (await api(CREATE, {"input": new}))["createProduct"]
    product = {"id": created["product"]["id"], **new, "price": "1.00", "active": True}
    assert created == {"product": product, "userErrors": []}
    assert (await api(PRODUCTS))["products"]["edges"] == [{"node": product}]

    change = {"productId": product["id"], "name": "Store credit", "price": "2.00", "active": False}
    updated = (await api(UPDATE, {"input": change}))["updateProduct"]
    assert updated["product"] == {**product, "name": "Store credit", "price": "2.00", "active": False}
    assert await names(api) == []
    assert await names(api, activeOnly=False) == ["Store credit"]
    again = (await api(UPDATE, {"input": {"productId": product["id"], "active": True}}))["updateProduct"]
    assert again["product"]["active"] is True
    node = (await api("query($id: ID!) { node(id: $id) { ... on Product { name } } }", {"id": product["id"]}))["node"]
    assert node == {"name": "Store credit"}


async def test_each_change_is_written_down(api: Api, tenant: Tenant) -> None:
    product = await tenant.product("30.00", name="Chair")
    await api(UPDATE, {"input": {"productId": gid("Product", product), "price": "35.00"}})
    await api(UPDATE, {"input": {"productId": gid("Product", product), "price": "35.00"}})  # changes nothing more
    rows = await tenant.fetch("SELECT action, subject_id, details FROM audit_events WHERE tenant_id = $1 ORDER BY id")
    assert [(row["action"], row["subject_id"]) for row in rows] == [
        ("product.created", product),
        ("product.updated", product),
    ]
    assert json.loads(rows[1]["details"]) == {"priceMinor": [3000, 3500]}


async def test_they_are_paged_by_name(api: Api, tenant: Tenant) -> None:
    for name in ("Chair", "Apron", "Bowl"):
        await tenant.product("1.00", name=name)
    page = (await api(PRODUCTS, {"first": 2}))["products"]
    assert [edge["node"]["name"] for edge in page["edges"]] == ["Apron", "Bowl"]
    assert page["pageInfo"]["hasNextPage"]
    assert await names(api, after=page["pageInfo"]["endCursor"]) == ["Chair"]


BAD_PRODUCTS: list[tuple[dict[str, str], list[str]]] = [
    ({"name": " "}, ["INVALID", "name"]),
    ({"name": "x" * 201}, ["INVALID", "name"]),
    ({"name": "\x00"}, ["INVALID", "name"]),
    ({"name": "Chair"}, ["DUPLICATE", "name"]),
    ({"currency": "POINTS"}, ["CURRENCY_MISMATCH", "currency"]),
    ({"currency": "XXX"}, ["INVALID", "currency"]),
    ({"price": "-1.00"}, ["INVALID", "price"]),
    ({"price": "9999999999999999"}, ["AMOUNT_OUT_OF_RANGE", "price"]),
    ({"kind": "CREDIT", "price": "0"}, ["INVALID", "price"]),
]


@pytest.mark.parametrize(("change", "expected"), BAD_PRODUCTS, ids=str)
async def test_products_that_there_are_not(
    api: Api, tenant: Tenant, change: dict[str, str], expected: list[str]
) -> None:
    await tenant.product("30.00", name="Chair")
    new = {"name": "Table", "kind": "GOODS", "currency": "GBP", "price": "1.00", **change}
    async with tenant.nothing_moves():
        payload = (await api(CREATE, {"input": new}))["createProduct"]
    assert payload["product"] is None
    assert [[error["code"], *error["field"]] for error in payload["userErrors"]] == [expected]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"name": ""}, ["INVALID", "name"]),
        ({"name": "Table"}, ["DUPLICATE", "name"]),
        ({"price": "-1"}, ["INVALID", "price"]),
        ({"productId": "x"}, ["NOT_FOUND", "productId"]),
    ],
    ids=str,
)
async def test_changes_that_are_refused(api: Api, tenant: Tenant, change: dict[str, str], expected: list[str]) -> None:
    chair = await tenant.product("30.00", name="Chair")
    await tenant.product("90.00", name="Table")
    async with tenant.nothing_moves():
        payload = (await api(UPDATE, {"input": {"productId": gid("Product", chair), **change}}))["updateProduct"]
    assert [[error["code"], *error["field"]] for error in payload["userErrors"]] == [expected]


async def test_another_tenants_products_are_not_there(api: Api, other_tenant: Tenant) -> None:
    theirs: UUID = await other_tenant.product("30.00", name="Chair")
    async with other_tenant.nothing_moves():
        payload = await api(UPDATE, {"input": {"productId": gid("Product", theirs), "active": False}})
    assert [error["code"] for error in payload["updateProduct"]["userErrors"]] == ["NOT_FOUND"]
    assert await names(api) == []
    node = await api("query($id: ID!) { node(id: $id) { id } }", {"id": gid("Product", theirs)})
    assert node["node"] is None


async def test_a_price_may_be_finer_than_a_penny(api: Api) -> None:
    new = {"name": "Grain", "kind": "GOODS", "currency": "GBP", "price": "0.0125"}
    created = (await api(CREATE, {"input": new}))["createProduct"]
    assert (created["product"]["price"], created["userErrors"]) == ("0.0125", [])
    for price in ("0.5", "12.3450", "0.0001"):
        change = {"productId": created["product"]["id"], "price": price}
        (await api(UPDATE, {"input": change}))["updateProduct"]
    assert [edge["node"]["price"] for edge in (await api(PRODUCTS))["products"]["edges"]] == ["0.0001"]
