"""The bounds on one operation: what is counted, that each bound holds, and that measuring takes linear time."""

import time
from collections.abc import AsyncIterator
from enum import Enum
from typing import Any

import pytest
import strawberry
from graphql import get_introspection_query

from gateway.documents import DocumentCache
from gateway.query_limits import ITEMS, WEIGHT, QueryLimits, measure_operation, operations_of
from gateway.schema import GatewaySchema
from tests.support.schema import SCHEMA

LIMITS = QueryLimits(
    max_characters=20_000,
    max_tokens=3_000,
    max_definitions=24,
    max_root_fields=4,
    max_aliases=3,
    max_depth=8,
    max_cost=500,
    default_page_size=10,
    list_size=3,
)


@strawberry.type
class Item:
    name: str

    @strawberry.field
    def worth(self, at: str) -> str:
        return at

    @strawberry.field(metadata={WEIGHT: 7})  # type: ignore[untyped-decorator]
    def dear(self, at: str) -> str:
        return at

    @strawberry.field
    def parent(self) -> "Item":
        return self

    @strawberry.field
    def items(self) -> list["Item"]:
        return []

    @strawberry.field
    def page(self, first: int | None = None, last: int | None = None) -> "Page":
        return Page(edges=[], total=0)

    @strawberry.field
    def paged(self, first: int | None = None) -> list["Item"]:
        return []


@strawberry.type
class Edge:
    node: Item


@strawberry.type
class Page:
    edges: list[Edge]
    total: int


@strawberry.enum
class Kind(Enum):
    LARGE = "large"


@strawberry.input
class Where:
    colour: str | None = None


@strawberry.type
class Query:
    @strawberry.field
    def find(self, kind: Kind | None = None, where: Where | None = None) -> str | None:
        return None

    @strawberry.field
    def item(self) -> Item | None:
        return Item(name="one")

    @strawberry.field(metadata={WEIGHT: 40})  # type: ignore[untyped-decorator]
    def report(self) -> Item | None:
        return Item(name="one")

    @strawberry.field
    def page(self, first: int | None = None, last: int | None = None) -> Page | None:
        return Page(edges=[], total=0)


@strawberry.input
class One:
    n: int


@strawberry.input
class ManyInput:
    items: list[One]


@strawberry.type
class Mutation:
    @strawberry.mutation
    def touch(self) -> Item | None:
        return Item(name="one")

    @strawberry.mutation(metadata={ITEMS: ("input", "items")})  # type: ignore[untyped-decorator]
    def many(self, input: ManyInput) -> Item | None:  # noqa: A002
        return Item(name="one")


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self) -> AsyncIterator[int]:
        yield 1


def make_schema(limits: QueryLimits = LIMITS, *, introspection: bool = True) -> GatewaySchema:
    return GatewaySchema(Query, Mutation, limits=limits, introspection=introspection)


async def cost_of(query: str, variables: dict[str, Any] | None = None) -> int:
    result = await make_schema(QueryLimits(default_page_size=10, list_size=3)).execute(query, variables)
    assert result.errors is None
    assert result.extensions is not None
    cost: int = result.extensions["cost"]["requested"]
    return cost


async def refusal(
    query: str, schema: GatewaySchema | None = None, variables: dict[str, Any] | None = None
) -> dict[str, Any]:
    result = await (schema or make_schema()).execute(query, variables)
    assert result.data is None
    assert result.errors is not None
    assert len(result.errors) == 1
    assert result.errors[0].extensions is not None
    return dict(result.errors[0].extensions)


@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ("{ item { name } }", 1),
        ("{ item { name __typename } }", 1),
        ('{ item { worth(at: "x") } }', 2),
        ("{ item { parent { name } } }", 2),
        ("{ item { items { name } } }", 1 + 3),
        ("{ item { items { items { name } } } }", 1 + 3 * (1 + 3)),
        ("{ item { paged(first: 7) { name } } }", 1 + 7),
        ("{ item { paged { name } } }", 1 + 10),
        ("{ page { total } }", 1),
        ("{ page { edges { node { name } } } }", 1 + 10 * 2),
        ("{ page(first: 5) { total edges { node { name } } } }", 1 + 5 * 2),
        (
            "{ page(last: 5) { edges { node { page(first: 4) { edges { node { name } } } } } } }",
            1 + 5 * (2 + 1 + 4 * 2),
        ),
        ("{ page(first: null) { edges { node { name } } } }", 1 + 10 * 2),
        ("{ page(first: 5) { ...F } } fragment F on Page { edges { node { name } } }", 1 + 5 * 2),
        ("{ page(first: 5) { ... on Page { ... { edges { node { name } } } } } }", 1 + 5 * 2),
        ("{ item { page(first: 5) { ... @include(if: false) { edges { node { name } } } } } }", 2 + 5 * 2),
        ("{ page(first: 5) @skip(if: true) { edges { node { name } } } }", 1 + 5 * 2),
        ("{ a: item { name } b: item { name } }", 2),
        ("{ report { name } }", 40),
        ('{ item { dear(at: "x") } }', 1 + 7),
        ("mutation { touch { name } }", 10),
        ("mutation { touch { items { name } } }", 10 + 3),
        ("mutation { many(input: {items: []}) { name } }", 10),
        ("mutation { many(input: {items: [{n: 1}, {n: 2}]}) { name } }", 10 + 2),
        ("mutation { many(input: {items: {n: 1}}) { name } }", 10 + 1),
        ("mutation { a: many(input: {items: [{n: 1}]}) { name } b: many(input: {items: [{n: 1}]}) { name } }", 22),
    ],
)
async def test_cost_counts_objects_and_multiplies_pages(query: str, cost: int) -> None:
    assert await cost_of(query) == cost


@pytest.mark.parametrize(
    ("variables", "items"),
    [({}, 4), ({"n": None}, 10), ({"n": 6}, 6), ({"n": 6.0}, 6), ({"n": 0}, 0), ({"n": -3}, 0), ({"other": 9}, 4)],
)
async def test_cost_takes_page_sizes_from_variables_and_their_defaults(variables: dict[str, Any], items: int) -> None:
    query = """query ($n: Int = 4, $other: Int) {
        page(first: $n) { edges { node { name } } }
        item { paged(first: $other) { name } }
    }"""
    others = variables.get("other", 10)
    assert await cost_of(query, variables) == 1 + 2 * items + 1 + others


async def test_one_document_is_judged_by_each_request_s_own_page_size() -> None:
    schema = make_schema()
    query = "query ($n: Int) { page(first: $n) { edges { node { page(first: $n) { edges { node { name } } } } } } }"
    first = await schema.execute(query, {"n": 10})
    assert first.errors is None
    assert (await refusal(query, schema, {"n": 2_000_000_000}))["bound"] == "cost"
    again = await schema.execute(query, {"n": 10})
    assert again.errors is None
    assert again.extensions == first.extensions == {"cost": {"requested": 1 + 10 * (2 + 1 + 20), "maximum": 500}}


def nested(depth: int) -> str:
    return "{ item " + "{ parent " * (depth - 2) + "{ name }" + " }" * (depth - 2) + " }"


@pytest.mark.parametrize(
    ("query", "bound", "maximum", "measured"),
    [
        (nested(9), "depth", 8, 9),
        ("{ item { ...A } } fragment A on Item { parent { ...B } } fragment B on Item " + nested(8), "depth", 8, 10),
        ("{ a: item { x: name y: name z: name } }", "number of aliases", 3, 4),
        ("{ item { ...A ...A } } fragment A on Item { x: name y: name }", "number of aliases", 3, 4),
        ("{ item item item item item { name } }", "number of root fields", 4, 5),
        (
            "{ ...A ...A } fragment A on Query { item { name } page { total } item { name } }",
            "number of root fields",
            4,
            6,
        ),
        ("{ item { name } }" + "query Q { item { name } }" * 24, "number of definitions", 24, 25),
        ("{ item { name } } #" + "x" * 20_000, "number of characters", 20_000, 20_019),
        ("{ page(first: 251) { edges { node { name } } } }", "cost", 500, 503),
        ("{ page(first: 2147483647) { edges { node { name } } } }", "cost", 500, 4294967295),
    ],
)
async def test_each_bound_is_named_with_what_was_measured(query: str, bound: str, maximum: int, measured: int) -> None:
    expected = {"code": "QUERY_TOO_COSTLY", "bound": bound, "maximum": maximum, "measured": measured}
    assert await refusal(query) == expected


async def test_tokens_are_bounded() -> None:
    query = "{ " + "name " * 3_000 + "}"
    assert await refusal(query) == {"code": "QUERY_TOO_COSTLY", "bound": "number of tokens", "maximum": 3_000}


async def test_the_bound_itself_is_allowed() -> None:
    result = await make_schema().execute(nested(8))
    assert result.errors is None


async def test_fifteen_levels_of_lists_are_refused_by_cost_alone() -> None:
    schema = make_schema(QueryLimits())
    query = "{ item " + "{ items " * 15 + "{ name }" + " }" * 15 + " }"
    assert (await refusal(query, schema))["bound"] == "cost"


@pytest.mark.parametrize(
    ("query", "variables", "items"),
    [
        ("mutation ($i: ManyInput!) { many(input: $i) { name } }", {"i": {"items": [{"n": 1}] * 9}}, 9),
        ("mutation ($i: ManyInput!) { many(input: $i) { name } }", {"i": {"items": {"n": 1}}}, 1),
        ("mutation ($i: ManyInput = {items: [{n: 1}, {n: 2}]}) { many(input: $i) { name } }", {}, 2),
        ("mutation ($i: [One!]!) { many(input: {items: $i}) { name } }", {"i": [{"n": 1}] * 8}, 8),
        ("mutation ($i: [One!] = [{n: 1}]) { many(input: {items: $i}) { name } }", {}, 1),
        ("mutation ($n: Int!) { many(input: {items: [{n: $n}, {n: $n}]}) { name } }", {"n": 5}, 2),
    ],
)
async def test_a_mutation_of_many_costs_one_for_each(query: str, variables: dict[str, Any], items: int) -> None:
    assert await cost_of(query, variables) == 10 + items


async def test_one_document_of_a_bulk_is_judged_by_each_request_s_own_items() -> None:
    schema = make_schema()
    query = "mutation ($i: ManyInput!) { many(input: $i) { name } }"
    for number in (1, 400, 3):
        result = await schema.execute(query, {"i": {"items": [{"n": 1}] * number}})
        assert result.extensions == {"cost": {"requested": 10 + number, "maximum": 500}}
    refused = await schema.execute(query, {"i": {"items": [{"n": 1}] * 600}})
    assert refused.errors is not None
    assert (refused.errors[0].extensions or {})["bound"] == "cost"
    assert refused.extensions == {"cost": {"requested": 610, "maximum": 500}}


async def test_introspection_has_no_depth_and_costs_little() -> None:
    deep = "{ __schema { types { fields { args { type { ofType { ofType { ofType { ofType { name } } } } } } } } } }"
    result = await make_schema().execute(deep)
    assert result.errors is None
    assert result.extensions is not None
    assert 1 <= result.extensions["cost"]["requested"] <= 200


async def test_the_introspection_of_tools_is_let_through_and_a_multiple_of_it_is_not() -> None:
    query = get_introspection_query(input_value_deprecation=True, specified_by_url=True)
    fields, fragments = query.split("fragment", 1)
    inner = fields[fields.index("{") + 1 : fields.rindex("}")]
    for times, refused in ((1, False), (3, True), (10, True)):
        text = "{" + "".join(f"a{n}: {inner.strip()} " for n in range(times)) + "} fragment" + fragments
        result = await SCHEMA.execute(text)
        assert [(error.extensions or {}).get("bound") for error in result.errors or []] == ["introspection"] * refused


@pytest.mark.parametrize(
    "query",
    [
        "{ item { " + "name " * 12 + "} }",
        "{ item { " + "... { name } " * 12 + "} }",
        "{ item { " + "... on Item { ... { name } } " * 12 + "} }",
        "{ item { " + "parent { name } " * 12 + "} }",
        "{ item { " + "__typename " * 12 + "} }",
        "{ item { ...A } } fragment A on Item { " + "name " * 12 + "}",
        "{ item { parent { " + "name " * 6 + "} } ...A } fragment A on Item { " + "name " * 7 + "}",
    ],
)
async def test_fields_that_are_asked_for_again_and_again_are_refused_before_validation(query: str) -> None:
    limits = QueryLimits(max_repeats=10)
    refused = await refusal(query, make_schema(limits))
    assert (refused["bound"], refused["measured"]) == ("number of repeated fields", 11)


async def test_the_same_name_elsewhere_is_no_repetition() -> None:
    query = "{ item { name parent { name items { name } } ...A ...A ...A } page { total } } fragment A on Item { name }"
    assert (await make_schema(QueryLimits(max_repeats=0)).execute(query)).errors is None


@pytest.mark.parametrize(
    "variables",
    [{"a": [1] * 101}, {str(n): n for n in range(101)}, {"a": {"b": [{"c": [[1] * 40] * 2}] * 2}}, {"a": [[[]]] * 60}],
)
async def test_the_values_in_variables_are_bounded_used_or_not(variables: dict[str, Any]) -> None:
    schema = make_schema(QueryLimits(max_variable_values=100))
    expected = {"code": "QUERY_TOO_COSTLY", "bound": "number of values in the variables", "maximum": 100}
    assert await refusal("{ item { name } }", schema, variables) == expected
    assert (await schema.execute("{ item { name } }", variables_of(99))).errors is None


def variables_of(number: int) -> dict[str, Any]:
    return {"a": [1] * number}


FLOODS = {
    "leaves": "{ viewer { " + "subject " * 2_400 + "} }",
    "objects": "{ viewer { " + "tenant { name } " * 600 + "} }",
    "inline fragments": "{ viewer { " + "... { subject } " * 600 + "} }",
    "spreads": "{ viewer { " + "...F " * 1_200 + "} } fragment F on Viewer { subject }",
    "type names": "{ viewer { " + "__typename " * 2_400 + "} }",
    "directives": "{ viewer { subject " + "@include(if: true) " * 400 + "} }",
    "variables": "query (" + " ".join(f"$v{n}: Int" for n in range(600)) + ") { viewer { subject } }",
    "list literals": "{ credits(status: [" + "OPEN " * 2_400 + "]) { edges { node { id } } } }",
    "objects in lists": "mutation { bulkCredit(input: {items: ["
    + '{customerId: "x", amount: "1"} ' * 300
    + "]}) { replayed } }",
    "pages in fragments": "{ ...A } fragment A on Query { ...B ...B } fragment B on Query { customers(first: 100) "
    "{ edges { node { invoices(first: 100) { edges { node { id } } } } } } }",
    "a long string": '{ customers(search: "' + "x" * 90_000 + '") { edges { node { id } } } }',
    "nodes of all types": "{ "
    + " ".join(
        f'n{n}: node(id: "x") {{ ... on Customer {{ invoices(first: 100) {{ edges {{ node {{ customer {{ '
        "ledger(first: 100) { edges { cursor } } } } } } } }"
        for n in range(15)
    )
    + " }",
    "introspection": "{ "
    + " ".join(
        f"a{n}: __schema {{ types {{ fields {{ type {{ fields {{ name type {{ name }} }} }} }} }} }}" for n in range(15)
    )
    + " }",
}


@pytest.mark.parametrize("kind", FLOODS)
async def test_a_flood_is_answered_with_an_error_before_it_holds_up_anything(kind: str) -> None:
    began = time.thread_time()
    result = await SCHEMA.execute(FLOODS[kind])
    held_s = time.thread_time() - began
    assert result.errors
    assert held_s < 1  # of the processor, which other work slows down too; 0.1 at most on an idle machine


def doubling(levels: int) -> str:
    """A query whose fragments spread each other twice: 2^levels selections if walked naively."""
    fragments = (f"fragment F{level} on Item {{ ...F{level + 1} ...F{level + 1} }}" for level in range(levels))
    return "{ item { ...F0 } } " + " ".join(fragments) + f" fragment F{levels} on Item {{ name }}"


async def test_nested_fragment_spreads_are_measured_in_linear_time() -> None:
    limits = QueryLimits(max_definitions=1_000)
    schema = make_schema(limits)
    core = schema._schema
    times = {}
    for levels in (20, 100):
        document = DocumentCache(core, limits, ()).get(doubling(levels)).node
        started = time.thread_time()
        for _ in range(10):
            measure_operation(core, document, next(iter(operations_of(document))), limits, {})
        times[levels] = time.thread_time() - started
    # Five times the fragments; exponential would be 2^80. The margin is for a busy machine.
    assert times[100] < times[20] * 50
    assert (await schema.execute(doubling(22))).data == {"item": {"name": "one"}}


@pytest.mark.parametrize(
    "query",
    [
        "{ item { ...A } } fragment A on Item { parent { ...A } }",
        "{ item { ...A } } fragment A on Item { ...B } fragment B on Item { ...A }",
        "{ item { nothing { at { all } } } }",
        "{ item { ...Missing } }",
        "{ ...A } fragment A on Missing { name }",
        "{ page(first: 99999999999999999999999) { total } }",
        "query ($n: [Int]) { page(first: $n) { total } }",
        "mutation { nothing }",
        "{ item { name } } { page { total } }",
        "query Q { item { name } } query Q { page { total } }",
        "fragment A on Item { name }",
    ],
)
async def test_an_invalid_document_gets_validation_s_own_errors(query: str) -> None:
    result = await make_schema().execute(query)
    assert result.data is None
    assert result.errors
    codes = {(error.extensions or {}).get("code") for error in result.errors}
    assert codes <= {"GRAPHQL_VALIDATION_FAILED", "OPERATION_RESOLUTION_FAILURE"}


async def test_an_astronomical_measure_is_reported_as_the_largest_exact_number() -> None:
    spread = " ".join(f"fragment F{n} on Item {{ ...F{n + 1} ...F{n + 1} ...F{n + 1} }}" for n in range(40))
    schema = make_schema(QueryLimits(max_definitions=100))
    refused = await refusal("{ item { ...F0 } } " + spread + " fragment F40 on Item { parent { name } }", schema)
    assert refused == {"code": "QUERY_TOO_COSTLY", "bound": "cost", "maximum": 50_000, "measured": 2**53 - 1}


async def test_a_chain_of_fragments_too_deep_to_walk_is_refused() -> None:
    chain = " ".join(f"fragment F{n} on Item {{ ... {{ ... {{ ...F{n + 1} }} }} }}" for n in range(900))
    schema = make_schema(QueryLimits(max_definitions=10_000, max_tokens=50_000))
    query = "{ item { ...F0 } } " + chain + " fragment F900 on Item { name }"
    assert await refusal(query, schema) == {"code": "QUERY_TOO_COSTLY", "bound": "depth", "maximum": 20}


async def test_a_query_nested_beyond_the_parser_is_a_parse_failure() -> None:
    schema = make_schema(QueryLimits())
    assert (await refusal("{ item " * 1_500 + "}" * 1_500, schema))["code"] == "GRAPHQL_PARSE_FAILED"


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ item { nam } }", None),
        ("{ item { worth(ate: 1) } }", None),
        ("{ item { ... on Itme { name } } }", None),
        ("{ find(kind: LARG) }", None),
        ("{ find(where: {color: 1}) }", None),
        ("query ($kind: Kind) { find(kind: $kind) }", {"kind": "LARG"}),
        ("query ($where: Where) { find(where: $where) }", {"where": {"color": "red"}}),
    ],
)
async def test_without_introspection_nothing_is_suggested(query: str, variables: dict[str, Any] | None) -> None:
    suggested = await make_schema().execute(query, variables)
    hidden = await make_schema(introspection=False).execute(query, variables)
    assert suggested.errors
    assert hidden.errors
    assert any("Did you mean" in error.message for error in suggested.errors)
    assert not any("Did you mean" in error.message for error in hidden.errors)
    assert len(hidden.errors) == len(suggested.errors)


async def test_without_introspection_the_schema_cannot_be_read() -> None:
    result = await make_schema(introspection=False).execute("{ __schema { types { name } } }")
    assert result.data is None
    assert result.errors is not None
    assert {(error.extensions or {})["code"] for error in result.errors} == {"GRAPHQL_VALIDATION_FAILED"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription { count }", None),
        ("subscription { a: count b: count c: count d: count }", "QUERY_TOO_COSTLY"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription A { count } subscription B { count }", "OPERATION_RESOLUTION_FAILURE"),
    ],
)
async def test_the_same_holds_for_subscriptions(query: str, code: str | None) -> None:
    schema = GatewaySchema(Query, subscription=Subscription, limits=LIMITS)
    results = [result async for result in await schema.subscribe(query)]
    assert len(results) == 1
    codes = [(error.extensions or {}).get("code") for error in results[0].errors or []]
    assert codes == ([] if code is None else [code])
    assert results[0].data == (None if code else {"count": 1})
