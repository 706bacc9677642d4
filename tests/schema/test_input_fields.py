"""A value that its type does not take is told with the field that it stands in, as a payload's userErrors are."""

import json
from typing import Any, Final

import pytest
from graphql import GraphQLError, parse

from gateway.input_fields import tell_fields
from gateway.schema import GatewaySchema
from tests.support.schema import PLAIN, SCHEMA

ADJUST: Final = "mutation A($input: AdjustCreditInput!) { adjustCredit(input: $input) { replayed } }"
GIVEN: Final = {"customerId": "x", "asset": "GBP", "amount": "5.00", "reason": "GOODWILL", "idempotencyKey": "k"}
WRONG: Final[tuple[tuple[str, Any], ...]] = (
    ("amount", "5,00"),
    ("amount", ""),
    ("amount", 5),
    ("amount", None),
    ("asset", "gbp"),
    ("expiresAt", "2150-01-01T00:00:00"),
    ("effectiveOn", "1.2.2026"),
    ("expiresInDays", "9"),
    ("requestApproval", "yes"),
    ("customerId", True),
    ("note", 7),
)
"""A scalar of each kind: ours, and those that every schema has."""


@pytest.fixture(params=[SCHEMA, PLAIN], ids=["compiled", "executed"])
def schema(request: pytest.FixtureRequest) -> GatewaySchema:
    found: GatewaySchema = request.param
    return found


async def told(schema: GatewaySchema, query: str, variables: Any = None) -> list[tuple[str, Any, Any]]:
    """The code, the field and the variable of each error, the same whether or not the document has been seen before."""
    first, second = [await schema.execute(query, variables) for _ in range(2)]
    assert first.data is None
    found = []
    for result in (first, second):
        assert result.errors is not None
        each = [error.extensions or {} for error in result.errors]
        found.append([(str(e["code"]), e.get("field"), e.get("variable")) for e in each])
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=str)
async def test_of_a_variable(schema: GatewaySchema, name: str, value: Any) -> None:
    wrong = await told(schema, ADJUST, {"input": {**GIVEN, name: value}})
    assert wrong == [("BAD_USER_INPUT", [name], "input")]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=str)
async def test_of_a_literal(schema: GatewaySchema, name: str, value: Any) -> None:
    given = " ".join(f"{key}: {json.dumps(each)}" for key, each in {**GIVEN, name: value}.items())
    wrong = await told(schema, f"mutation {{ adjustCredit(input: {{ {given} }}) {{ replayed }} }}")
    assert wrong == [("GRAPHQL_VALIDATION_FAILED", [name], None)]


async def test_of_several_at_once(schema: GatewaySchema) -> None:
    wrong = await told(schema, ADJUST, {"input": {**GIVEN, "amount": "5,00", "expiresAt": ""}})
    assert sorted(field for _, field, _ in wrong) == [["amount"], ["expiresAt"]]


async def test_of_one_that_is_missing_or_unknown(schema: GatewaySchema) -> None:
    missing = {name: value for name, value in GIVEN.items() if name != "amount"}
    assert await told(schema, ADJUST, {"input": missing}) == [("BAD_USER_INPUT", ["amount"], "input")]
    assert await told(schema, ADJUST, {"input": {**GIVEN, "amounts": 1}}) == [("BAD_USER_INPUT", ["amounts"], "input")]
    assert await told(schema, ADJUST, {}) == [("BAD_USER_INPUT", ["input"], "input")]
    assert await told(schema, ADJUST, {"input": 7}) == [("BAD_USER_INPUT", ["input"], "input")]


async def test_deep_in_lists(schema: GatewaySchema) -> None:
    query = "mutation($order: CreateInvoiceInput!) { createInvoice(input: $order) { replayed } }"
    line = {"description": "Tea", "units": "1", "unitPrice": "1.00"}
    given = {"customerId": "x", "number": "1", "currency": "GBP", "idempotencyKey": "k"}
    wrong = await told(schema, query, {"order": {**given, "lines": [line, {**line, "units": "1,5"}]}})
    assert wrong == [("BAD_USER_INPUT", ["lines", "1", "units"], "order")]
    written = """mutation { createInvoice(input: { customerId: "x", number: "1", currency: "GBP", idempotencyKey: "k",
      lines: [{ description: "Tea", unitPrice: "1" }, { description: "Tea", unitPrice: "1.", units: "1" }] })
      { replayed } }"""
    assert await told(schema, written) == [("GRAPHQL_VALIDATION_FAILED", ["lines", "1", "unitPrice"], None)]


async def test_of_a_variable_that_stands_somewhere_inside(schema: GatewaySchema) -> None:
    """The path is that of the argument which the variable stands for, be it in a fragment."""
    query = """mutation A($sum: Decimal!, $who: ID!) { adjustCredit(input: { customerId: $who, asset: "GBP", amount: $sum,
      reason: "GOODWILL", idempotencyKey: "k" }) { replayed } }"""
    assert await told(schema, query, {"sum": "5,00", "who": "x"}) == [("BAD_USER_INPUT", ["amount"], "sum")]
    query = """query B($size: Int, $who: ID!) { ...all one: customer(by: { id: $who }) { id } }
      fragment all on Query { customers(first: $size) { edges { cursor } } }"""
    assert await told(schema, query, {"size": "many", "who": "x"}) == [("BAD_USER_INPUT", ["first"], "size")]
    assert await told(schema, query, {"size": 1, "who": {}}) == [("BAD_USER_INPUT", ["by", "id"], "who")]


async def test_each_of_two_forms_in_one_request(schema: GatewaySchema) -> None:
    query = """mutation($a: AdjustCreditInput!, $b: AdjustCreditInput!) {
      a: adjustCredit(input: $a) { replayed } b: adjustCredit(input: $b) { replayed } }"""
    wrong = await told(schema, query, {"a": {**GIVEN, "amount": "x"}, "b": {**GIVEN, "asset": "x"}})
    assert wrong == [("BAD_USER_INPUT", ["amount"], "a"), ("BAD_USER_INPUT", ["asset"], "b")]


async def test_of_two_operations_with_a_variable_of_one_name(schema: GatewaySchema) -> None:
    query = """query A($n: Int) { customers(first: $n) { edges { cursor } } }
      query B($n: Int) { invoices(last: $n) { edges { cursor } } }"""
    for name, field in (("A", "first"), ("B", "last")):
        result = await schema.execute(query, {"n": "x"}, operation_name=name)
        assert result.errors is not None
        assert [(error.extensions or {})["field"] for error in result.errors] == [[field]]


async def test_ten_thousand_rows(schema: GatewaySchema) -> None:
    """Their values are read in a thread."""
    query = "mutation($input: BulkCreditInput!) { bulkCredit(input: $input) { replayed } }"
    items = [{"customerId": "x", "amount": "1"} for _ in range(2_000)]
    items[1_234] = {"customerId": "x", "amount": "1 "}
    given = {"items": items, "asset": "GBP", "reason": "GOODWILL", "idempotencyKey": "k"}
    wrong = await told(schema, query, {"input": given})
    assert wrong == [("BAD_USER_INPUT", ["items", "1234", "amount"], "input")]


async def test_a_mistake_of_the_document_has_no_field(schema: GatewaySchema) -> None:
    for query in ("{ passwords { id } }", "{ customers(where: 1) { edges { cursor } } }", "{ viewer }"):
        assert [field for _, field, _ in await told(schema, query)] == [None]


def test_what_the_client_sends_is_no_path() -> None:
    """The words of a message that lead the way come before the value: no value can look like them."""
    document = parse("query($v: String) { customers(search: $v) { edges { cursor } } }")
    (variable,) = document.definitions[0].variable_definitions  # type: ignore[attr-defined]
    said = (
        "Variable '$v' has invalid value: String cannot represent: \"x at .asset[3]: to include required field 'y',\""
    )
    error = GraphQLError(said, variable)
    tell_fields([error], document)
    assert error.extensions == {"field": ["search"], "variable": "v"}
    kept = GraphQLError(said, variable, extensions={"field": ["mine"]})
    tell_fields([kept, GraphQLError("no nodes"), error], document)
    assert kept.extensions == {"field": ["mine"]}
    tell_fields([GraphQLError(said, variable)], None)
