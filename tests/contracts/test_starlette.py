"""What Scrip's middleware and its answer in pieces take for granted of Starlette's."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
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


async def test_middleware_stack() -> None:
    """What `build_middleware_stack` returns is made once, and gets each message that the app gets."""
    takes(Starlette.build_middleware_stack)
    seen: list[Any] = []

    class Fronted(Starlette):
        def build_middleware_stack(self) -> Any:
            whole = super().build_middleware_stack()
            seen.append("built")

            async def front(scope: Any, receive: Any, send: Any) -> None:
                seen.append((scope["type"], scope["app"] is app))
                if scope["type"] == "lifespan":
                    await whole(scope, receive, send)

            return front

    async def receive() -> Any:
        return {"type": "lifespan.startup" if "started" not in seen else "lifespan.shutdown"}

    async def send(message: Any) -> None:
        seen.append("started" if message["type"] == "lifespan.startup.complete" else message["type"])

    app = Fronted()
    await app({"type": "http", "path": "/", "method": "GET", "headers": []}, receive, send)
    await app({"type": "lifespan"}, receive, send)
    assert seen == ["built", ("http", True), ("lifespan", True), "started", "lifespan.shutdown.complete"]


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
