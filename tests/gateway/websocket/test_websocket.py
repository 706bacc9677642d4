"""GraphQL over WebSocket: the handshake, the token, operations, and every bound."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from app.cli.serve import take_port
from auth.backend import BearerBackend
from auth.errors import TokensUnavailable
from auth.principal import Principal
from gateway.websocket.view import SocketView
from tests.gateway.websocket.sockets_app import Seen, Shared, make_app, quiet, shared, small_limits
from tests.support.sockets import PROTOCOL, Socket, opened, served, token, until

__all__ = ["quiet", "shared"]

FOREVER = "subscription { forever }"


@pytest.fixture
async def seen(shared: Shared) -> Seen:
    return await shared.renewed()


@pytest.fixture
def base(shared: Shared) -> str:
    return shared.base


@pytest.fixture
def view(shared: Shared) -> SocketView:
    return shared.view


@pytest.fixture
async def ready(base: str, seen: Seen) -> AsyncIterator[Socket]:
    """A connection whose token has been taken."""
    async with opened(base) as client:
        await client.begin(token())
        yield client


# The handshake


@pytest.mark.parametrize("protocols", [(), ("graphql-ws",), ("graphql-sse",), ("GRAPHQL-TRANSPORT-WS",)])
async def test_no_other_protocol_is_spoken(base: str, protocols: Sequence[str]) -> None:
    async with opened(base, protocols=protocols) as client:
        assert await client.closed() == (4406, "Subprotocol not acceptable")
        assert client.connection.subprotocol is None


async def test_the_protocol_is_chosen_among_several(base: str) -> None:
    async with opened(base, protocols=("graphql-ws", PROTOCOL)) as client:
        assert client.connection.subprotocol == PROTOCOL
        await client.begin(token())


async def status_of(handshake: Any) -> InvalidStatus:
    with pytest.raises(InvalidStatus) as refused:
        async with handshake:
            raise AssertionError("the handshake was accepted")
    return refused.value


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1", "file://"])
async def test_pages_of_other_origins_are_refused(base: str, origin: str) -> None:
    refused = await status_of(opened(base, origin=origin))
    assert refused.response.status_code == 403


async def test_pages_of_this_origin_and_of_listed_ones_are_let_in(seen: Seen) -> None:
    app, _ = make_app(seen, origins=["https://shop.example"])
    async with served(app) as base:
        for origin in (base.replace("ws:", "http:"), "https://shop.example"):
            async with opened(base, origin=origin) as client:
                await client.begin(token())
        assert (await status_of(opened(base, origin="https://shop.example.evil"))).response.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "Bearer nonsense")],
        [("authorization", "Basic c2FtOnRlYQ==")],
        [("authorization", "")],
        [("authorization", token()), ("authorization", token())],
        [("authorization", token()), ("authorization", "")],
    ],
)
@pytest.mark.parametrize("payload", [None, {"Authorization": token()}])
async def test_a_bad_header_is_refused(base: str, seen: Seen, headers: list[tuple[str, str]], payload: object) -> None:
    async with opened(base, additional_headers=headers) as client:
        await client.send({"type": "connection_init", "payload": payload})
        assert (await client.closed())[0] == 4403
    assert [(request_id, address) for _, request_id, address in seen.refused] == [("made-here", "127.0.0.1")]


async def test_a_header_will_do(base: str) -> None:
    async with opened(base, additional_headers={"authorization": token(subject="heidi")}) as client:
        await client.begin()
        assert (await client.ask("{ hello }"))["data"] == {"hello": "Hello, heidi"}


async def test_header_and_payload_must_agree(base: str) -> None:
    first, second = token(subject="heidi"), token(subject="sam")
    async with opened(base, additional_headers={"authorization": first}) as client:
        await client.begin(first)
    async with opened(base, additional_headers={"authorization": first}) as client:
        await client.send({"type": "connection_init", "payload": {"Authorization": second}})
        assert await client.closed() == (4403, "there is more than one Authorization header")


# The token


@pytest.mark.parametrize("key", ["Authorization", "authorization", "AUTHORIZATION"])
async def test_the_token_comes_with_connection_init(base: str, key: str) -> None:
    async with opened(base) as client:
        await client.begin(token(), key)
        assert (await client.ask("{ hello }"))["data"] == {"hello": "Hello, sam"}


@pytest.mark.parametrize(
    "message",
    [
        {"type": "connection_init"},
        {"type": "connection_init", "payload": None},
        {"type": "connection_init", "payload": {}},
        {"type": "connection_init", "payload": {"token": "Bearer x"}},
        {"type": "connection_init", "payload": {"Authorization": None}},
        {"type": "connection_init", "payload": {"Authorization": ["Bearer x"]}},
        {"type": "connection_init", "payload": {"Authorization": "Bearer x"}},
        {"type": "connection_init", "payload": {"Authorization": "x"}},
        {"type": "connection_init", "payload": {"Authorization": "Bearer x", "authorization": "Bearer y"}},
        {"type": "connection_init", "payload": {"headers": {"Authorization": "Bearer x"}}},
    ],
)
async def test_without_a_good_token_nobody_gets_in(base: str, seen: Seen, message: object) -> None:
    async with opened(base) as client:
        await client.send(message)
        await client.subscribe("1", "{ hello }")
        code, reason = await client.closed()
    assert code == 4403
    assert reason
    assert seen.contexts == []


async def test_a_token_in_the_url_is_not_read(base: str) -> None:
    text = token().removeprefix("Bearer ")
    async with opened(base, path=f"/graphql?authorization=Bearer%20{text}&access_token={text}") as client:
        await client.send({"type": "connection_init"})
        assert (await client.closed())[0] == 4403


async def test_an_expired_token_is_told_so(base: str, seen: Seen) -> None:
    stale = token(lifetime_s=1)
    await asyncio.sleep(1.1)
    async with opened(base) as client:
        await client.send({"type": "connection_init", "payload": {"Authorization": stale}})
        assert await client.closed() == (4403, "the token has expired")
    assert [reason for reason, *_ in seen.refused] == ["the token has expired"]


async def test_the_socket_ends_with_its_token(seen: Seen) -> None:
    """At the instant, not at the next look: that is an hour away here."""
    app, _ = make_app(seen, limits=small_limits(check_interval=3600))
    async with served(app) as base, opened(base) as client:
        began = asyncio.get_running_loop().time()
        await client.begin(token(lifetime_s=4))
        await client.subscribe("1", FOREVER)
        await client.subscribe("2", "{ slow }")
        await until(seen.begun.is_set)
        assert await client.closed() == (4403, "the token has expired")
        assert asyncio.get_running_loop().time() - began < 5
        await until(lambda: sorted(seen.ended) == ["forever", "slow"])
        await until(lambda: all(context.closed == 1 for context in seen.contexts))


async def test_it_ends_when_its_key_is_withdrawn(
    seen: Seen, base: str, view: SocketView, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(base) as client:
        await client.begin(token())
        await client.subscribe("1", FOREVER)
        await until(lambda: seen.produced)
        monkeypatch.setattr("auth.keys.SharedSecret.find", lambda *_: None)
        began = asyncio.get_running_loop().time()
        assert await client.closed() == (4403, "the token is signed with a key that is not known here")
        assert asyncio.get_running_loop().time() - began < 1
        await until(lambda: seen.ended == ["forever"])
    await until(lambda: view.sockets.number == 0)


async def test_a_withdrawn_token_runs_nothing_more_before_the_next_look(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _ = make_app(seen, limits=small_limits(check_interval=3600))
    async with served(app) as base, opened(base) as client:
        await client.begin(token())
        monkeypatch.setattr("auth.keys.SharedSecret.find", lambda *_: None)
        await client.subscribe("1", 'mutation { write(text: "no") }')
        assert (await client.closed())[0] == 4403
    assert seen.written == []
    assert seen.contexts == []


@pytest.mark.parametrize("when", ["connection_init", "later", "operation"])
async def test_where_tokens_cannot_be_checked_it_says_to_try_again(
    seen: Seen, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    async def unavailable(*_: object, **__: object) -> Principal:
        raise TokensUnavailable("tokens cannot be checked now")

    app, _ = make_app(seen, limits=small_limits(check_interval=3600 if when == "operation" else 0.05))
    async with served(app) as base, opened(base) as client:
        if when != "connection_init":
            await client.begin(token())
        monkeypatch.setattr(BearerBackend, "principal", unavailable)
        if when == "connection_init":
            await client.send({"type": "connection_init", "payload": {"Authorization": token()}})
        if when == "operation":
            await client.subscribe("1", 'mutation { write(text: "no") }')
        assert await client.closed() == (1013, "tokens cannot be checked now")
    assert seen.written == []


async def test_a_fault_of_ours_while_looking_after_the_token_closes_it(
    seen: Seen, base: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> Principal:
        raise RuntimeError("the database is at 10.0.0.1")

    async with opened(base) as client:
        await client.begin(token())
        monkeypatch.setattr(BearerBackend, "principal", broken)
        code, reason = await client.closed()
    assert (code, reason) == (1011, "Something went wrong on our side. It has been logged.")
    assert "10.0.0.1" in caplog.text
    caplog.clear()


# Operations


async def test_a_query_with_variables(ready: Socket) -> None:
    answer = await ready.ask("query Q($n: String!) { hello(name: $n) }", variables={"n": "Ann"}, operationName="Q")
    assert answer == {"data": {"hello": "Hello, Ann"}, "extensions": {"cost": {"requested": 1, "maximum": 50000}}}


async def test_a_mutation(ready: Socket, seen: Seen) -> None:
    assert (await ready.ask('mutation { write(text: "tea") }'))["data"] == {"write": "tea"}
    assert seen.written == ["tea"]


async def test_a_subscription(ready: Socket, seen: Seen) -> None:
    await ready.subscribe("s", "subscription { ticks }")
    messages = [await ready.receive() for _ in range(4)]
    assert [message["payload"]["data"]["ticks"] for message in messages[:3]] == [0, 1, 2]
    assert messages[3] == {"type": "complete", "id": "s"}
    assert [context.closed for context in seen.contexts] == [1]


async def test_a_subscription_that_breaks_is_masked(ready: Socket, caplog: pytest.LogCaptureFixture) -> None:
    await ready.subscribe("s", "subscription { breaks }")
    assert (await ready.receive())["payload"]["data"] == {"breaks": 1}
    told = await ready.receive()
    assert "10.0.0.1" not in str(told)
    assert "INTERNAL_SERVER_ERROR" in str(told)
    assert (await ready.ask("{ hello }"))["data"]
    assert "10.0.0.1" in caplog.text
    caplog.clear()


async def test_completing_ends_an_operation_and_frees_its_id(ready: Socket, seen: Seen) -> None:
    await ready.subscribe("s", "{ slow }")
    await until(seen.begun.is_set)
    await ready.send({"type": "complete", "id": "s"})
    await until(lambda: seen.ended == ["slow"])
    await until(lambda: seen.contexts[0].closed)
    await ready.subscribe("s", "{ hello }")
    assert (await ready.receive())["payload"]["data"] == {"hello": "Hello, sam"}


async def test_what_is_completed_at_once_leaves_nothing_behind(ready: Socket, seen: Seen) -> None:
    for n in range(50):
        await ready.subscribe(f"{n}", "{ slow }")
        await ready.send({"type": "complete", "id": f"{n}"})
    assert (await ready.ask("{ hello }"))["data"]
    await until(lambda: all(context.closed == 1 for context in seen.contexts))


async def test_each_operation_has_a_context_of_its_own(ready: Socket, seen: Seen) -> None:
    for _ in range(3):
        await ready.ask("{ hello }")
    assert [context.request_id for context in seen.contexts] == ["made-here.1", "made-here.2", "made-here.3"]
    assert [context.address for context in seen.contexts] == ["127.0.0.1"] * 3
    assert [context.closed for context in seen.contexts] == [1, 1, 1]


async def test_the_handshake_tells_its_request_id(base: str, seen: Seen) -> None:
    async with opened(base) as client:
        assert client.connection.response is not None
        assert client.connection.response.headers["x-request-id"] == "made-here"


async def test_a_long_request_id_stays_within_what_one_may_have(base: str, seen: Seen) -> None:
    async with opened(base, additional_headers={"x-request-id": "a" * 128}) as client:
        await client.begin(token())
        await client.ask("{ hello }")
    assert seen.contexts[0].request_id == f"{'a' * 100}.1"


@pytest.mark.parametrize(
    ("query", "more", "code"),
    [
        ("{ hello", {}, "GRAPHQL_PARSE_FAILED"),
        ("nonsense", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query($n: Int!) { big(characters: $n) }", {"variables": {"n": "x"}}, "BAD_USER_INPUT"),
        ("query A { hello } query B { hello }", {}, "OPERATION_RESOLUTION_FAILURE"),
        ("query A { hello }", {"operationName": "B"}, "OPERATION_RESOLUTION_FAILURE"),
        ("{ " + " ".join(f"a{n}: hello" for n in range(300)) + " }", {}, "QUERY_TOO_COSTLY"),
        ("fragment F on Query { hello }", {}, "OPERATION_RESOLUTION_FAILURE"),
    ],
)
async def test_a_refused_operation_leaves_the_socket_open(
    ready: Socket, query: str, more: dict[str, Any], code: str
) -> None:
    refused = (await ready.ask(query, **more))["refused"]
    assert [error["extensions"]["code"] for error in refused] == [code]
    assert (await ready.ask("{ hello }"))["data"] == {"hello": "Hello, sam"}


async def test_a_fault_of_ours_is_masked_and_has_the_requests_id(
    ready: Socket, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await ready.ask("{ broken }")
    assert answer["data"] == {"broken": None}
    assert answer["errors"][0]["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": "made-here.1"}
    assert "10.0.0.1" not in str(answer)
    assert "10.0.0.1" in caplog.text
    caplog.clear()


async def test_an_answer_that_cannot_be_sent_is_a_masked_error(ready: Socket, caplog: pytest.LogCaptureFixture) -> None:
    refused = (await ready.ask("{ surrogate }"))["refused"]
    assert refused[0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert (await ready.ask("{ hello }"))["data"]
    assert caplog.records
    caplog.clear()


async def test_a_slow_operation_is_given_up(seen: Seen) -> None:
    app, _ = make_app(seen, limits=small_limits(execution_timeout=0.5))
    async with served(app) as base, opened(base) as client:
        await client.begin(token())
        assert (await client.ask("{ slow }"))["refused"][0]["extensions"]["code"] == "TIMEOUT"
        assert seen.ended == ["slow"]
        await client.subscribe("s", FOREVER)  # which is no slow operation, however long it goes on
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while True:
                    assert (await client.receive())["type"] == "next"
        await client.send({"type": "complete", "id": "s"})


def test_small_messages_are_sent_at_once() -> None:
    """Asyncio looks at the listener for it. An operation takes two messages, and took 47 ms before."""
    with take_port("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


# Bounds


async def test_operations_at_a_time_are_bounded(ready: Socket, seen: Seen) -> None:
    for n in range(3):
        await ready.subscribe(f"{n}", "{ slow }")
    refused = (await ready.ask("{ hello }"))["refused"]
    assert [error["extensions"]["code"] for error in refused] == ["TOO_MANY_OPERATIONS"]
    await ready.send({"type": "complete", "id": "0"})
    await until(lambda: seen.ended)
    assert (await ready.ask("{ hello }"))["data"]


async def test_sockets_of_one_holder_are_bounded(seen: Seen) -> None:
    app, view = make_app(seen, limits=small_limits(max_sockets_per_holder=2))
    async with served(app) as base, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(opened(base)) for _ in range(2)]
        for client in clients:
            await client.begin(token())
        async with opened(base) as third:
            await third.send({"type": "connection_init", "payload": {"Authorization": token()}})
            code, reason = await third.closed()
            assert (code, "too many connections" in reason) == (1013, True)
        async with opened(base) as somebody_else:
            await somebody_else.begin(token(subject="ann"))
        await clients[0].connection.close()
        await until(lambda: view.sockets.number == 1)
        async with opened(base) as again:
            await again.begin(token())


async def test_sockets_of_the_process_are_bounded(seen: Seen) -> None:
    app, view = make_app(seen, limits=small_limits(max_sockets=2))
    async with served(app) as base:
        async with opened(base), opened(base), opened(base) as third:
            assert await third.closed() == (1013, "There are too many connections")
        await until(lambda: view.sockets.number == 0)
        async with opened(base) as client:
            await client.begin(token())


async def test_who_sends_no_token_in_time_is_let_go(seen: Seen) -> None:
    app, _ = make_app(seen, limits=small_limits(init_timeout=0.2))
    async with served(app) as base, opened(base) as client:
        await client.send({"type": "ping"})
        assert await client.receive() == {"type": "pong"}
        assert await client.closed() == (4408, "Connection initialisation timeout")


async def test_a_client_that_does_not_read_fills_no_memory_and_is_let_go(seen: Seen) -> None:
    app, view = make_app(seen, limits=small_limits(send_timeout=0.5))
    async with served(app) as base:
        port = int(base.rpartition(":")[2])
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.setblocking(False)
        await asyncio.get_running_loop().sock_connect(reader, ("127.0.0.1", port))
        with reader:
            async with opened(base, sock=reader) as client:
                await client.begin(token())
                client.connection.transport.pause_reading()
                for n in range(3):
                    await client.subscribe(f"{n}", "subscription { forever(characters: 100000) }")
                await until(lambda: len(seen.ended) == 3)
                # The kernel's buffers take some megabytes; beyond those, each subscription waits with one event.
                assert seen.produced < 100
                await until(lambda: view.sockets.number == 0)
                client.connection.transport.abort()
        async with opened(base) as another:
            await another.begin(token())


async def test_a_flood_of_pings_leaves_others_their_turn(ready: Socket, base: str) -> None:
    async with opened(base) as flooder:
        await flooder.begin(token(subject="flo"))

        async def flood() -> None:
            while True:
                for _ in range(1000):
                    await flooder.send({"type": "ping"})
                    await asyncio.sleep(0)

        async def drain() -> None:
            async for _ in flooder.connection:
                pass

        tasks = [asyncio.create_task(flood()), asyncio.create_task(drain())]
        for _ in range(20):
            async with asyncio.timeout(10):  # the flood has no end
                assert (await ready.ask("{ hello }"))["data"]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        flooder.connection.transport.abort()


async def test_a_stopping_server_says_so(seen: Seen) -> None:
    app, view = make_app(seen)
    async with AsyncExitStack() as stack:
        async with served(app) as base:
            client = await stack.enter_async_context(opened(base))
            await client.begin(token())
            await client.subscribe("1", FOREVER)
            await until(lambda: seen.produced)
        assert (await client.closed())[0] == 1012
    assert seen.ended == ["forever"]
    assert view.sockets.number == 0
    assert [context.closed for context in seen.contexts] == [1]


async def test_a_client_that_goes_away_ends_what_it_asked_for(seen: Seen, base: str, view: SocketView) -> None:
    async with opened(base) as client:
        await client.begin(token())
        await client.subscribe("1", FOREVER)
        await client.subscribe("2", "{ slow }")
        await until(lambda: seen.produced and seen.begun.is_set())
        client.connection.transport.abort()
        await until(lambda: sorted(seen.ended) == ["forever", "slow"])
    await until(lambda: view.sockets.number == 0)
    assert all(context.closed == 1 for context in seen.contexts)
