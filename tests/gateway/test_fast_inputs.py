"""Input objects come out as Strawberry itself would build them."""

from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
import strawberry
from strawberry import relay

from gateway.schema import GatewaySchema

SEEN: list[Any] = []


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


def make_query() -> type:
    """New types each time: builders are installed on the types themselves."""

    @strawberry.input
    class Inner:
        amount: Decimal
        note: str | None

    @strawberry.input
    class Outer:
        plain_name: str
        ids: list[strawberry.ID] | None = None
        node: relay.GlobalID | None = None
        colour: Colour = Colour.BLUE
        colours: list[Colour] = strawberry.field(default_factory=lambda: [Colour.RED])
        inner: Inner | None = None
        inners: list[Inner] | None = None
        grid: list[list[int]] | None = None
        unset: int | None = strawberry.UNSET
        renamed: int | None = strawberry.field(name="other", default=7)

    @strawberry.input(one_of=True)
    class By:
        id: strawberry.ID | None = strawberry.UNSET
        name: str | None = strawberry.UNSET

    @strawberry.type
    class Query:
        @strawberry.field
        def take(self, outer: Outer, by: By | None = None) -> str | None:
            SEEN.append((outer, by))
            return repr((outer, by))

    return Query


INPUTS = [
    {"plainName": "a"},
    {"plainName": "a", "ids": None, "inner": None, "inners": None, "unset": None, "other": None},
    {"plainName": "a", "ids": ["1", "2"], "colour": "RED", "colours": ["RED", "BLUE"], "other": 3, "unset": 4},
    {"plainName": "a", "node": "QTox", "inner": {"amount": "1.50"}},
    {"plainName": "a", "inners": [{"amount": "1", "note": "x"}, {"amount": "2", "note": None}], "grid": [[1, 2], []]},
]
QUERY = "query ($outer: Outer!, $by: By) { take(outer: $outer, by: $by) }"


@pytest.mark.parametrize("outer", INPUTS)
@pytest.mark.parametrize("by", [None, {"id": "1"}, {"name": "x"}])
async def test_inputs_are_built_as_by_strawberry_itself(outer: dict[str, Any], by: dict[str, Any] | None) -> None:
    variables = {"outer": outer, "by": by}
    expected = await strawberry.Schema(make_query()).execute(QUERY, variables)
    got = await GatewaySchema(make_query()).execute(QUERY, variables)
    assert got.errors is None
    assert got.data == expected.data


async def test_a_list_given_to_one_request_is_not_seen_by_the_next() -> None:
    schema = GatewaySchema(make_query())
    SEEN.clear()
    for _ in range(2):
        assert (await schema.execute('{ take(outer: {plainName: "a"}) }')).errors is None
        outer, _by = SEEN[-1]
        assert outer.colours == [Colour.RED]
        outer.colours.append(Colour.BLUE)


async def test_a_malformed_id_inside_an_input_is_still_bad_input() -> None:
    result = await GatewaySchema(make_query()).execute(QUERY, {"outer": {"plainName": "a", "node": "!!!"}})
    assert result.errors is not None
    assert (result.errors[0].extensions or {})["code"] == "BAD_USER_INPUT"


async def test_one_of_is_still_enforced() -> None:
    for by in ({}, {"id": "1", "name": "x"}, {"id": None}):
        result = await GatewaySchema(make_query()).execute(QUERY, {"outer": {"plainName": "a"}, "by": by})
        assert result.errors is not None
        assert (result.errors[0].extensions or {})["code"] == "BAD_USER_INPUT"
