"""WebSockets for tests: a real uvicorn on a port of its own, and a client that speaks the protocol, well or badly."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import uuid4

import orjson
import uvicorn
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.cli.serve import take_port
from app.http.protocol import BoundedHttpProtocol
from app.http.websocket_protocol import PatientWebSocketProtocol
from auth.roles import Role
from auth.tokens import issue
from gateway.websocket.wire import MESSAGE_TOO_BIG

SECRET: Final = "a secret for sockets alone, and long enough"
ISSUER: Final = "scrip"
PROTOCOL: Final = "graphql-transport-ws"
PATIENCE_S: Final = 10
MAX_MESSAGE_BYTES: Final = 4_000


HTTP: Final[Any] = partial(BoundedHttpProtocol, read_timeout=PATIENCE_S)


@asynccontextmanager
async def served(
    app: ASGIApp,
    *,
    ws_max_size: int = 4 * MAX_MESSAGE_BYTES,
    at_a_time: int | None = None,
    http: Any = HTTP,
    grace_s: int = PATIENCE_S,
) -> AsyncIterator[str]:
    """The app's ws:// address without a path, for as long as the block lasts. at_a_time: connections, at most. grace_s: how
    long requests under way then have."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        http=http,
        limit_concurrency=at_a_time,
        ws=PatientWebSocketProtocol,
        ws_max_size=ws_max_size,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=grace_s,
    )
    server = uvicorn.Server(config)
    with take_port("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        async with asyncio.timeout(PATIENCE_S):
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
        try:
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


def token(
    *,
    tenant: str = "tea",
    role: Role = Role.STAFF,
    subject: str = "sam",
    lifetime_s: float = 3600,
    customer: str | None = None,
) -> str:
    """An Authorization value. The lifetime is rounded as tokens are: to the whole second."""
    text = issue(
        SECRET,
        issuer=ISSUER,
        audience=ISSUER,
        tenant=tenant,
        subject=subject,
        role=role,
        issued_at=datetime.now(UTC),
        lifetime=timedelta(seconds=lifetime_s),
        token_id=uuid4().hex,
        customer=customer,
    )
    return f"Bearer {text}"


class Socket:
    """One client's."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, message: object) -> None:
        """As JSON in a text frame; a text or bytes as it is."""
        raw = message if isinstance(message, str | bytes) else orjson.dumps(message).decode()
        await self.connection.send(raw)

    async def sends_too_much(self, raw: str) -> bool:
        """Whether the server closes with 1009 for it, and the client gets to know."""
        with suppress(ConnectionClosed):
            await self.send(raw)
        await self.connection.wait_closed()
        frame = self.connection.protocol.close_rcvd
        return frame is not None and frame.code == MESSAGE_TOO_BIG

    async def receive(self) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(PATIENCE_S):
            message: dict[str, Any] = orjson.loads(await self.connection.recv())
        return message

    async def begin(self, authorization: str | None = None, key: str = "Authorization") -> None:
        """Send the token, and have it acknowledged."""
        payload = {} if authorization is None else {key: authorization}
        await self.send({"type": "connection_init", "payload": payload})
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, operation_id: str, query: str, **more: Any) -> None:
        await self.send({"type": "subscribe", "id": operation_id, "payload": {"query": query, **more}})

    async def ask(self, query: str, **more: Any) -> dict[str, Any]:
        """The one answer to an operation: the payload of `next`, or the entries of `error` under `refused`."""
        operation_id = uuid4().hex
        await self.subscribe(operation_id, query, **more)
        message = await self.receive()
        assert message["id"] == operation_id, message
        if message["type"] == "error":
            return {"refused": message["payload"]}
        assert message["type"] == "next", message
        assert await self.receive() == {"type": "complete", "id": operation_id}
        answer: dict[str, Any] = message["payload"]
        return answer

    async def closed(self) -> tuple[int, str]:
        """Code and reason with which the server closes it, whatever it says before that."""
        return (await self.last_words())[1]

    async def last_words(self) -> tuple[list[str | bytes], tuple[int, str]]:
        """What the server still says, and the code and reason with which it closes."""
        said = []
        async with asyncio.timeout(PATIENCE_S):
            try:
                while True:
                    said.append(await self.connection.recv())
            except ConnectionClosed as gone:
                frame = gone.rcvd
        assert frame is not None, "1006: no close frame came"
        return said, (frame.code, frame.reason)


@asynccontextmanager
async def opened(
    base: str, *, path: str = "/graphql", protocols: Sequence[str] = (PROTOCOL,), **options: Any
) -> AsyncIterator[Socket]:
    """A connection after its handshake."""
    subprotocols = [Subprotocol(name) for name in protocols] or None
    async with connect(f"{base}{path}", subprotocols=subprotocols, proxy=None, **options) as connection:
        yield Socket(connection)


async def until(true: Callable[[], object]) -> None:
    """Wait for what happens in the server."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.01)
