"""What is no message of graphql-transport-ws: each closes the socket with a code and a short reason, and hurts nobody."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import orjson
import pytest
from websockets.frames import Frame, Opcode

from app.http.protocol import MAX_DROPPED_BYTES
from app.http.websocket_protocol import Skimmer
from tests.gateway.websocket.sockets_app import Seen, Shared, quiet, shared
from tests.support.sockets import MAX_MESSAGE_BYTES, opened, token

__all__ = ["quiet", "shared"]

DEEP: Final = 100_000
WRITE: Final = 'mutation { write(text: "no") }'
SUBSCRIBE: Final[dict[str, Any]] = {"type": "subscribe", "id": "1", "payload": {"query": WRITE}}

NO_JSON: Final = [
    "",
    " ",
    "nonsense",
    "{",
    '{"type": "ping"',
    '{"type": "ping"}}',
    "{'type': 'ping'}",
    "NaN",
    "Infinity",
    '{"type": "ping", "payload": {"n": NaN}}',
    '{"type": "\\ud800"}',
    "\ufeff{}",
    '{"type": "ping"} {"type": "ping"}',
    "[" * 1500,
    "[" * 1500 + "]" * 1500,
]
NO_MESSAGE: Final = [
    "[]",
    '"x"',
    "null",
    "1",
    "true",
    "1.5",
    "{}",
    "9" * 300,
    "-" + "9" * 300,
    "1e400",
    '[{"type": "ping"}]',
    '{"type": null}',
    '{"type": 1}',
    '{"type": []}',
    '{"type": {}}',
    '{"type": "start"}',
    '{"type": "next"}',
    '{"type": "Ping"}',
    '{"type": "connection_terminate"}',
    '{"type": "' + "x" * 3000 + '"}',
    '{"type": "é€😀"}',
    '{"TYPE": "ping"}',
    '{"a":' * 600 + "1" + "}" * 600,
    '{"type": "ping", "payload": "x"}',
    '{"type": "ping", "payload": [1]}',
    '{"type": "pong", "payload": 1}',
    '{"type": "connection_init", "payload": "x"}',
    '{"type": "connection_init", "payload": []}',
    '{"type": "connection_init", "payload": false}',
    '{"type": "complete"}',
    '{"type": "complete", "id": null}',
    '{"type": "complete", "id": {"a": 1}}',
    '{"type": "complete", "id": []}',
    '{"type": "complete", "id": 1}',
    '{"type": "complete", "id": ""}',
]
NO_OPERATION: Final[list[dict[str, Any]]] = [
    {"type": "subscribe"},
    {"type": "subscribe", "id": "1"},
    {"type": "subscribe", "payload": {"query": WRITE}},
    {**SUBSCRIBE, "id": None},
    {**SUBSCRIBE, "id": {"a": 1}},
    {**SUBSCRIBE, "id": ["1"]},
    {**SUBSCRIBE, "id": 1},
    {**SUBSCRIBE, "id": True},
    {**SUBSCRIBE, "id": ""},
    {**SUBSCRIBE, "id": "i" * 256},
    {**SUBSCRIBE, "payload": None},
    {**SUBSCRIBE, "payload": WRITE},
    {**SUBSCRIBE, "payload": [WRITE]},
    {**SUBSCRIBE, "payload": {}},
    {**SUBSCRIBE, "payload": {"query": None}},
    {**SUBSCRIBE, "payload": {"query": 1}},
    {**SUBSCRIBE, "payload": {"query": {"a": WRITE}}},
    {**SUBSCRIBE, "payload": {"query": WRITE, "variables": "x"}},
    {**SUBSCRIBE, "payload": {"query": WRITE, "variables": [1]}},
    {**SUBSCRIBE, "payload": {"query": WRITE, "operationName": 1}},
    {**SUBSCRIBE, "payload": {"query": WRITE, "operationName": {}}},
    {**SUBSCRIBE, "payload": {"query": WRITE, "extensions": "x"}},
]


@pytest.fixture
async def seen(shared: Shared) -> AsyncIterator[Seen]:
    """Whatever was sent: nothing was written, and others are served."""
    seen = await shared.renewed()
    yield seen
    assert seen.written == []
    async with opened(shared.base) as other:
        await other.begin(token())
        assert (await other.ask("{ hello }"))["data"] == {"hello": "Hello, sam"}


async def refused(shared: Shared, frame: object, *, acknowledged: bool) -> tuple[int, str]:
    async with opened(shared.base) as client:
        if acknowledged:
            await client.begin(token())
        await client.send(frame)
        return await client.closed()


@pytest.mark.parametrize("acknowledged", [False, True])
@pytest.mark.parametrize("frame", NO_JSON, ids=range(len(NO_JSON)))
async def test_what_is_no_json(shared: Shared, seen: Seen, frame: str, acknowledged: bool) -> None:
    assert await refused(shared, frame, acknowledged=acknowledged) == (4400, "WebSocket message must be valid JSON")


@pytest.mark.parametrize("acknowledged", [False, True])
@pytest.mark.parametrize("frame", NO_MESSAGE, ids=range(len(NO_MESSAGE)))
async def test_what_is_no_message(shared: Shared, seen: Seen, frame: str, acknowledged: bool) -> None:
    code, reason = await refused(shared, frame, acknowledged=acknowledged)
    assert code == 4400
    assert reason
    assert "x" * 10 not in reason


@pytest.mark.parametrize("message", NO_OPERATION, ids=range(len(NO_OPERATION)))
async def test_what_is_no_operation(shared: Shared, seen: Seen, message: dict[str, Any]) -> None:
    code, reason = await refused(shared, message, acknowledged=True)
    assert code == 4400
    assert reason


@pytest.mark.parametrize("acknowledged", [False, True])
@pytest.mark.parametrize("frame", [b"", b'{"type": "ping"}', b"\xff\xfe", bytes(3000)])
async def test_binary_frames(shared: Shared, seen: Seen, frame: bytes, acknowledged: bool) -> None:
    assert await refused(shared, frame, acknowledged=acknowledged) == (4400, "WebSocket message type must be text")


@pytest.mark.parametrize("kind", ["subscribe", "complete", "nonsense"])
async def test_what_is_too_large(shared: Shared, seen: Seen, kind: str) -> None:
    frame = {"type": kind, "id": "i" * MAX_MESSAGE_BYTES, "payload": {"query": WRITE}}
    assert await refused(shared, frame, acknowledged=True) == (1009, "The message is larger than 4000 bytes")


@pytest.mark.parametrize("raw", ["i" * 1_000_000, "[" * DEEP + "]" * DEEP])
async def test_what_is_far_too_large(shared: Shared, seen: Seen, raw: str) -> None:
    """The server does not even look at it."""
    async with opened(shared.base) as client:
        await client.begin(token())
        assert await client.sends_too_much(raw)


@pytest.mark.parametrize("pause", [0.0, 0.3])
async def test_a_busy_client_gets_to_know_why_it_was_closed(shared: Shared, seen: Seen, pause: float) -> None:
    """It comes to reading only after the server has closed, while much of the message is still on its way."""
    message = Frame(Opcode.TEXT, b"i" * 5_000_000).serialize(mask=True)

    async def send() -> tuple[int, str]:
        async with opened(shared.base) as client:
            await client.begin(token())
            transport = client.connection.transport
            transport.pause_reading()
            transport.write(message)
            await asyncio.sleep(pause)
            transport.resume_reading()
            return await client.closed()

    assert {code for code, _ in await asyncio.gather(*(send() for _ in range(8)))} == {1009}


def test_the_close_frame_is_found_behind_what_is_dropped() -> None:
    sizes = (0, 1, 125, 126, 65_535, 65_536)
    frames = [Frame(Opcode.TEXT, b"\x88" * size).serialize(mask=True) for size in sizes]
    whole = b"\x88" * 10 + b"".join(frames)
    for step in (1, 7, 1_000, len(whole)):
        skimmer = Skimmer(10)
        assert not any(skimmer.closes(whole[at : at + step]) for at in range(0, len(whole), step))
        assert skimmer.closes(Frame(Opcode.CLOSE, b"").serialize(mask=True))


async def test_what_comes_after_a_fault_is_not_taken_for_ever(shared: Shared, seen: Seen) -> None:
    """The client goes on and on, and never closes."""
    async with opened(shared.base) as client:
        await client.begin(token())
        transport = client.connection.transport
        transport.pause_reading()
        chunk = Frame(Opcode.TEXT, b"i" * 1_000_000).serialize(mask=True)
        sent = 0
        async with asyncio.timeout(30):
            while not transport.is_closing() and sent < 10 * MAX_DROPPED_BYTES:
                transport.write(chunk)
                sent += len(chunk)
                while transport.get_write_buffer_size() and not transport.is_closing():  # noqa: ASYNC110 - nobody tells us
                    await asyncio.sleep(0.001)
        assert transport.is_closing()
        assert sent < 3 * MAX_DROPPED_BYTES


async def test_the_bound_is_in_bytes(shared: Shared, seen: Seen) -> None:
    async with opened(shared.base) as client:
        await client.begin(token())
        assert (await client.ask("{ hello }", variables={"a": "€" * 1000}))["data"]
        await client.send({"type": "ping", "payload": {"a": "€" * 1334}})
        assert (await client.closed())[0] == 1009


async def test_a_huge_number_is_a_number(shared: Shared, seen: Seen) -> None:
    """What JSON allows is no reason to close: it is the operation's variable that is refused."""
    async with opened(shared.base) as client:
        await client.begin(token())
        payload = {"query": "query($n: Int!) { big(characters: $n) }", "variables": {"n": "number"}}
        message = orjson.dumps({"type": "subscribe", "id": "1", "payload": payload}).decode()
        await client.send(message.replace('"number"', "9" * 300))
        answer = await client.receive()
        assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", "BAD_USER_INPUT")


async def test_invalid_utf8(shared: Shared, seen: Seen) -> None:
    """Uvicorn finds it, and takes it for a fault of its own that it has to log: our configuration of its logs does not."""
    async with opened(shared.base) as client:
        await client.begin(token())
        frame = Frame(Opcode.TEXT, b'{"type": "ping", "payload": {"a": "\xff\xfe"}}').serialize(mask=True)
        client.connection.transport.write(frame)
        assert (await client.closed())[0] == 1007


# The order of messages


async def test_an_operation_before_the_acknowledgement(shared: Shared, seen: Seen) -> None:
    assert await refused(shared, SUBSCRIBE, acknowledged=False) == (4401, "Unauthorized")
    assert seen.contexts == []


async def test_a_second_connection_init(shared: Shared, seen: Seen) -> None:
    again = {"type": "connection_init", "payload": {"Authorization": token()}}
    assert await refused(shared, again, acknowledged=True) == (4429, "Too many initialisation requests")


async def test_an_id_that_is_in_use(shared: Shared, seen: Seen) -> None:
    async with opened(shared.base) as client:
        await client.begin(token())
        used = "€" * 255
        await client.subscribe(used, "{ slow }")
        await client.subscribe(used, WRITE)
        code, reason = await client.closed()
    assert code == 4409
    assert reason.startswith("Subscriber for €€€")
    assert len(reason.encode()) <= 123


async def test_messages_that_ask_for_nothing(shared: Shared, seen: Seen) -> None:
    async with opened(shared.base) as client:
        for message in ({"type": "pong"}, {"type": "pong", "payload": {}}, {"type": "complete", "id": "unknown"}):
            await client.send(message)
        await client.send({"type": "ping", "payload": None})
        assert await client.receive() == {"type": "pong"}
        await client.begin(token())
        await client.send({"type": "complete", "id": "unknown", "payload": None})
        assert (await client.ask("{ hello }"))["data"]


async def test_an_id_can_be_used_again(shared: Shared, seen: Seen) -> None:
    async with opened(shared.base) as client:
        await client.begin(token())
        for _ in range(3):
            await client.subscribe("i" * 255, "{ hello }")
            assert [(await client.receive())["type"] for _ in range(2)] == ["next", "complete"]


async def test_every_bad_frame_one_after_the_other_leaves_nothing_behind(shared: Shared, seen: Seen) -> None:
    await shared.renewed()
    for _ in range(20):
        await refused(shared, "[]", acknowledged=True)
    await shared.renewed()
    assert shared.view.sockets.number == 0
