"""Documents that have passed every check: remembered by their text, within bounds."""

import gc

import pytest
from graphql import GraphQLFormattedError, Location, NameNode, Node, Token

from gateway.schema import GatewaySchema
from tests.gateway.test_query_limits import make_schema


async def test_a_repeated_document_is_parsed_and_validated_once() -> None:
    schema = make_schema()
    for _ in range(5):
        assert (await schema.execute("{ item { name } }")).errors is None
    assert schema.documents.hits == 4


async def test_an_invalid_document_is_not_remembered() -> None:
    schema = make_schema()
    for _ in range(3):
        assert (await schema.execute("{ nothing }")).errors
    assert schema.documents.hits == 0


async def test_the_memory_for_documents_is_bounded_in_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.documents.MAX_CACHED_CHARACTERS", 200)
    schema = make_schema()
    documents = [f"{{ item {{ name }} }} # {n:060}" for n in range(4)]
    for document in documents:
        assert (await schema.execute(document)).errors is None
    await schema.execute(documents[3])
    assert schema.documents.hits == 1
    await schema.execute(documents[0])
    assert schema.documents.hits == 1


async def test_many_page_sizes_of_one_document_stay_right_beyond_what_is_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.documents.MAX_CACHED_PAGE_SIZES", 3)
    schema = make_schema()
    query = "query ($n: Int) { item { paged(first: $n) { name } } }"
    for size in (1, 2, 3, 4, 5, 1, 5):
        result = await schema.execute(query, {"n": size})
        assert result.extensions == {"cost": {"requested": 1 + size, "maximum": 500}}


async def test_a_remembered_document_is_lean_and_its_errors_still_say_where() -> None:
    """Tokens are in one long cycle, which only the garbage collector could free, and which it walks each time."""
    schema = make_schema()
    query = "query ($n: Int) { item { paged(first: $n) { name } } }"
    before = await refused(schema, query)
    assert (await schema.execute(query, {"n": 1})).errors is None
    checked = schema.documents.get(query)
    assert schema.documents.hits
    assert {type(each).__name__ for each in reached_from(checked.node)} >= {"FieldNode", "Location"}
    names = [each for each in reached_from(checked.node) if isinstance(each, NameNode)]
    assert len(names) == len({name.value for name in names}) > 3
    tokens = [each for each in reached_from(checked.node) if isinstance(each, Token)]
    assert len({id(token) for token in tokens}) == 1
    assert await refused(schema, query) == before
    assert before["locations"] == [{"line": 1, "column": 8}]


async def refused(schema: GatewaySchema, query: str) -> GraphQLFormattedError:
    [error] = (await schema.execute(query, {"n": "x"})).errors or []
    return error.formatted


def reached_from(node: object) -> list[object]:
    found, seen, waiting = [], set(), [node]
    while waiting:
        each = waiting.pop()
        if id(each) not in seen:
            seen.add(id(each))
            found.append(each)
            if isinstance(each, Node | Token | Location | list | tuple):
                waiting += gc.get_referents(each)
    return found
