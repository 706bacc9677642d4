"""Headers of every response: pages, files, errors, health, metrics.

Strict-Transport-Security is not among them: only the proxy in front knows whether a name is served over TLS.
"""

import importlib.metadata
from collections.abc import Iterable
from functools import cache
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import MASKED_MESSAGE, ErrorCode, error_entry

VERSION: Final = "x-scrip-version"
"""Name of the header with the release that answers."""


@cache
def version() -> str:
    """Of the installed project; empty if it is not installed."""
    try:
        return importlib.metadata.version("scrip")
    except importlib.metadata.PackageNotFoundError:
        return ""


# Nothing we serve may be framed, and what is no page may load nothing, should a browser be made to show it as one.
_HEADERS: Final = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    VERSION.encode(): version().encode(),
}


class SecurityHeadersMiddleware:
    """Adds those of the headers that a response does not have already."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a WebSocket too, since its handshake can be refused with a plain answer."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                message["headers"] = secured(message.get("headers", ()))
            await send(message)

        await self._app(scope, receive, send_with_headers)


def secured(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """A response's headers, and those of ours that are not among them."""
    given = list(headers)
    names = {name for name, _ in given}
    return [*given, *(pair for pair in _HEADERS.items() if pair[0] not in names)]


async def fault(request: Request, _: Exception) -> JSONResponse:
    """The response to an unexpected exception, with all headers of its own; uvicorn logs the traceback."""
    request_id = getattr(request.state, "request_id", None)
    headers = {name.decode(): value.decode() for name, value in _HEADERS.items()}
    if request_id is not None:
        headers["x-request-id"] = request_id
    entry = error_entry(MASKED_MESSAGE, ErrorCode.INTERNAL_SERVER_ERROR, request_id)
    return JSONResponse({"errors": [entry]}, 500, headers)
