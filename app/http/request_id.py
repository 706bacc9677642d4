"""An id for each request, taken from X-Request-Id or made, and given back: it ties a response to its log lines."""

import logging
import re
from collections.abc import Callable
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.partner_tokens import is_partner_token

HEADER = b"x-request-id"

# What may go into a log line and a header as it is.
_ACCEPTABLE = re.compile(rb"[A-Za-z0-9._:-]{1,128}")

_current: ContextVar[str | None] = ContextVar("request_id", default=None)


class RequestIdMiddleware:
    """Sets `request.state.request_id` and the response's X-Request-Id. An id that is too long or odd is replaced."""

    def __init__(self, app: ASGIApp, new_id: Callable[[], str]) -> None:
        self._app = app
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        with identified(scope, self._new_id) as header:

            async def send_with_id(message: Message) -> None:
                if message["type"] in ("http.response.start", "websocket.accept"):
                    message["headers"] = [*message.get("headers", ()), header]
                await send(message)

            await self._app(scope, receive, send_with_id)


class identified:  # noqa: N801 - used as a context manager
    """Gives a request its id while it is served; what it enters with is the response's header."""

    __slots__ = ("_id", "_token")

    def __init__(self, scope: Scope, new_id: Callable[[], str]) -> None:
        self._id = _given(scope) or new_id()
        scope.setdefault("state", {})["request_id"] = self._id

    def __enter__(self) -> tuple[bytes, bytes]:
        self._token = _current.set(self._id)
        return HEADER, self._id.encode()

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if error is None:  # else its traceback is logged later, in the request's task
            _current.reset(self._token)


def name_request(request_id: str) -> None:
    """Give the log lines of this task another id: of one operation of several."""
    _current.set(request_id)


class RequestIdFilter(logging.Filter):
    """Puts `request_id` on each log record, "-" outside a request, for a formatter to show."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record."""
        if getattr(record, "request_id", None) is None:
            record.request_id = _current.get() or "-"
        return True


def _given(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == HEADER:
            text = value.decode("latin-1")
            # Sent here by mistake, a token would go into logs, the audit and the answer.
            return text if _ACCEPTABLE.fullmatch(value) and not is_partner_token(text) else None
    return None
