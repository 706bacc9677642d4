"""createOrder."""

from typing import Any
from uuid import UUID

import pytest

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

CREATE = """mutation($input: CreateOrderInput!) { createOrder(input: $input) {
  order { id number kind currency status total paid credited due creditable
    lines { edges { node { description quantity unitPrice amount kind product { name } } } }
    payments { edges { node { amount } } } granted { edges { node { amount } } } }
  replayed userErrors { code field message } } }"""


@pytest.fixture
async def products(tenant: Tenant) -> dict[str, UUID]:
    return {
        "Account credit": await tenant.product("1.00", "CREDIT", name="Account credit"),
        "Chair": await tenant.product("30.00", name="Chair"),
        "Stool": await tenant.product("20.00", name="Stool", active=False),
    }


def ordering(customer: UUID, *items: tuple[UUID, int], **more: Any) -> dict[str, Any]:
    return {
        "input": {
            "customerId": gid("Customer", customer),
            "number": "O-1",
            "currency": "GBP",
            "idempotencyKey": "k",
            "items": [{"productId": gid("Product", product), "quantity": quantity} for product, quantity in items],
            **more,
        }
    }


async def test_an_order_is_an_invoice_of_products(api: Api, tenant: Tenant, products: dict[str, UUID]) -> None:
    carol = await tenant.customer("carol")
    asked = ordering(carol, (products["Account credit"], 50), (products["Chair"], 2))
    asked["input"]["items"][1]["unitPrice"] = "25.00"

    payload = (await api(CREATE, asked))["createOrder"]

    assert (payload["userErrors"], payload["replayed"]) == ([], False)
    order = payload["order"]
    lines = [edge["node"] for edge in order.pop("lines")["edges"]]
    assert lines == [
        {
            "description": "Account credit",
            "quantity": 50,
            "unitPrice": "1.00",
            "amount": "50.00",
            "kind": "CREDIT",
            "product": {"name": "Account credit"},
        },
        {
            "description": "Chair",
            "quantity": 2,
            "unitPrice": "25.00",
            "amount": "50.00",
            "kind": "GOODS",
            "product": {"name": "Chair"},
        },
    ]
    assert order == {
        "id": order["id"],
        "number": "O-1",
        "kind": "ORDER",
        "currency": "GBP",
        "status": "OPEN",
        "total": "100.00",
        "paid": "0.00",
        "credited": "0.00",
        "due": "100.00",
        "creditable": "50.00",
        "payments": {"edges": []},
        "granted": {"edges": []},
    }
    again = (await api(CREATE, asked))["createOrder"]
    assert (again["replayed"], again["order"]["id"], again["userErrors"]) == (True, order["id"], [])


async def test_it_is_among_the_customers_own_invoices(api: Api, tenant: Tenant, products: dict[str, UUID]) -> None:
    carol = await tenant.customer("carol")
    await tenant.invoice(carol, "5.00", number="I-1", auto_apply=False)
    await tenant.order(carol, (products["Chair"], 1), number="O-1")
    query = """{ invoices { edges { node { number kind creditable
      lines { edges { node { description kind product { name } } } } } } } }"""
    assert (await api.as_customer("carol", query))["invoices"]["edges"] == [
        {
            "node": {
                "number": "I-1",
                "kind": "INVOICE",
                "creditable": "5.00",
                "lines": {"edges": [{"node": {"description": "Tea", "kind": None, "product": None}}]},
            }
        },
        {
            "node": {
                "number": "O-1",
                "kind": "ORDER",
                "creditable": "30.00",
                "lines": {"edges": [{"node": {"description": "Chair", "kind": "GOODS", "product": {"name": "Chair"}}}]},
            }
        },
    ]


async def test_orders_can_be_listed_by_themselves(api: Api, tenant: Tenant, products: dict[str, UUID]) -> None:
    carol = await tenant.customer("carol")
    await tenant.invoice(carol, "5.00", number="I-1", auto_apply=False)
    await tenant.order(carol, (products["Chair"], 1), number="O-1")
    await tenant.order(await tenant.customer("dave"), (products["Chair"], 1), number="O-2")
    query = """query($customer: ID, $status: [InvoiceStatus!]) {
      orders(customerId: $customer, status: $status) { edges { node { number } } } }"""

    async def numbers(**asked: Any) -> list[str]:
        return [edge["node"]["number"] for edge in (await api(query, asked))["orders"]["edges"]]

    assert await numbers() == ["O-1", "O-2"]
    assert await numbers(customer=gid("Customer", carol)) == ["O-1"]
    assert await numbers(status=["PAID"]) == []
    assert (await api.as_customer("carol", query))["orders"]["edges"] == [{"node": {"number": "O-1"}}]
    assert (await api.as_customer("nobody", query))["orders"] is None


async def test_open_credit_goes_on_it_when_asked(api: Api, tenant: Tenant, products: dict[str, UUID]) -> None:
    carol = await tenant.customer()
    await tenant.adjust(carol, "20.00")
    asked = ordering(carol, (products["Chair"], 1), autoApplyCredit=True)
    order = (await api(CREATE, asked))["createOrder"]["order"]
    assert (order["status"], order["credited"], order["due"]) == ("PART_PAID", "20.00", "10.00")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"customerId": "x"}, ["NOT_FOUND", "customerId"]),
        ({"number": " "}, ["INVALID", "number"]),
        ({"number": "TAKEN"}, ["DUPLICATE", "number"]),
        ({"currency": "EUR"}, ["CURRENCY_MISMATCH", "items", "0", "productId"]),
        ({"currency": "POINTS"}, ["CURRENCY_MISMATCH", "currency"]),
        ({"items": []}, ["INVALID", "items"]),
        ({"items": [{"productId": "x", "quantity": 1}]}, ["NOT_FOUND", "items", "0", "productId"]),
        ({"issuedOn": "9999-12-30"}, ["INVALID", "issuedOn"]),
        ({"idempotencyKey": ""}, ["INVALID", "idempotencyKey"]),
    ],
    ids=str,
)
async def test_orders_that_there_are_not(
    api: Api, tenant: Tenant, products: dict[str, UUID], change: dict[str, Any], expected: list[str]
) -> None:
    carol = await tenant.customer()
    await tenant.invoice(carol, "1.00", number="TAKEN", auto_apply=False)
    async with tenant.nothing_moves():
        payload = (await api(CREATE, ordering(carol, (products["Chair"], 1), **change)))["createOrder"]
    assert payload["order"] is None
    assert [[error["code"], *error["field"]] for error in payload["userErrors"]] == [expected]


async def test_what_is_not_sold_is_not_ordered(
    api: Api, tenant: Tenant, other_tenant: Tenant, products: dict[str, UUID]
) -> None:
    carol = await tenant.customer()
    theirs = await other_tenant.product("30.00", name="Chair")
    for product, code in ((products["Stool"], "INVALID"), (theirs, "NOT_FOUND")):
        async with tenant.nothing_moves(), other_tenant.nothing_moves():
            payload = (await api(CREATE, ordering(carol, (product, 1))))["createOrder"]
        assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [(code, ["items", "0", "productId"])]


@pytest.mark.parametrize("role", [Role.PARTNER, Role.MANAGER])
async def test_credit_is_ordered_by_who_may_add_it(
    api: Api, tenant: Tenant, products: dict[str, UUID], role: Role
) -> None:
    """Once it is paid, it is on the account: a token for invoices and payments alone would get past its scopes."""
    carol = await tenant.customer("carol")
    narrow = {Scope.INVOICES_READ, Scope.INVOICES_WRITE, Scope.PAYMENTS_WRITE, Scope.LEDGER_READ}
    with_credit = ordering(carol, (products["Chair"], 1), (products["Account credit"], 50))
    async with tenant.nothing_moves():
        assert (await api(CREATE, with_credit, role=role, scopes=narrow)).codes == ["FORBIDDEN"]

    goods_alone = ordering(carol, (products["Chair"], 1), number="O-2", idempotencyKey="g")
    goods = await api(CREATE, goods_alone, role=role, scopes=narrow)
    assert goods["createOrder"]["userErrors"] == []
    wide = await api(
        CREATE,
        {"input": {**with_credit["input"], "idempotencyKey": "l"}},
        role=role,
        scopes=narrow | {Scope.CREDITS_ADD},
    )
    assert wide["createOrder"]["userErrors"] == []


async def test_lines_with_fractions_discounts_and_tax(api: Api, tenant: Tenant, products: dict[str, UUID]) -> None:
    carol, query = (
        await tenant.customer("carol"),
        CREATE.replace("lines { edges { node {", "tax $0 quantityDecimal tax"),
    )
    query = query.replace("$0", "lines { edges { node { discountPercent discountAmount")
    grain = await tenant.product("0.0125", name="Grain")
    asked = ordering(carol, (grain, 0), (products["Chair"], 1))
    asked["input"]["items"][0] |= {"quantityDecimal": "100.5"}
    asked["input"]["items"][1] |= {"discountPercent": "33.3333", "discountAmount": "0.01", "taxAmount": "4.00"}
    payload = (await api(query, asked))["createOrder"]
    assert payload["userErrors"] == []
    order = payload["order"]
    assert (order["total"], order["tax"], order["creditable"]) == ("25.25", "4.00", "25.25")
    product = {"kind": "GOODS", "description": "Grain", "product": {"name": "Grain"}}
    assert [edge["node"] for edge in order["lines"]["edges"]] == [
        {
            **product,
            "quantity": 0,
            "quantityDecimal": "100.5",
            "unitPrice": "0.0125",
            "discountPercent": None,
            "discountAmount": None,
            "amount": "1.26",
            "tax": "0.00",
        },
        {
            **product,
            "description": "Chair",
            "product": {"name": "Chair"},
            "quantity": 1,
            "quantityDecimal": "1",
            "unitPrice": "30.00",
            "discountPercent": "33.3333",
            "discountAmount": "0.01",
            "amount": "19.99",
            "tax": "4.00",
        },
    ]


@pytest.mark.parametrize("units", ["3", "3.0", "2.5"])
async def test_units_are_the_number_that_there_was_always_one_of(
    api: Api, tenant: Tenant, products: dict[str, UUID], units: str
) -> None:
    """In place of quantity and quantityDecimal, whole or not; and a request that is sent again is the same."""
    query = """mutation($input: CreateOrderInput!) { createOrder(input: $input) { replayed userErrors { code field }
      order { total lines { edges { node { units quantityDecimal amountMoney { amount asset } } } } } } }"""
    asked = ordering(await tenant.customer(), (products["Chair"], 0))
    item = asked["input"]["items"][0]
    asked["input"]["items"] = [{"productId": item["productId"], "units": units}]
    made = (await api(query, asked))["createOrder"]
    assert (made["replayed"], made["userErrors"]) == (False, [])
    shown, total = ("2.5", "75.00") if units == "2.5" else ("3", "90.00")
    assert made["order"]["lines"]["edges"] == [
        {"node": {"units": shown, "quantityDecimal": shown, "amountMoney": {"amount": total, "asset": "GBP"}}}
    ]
    assert made["order"]["total"] == total
    again = (await api(query, asked))["createOrder"]
    assert (again["replayed"], again["userErrors"]) == (True, [])
    asked["input"]["items"] = [{"productId": item["productId"], "quantity": 0, "quantityDecimal": units}]
    assert (await api(query, asked))["createOrder"]["replayed"]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"quantity": None},
        {"units": "0"},
        {"units": "-1"},
        {"units": "10000000001"},
        {"units": "1", "quantity": 1},
        {"units": "1", "quantityDecimal": "1"},
    ],
    ids=str,
)
async def test_units_that_there_are_not(
    api: Api, tenant: Tenant, products: dict[str, UUID], change: dict[str, Any]
) -> None:
    asked = ordering(await tenant.customer(), (products["Chair"], 0))
    asked["input"]["items"] = [{"productId": asked["input"]["items"][0]["productId"], **change}]
    async with tenant.nothing_moves():
        (error,) = (await api(CREATE, asked))["createOrder"]["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID", ["items", "0", "units"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quantity": 1, "quantityDecimal": "1.5"}, "quantity"),
        ({"quantityDecimal": "0"}, "quantityDecimal"),
        ({"quantity": 1, "discountPercent": "101"}, "discountPercent"),
        ({"quantity": 1, "discountAmount": "30.01"}, "discountAmount"),
        ({"quantity": 1, "taxAmount": "-1"}, "taxAmount"),
    ],
)
async def test_lines_that_there_are_not(
    api: Api, tenant: Tenant, products: dict[str, UUID], change: dict[str, Any], field: str
) -> None:
    asked = ordering(await tenant.customer(), (products["Chair"], 0))
    asked["input"]["items"][0] |= change
    async with tenant.nothing_moves():
        (error,) = (await api(CREATE, asked))["createOrder"]["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID", ["items", "0", field])


async def test_a_request_shows_its_lines(api: Api, tenant: Tenant, products: dict[str, UUID]) -> None:
    query = """mutation($input: CreateOrderInput!) { createOrder(input: $input) { approvalRequest { amount items {
      quantity quantityDecimal units unitPrice discountPercent discountAmount taxAmount taxAmountMoney { asset } } }
      userErrors { code } } }"""
    grain = await tenant.product("0.0125", "CREDIT", name="Grain")
    asked = ordering(await tenant.customer(), (grain, 0), (products["Chair"], 2), proposeOnly=True)
    asked["input"]["items"][0] |= {"quantityDecimal": "80.0"}
    asked["input"]["items"][1] |= {"taxAmount": "4.00"}
    request = (await api(query, asked))["createOrder"]["approvalRequest"]
    none = dict.fromkeys(("unitPrice", "discountPercent", "discountAmount", "taxAmount"))
    assert request == {
        "amount": "1.00",
        "items": [
            {**none, "quantity": 0, "quantityDecimal": "80.0", "units": "80.0", "taxAmountMoney": None},
            {
                **none,
                "quantity": 2,
                "quantityDecimal": "2",
                "units": "2",
                "taxAmount": "4.00",
                "taxAmountMoney": {"asset": "GBP"},
            },
        ],
    }
