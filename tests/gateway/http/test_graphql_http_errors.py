"""Errors of operations: a code on each, the expected ones as they are, the unexpected ones masked and logged once."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import strawberry
from graphql import GraphQLError
from starlette.requests import Request
from strawberry import relay
from strawberry.schema.config import StrawberryConfig

from app.http.request_id import RequestIdFilter, RequestIdMiddleware
from gateway.errors import MASKED_MESSAGE, BadUserInput
from gateway.http.view import GraphQLView
from gateway.schema import GatewaySchema
from schema.errors import Forbidden, Unauthenticated
from tests.support.logged import logged

SECRET = "password=hunter2"


class Context:
    def __init__(self, request_id: str) -> None:
        self.request_id = request_id

    async def close(self) -> None:
        pass


class OutOfStock(GraphQLError):
    def __init__(self) -> None:
        super().__init__("None are left.", extensions={"code": "OUT_OF_STOCK", "left": 0})


def parse_even(value: object) -> int:
    if not isinstance(value, int) or value % 2:
        raise ValueError("An Even is an even number.")
    if value == 666:
        raise LookupError(SECRET)
    return value


EVEN = strawberry.scalar(name="Even", serialize=lambda value: value, parse_value=parse_even)
Even = type("Even", (int,), {})


@strawberry.type
class Query:
    @strawberry.field
    def bug(self) -> str | None:
        raise ValueError(SECRET)

    @strawberry.field
    def bare(self) -> str | None:
        raise GraphQLError(SECRET)

    @strawberry.field
    def missing(self) -> list[str]:
        return None  # type: ignore[return-value]

    @strawberry.field
    def stock(self) -> str | None:
        raise OutOfStock

    @strawberry.field
    def cursor(self) -> str | None:
        raise BadUserInput("That is no cursor.")

    @strawberry.field
    def mine(self) -> str | None:
        raise Unauthenticated("Send a token.")

    @strawberry.field
    def theirs(self) -> str | None:
        raise Forbidden("Staff may not do this.")

    @strawberry.field
    def by_id(self, id: relay.GlobalID) -> str | None:  # noqa: A002
        return id.node_id

    @strawberry.field
    def even(self, number: Even) -> str | None:  # type: ignore[valid-type]
        return str(number)

    @strawberry.field
    def fine(self) -> str | None:
        return "fine"


SCHEMA = GatewaySchema(Query, config=StrawberryConfig(scalar_map={Even: EVEN}))


async def make_context(request: Request) -> Context:
    return Context(request.state.request_id)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = RequestIdMiddleware(GraphQLView(SCHEMA, make_context), lambda: "id-1")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def ask(client: httpx.AsyncClient, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    response = await client.post("/graphql", json={"query": query, "variables": variables})
    assert SECRET not in response.text
    body: dict[str, Any] = response.json()
    return body


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("{ fine stock }", "OUT_OF_STOCK", "None are left."),
        ("{ fine cursor }", "BAD_USER_INPUT", "That is no cursor."),
        ("{ fine mine }", "UNAUTHENTICATED", "Send a token."),
        ("{ fine theirs }", "FORBIDDEN", "Staff may not do this."),
    ],
)
async def test_an_expected_error_keeps_its_code_and_is_not_logged(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, query: str, code: str, message: str
) -> None:
    body = await ask(client, query)
    assert body["data"]["fine"] == "fine"
    (error,) = body["errors"]
    assert error["message"] == message
    assert error["extensions"]["code"] == code
    assert error["path"] == [query.split()[2]]
    assert logged(caplog) == []


@pytest.mark.parametrize(
    ("query", "status"),
    [("{ mine }", 401), ("{ __typename mine }", 401), ("{ fine mine }", 200), ("{ theirs }", 200), ("{ fine }", 200)],
)
@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
async def test_it_is_a_401_if_nothing_was_answered_for_want_of_a_token(
    client: httpx.AsyncClient, query: str, status: int, accept: str
) -> None:
    """What was answered all the same is not hidden: it may be a mutation that was done."""
    response = await client.post("/graphql", json={"query": query}, headers={"accept": accept})
    assert response.status_code == status
    assert response.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


async def test_further_extensions_of_an_expected_error_are_kept(client: httpx.AsyncClient) -> None:
    body = await ask(client, "{ stock }")
    assert body["errors"][0]["extensions"] == {"code": "OUT_OF_STOCK", "left": 0}


@pytest.mark.parametrize("field", ["bug", "bare", "missing"])
async def test_an_unexpected_error_is_masked_and_logged_once_with_the_request_s_id(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, field: str
) -> None:
    body = await ask(client, f"{{ fine {field} }}")
    (error,) = body["errors"]
    assert error["message"] == MASKED_MESSAGE
    assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": "id-1"}
    assert error["path"] == [field]
    assert error["locations"] == [{"line": 1, "column": 8}]
    (record,) = logged(caplog)
    assert record.levelno == logging.ERROR
    assert record.exc_info
    assert record.__dict__["request_id"] == "id-1"


async def test_one_field_s_failure_hides_no_other(client: httpx.AsyncClient) -> None:
    body = await ask(client, "{ a: fine bug b: fine theirs c: fine }")
    assert body["data"] == {"a": "fine", "bug": None, "b": "fine", "theirs": None, "c": "fine"}
    assert [error["extensions"]["code"] for error in body["errors"]] == ["INTERNAL_SERVER_ERROR", "FORBIDDEN"]


@pytest.mark.parametrize("id_", ["x", "", "!!!", "Zm9v", "\x00", "x" * 10_000])
async def test_a_malformed_id_is_bad_input(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, id_: str
) -> None:
    body = await ask(client, "query ($id: ID!) { byId(id: $id) }", {"id": id_})
    assert body["data"] == {"byId": None}
    assert body["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert logged(caplog) == []


@pytest.mark.parametrize("number", [3, "4", None, 1.5, [2], {"a": 1}])
async def test_a_value_that_a_scalar_refuses_is_bad_input(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, number: object
) -> None:
    body = await ask(client, "query ($n: Even!) { even(number: $n) }", {"n": number})
    assert "data" not in body
    assert body["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert logged(caplog) == []


async def test_a_literal_that_a_scalar_refuses_fails_validation(client: httpx.AsyncClient) -> None:
    body = await ask(client, "{ even(number: 3) }")
    assert body["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert "An Even is an even number." in body["errors"][0]["message"]


async def test_a_fault_in_a_scalar_is_ours(client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    body = await ask(client, "query ($n: Even!) { even(number: $n) }", {"n": 666})
    assert body["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert len(logged(caplog)) == 1


async def test_a_huge_value_is_not_repeated_in_the_message(client: httpx.AsyncClient) -> None:
    body = await ask(client, "query ($n: Even!) { even(number: $n) }", {"n": "x" * 1_000_000})
    assert len(body["errors"][0]["message"]) < 1_000


def test_a_log_record_outside_a_request_has_a_dash_for_its_id() -> None:
    record = logging.LogRecord("name", logging.INFO, "file", 1, "message", None, None)
    assert RequestIdFilter().filter(record)
    assert record.__dict__["request_id"] == "-"


async def test_a_log_record_within_a_request_has_its_id() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        record = logging.LogRecord("name", logging.INFO, "file", 1, "message", None, None)
        RequestIdFilter().filter(record)
        seen.append(record.__dict__["request_id"])

    middleware = RequestIdMiddleware(app, lambda: "id-2")
    await middleware({"type": "websocket", "headers": []}, None, None)  # type: ignore[arg-type]
    await middleware({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert seen == ["id-2", "-"]
