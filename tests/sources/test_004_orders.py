"""Source 004 from top to bottom, over HTTP, by the very queries of docs/sources/004-orders.md."""

import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

from auth.roles import Role
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.tenants import Tenant

PAGE = (Path(__file__).parents[2] / "docs" / "sources" / "004-orders.md").read_text()
QUERIES = {
    re.search(r"(?:query|mutation) (\w+)", text).group(1): text  # type: ignore[union-attr]
    for text in re.findall(r"```graphql\n(.*?)```", PAGE, re.DOTALL)
}
EXAMPLE = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])


class Store:
    """The shop of the source, run by its manager: each step is one of the page's queries."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def __call__(self, operation: str, *, role: Role = Role.MANAGER, **given: Any) -> Any:
        """The answer of one of the page's operations, refused or not."""
        answer = await self.api(QUERIES[operation], given, role=role)
        return answer[operation[0].lower() + operation[1:]]

    async def post(self, operation: str, **given: Any) -> Any:
        """The same for a mutation that must not be refused."""
        payload = await self(operation, input={**given, "idempotencyKey": uuid4().hex})
        assert (payload["userErrors"], payload["replayed"]) == ([], False)
        return payload

    async def order(self, customer: str, number: str, *items: tuple[str, int]) -> Any:
        lines = [{"productId": product, "quantity": quantity} for product, quantity in items]
        created = await self.post("CreateOrder", customerId=customer, number=number, currency="USD", items=lines)
        return created["order"]

    async def pay(self, order: Any, amount: str, method: str) -> Any:
        return await self.post("RecordPayment", invoiceId=order["id"], amount=amount, method=method)

    async def look_up(self, order: Any) -> Any:
        return (await self.api(QUERIES["Order"], {"id": order["id"]}, role=Role.STAFF))["invoice"]


async def make_products(store: Store) -> tuple[str, str]:
    """The ids of the product that sells credit, as the page has it, and of a service."""
    credit = (await store("CreateProduct", role=Role.ADMIN, **EXAMPLE))["product"]
    assert credit == {"id": credit["id"], "active": True, **EXAMPLE["input"]}
    service = {"name": "Web design", "kind": "SERVICE", "currency": "USD", "price": "40.00"}
    design = (await store("CreateProduct", role=Role.ADMIN, input=service))["product"]
    return credit["id"], design["id"]


async def test_create_a_product_at_the_recommended_price_of_1_and_an_order(api: Api, tenant: Tenant) -> None:
    """The quantity of the credit product is the dollar amount."""
    store = Store(api)
    customer = gid("Customer", await tenant.customer("chopper"))
    credit, _ = await make_products(store)
    choice = (await store("Products", role=Role.STAFF))["edges"]
    assert [edge["node"]["name"] for edge in choice] == ["Account Credit", "Web design"]
    order = await store.order(customer, "1001", (credit, 50))
    line = {
        "id": order["lines"]["edges"][0]["node"]["id"],
        "description": "Account Credit",
        "units": "50",
        "amount": "50.00",
        "kind": "CREDIT",
    }
    assert order == {
        "id": order["id"],
        "number": "1001",
        "status": "OPEN",
        "total": "50.00",
        "due": "50.00",
        "creditable": "0.00",
        "lines": {"edges": [{"node": line}]},
    }
    assert (await store.look_up(order))["customer"]["account"] is None


async def test_once_it_is_paid_by_whatever_method_the_credit_is_added(api: Api, tenant: Tenant) -> None:
    store = Store(api)
    customer = gid("Customer", await tenant.customer("chopper"))
    credit, _ = await make_products(store)
    order = await store.order(customer, "1001", (credit, 50))
    paid = await store.pay(order, "20.00", "CASH")
    assert (paid["invoice"]["status"], paid["invoice"]["granted"]["edges"]) == ("PART_PAID", [])
    paid = await store.pay(order, "30.00", "CARD")
    assert paid["invoice"]["status"] == "PAID"
    assert paid["invoice"]["granted"]["edges"] == [{"node": {"amount": "50.00", "status": "OPEN"}}]
    assert (await store.look_up(order))["customer"]["account"] == {"available": "50.00"}


async def test_an_order_that_has_been_paid_in_full_with_account_credit(api: Api, tenant: Tenant) -> None:
    """The payment is voided, a part is paid otherwise, and the rest with credit."""
    store = Store(api)
    customer = gid("Customer", await tenant.customer("chopper"))
    credit, design = await make_products(store)
    await store.pay(await store.order(customer, "1001", (credit, 50)), "50.00", "CARD")
    order = await store.order(customer, "1002", (design, 1))
    first = await store.pay(order, "40.00", "ACCOUNT_CREDIT")
    looked_up = await store.look_up(order)
    assert (looked_up["status"], looked_up["credited"], looked_up["due"]) == ("PAID", "40.00", "0.00")
    assert looked_up["customer"]["account"] == {"available": "10.00"}

    # "Click the 'Void' button to void the first payment".
    (listed,) = looked_up["payments"]["edges"]
    assert listed["node"] == {**first["payment"], "voidedAt": None}
    voided = await store.post("VoidPayment", paymentId=listed["node"]["id"])
    assert voided["payment"]["voidedAt"] is not None
    assert (voided["invoice"]["status"], voided["invoice"]["due"]) == ("OPEN", "40.00")
    back = {"edges": [{"node": {"amount": "40.00"}}]}
    assert voided["transaction"] == {"kind": "REVERSAL", "entries": back}

    # "Select a different payment option and pay again but only for the partial amount."
    part = await store.pay(order, "15.00", "CHECK")
    assert (part["invoice"]["status"], part["invoice"]["due"]) == ("PART_PAID", "25.00")

    # "Now, you can pay the remaining balance with their account credit."
    rest = (await store.pay(order, "25.00", "ACCOUNT_CREDIT"))["invoice"]
    assert (rest["status"], rest["paid"], rest["credited"]) == ("PAID", "15.00", "25.00")
    looked_up = await store.look_up(order)
    assert looked_up["customer"]["account"] == {"available": "25.00"}
    methods = [(e["node"]["method"], e["node"]["voidedAt"] is None) for e in looked_up["payments"]["edges"]]
    assert methods == [("ACCOUNT_CREDIT", False), ("CHECK", True), ("ACCOUNT_CREDIT", True)]


async def test_what_the_page_says_is_refused(api: Api, tenant: Tenant) -> None:
    store = Store(api)
    customer = gid("Customer", await tenant.customer())
    credit = (await store("CreateProduct", role=Role.ADMIN, **EXAMPLE))["product"]["id"]
    bought = await store.order(customer, "1", (credit, 50))
    cash = (await store.pay(bought, "50.00", "CASH"))["payment"]["id"]
    more = await store.order(customer, "2", (credit, 10))

    async def refused(operation: str, **given: Any) -> list[str]:
        async with tenant.nothing_moves():
            payload = await store(operation, input={**given, "idempotencyKey": uuid4().hex})
        return [error["code"] for error in payload["userErrors"]]

    pay = {"invoiceId": more["id"], "method": "ACCOUNT_CREDIT"}
    assert await refused("RecordPayment", **pay, amount="10.00") == ["EXCEEDS_DUE"]
    assert await refused("RecordPayment", **{**pay, "method": "CARD"}, amount="10.01") == ["EXCEEDS_DUE"]

    lamp = gid("Product", await tenant.product("60.00", "GOODS", "USD", name="Lamp"))
    lit = await store.order(customer, "3", (lamp, 1))
    assert await refused("RecordPayment", invoiceId=lit["id"], method="ACCOUNT_CREDIT", amount="50.01") == [
        "INSUFFICIENT_BALANCE"
    ]
    await store.pay(lit, "1.00", "ACCOUNT_CREDIT")
    assert await refused("VoidPayment", paymentId=cash) == ["CREDIT_SPENT"]


async def test_goods_come_back(api: Api, tenant: Tenant, clock: Clock) -> None:
    """Of an order of goods and credit, paid with credit and by card."""
    store = Store(api)
    owner = await tenant.customer()
    customer = gid("Customer", owner)
    credit = (await store("CreateProduct", role=Role.ADMIN, **EXAMPLE))["product"]["id"]
    lamp = gid("Product", await tenant.product("60.00", "GOODS", "USD", name="Lamp"))
    await tenant.adjust(owner, 30, "USD")
    order = await store.order(customer, "1", (lamp, 2), (credit, 10))
    lamps = order["lines"]["edges"][0]["node"]["id"]
    await store.pay(order, "30.00", "ACCOUNT_CREDIT")
    clock.advance(minutes=1)
    card = (await store.pay(order, "100.00", "CARD"))["payment"]["id"]
    made = await store.post("CreateCreditNote", invoiceId=order["id"], lines=[{"lineId": lamps, "quantity": "1"}])
    assert made["creditNote"]["lines"]["edges"] == [{"node": {"quantity": "1", "amount": "60.00"}}]
    assert made["creditNote"]["credit"] == {"remaining": "60.00"}
    sums = {"status": "PAID", "total": "130.00", "noted": "60.00", "paid": "40.00", "credited": "30.00", "due": "0.00"}
    assert made["invoice"] == sums
    assert made["account"] == {"available": "70.00"}  # with the 10.00 that the order sold

    rest = await store.post("CreateCreditNote", invoiceId=order["id"], giveBack="IN_PROPORTION")
    assert (rest["invoice"]["paid"], rest["invoice"]["credited"]) == ("10.00", "0.00")
    async with tenant.nothing_moves():
        payload = await store("VoidPayment", input={"paymentId": card, "idempotencyKey": uuid4().hex})
    assert [error["code"] for error in payload["userErrors"]] == ["CREDIT_NOTED"]
    for note in (rest, made):
        kept = await store.post("VoidCreditNote", creditNoteId=note["creditNote"]["id"])
    assert kept["invoice"] == {"status": "PAID", "noted": "0.00", "paid": "100.00", "credited": "30.00"}
    assert kept["account"] == {"available": "10.00"}
