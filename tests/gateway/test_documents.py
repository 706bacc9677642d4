"""Documents that have passed every check: remembered by their text, within bounds."""

import pytest

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
