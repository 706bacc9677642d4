"""The straight way of `POST /graphql`, by which nearly all requests come: id, token, answer, headers, in one function.

Every other request goes through layers that are made for any answer: each looks at the messages of those below it. Here
the answer is there as a whole, and each part is done once. It is the same part in both ways, from the module that has it,
and a test sends everything by both and compares.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from starlette.applications import Starlette
from starlette.authentication import AuthenticationError
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.metrics import Metrics
from app.http.request_id import identified
from app.http.request_log import logged, unlogged
from app.http.security_headers import fault, secured
from auth.backend import BearerBackend
from gateway.http.media import wants_stream
from gateway.http.view import Answer, GraphQLView

PATH: Final = "/graphql"


class Fronted(Starlette):
    """An app with layers in front of all that Starlette makes: its own of errors too."""

    def __init__(self, *, front: Sequence[Middleware], **settings: Any) -> None:
        super().__init__(**settings)
        self.front = front

    def build_middleware_stack(self) -> ASGIApp:
        """Return the layers around the routes, the first of which sees a request first."""
        app = super().build_middleware_stack()
        for layer in reversed(self.front):
            app = layer.cls(app, *layer.args, **layer.kwargs)
        return app


class StraightWay:
    """ASGI middleware, in front of all others: answers `POST /graphql` by itself, and passes on the rest.

    app: the layers. backend, on_error: as for AuthenticationMiddleware. logs: whether each request has a line in the log.
    cors: its layer, if other origins' pages may read answers; it is around this way too.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        view: GraphQLView,
        backend: BearerBackend,
        on_error: Callable[[HTTPConnection, Exception], Response],
        metrics: Metrics,
        new_id: Callable[[], str],
        logs: bool = False,
        cors: Sequence[Middleware] = (),
    ) -> None:
        self._app = app
        self._view = view
        self._backend = backend
        self._on_error = on_error
        self._metrics = metrics
        self._new_id = new_id
        self._logged = logged if logs else unlogged
        self._way: ASGIApp = self._serve
        for layer in reversed(cors):
            self._way = layer.cls(self._way, *layer.args, **layer.kwargs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        straight = (
            scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST" and not wants_stream(scope)
        )
        await (self._way if straight else self._app)(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = None
        try:
            with (
                identified(scope, self._new_id) as id_header,
                self._logged(scope) as line,
                self._metrics.timed() as timed,
            ):
                status, headers, body = await self._answer(scope, receive)
                timed.status = line.status = status
                answer = Answer(status, [*secured(headers), id_header], body)
                await answer.send(send)
        except Exception as error:
            if answer is None:
                await (await fault(Request(scope), error))(scope, receive, send)
            raise  # uvicorn logs the traceback

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        try:
            bearer = await self._backend.bearer(scope)
        except AuthenticationError as error:
            refused = self._on_error(HTTPConnection(scope), error)
            return Answer(refused.status_code, refused.raw_headers, bytes(refused.body))
        if bearer is not None:
            scope["user"] = bearer
        return await self._view.answer(scope, receive)
