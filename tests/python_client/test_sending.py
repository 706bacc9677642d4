"""What the Python client sends again, and when; the same for both of its forms."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx
import pytest

from scrip_client import NO_ANSWER, AsyncScrip, Done, Mutation, Query, Refused, Retries, Scrip, ScripError

ASK: Final = Query[dict[str, Any]]("Ask", "query Ask { viewer { subject } }", {})
TEXT: Final = "mutation Do($input: I!) { act(input: $input) }"
KEYED: Final = Mutation[dict[str, Any]]("Do", TEXT, {"input": {"idempotencyKey": "k", "amount": "1"}}, "act")
BARE: Final = Mutation[dict[str, Any]]("Do", TEXT, {"input": {"name": "Ann"}}, "act")
QUICK: Final = Retries(attempts=3, first=0.001, longest=1.0)
DONE: Final = {"data": {"act": {"replayed": False, "userErrors": []}}}


def answered(status: int, body: Any, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def failed(status: int, code: str, **headers: str) -> httpx.Response:
    return answered(status, {"errors": [{"message": "no", "extensions": {"code": code}}]}, **headers)


def refused(code: str) -> httpx.Response:
    return answered(200, {"data": {"act": {"userErrors": [{"code": code, "message": "no", "field": ["amount"]}]}}})


class Server:
    """Answers with each of these in turn, and keeps what it was sent."""

    def __init__(self, *answers: httpx.Response | httpx.TransportError) -> None:
        self.answers = iter(answers)
        self.seen: list[tuple[Any, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append((json.loads(request.content), request.headers["authorization"]))
        answer = next(self.answers)
        if isinstance(answer, httpx.TransportError):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    @property
    def variables(self) -> list[Any]:
        return [body["variables"] for body, _ in self.seen]


Run = Callable[..., Awaitable[Any]]


@pytest.fixture(params=["waiting", "asyncio"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs `ask` or `do` of a client at a server, in either form."""

    async def waiting(server: Server, operation: Any, token: Any = "t", **options: Any) -> Any:
        http = httpx.Client(transport=httpx.MockTransport(server))
        with Scrip("http://scrip", token, retries=QUICK, http=http) as client:
            method: Any = client.do if isinstance(operation, Mutation) else client.ask
            return method(operation, **options)

    async def asynchronous(server: Server, operation: Any, token: Any = "t", **options: Any) -> Any:
        http = httpx.AsyncClient(transport=httpx.MockTransport(server))
        async with AsyncScrip("http://scrip", token, retries=QUICK, http=http) as client:
            method: Any = client.do if isinstance(operation, Mutation) else client.ask
            return await method(operation, **options)

    return waiting if request.param == "waiting" else asynchronous


LOST: Final = httpx.ReadError("lost")


@pytest.mark.parametrize(
    "first",
    [LOST, failed(503, "UNAVAILABLE"), failed(502, "x"), failed(503, "TIMEOUT"), failed(429, "RATE_LIMITED")],
    ids=["lost", "away", "proxy", "late", "limited"],
)
async def test_a_mutation_with_a_key_is_sent_again_as_it_was(run: Run, first: Any) -> None:
    server = Server(first, answered(200, DONE))

    assert isinstance(await run(server, KEYED), Done)
    assert server.variables == [KEYED.variables] * 2


@pytest.mark.parametrize(
    "first", [LOST, failed(503, "UNAVAILABLE"), failed(503, "TIMEOUT")], ids=["lost", "away", "late"]
)
async def test_one_without_a_key_is_not_if_it_may_have_been_done(run: Run, first: Any) -> None:
    server = Server(first, answered(200, DONE))

    with pytest.raises(ScripError) as error:
        await run(server, BARE)
    assert error.value.unknown
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "first",
    [httpx.ConnectError("refused"), failed(429, "RATE_LIMITED"), failed(503, "BUSY"), refused("UNAVAILABLE")],
    ids=["not reached", "limited", "busy", "clock off"],
)
async def test_one_without_a_key_is_if_nothing_of_it_was_done(run: Run, first: Any) -> None:
    server = Server(first, answered(200, DONE))

    assert isinstance(await run(server, BARE), Done)
    assert len(server.seen) == 2


async def test_one_without_a_key_is_where_the_caller_says_so(run: Run) -> None:
    server = Server(LOST, answered(200, DONE))

    assert isinstance(await run(server, BARE, again=True), Done)


async def test_what_a_person_can_put_right_is_a_result(run: Run) -> None:
    outcome = await run(Server(refused("LIMIT_EXCEEDED")), KEYED)

    assert isinstance(outcome, Refused)
    assert (outcome.codes, outcome.errors[0].field) == (("LIMIT_EXCEEDED",), ("amount",))


async def test_it_gives_up_after_so_many_attempts(run: Run) -> None:
    server = Server(LOST, LOST, LOST)

    with pytest.raises(ScripError) as error:
        await run(server, ASK)
    assert (error.value.code, len(server.seen)) == (NO_ANSWER, 3)


async def test_it_does_not_wait_longer_than_it_was_told_to(run: Run) -> None:
    server = Server(failed(429, "RATE_LIMITED", retry_after="60", x_request_id="r-1"))

    with pytest.raises(ScripError) as error:
        await run(server, ASK)
    assert (error.value.retry_after, error.value.request_id, error.value.status) == (60, "r-1", 429)


async def test_a_fault_of_the_server_s_is_not_asked_for_twice(run: Run) -> None:
    server = Server(failed(500, "INTERNAL_SERVER_ERROR"))

    with pytest.raises(ScripError, match="INTERNAL_SERVER_ERROR"):
        await run(server, ASK)


async def test_a_token_is_asked_for_anew_once_if_it_was_refused(run: Run) -> None:
    tokens = iter(["old", "new", "newer"])
    server = Server(failed(401, "UNAUTHENTICATED"), answered(200, {"data": {"viewer": None}}))
    assert (await run(server, ASK, lambda: next(tokens))).data == {"viewer": None}
    assert [bearer for _, bearer in server.seen] == ["Bearer old", "Bearer new"]

    for token in ("fixed", lambda: "same"):
        server = Server(*[failed(401, "UNAUTHENTICATED")] * 2)
        with pytest.raises(ScripError, match="UNAUTHENTICATED"):
            await run(server, ASK, token)
        assert len(server.seen) == (1 if token == "fixed" else 2)


async def test_a_root_field_that_failed_is_an_exception_and_one_below_is_told(run: Run) -> None:
    error = {"message": "no", "extensions": {"code": "FORBIDDEN", "missing": ["ledger:read"]}}
    below = {"data": {"viewer": {"limits": None}}, "errors": [{**error, "path": ["viewer", "limits"]}]}
    answer = await run(Server(answered(200, below)), ASK)
    assert answer.data == {"viewer": {"limits": None}}
    assert [(fault.code, fault.path) for fault in answer.faults] == [("FORBIDDEN", ("viewer", "limits"))]

    root = {"data": {"viewer": None}, "errors": [{**error, "path": ["viewer"]}]}
    with pytest.raises(ScripError) as raised:
        await run(Server(answered(200, root)), ASK)
    assert raised.value.faults[0].extensions["missing"] == ["ledger:read"]


async def test_busy_reports_are_asked_for_again(run: Run) -> None:
    busy = {"data": {"viewer": None}, "errors": [{"path": ["viewer"], "extensions": {"code": "BUSY"}, "message": "b"}]}
    server = Server(answered(200, busy), answered(200, {"data": {"viewer": {}}}))

    assert (await run(server, ASK)).data == {"viewer": {}}


def test_waits_grow_and_end() -> None:
    retries = Retries(first=1, longest=10)

    assert all(0.5 <= retries.pause(1) <= 1 for _ in range(100))
    assert all(5 <= retries.pause(9) <= 10 for _ in range(100))


def test_both_forms_have_the_same_methods() -> None:
    def public(form: type) -> set[str]:
        return {name for name in vars(form) if not name.startswith("_")}

    assert public(Scrip) == public(AsyncScrip)
