"""What Scrip's middleware and its answer in pieces take for granted of Starlette's."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.responses import StreamingResponse
from starlette.websockets import WebSocketDisconnect, WebSocketDisconnected

from tests.contracts.shape import accepts, takes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import HTTPConnection


class Backend(AuthenticationBackend):
    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser]:
        return AuthCredentials(), SimpleUser("sam")


async def test_authentication_middleware() -> None:
    """It has the app in `app`, and puts the user into the scope."""
    accepts(AuthenticationMiddleware.__init__, "app", "backend", "on_error")
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["user"].username)

    middleware = AuthenticationMiddleware(app, backend=Backend())
    assert middleware.app is app, "AuthenticationMiddleware no longer has the app in `app`"
    await middleware({"type": "http", "headers": []}, None, None)  # type: ignore[arg-type]
    assert seen == ["sam"]


async def test_streaming_response() -> None:
    """`stream_response` is what sends it all, so that an outage in the middle can be caught round it."""
    takes(StreamingResponse.stream_response, "send")
    sent: list[Any] = []

    class Caught(StreamingResponse):
        async def stream_response(self, send: Any) -> None:
            try:
                await super().stream_response(send)
            except RuntimeError:
                sent.append("cut off")

    async def pieces() -> AsyncIterator[str]:
        yield "one"
        raise RuntimeError("away")

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
    with suppress(RuntimeError):
        await Caught(pieces())(scope, receive, send)
    assert sent == ["http.response.start", "http.response.body", "cut off"], (
        "StreamingResponse no longer sends all through stream_response"
    )


def test_ends_of_a_websocket() -> None:
    """Both are raised where a client has gone, and Scrip's wire catches both."""
    assert issubclass(WebSocketDisconnect, Exception)
    assert issubclass(WebSocketDisconnected, Exception)
