"""A line of the log for each request, and who asks on every line that is written meanwhile: for logs in JSON.

What is known of a request that fails is left behind: uvicorn logs its traceback after all else, in the request's task.
"""

import logging
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final, Self

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.request_id import name_request
from auth.principal import Principal

log = logging.getLogger("scrip.requests")

ASKED: Final = "asked"
"""Under which name a request's state has the fields of Query and Mutation that it asks for, or the endpoint."""
MAX_ASKED: Final = 20
"""Maximum names in one line."""
_UNTOLD: Final = ("/health/", "/metrics")
"""How the paths begin whose requests have no line."""

_scope: ContextVar[Scope | None] = ContextVar("scope", default=None)


class RequestLog:
    """ASGI middleware: logs each request once it is answered, but those for the health and the metrics."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        with logged(scope) as line:

            async def watched(message: Message) -> None:
                if message["type"] == "http.response.start":
                    line.status = message["status"]
                await send(message)

            await self._app(scope, receive, watched)


class logged:  # noqa: N801 - used as a context manager
    """Logs a request when the block ends, and until then puts who asks on every line.

    status: of the answer, to be set; 500 if there is none.
    """

    __slots__ = ("_began", "_of", "_token", "status")

    def __init__(self, scope: Scope) -> None:
        self._of = scope
        self.status = 500

    def __enter__(self) -> Self:
        self._token, self._began = _scope.set(self._of), time.perf_counter()
        return self

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        scope = self._of
        if scope["type"] == "http" and not scope["path"].startswith(_UNTOLD):
            duration = round((time.perf_counter() - self._began) * 1000, 3)
            facts = {"method": scope["method"], "path": scope["path"], "status": self.status, "duration_ms": duration}
            log.info("request", extra=facts)
        if error is None:
            _scope.reset(self._token)


class logged_operation:  # noqa: N801 - as above
    """The same for one operation on a WebSocket, which is a task, with the id that its answer has.

    status: "complete"; "error" if it was refused or given up; "failed" if it was broken off.
    """

    __slots__ = ("_began", "_of", "status")

    def __init__(self, connection: HTTPConnection) -> None:
        self._of = connection.scope
        self.status = "failed"

    def __enter__(self) -> Self:
        _scope.set(self._of)
        name_request(self._of["state"]["request_id"])
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        duration = round((time.perf_counter() - self._began) * 1000, 3)
        facts = {"method": "WEBSOCKET", "path": self._of["path"], "status": self.status, "duration_ms": duration}
        log.info("operation", extra=facts)


class unlogged(logged):  # noqa: N801 - as above
    """The same for logs without such lines: does nothing."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""


def who_asks() -> Mapping[str, Any]:
    """Actor, role, client, tenant and operation of the request under way, as far as they are known. No token, no name."""
    scope = _scope.get()
    if scope is None:
        return {}
    found: dict[str, Any] = {}
    user = scope.get("user")
    if isinstance(user, Principal):
        found = {"actor": user.subject, "role": user.role.value, "client": user.client_id, "tenant": user.tenant}
    if asked := scope.get("state", {}).get(ASKED):
        found["operation"] = " ".join(asked[:MAX_ASKED])
    return {name: value for name, value in found.items() if value is not None}
