"""GraphQL over HTTP: what a request must look like, and how each that does not is refused."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest
import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Message, Scope

from app.http.request_id import RequestIdMiddleware
from gateway.http.view import GraphQLView, Page
from gateway.schema import GatewaySchema
from tests.support.logged import logged

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
MAX_BODY = 4_000


class Context:
    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.done: list[str] = []

    async def close(self) -> None:
        pass


@strawberry.input
class NoteInput:
    text: str
    number: int | None = None


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "you") -> str | None:
        return f"Hello, {name}"

    @strawberry.field
    def required(self) -> str:
        raise RuntimeError("the cellar is flooded")

    @strawberry.field
    async def slow(self) -> str | None:
        await asyncio.sleep(30)
        return "done"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def write(self, info: strawberry.Info[Any, None], note: NoteInput) -> str | None:
        WRITTEN.append(note.text)
        return note.text


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1


WRITTEN: list[str] = []
SCHEMA = GatewaySchema(Query, Mutation, Subscription)


async def make_context(request: Request) -> Context:
    if "x-fail" in request.headers:
        raise RuntimeError("the database is at 10.0.0.1")
    return Context(request.state.request_id)


def make_app(**options: Any) -> RequestIdMiddleware:
    view = GraphQLView(SCHEMA, make_context, max_body_bytes=MAX_BODY, **options)
    return RequestIdMiddleware(Starlette(routes=[Route("/graphql", view)]), lambda: "made-here")


@pytest.fixture(autouse=True)
def written() -> list[str]:
    """What mutations have done in this test."""
    WRITTEN.clear()
    return WRITTEN


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with make_client(make_app()) as client:
        yield client


def make_client(app: RequestIdMiddleware) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


def code_of(response: httpx.Response) -> str:
    """The code of the one error, after checking what every error has in common."""
    assert response.headers["content-type"] in (f"{JSON}; charset=utf-8", f"{GRAPHQL}; charset=utf-8")
    body = response.json()
    assert "data" not in body
    assert len(body["errors"]) == 1
    assert body["errors"][0]["message"]
    assert "Traceback" not in response.text
    code: str = body["errors"][0]["extensions"]["code"]
    return code


async def post(client: httpx.AsyncClient, content: bytes | str, content_type: str | None = JSON) -> httpx.Response:
    headers = {"content-type": content_type} if content_type is not None else {}
    return await client.post("/graphql", content=content, headers=headers)


async def test_a_query_by_post(client: httpx.AsyncClient) -> None:
    body = {"query": "query Q($n: String!) { hello(name: $n) }", "variables": {"n": "Ann"}, "operationName": "Q"}
    response = await client.post("/graphql", json=body)
    assert response.status_code == 200
    assert response.json() == {
        "data": {"hello": "Hello, Ann"},
        "extensions": {"cost": {"requested": 1, "maximum": 50000}},
    }


async def test_a_query_by_get(client: httpx.AsyncClient) -> None:
    parameters = {"query": "query Q($n: String!) { hello(name: $n) }", "variables": '{"n":"Ann"}', "operationName": "Q"}
    response = await client.get("/graphql", params=parameters)
    assert response.status_code == 200
    assert response.json()["data"] == {"hello": "Hello, Ann"}


async def test_a_get_with_empty_parameters_is_as_without_them(client: httpx.AsyncClient) -> None:
    parameters = {"query": "{ hello }", "variables": "", "operationName": "", "extensions": ""}
    assert (await client.get("/graphql", params=parameters)).json()["data"] == {"hello": "Hello, you"}


async def test_every_answer_has_the_fixed_headers(client: httpx.AsyncClient) -> None:
    for response in (await client.post("/graphql", json={"query": "{ hello }"}), await client.put("/graphql")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["vary"] == "accept"
        assert response.headers["x-request-id"] == "made-here"
        assert "server" not in response.headers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'"x"',
        b"1",
        b"null",
        b"true",
        b"[]",
        b'[{"query":"mutation { write(note: {text: \\"a\\"}) }"}]',
        b"{",
        b'{"query":"{ hello }"} trailing',
        b'{"query":"\xff\xfe"}',
        '{"query":"{ hello }"}'.encode("utf-16"),
        b'{"query":"\\ud800"}',
        b'{"query":NaN}',
        b"[" * 1_900 + b"]" * 1_900,
        b'{"a":' * 600 + b"1" + b"}" * 600,
        b"{}",
        b'{"query":null}',
        b'{"query":""}',
        b'{"query":1}',
        b'{"query":["{ hello }"]}',
        b'{"query":"{ hello }","variables":[]}',
        b'{"query":"{ hello }","variables":"{}"}',
        b'{"query":"{ hello }","operationName":1}',
        b'{"query":"{ hello }","operationName":{}}',
        b'{"query":"{ hello }","extensions":[]}',
    ],
)
async def test_a_body_that_is_no_request_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    response = await post(client, body)
    assert response.status_code == 400
    assert code_of(response) == "BAD_USER_INPUT"
    assert WRITTEN == []
    assert (await client.post("/graphql", json={"query": "{ hello }"})).status_code == 200


async def test_json_nested_a_hundred_thousand_deep_is_refused() -> None:
    app = RequestIdMiddleware(GraphQLView(SCHEMA, make_context), lambda: "made-here")
    async with make_client(app) as client:
        response = await post(client, b'{"query":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert response.status_code == 400
    assert code_of(response) == "BAD_USER_INPUT"


async def test_an_integer_of_thousands_of_digits_is_bad_input(client: httpx.AsyncClient) -> None:
    query = b'"query":"mutation ($n: NoteInput!) { write(note: $n) }"'
    response = await post(client, b"{" + query + b',"variables":{"n":{"text":"a","number":' + b"9" * 3_000 + b"}}}")
    # Whether the JSON or the Int refuses it, nothing runs.
    assert response.status_code in (200, 400)
    assert code_of(response) == "BAD_USER_INPUT"
    assert WRITTEN == []


@pytest.mark.parametrize("name", ["variables", "extensions"])
@pytest.mark.parametrize("value", ["{", "[]", '"x"', "1", "{'a':1}"])
async def test_malformed_parameters_of_a_get_are_refused(client: httpx.AsyncClient, name: str, value: str) -> None:
    response = await client.get("/graphql", params={"query": "{ hello }", name: value})
    assert response.status_code == 400
    assert code_of(response) == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
)
async def test_json_is_taken_however_it_is_spelt(client: httpx.AsyncClient, content_type: str) -> None:
    assert (await post(client, '{"query":"{ hello }"}', content_type)).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/json-patch+json",
        "application/graphql",
        "text/application/json",
        "text/plain; application/json",
        "application/json; charset=utf-16",
    ],
)
async def test_any_other_media_type_is_refused(client: httpx.AsyncClient, content_type: str | None) -> None:
    response = await post(client, b'{"query":"mutation { write(note: {text: \\"a\\"}) }"}', content_type)
    assert response.status_code == 415
    assert code_of(response) == "UNSUPPORTED_MEDIA_TYPE"
    assert WRITTEN == []


async def test_a_compressed_body_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"content-type": JSON, "content-encoding": "gzip"}
    response = await client.post("/graphql", content=b"\x1f\x8b", headers=headers)
    assert response.status_code == 415
    assert code_of(response) == "UNSUPPORTED_MEDIA_TYPE"


async def chunks(total: int, size: int = 500) -> AsyncIterator[bytes]:
    for _ in range(0, total, size):
        yield b" " * size


async def test_a_body_that_announces_too_much_is_refused_unread(client: httpx.AsyncClient) -> None:
    response = await post(client, b" " * (MAX_BODY + 1))
    assert response.status_code == 413
    assert code_of(response) == "PAYLOAD_TOO_LARGE"


async def test_a_chunked_body_is_refused_once_it_is_too_large(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", content=chunks(MAX_BODY * 2), headers={"content-type": JSON})
    assert response.status_code == 413
    assert code_of(response) == "PAYLOAD_TOO_LARGE"


async def test_a_body_of_exactly_the_bound_is_read(client: httpx.AsyncClient) -> None:
    body = b'{"query":"{ hello }"}'
    assert (await post(client, body + b" " * (MAX_BODY - len(body)))).status_code == 200


async def test_a_client_that_goes_away_in_its_body_does_no_harm() -> None:
    sent: list[Message] = []
    incoming: list[Message] = [
        {"type": "http.request", "body": b'{"query":', "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return incoming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(b"content-type", JSON.encode())],
    }
    await make_app()(scope, receive, send)
    assert sent[0]["status"] == 400


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_other_methods_are_refused(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/graphql")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"


async def test_a_mutation_by_get_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", params={"query": 'mutation { write(note: {text: "a"}) }'})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert code_of(response) == "METHOD_NOT_ALLOWED"
    assert WRITTEN == []


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_subscription_over_http_says_where_to_go(client: httpx.AsyncClient, method: str) -> None:
    query = {"query": "subscription { ticks }"}
    sent = {"params": query} if method == "GET" else {"json": query}
    response = await client.request(method, "/graphql", **sent)  # type: ignore[arg-type]
    assert response.status_code == 400
    assert code_of(response) == "BAD_USER_INPUT"
    assert "graphql-transport-ws" in response.json()["errors"][0]["message"]


async def test_the_path_itself_answers_without_a_redirect(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ hello }"}, follow_redirects=False)
    assert response.status_code == 200


TWO_OPERATIONS = 'query A { hello } mutation B { write(note: {text: "b"}) }'


@pytest.mark.parametrize("accept", [JSON, GRAPHQL])
@pytest.mark.parametrize("name", [None, "C", "", "a"])
async def test_an_operation_that_cannot_be_chosen_is_refused(
    client: httpx.AsyncClient, accept: str, name: str | None
) -> None:
    body = {"query": TWO_OPERATIONS, "operationName": name}
    response = await client.post("/graphql", json=body, headers={"accept": accept})
    assert response.status_code == 400
    assert code_of(response) == "OPERATION_RESOLUTION_FAILURE"
    assert WRITTEN == []


async def test_the_named_operation_of_several_runs(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": TWO_OPERATIONS, "operationName": "B"})
    assert response.json()["data"] == {"write": "b"}
    assert WRITTEN == ["b"]


async def test_a_get_runs_the_named_query_beside_a_mutation(client: httpx.AsyncClient) -> None:
    named = await client.get("/graphql", params={"query": TWO_OPERATIONS, "operationName": "A"})
    assert named.json()["data"] == {"hello": "Hello, you"}
    refused = await client.get("/graphql", params={"query": TWO_OPERATIONS, "operationName": "B"})
    assert refused.status_code == 405
    assert WRITTEN == []


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}; charset=utf-8, {JSON}; charset=utf-8", GRAPHQL),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{JSON}, {GRAPHQL}", JSON),
        (f"{JSON};q=0.1, {GRAPHQL};q=0.2", GRAPHQL),
        (f"{JSON};q=0, */*", GRAPHQL),
        ("text/html, */*;q=0.1", JSON),
    ],
)
async def test_the_answer_has_the_type_that_was_asked_for(
    client: httpx.AsyncClient, accept: str | None, content_type: str
) -> None:
    headers = httpx.Headers() if accept is None else httpx.Headers({"accept": accept})
    request = client.build_request("POST", "/graphql", json={"query": "{ hello }"}, headers=headers)
    if accept is None:
        del request.headers["accept"]
    response = await client.send(request)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{content_type}; charset=utf-8"


@pytest.mark.parametrize("accept", ["text/html", "application/xml", f"{JSON};q=0", f"{JSON};q=x", "application/jsonp"])
async def test_a_type_that_is_not_ours_is_not_acceptable(client: httpx.AsyncClient, accept: str) -> None:
    response = await client.post("/graphql", json={"query": "{ hello }"}, headers={"accept": accept})
    assert response.status_code == 406
    assert code_of(response) == "NOT_ACCEPTABLE"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query ($n: String!) { hello(name: $n) }"}, "BAD_USER_INPUT"),
        ({"query": "query ($n: String!) { hello(name: $n) }", "variables": {"n": 5}}, "BAD_USER_INPUT"),
        ({"query": "{ hello " + "name " * 5_000 + "}"}, "QUERY_TOO_COSTLY"),
    ],
)
async def test_a_request_error_is_400_only_in_the_newer_media_type(body: dict[str, Any], code: str) -> None:
    view = GraphQLView(SCHEMA, make_context)
    async with make_client(RequestIdMiddleware(view, lambda: "made-here")) as client:
        older = await client.post("/graphql", json=body, headers={"accept": JSON})
        newer = await client.post("/graphql", json=body, headers={"accept": GRAPHQL})
    assert (older.status_code, newer.status_code) == (200, 400)
    assert code_of(older) == code_of(newer) == code


@pytest.mark.parametrize("accept", [JSON, GRAPHQL])
async def test_an_error_of_a_field_is_200_even_when_it_nulls_all_data(client: httpx.AsyncClient, accept: str) -> None:
    response = await client.post("/graphql", json={"query": "{ required }"}, headers={"accept": accept})
    assert response.status_code == 200
    assert response.json()["data"] is None
    assert response.json()["errors"][0]["path"] == ["required"]


PROBE = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}


@pytest.mark.parametrize(("accept", "status"), [(JSON, 200), ("*/*", 200), (GRAPHQL, 400)])
async def test_a_persisted_query_probe_makes_the_client_fall_back(
    client: httpx.AsyncClient, accept: str, status: int
) -> None:
    probe = await client.post("/graphql", json=PROBE, headers={"accept": accept})
    assert probe.status_code == status
    assert probe.json()["errors"][0]["message"] == "PersistedQueryNotSupported"
    assert code_of(probe) == "PERSISTED_QUERY_NOT_SUPPORTED"
    by_get = await client.get("/graphql", params={"extensions": orjson.dumps(PROBE["extensions"]).decode()})
    assert code_of(by_get) == "PERSISTED_QUERY_NOT_SUPPORTED"
    fallback = await client.post("/graphql", json={**PROBE, "query": "{ hello }"}, headers={"accept": accept})
    assert fallback.status_code == 200
    assert fallback.json()["data"] == {"hello": "Hello, you"}


async def test_an_operation_that_takes_too_long_is_given_up() -> None:
    async with make_client(make_app(execution_timeout=0.05)) as client:
        response = await client.post("/graphql", json={"query": "{ slow }"})
    assert response.status_code == 503
    assert code_of(response) == "TIMEOUT"


async def test_a_browser_gets_the_ide_if_there_is_one() -> None:
    headers = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    page = Page(b"<title>An editor</title>", {"content-security-policy": "default-src 'none'"})
    async with make_client(make_app(ide=page)) as client:
        shown = await client.get("/graphql", headers=headers)
        assert shown.status_code == 200
        assert shown.headers["content-type"] == "text/html; charset=utf-8"
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert shown.headers["content-security-policy"] == "default-src 'none'"
        assert shown.content == page.html
        query = await client.get("/graphql", params={"query": "{ hello }"}, headers=headers)
        assert query.json()["data"] == {"hello": "Hello, you"}
    async with make_client(make_app()) as without:
        assert (await without.get("/graphql", headers=headers)).status_code == 400


@pytest.mark.parametrize(
    ("given", "answered"),
    [
        ("abc-DEF_1.2:3", "abc-DEF_1.2:3"),
        ("x" * 128, "x" * 128),
        ("x" * 129, "made-here"),
        ("", "made-here"),
        ("two words", "made-here"),
        ("<script>", "made-here"),
    ],
)
async def test_a_request_keeps_its_id_if_it_is_a_plain_one(
    client: httpx.AsyncClient, given: str, answered: str
) -> None:
    response = await client.post("/graphql", json={"query": "{ required }"}, headers={"x-request-id": given})
    assert response.headers["x-request-id"] == answered
    assert response.json()["errors"][0]["extensions"]["requestId"] == answered


async def test_a_failure_outside_graphql_is_masked_and_logged_once(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = await client.post("/graphql", json={"query": "{ hello }"}, headers={"x-fail": "1"})
    assert response.status_code == 500
    assert code_of(response) == "INTERNAL_SERVER_ERROR"
    assert "10.0.0.1" not in response.text
    assert response.json()["errors"][0]["extensions"]["requestId"] == "made-here"
    assert [record.exc_text or str(record.exc_info) for record in logged(caplog) if record.exc_info] != []
    assert len(logged(caplog)) == 1
