"""A line of the log for each request, and who asks on every line that is written meanwhile: for logs in JSON."""

import logging
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.principal import Principal

log = logging.getLogger("scrip.requests")

ASKED: Final = "asked"
"""Under which name a request's state has the fields of Query and Mutation that it asks for, or the endpoint."""
MAX_ASKED: Final = 20
"""Maximum names in one line."""

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
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        token, began = _scope.set(scope), time.perf_counter()
        try:
            await self._app(scope, receive, watched)
        finally:
            if scope["type"] == "http" and not scope["path"].startswith(("/health/", "/metrics")):
                duration = round((time.perf_counter() - began) * 1000, 3)
                facts = {"method": scope["method"], "path": scope["path"], "status": status, "duration_ms": duration}
                log.info("request", extra=facts)
            _scope.reset(token)


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
