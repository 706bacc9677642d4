"""GraphQL as a stream of server-sent events, for clients that ask for `text/event-stream`.

The protocol, in its mode of a connection for each operation:
https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md. What happens before execution comes as an event too. A
stream that ends without `complete` was broken off: its client asks again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Any, Final, Protocol, cast

import orjson
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from gateway.errors import MASKED_MESSAGE, RETRY_AFTER_S, ErrorCode, away_of, counted, error_entry
from gateway.http.media import EVENT_STREAM, JSON, wants_stream
from gateway.http.requests import BodyReader, GraphQLParams, Head, HttpError, read_params
from gateway.http.view import BEARER, TIMEOUT_MESSAGE, Answer, RequestContext, closed, is_refusal, rested
from gateway.schema import GatewaySchema
from gateway.websocket.limits import OpenSockets, SocketLimits
from gateway.websocket.session import Admit, CannotTell, NotAdmitted

logger = logging.getLogger(__name__)

BEAT_S: Final = 12.0
"""Between two signs of life, so that proxies keep the connection, and a client that is gone is noticed."""
CONNECTION: Final = "scrip.connection"
"""The name under which a request's scope may have its connection, among its extensions."""
HEADERS: Final = [
    (b"content-type", EVENT_STREAM.encode() + b"; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"vary", b"accept"),
]
_ONCE: Final = {
    "GET": frozenset({OperationType.QUERY}),
    "POST": frozenset({OperationType.QUERY, OperationType.MUTATION}),
}
_SUBSCRIPTION: Final = frozenset({OperationType.SUBSCRIPTION})
_TOO_MANY: Final = "There are too many connections."
_NO_BEARER: Final = "This needs a token: send it as 'Authorization: Bearer …'."


class Connection(Protocol):
    """A request's connection, as far as a stream has to do with it."""

    def abort(self) -> None:
        """End it at once."""

    def on_stop(self, told: Callable[[], None]) -> None:
        """Have this called when the server is told to stop."""


class _Broken(Exception):
    """The stream is broken off: the client is gone or does not read, the server stops, or tokens cannot be checked."""


class _Wire:
    """Sends a response's body, a piece at a time."""

    def __init__(self, send: Send, timeout: float) -> None:
        self._send = send
        self._timeout = timeout
        self._sending = asyncio.Lock()

    async def begin(self) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await self.piece(b":\n\n")

    async def piece(self, body: bytes, *, more: bool = True) -> None:
        """Wait until the client takes it. Raises _Broken if it has stopped reading."""
        async with self._sending:
            try:
                async with asyncio.timeout(self._timeout):
                    await self._send({"type": "http.response.body", "body": body, "more_body": more})
            except TimeoutError:
                raise _Broken from None

    async def next(self, payload: dict[str, Any]) -> None:
        await self.piece(b"event: next\ndata: " + orjson.dumps(payload) + b"\n\n")

    async def complete(self) -> None:
        await self.piece(b"event: complete\ndata:\n\n", more=False)


class EventStreams:
    """The ASGI endpoint of GraphQL over HTTP: answers with a stream if that is asked for, and else passes on.

    otherwise: answers other requests. admit, clock, make_context: as for WebSockets. open_: counts streams, with the
    WebSockets. challenge: as for GraphQLView; a stream takes a token, whatever is asked for.
    """

    def __init__(
        self,
        schema: GatewaySchema,
        otherwise: ASGIApp,
        make_context: Callable[[HTTPConnection], Awaitable[RequestContext]],
        admit: Admit,
        clock: Callable[[], datetime],
        open_: OpenSockets,
        *,
        limits: SocketLimits,
        bodies: BodyReader,
        challenge: Callable[[HTTPConnection], Mapping[str, str]] = lambda _: {"www-authenticate": BEARER},
    ) -> None:
        self._schema = schema
        self._otherwise = otherwise
        self._make_context = make_context
        self._admit = admit
        self._clock = clock
        self._open = open_
        self._limits = limits
        self._bodies = bodies
        self._challenge = challenge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not wants_stream(scope):
            await self._otherwise(scope, receive, send)
            return
        head, request = Head(scope), Request(scope, receive)
        with self._open.one_more() as fits:
            try:
                if not fits:
                    raise _unavailable(_TOO_MANY)
                if head.method not in _ONCE:
                    raise HttpError(
                        405, "GraphQL takes GET and POST.", ErrorCode.METHOD_NOT_ALLOWED, {"allow": "GET, POST"}
                    )
                params = await read_params(head, request, self._bodies)
                holder, expires_at = await self._bearer(request)
                if not self._open.take(holder):
                    raise _unavailable("There are too many connections with tokens of this holder.")
            except HttpError as error:
                await _refused(error).send(send)
                return
            try:
                await self._stream(request, head.method, params, expires_at, send)
            finally:
                self._open.give_back(holder)

    async def _bearer(self, request: HTTPConnection) -> tuple[Hashable, datetime]:
        """The holder of the request's token, and until when it is good. Raises HttpError without a token, and if it cannot
        be checked now; one that is bad was refused before."""
        values = request.headers.getlist("authorization")
        if not values:
            raise HttpError(401, _NO_BEARER, ErrorCode.UNAUTHENTICATED, self._challenge(request))
        try:
            bearer = await self._admit(values, request, _id_of(request))
        except NotAdmitted as error:
            raise HttpError(401, str(error), ErrorCode.UNAUTHENTICATED, self._challenge(request)) from None
        except CannotTell as error:
            raise _unavailable(str(error)) from None
        return bearer.holder, bearer.expires_at

    async def _stream(
        self, request: Request, method: str, params: GraphQLParams, expires_at: datetime, send: Send
    ) -> None:
        """Run the operation until it is complete, its token ends, its client goes or the server stops."""
        wire = _Wire(send, self._limits.send_timeout)
        connection = cast("Connection | None", request.scope.get("extensions", {}).get(CONNECTION))
        stopping = asyncio.Event()
        if connection is not None:
            connection.on_stop(stopping.set)
        await wire.begin()
        tasks = {
            asyncio.create_task(each, name="event stream")
            for each in (
                self._run(request, method, params, wire),
                self._watched(request, expires_at),
                _gone(request.receive),
                _beats(wire),
                _stopped(stopping),
            )
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._end(request, wire, connection, [task.exception() for task in done])

    async def _end(
        self, request: Request, wire: _Wire, connection: Connection | None, errors: list[BaseException | None]
    ) -> None:
        error = next((each for each in errors if each is not None), None)
        try:
            match error:
                case None:
                    await wire.complete()
                    return
                case NotAdmitted():
                    entry = error_entry(f"{error}", ErrorCode.UNAUTHENTICATED)
                    await wire.next({"errors": counted([entry])})
                    await wire.complete()
                    return
                case _Broken() | CannotTell():
                    pass
                case _:
                    request_id = _id_of(request)
                    logger.error("unexpected error", exc_info=error, extra={"request_id": request_id})
                    entry = error_entry(MASKED_MESSAGE, ErrorCode.INTERNAL_SERVER_ERROR, request_id)
                    await wire.next({"errors": counted([entry])})
                    await wire.complete()
                    return
        except _Broken:
            logger.debug("a stream's client has gone")
        if connection is not None:
            connection.abort()
            await _until_gone(request.receive)
        else:
            with suppress(_Broken):
                await wire.piece(b"", more=False)

    async def _watched(self, request: HTTPConnection, expires_at: datetime) -> None:
        """Look at the token again and again. Raises NotAdmitted once it is no longer good, CannotTell."""
        while True:
            left = max((expires_at - self._clock()).total_seconds(), 0.0)
            await asyncio.sleep(min(self._open.check_interval, left))
            expires_at = await self._checked(request)

    async def _checked(self, request: HTTPConnection) -> datetime:
        return (await self._admit(request.headers.getlist("authorization"), request, _id_of(request))).expires_at

    async def _run(self, request: Request, method: str, params: GraphQLParams, wire: _Wire) -> None:
        context = await self._make_context(request)
        try:
            try:
                async with asyncio.timeout(self._limits.execution_timeout):
                    result = await self._schema.execute(
                        **_arguments(params, context), allowed_operation_types=_ONCE[method]
                    )
            except TimeoutError:
                await wire.next({"errors": counted([error_entry(TIMEOUT_MESSAGE, ErrorCode.TIMEOUT)])})
            except InvalidOperationTypeError as error:
                if error.operation_type is OperationType.SUBSCRIPTION:
                    await self._follow(request, params, context, wire)
                else:
                    entry = error_entry("Send mutations by POST.", ErrorCode.METHOD_NOT_ALLOWED)
                    await wire.next({"errors": counted([entry])})
            else:
                await rested(context)
                await wire.next(_payload(result))
        except (asyncio.CancelledError, _Broken, NotAdmitted, CannotTell):
            raise
        except Exception as error:
            if (outage := self._schema.outage_of(error)) is None:
                raise
            entry = error_entry(outage.message, ErrorCode.UNAVAILABLE, _id_of(request))
            await wire.next({"errors": counted([entry])})
        finally:
            await closed(context)

    async def _follow(self, request: Request, params: GraphQLParams, context: RequestContext, wire: _Wire) -> None:
        results = await self._schema.stream(**_arguments(params, context), allowed_operation_types=_SUBSCRIPTION)
        async with aclosing(results):
            async for result in results:
                await rested(context)
                await self._checked(request)
                await wire.next(_payload(cast("ExecutionResult", result)))


async def _gone(receive: Receive) -> None:
    await _until_gone(receive)
    raise _Broken


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _beats(wire: _Wire) -> None:
    while True:
        await asyncio.sleep(BEAT_S)
        await wire.piece(b":\n\n")


async def _stopped(stopping: asyncio.Event) -> None:
    await stopping.wait()
    raise _Broken


def _arguments(params: GraphQLParams, context: RequestContext) -> dict[str, Any]:
    return {
        "query": params.query,
        "variable_values": params.variables,
        "context_value": context,
        "operation_name": params.operation_name,
        "operation_extensions": params.extensions,
    }


def _payload(result: ExecutionResult) -> dict[str, Any]:
    if (away := away_of(result)) is not None:
        return {"errors": counted([error_entry(away.message, ErrorCode.UNAVAILABLE)])}
    payload: dict[str, Any] = {}
    if result.errors:
        payload["errors"] = counted([error.formatted for error in result.errors])
    if not is_refusal(result):
        payload["data"] = result.data
    if result.extensions:
        payload["extensions"] = result.extensions
    return payload


def _unavailable(message: str) -> HttpError:
    return HttpError(503, message, ErrorCode.UNAVAILABLE, {"retry-after": f"{RETRY_AFTER_S}"})


def _refused(error: HttpError) -> Answer:
    body = orjson.dumps({"errors": counted([error_entry(error.message, error.code)])})
    headers = {"content-type": JSON, "content-length": f"{len(body)}", **error.headers}
    return Answer(error.status, [(name.encode(), value.encode()) for name, value in headers.items()], body)


def _id_of(request: HTTPConnection) -> str:
    return str(request.scope.get("state", {}).get("request_id", "-"))
