"""What a schema is told by whoever builds it, and what it tells its requests' contexts."""

import asyncio
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError

from gateway.errors import Away, Outage, away_of
from gateway.schema import GatewaySchema


class Unplugged(Exception):
    """Something that every answer rests upon is not there."""


@strawberry.type
class Query:
    @strawberry.field
    def fine(self) -> str | None:
        return "fine"

    @strawberry.field
    def unplugged(self) -> str | None:
        raise Unplugged("come back later")

    @strawberry.field
    def count(self, of: list[int]) -> int | None:
        return len(of)


def outage_of(error: BaseException) -> Outage | None:
    return Outage(str(error), unknown=False) if isinstance(error, Unplugged) else None


async def test_an_outage_is_told_as_what_it_is() -> None:
    result = await GatewaySchema(Query, outage_of=outage_of).execute("{ fine unplugged }")
    [error] = result.errors or []
    assert isinstance(error, Away)
    assert (error.message, error.extensions) == ("come back later", {"code": "UNAVAILABLE"})
    assert away_of(result) is error


async def test_to_a_schema_that_rests_upon_nothing_it_is_a_fault() -> None:
    result = await GatewaySchema(Query).execute("{ fine unplugged }")
    [error] = result.errors or []
    assert (error.extensions or {})["code"] == "INTERNAL_SERVER_ERROR"
    assert "come back later" not in error.message
    assert away_of(result) is None


async def test_a_context_is_told_where_each_error_arose() -> None:
    told: list[tuple[GraphQLError, str | None]] = []
    context = SimpleNamespace(locate=lambda error, operation: told.append((error, operation)))
    schema = GatewaySchema(Query, outage_of=outage_of)
    await schema.execute("query Ask { fine a: unplugged b: unplugged }", context_value=context)
    assert [(error.path, operation) for error, operation in told] == [(["a"], "Ask"), (["b"], "Ask")]


@pytest.mark.parametrize(("document", "follows"), [("{ fine }", False), ("{ later: fine }", True)])
async def test_a_context_is_told_whether_its_document_may_follow_a_list(document: str, follows: bool) -> None:
    context = SimpleNamespace(follows=None)
    await GatewaySchema(Query, follows=re.compile("later")).execute(document, context_value=context)
    assert context.follows is follows


async def test_where_nobody_said_what_that_looks_like_each_may() -> None:
    context = SimpleNamespace(follows=None)
    await GatewaySchema(Query).execute("{ fine }", context_value=context)
    assert context.follows is True


@pytest.mark.parametrize(("number", "calls"), [(3, 0), (600, 1)])
async def test_many_variables_are_read_beside(number: int, calls: int) -> None:
    made = 0

    async def beside(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        nonlocal made
        made += 1
        return await asyncio.to_thread(function, *arguments, **options)

    query = "query Q($of: [Int!]!) { count(of: $of) }"
    result = await GatewaySchema(Query, beside=beside).execute(query, {"of": list(range(number))})
    assert (result.data, made) == ({"count": number}, calls)


def test_schemas_of_the_same_types_share_nothing_that_is_set() -> None:
    hidden, shown = GatewaySchema(Query, introspection=False), GatewaySchema(Query)
    asked = "{ __schema { queryType { name } } }"
    assert shown.documents.get(asked).errors == []
    assert hidden.documents.get(asked).errors
