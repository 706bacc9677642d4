"""The header that names the release, on what is answered without the app as well."""

import asyncio
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.protocol import MAX_HEAD_BYTES, BoundedHttpProtocol
from app.http.security_headers import SecurityHeadersMiddleware, version
from tests.support.sockets import served

HEAD: Final = b"GET / HTTP/1.1\r\nhost: localhost\r\n"
UPGRADE: Final = HEAD + b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
KEY: Final = b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    """Lets WebSockets in, at one path, and says that it is well to everybody else."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept" if scope["path"] == "/" else "websocket.close"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def broken(_: Scope, __: Receive, ___: Send) -> None:
    raise RuntimeError("outside of all that would answer")


async def answers(sent: bytes, app: ASGIApp = answering, *, others: int = 0, **how: Any) -> bytes:
    """The head that is answered. others: connections that are open meanwhile."""
    async with served(app, **how) as base:
        parts = urlsplit(base)
        rest = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(others)]
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            writer.write(sent)
            async with asyncio.timeout(10):
                return await reader.readuntil(b"\r\n\r\n")
        finally:
            for each in (writer, *(writer for _, writer in rest)):
                each.close()


SENT: Final[dict[bytes, tuple[bytes, dict[str, Any]]]] = {
    b"400 Bad Request": (b"no HTTP at all\r\n\r\n", {}),
    b"408 Request Timeout": (HEAD, {"http": partial(BoundedHttpProtocol, read_timeout=0.2)}),
    b"431 Request Header Fields Too Large": (HEAD + b"x-long: " + b"a" * (MAX_HEAD_BYTES + 1), {}),
    b"503 Service Unavailable": (HEAD + b"\r\n", {"at_a_time": 2, "others": 2}),
    b"500 Internal Server Error": (HEAD + b"\r\n", {"app": broken}),
    b"101 Switching Protocols": (UPGRADE + KEY + b"\r\n", {}),
    b"400 Bad Request ": (UPGRADE + b"\r\n", {}),
    b"403 Forbidden": (UPGRADE.replace(b"GET /", b"GET /else") + KEY + b"\r\n", {}),
}


@pytest.mark.parametrize("status", SENT, ids=bytes.decode)
async def test_every_answer_names_it(status: bytes) -> None:
    sent, how = SENT[status]
    head = await answers(sent, **how)
    assert head.startswith(b"HTTP/1.1 " + status.strip())
    named = [line for line in head.lower().split(b"\r\n") if line.startswith(b"x-scrip-version:")]
    assert named == [f"x-scrip-version: {version()}".encode()]


async def test_an_answer_of_the_app_names_it_once() -> None:
    head = await answers(HEAD + b"\r\n", SecurityHeadersMiddleware(answering))
    assert head.lower().count(b"x-scrip-version") == 1


async def test_one_request_too_many_is_told_when_to_come_again() -> None:
    sent, how = SENT[b"503 Service Unavailable"]
    assert b"\r\nretry-after: 1\r\n" in (await answers(sent, **how)).lower()
