"""Lists written as JSON straight from their rows: the same answers as by objects, field by field, and the same refusals."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

import pytest

from auth.roles import Role, Scope
from gateway.compiled.written import Selected
from models.reads import accounts, moments
from models.reads.ledger import ACCOUNT_LEDGER
from models.reads.paging import Key, Page
from models.session import TenantConnection
from schema import cells, written
from schema.cells import Cell
from schema.types.account import Account, Credit
from schema.types.base import Connection, Edge
from schema.types.customer import Customer
from schema.types.invoice import Invoice
from schema.types.ledger import LedgerEntry
from schema.written import PLAIN, Beside, page_writer
from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

ODD: Final = 'Zoë "Z" \\ \n\t\x7f\u2028 {0} %s 🦊'
PAGE: Final = "pageInfo { __typename hasNextPage hasPreviousPage startCursor endCursor }"
LISTS: Final = {
    "customers": "customers(first: 3) { __typename edges { __typename cursor node { FIELDS } } PAGE }",
    "the last": "customers(last: 2) { edges { row: node { FIELDS } } PAGE }",
    "as nodes": "customers(reverse: true) { all: nodes { FIELDS } PAGE }",
    "some by name": 'customers(search: "zo") { edges { node { FIELDS } } PAGE }',
    "none": 'customers(search: "nobody") { edges { node { FIELDS } cursor } PAGE }',
    "no rows": "customers(first: 0) { nodes { FIELDS } PAGE }",
    "the ends": "customers { PAGE edges { cursor } }",
    "between": "customers(first: 2, after: $after) { edges { node { FIELDS } cursor } PAGE }",
    "credits": "credits(first: 4) { edges { cursor node { FIELDS } } PAGE }",
    "invoices": "invoices { edges { node { FIELDS } } PAGE }",
    "ledger": "ledger(customerId: $id) { edges { node { FIELDS } } PAGE }",
    "of accounts": "balances(customerId: $id) { ledger(last: 3) { edges { node { FIELDS } } PAGE } }",
}
TYPES: Final = {"credits": Credit, "invoices": Invoice, "ledger": LedgerEntry, "of accounts": LedgerEntry}


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def selection(kind: type) -> str:
    """All of the type's fields that are written, each under another name too, the last ones first."""
    found = ["__typename"]
    for name, each in list(PLAIN[kind].items())[::-1]:
        below = ""
        if isinstance(each, Beside):
            below = f" {{ {' '.join(map(camel, each.fields))} __typename }}"
        elif not isinstance(each, Cell):
            below = f" {{ {selection(Account)} }}"
        found.append(f"{camel(name)}{below} also_{name}: {camel(name)}{below}")
    return " ".join(found)


def document(name: str) -> str:
    text = LISTS[name].replace("FIELDS", selection(TYPES.get(name, Customer))).replace("PAGE", PAGE)
    more = ", $after: String" if "$after" in text else ""
    return f"query($id: ID!{more}) {{ {text} ... @include(if: false) {{ node(id: $id) {{ id }} }} }}"


@pytest.fixture
async def odd(tenant: Tenant) -> str:
    """A customer who has what is hard to write; others have little."""
    customer = await tenant.customer("C-1", name=ODD, email=None)
    await tenant.customer("C-2", name="Bert")
    await tenant.adjust(await tenant.customer("C-3"), "1.00")
    for amount, asset in (("0.01", "GBP"), ("1234.5", "KWD"), ("7", "JPY"), ("70", "POINTS"), ("2", "SERVICE_CREDITS")):
        await tenant.adjust(customer, amount, asset)
    await tenant.adjust(customer, "10.00", expires_in_days=1, auto_apply=False)
    await tenant.adjust(customer, "-0.02")
    void = await tenant.adjust(customer, "3.00")
    assert void.credit_id is not None
    await tenant.void_credit(void.credit_id)
    for number in range(3):
        invoice = await tenant.invoice(customer, "4.10", number=f'"{number}"')
        if number:
            await tenant.pay(invoice, "4.10" if number == 1 else "0.10")
    tenant.clock.advance(timedelta(days=3))
    return gid("Customer", customer)


@pytest.mark.parametrize("name", LISTS)
async def test_answers_are_those_of_objects(
    api: Api, odd: str, name: str, pages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given, asked = {"id": odd}, document(name)
    if "$after" in asked:
        given["after"] = (await api("{ customers(first: 1) { pageInfo { endCursor } } }"))["customers"]["pageInfo"][
            "endCursor"
        ]
    await api(asked, given)
    pages.clear()
    answer = await api(asked, given)
    assert pages, answer.errors
    monkeypatch.setattr(written, "writer_of", lambda _: None)
    expected = await api(asked, given)
    assert expected.data is not None
    assert (answer.data, answer.errors) == (expected.data, expected.errors)


async def test_what_a_token_may_not_read_is_refused_where_it_is(api: Api, odd: str, pages: list[str]) -> None:
    asked = "{ customers { edges { node { name balances { available } } } } }"
    token: dict[str, Any] = {"role": Role.PARTNER, "scopes": [Scope.CUSTOMERS_READ]}
    for _ in range(3):
        answer = await api(asked, **token)
        assert [each["path"] for each in answer.errors] == [
            ["customers", "edges", place, "node", "balances"] for place in range(3)
        ]
        assert answer.data is not None
        assert [each["node"]["balances"] for each in answer.data["customers"]["edges"]] == [None] * 3
    assert not pages
    for _ in range(2):
        assert not (await api(asked.replace("balances { available }", ""), **token)).errors
    assert pages


async def test_what_cannot_be_written_is_shown_as_an_object(
    api: Api, odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = "query($id: ID!) { ledger(customerId: $id) { edges { node { sequence amount } } } }"
    await api(asked, {"id": odd})
    expected = await api(asked, {"id": odd})
    assert expected["ledger"]["edges"]
    monkeypatch.setattr(cells, "MAX_INT", 0)
    answer = await api(asked, {"id": odd})
    assert answer.data == expected.data


async def test_a_failure_is_that_of_its_field_and_of_no_other_list(
    api: Api, odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be read below is told by objects, where it is."""
    asked = "{ customers { nodes { name balances { available } } } invoices { nodes { number } } }"
    for _ in range(2):
        whole = await api(asked)
    monkeypatch.setattr(accounts, "rows_of_customers", failing)
    answer = await api(asked)
    assert answer.data is not None
    assert whole.data is not None
    assert answer.data["invoices"] == whole.data["invoices"]
    names = [each["name"] for each in whole.data["customers"]["nodes"]]
    assert answer.data["customers"]["nodes"] == [{"name": name, "balances": None} for name in names]
    assert [each["path"] for each in answer.errors] == [["customers", "nodes", place, "balances"] for place in range(3)]


async def failing(*_: object) -> Any:
    raise ValueError("no accounts today")


async def test_balances_are_read_once_however_often_they_are_named(
    api: Api, odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = """query($id: ID!) { customers { nodes { a: balances { available } b: balances { held } c: balances { asset } } }
      node(id: $id) { ... on Customer { balances { asset } account(asset: "GBP") { available } } } }"""
    for _ in range(2):
        await api(asked, {"id": odd})
    read: list[int] = []

    async def noted(connection: TenantConnection, sql: str, *arguments: Any) -> list[Any]:
        if "string_agg" in sql:
            read.append(len(arguments[0]))
        return await original(connection, sql, *arguments)

    original = moments.fetch
    monkeypatch.setattr(moments, "fetch", noted)
    answer = await api(asked, {"id": odd})
    assert answer["node"]["account"]["available"]
    assert 3 in read
    assert sum(read) <= 4


async def test_others_have_a_turn_while_many_pages_are_written() -> None:
    """A hundred pages of a hundred rows, with cursors."""
    leaf = Selected(LedgerEntry, "LedgerEntry", (("id", "id", None), ("amount", "amount", None)))
    edge = Selected(Edge, "Edge", (("cursor", "cursor", None), ("node", "node", leaf)))
    writer = page_writer(Selected(Connection, "Entries", (("edges", "edges", edge),)))
    assert writer is not None
    row = {"id": UUID(int=1), "amount_minor": 1, "asset": "GBP"}
    page: Any = Page((row,) * 100, lambda index: Key((index,)), has_next=False, has_previous=False)
    turns, under_way = 0, asyncio.create_task(writer(LOADERS, ACCOUNT_LEDGER, [page] * 100))
    while not under_way.done():
        turns += 1
        await asyncio.sleep(0)
    assert len(await under_way) == 100
    assert turns > 5


LOADERS: Final = SimpleNamespace(now=datetime(2026, 1, 1, tzinfo=UTC))


async def test_what_a_posting_answers_with_is_written_too(
    api: Api, odd: str, pages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = """mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) {
      account { ledger(last: 2) { nodes { sequence amount transaction { kind } } } } userErrors { code } } }"""
    given = {
        "input": {"customerId": odd, "asset": "GBP", "amount": "1.00", "reason": "GOODWILL", "idempotencyKey": "k"}
    }
    for _ in range(2):
        answer = await api(asked, given)
    assert pages
    monkeypatch.setattr(written, "writer_of", lambda _: None)
    assert (await api(asked, given)).data == answer.data
    assert answer["adjustCredit"]["account"]["ledger"]["nodes"][-1]["amount"] == "1.00"


async def test_other_fields_take_the_usual_way(api: Api, odd: str, pages: list[str]) -> None:
    asked = "{ customers { totalCount edges { node { id membership { id } } } } }"
    for _ in range(3):
        assert (await api(asked))["customers"]["totalCount"] == 3
    assert not pages
