"""The ASGI endpoint of GraphQL over HTTP. WebSocket has its own endpoint on the same path."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

import orjson
from starlette.requests import HTTPConnection, Request
from starlette.types import Receive, Scope, Send
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from gateway.errors import (
    MASKED_MESSAGE,
    RETRY_AFTER_S,
    ErrorCode,
    RateLimited,
    away_of,
    counted,
    error_entry,
    retry_after,
)
from gateway.http.media import GRAPHQL_RESPONSE, JSON, accepts_html, response_type
from gateway.http.requests import (
    DEFAULT_MAX_BODY_BYTES,
    DEFAULT_READ_TIMEOUT,
    BodyReader,
    GraphQLParams,
    Head,
    HttpError,
    read_params,
)
from gateway.schema import Charge, GatewaySchema, for_free
from turns.deadlines import Deadlines

logger = logging.getLogger(__name__)

DEFAULT_EXECUTION_TIMEOUT = 30.0
"""Seconds."""

TIMEOUT_MESSAGE = (
    "The operation took too long. It may have been done all the same: repeat it with the same idempotency key."
)
_WAYS_TO_FOLLOW = (
    "Subscriptions run over WebSocket on this path, with the protocol graphql-transport-ws, or as a stream, with the header "
    "`Accept: text/event-stream`."
)
_ALLOWED_METHODS = "GET, POST"
UNAUTHENTICATED_STATUS = 401
BEARER = "Bearer"
"""The scheme by which a token is to be sent (RFC 6750)."""
_ALWAYS_400 = frozenset({ErrorCode.OPERATION_RESOLUTION_FAILURE, ErrorCode.DOCUMENT_NOT_TRUSTED})
_GET_OPERATIONS = frozenset({OperationType.QUERY})
_POST_OPERATIONS = frozenset({OperationType.QUERY, OperationType.MUTATION})
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_FIXED_HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"), (b"vary", b"accept")]
_CONTENT_TYPES = {name: f"{name}; charset=utf-8".encode() for name in (JSON, GRAPHQL_RESPONSE)}


class Answer(NamedTuple):
    """A complete response."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    async def send(self, send: Send) -> None:
        """Send it by ASGI."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


class Page(NamedTuple):
    """A page in HTML, with headers of its own."""

    html: bytes
    headers: Mapping[str, str]


class RequestContext(Protocol):
    """The value of `info.context` in resolvers."""

    async def close(self) -> None:
        """Release the request's resources, whatever its outcome."""


class GraphQLView:
    """Serves GraphQL over HTTP: one operation per request, queries by GET or POST, mutations only by POST.

    schema: executes. make_context: makes the context of one request; its errors are answered with 500.
    read_timeout: seconds that a client has to send its body.
    execution_timeout: seconds until an operation is given up; a posting already begun is still completed.
    is_known: whether the client is known; others may only send small bodies.
    challenge: the headers of a 401 to a request, which say what it lacks.
    ide: the page that a browser gets which opens the path; None for none.
    """

    def __init__(
        self,
        schema: GatewaySchema,
        make_context: Callable[[Request], Awaitable[RequestContext]],
        *,
        max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
        read_timeout: float = DEFAULT_READ_TIMEOUT,
        execution_timeout: float = DEFAULT_EXECUTION_TIMEOUT,
        is_known: Callable[[HTTPConnection], bool] = lambda _: False,
        challenge: Callable[[HTTPConnection], Mapping[str, str]] = lambda _: {"www-authenticate": BEARER},
        ide: Page | None = None,
    ) -> None:
        self._schema = schema
        self._make_context = make_context
        self._body_reader = BodyReader(max_body_bytes, read_timeout, is_known)
        self._in_time = Deadlines(execution_timeout)
        self._challenge = challenge
        self._ide = ide

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await (await self.answer(scope, receive)).send(send)

    async def answer(self, scope: Scope, receive: Receive) -> "Answer":
        """The answer to one request, even if it fails. Raises only CancelledError."""
        head, request = Head(scope), Request(scope, receive)
        if self._ide and head.method == "GET" and accepts_html(head.accept) and "query" not in request.query_params:
            return _answer(200, b"text/html; charset=utf-8", self._ide.html, self._ide.headers)
        media_type = response_type(head.accept)
        headers: Mapping[str, str] = {}
        try:
            status, headers, content = await self._content(head, request, media_type)
            body = orjson.dumps(content)
        except HttpError as error:
            status, headers = error.status, error.headers
            told = head.request_id if error.code is ErrorCode.UNAVAILABLE else None
            body = orjson.dumps({"errors": counted([error_entry(error.message, error.code, told)])})
        # The last line of defence: the client gets an answer, the log the traceback.
        except (Exception, asyncio.CancelledError) as error:
            if is_cancelled(error):
                raise
            logger.exception("unexpected error", extra={"request_id": head.request_id})
            masked = error_entry(MASKED_MESSAGE, ErrorCode.INTERNAL_SERVER_ERROR, head.request_id)
            status, body = 500, orjson.dumps({"errors": counted([masked])})
        return _answer(status, _CONTENT_TYPES[media_type or JSON], body, headers)

    async def _content(
        self, head: Head, request: Request, media_type: str | None
    ) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        if head.method not in ("GET", "POST"):
            raise _method_not_allowed("GraphQL takes GET and POST.", _ALLOWED_METHODS)
        if media_type is None:
            raise HttpError(406, f"The answer can be {JSON} or {GRAPHQL_RESPONSE}.", ErrorCode.NOT_ACCEPTABLE)
        params = await read_params(head, request, self._body_reader)
        context = await self._make_context(request)
        if hasattr(context, "writes"):
            context.writes = True
        charge: Charge = getattr(context, "charge", None) or for_free
        try:
            result = await self._executed(params, context, head.method)
        except HttpError as error:
            error.headers = {**error.headers, **charge.headers()}
            raise
        status, headers, content = _response_of(result, media_type)
        if status == UNAUTHENTICATED_STATUS:
            headers = self._challenge(request)
        return status, {**headers, **charge.headers()}, content

    async def _executed(self, params: GraphQLParams, context: RequestContext, method: str) -> ExecutionResult:
        """The result, and the context's end. Raises HttpError, for an outage too."""
        try:
            result = await self._execute(params, context, method)
        except Exception as error:
            if (outage := self._schema.outage_of(error)) is None:
                raise
            raise _unavailable(outage.message) from None
        finally:
            await closed(context)
        if (away := away_of(result)) is not None:
            raise _unavailable(away.message)
        return result

    async def _execute(self, params: GraphQLParams, context: RequestContext, method: str) -> ExecutionResult:
        try:
            with self._in_time():
                return await self._schema.execute(
                    params.query,
                    variable_values=params.variables,
                    context_value=context,
                    operation_name=params.operation_name,
                    allowed_operation_types=_GET_OPERATIONS if method == "GET" else _POST_OPERATIONS,
                    operation_extensions=params.extensions,
                )
        except TimeoutError:
            raise HttpError(503, TIMEOUT_MESSAGE, ErrorCode.TIMEOUT) from None
        except InvalidOperationTypeError as error:
            raise _refused_operation(error.operation_type) from None


async def closed(context: RequestContext) -> None:
    """Close it. Never fails: the request's work is done by now, and must be reported."""
    try:
        await context.close()
    except Exception:
        logger.exception(
            "a request's context was not closed", extra={"request_id": getattr(context, "request_id", None)}
        )


async def rested(context: RequestContext) -> None:
    """Between two messages of a subscription, let the context release what it holds, if it has a `rest` for that: a client
    that reads slowly must not hold a database connection."""
    if (rest := getattr(context, "rest", None)) is not None:
        await rest()


def is_cancelled(error: BaseException) -> bool:
    """Whether this task itself is being cancelled, and not just a future that it has waited for."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def _unavailable(message: str) -> HttpError:
    return HttpError(503, message, ErrorCode.UNAVAILABLE, {"retry-after": str(RETRY_AFTER_S)})


def _refused_operation(operation: OperationType) -> HttpError:
    if operation is OperationType.SUBSCRIPTION:
        return HttpError(400, _WAYS_TO_FOLLOW)
    return _method_not_allowed("Send mutations by POST.", "POST")


def _method_not_allowed(message: str, allowed: str) -> HttpError:
    return HttpError(405, message, ErrorCode.METHOD_NOT_ALLOWED, {"allow": allowed})


def _response_of(result: ExecutionResult, media_type: str) -> tuple[int, Mapping[str, str], dict[str, Any]]:
    """The status, headers and body of a result.

    A request that failed before execution has no `data` entry. Its status under application/json is 200, unless no
    operation could be chosen, or it may not run here or now; under the newer media type the status shows the other
    failures too (GraphQL over HTTP, 6.4). A request of which nothing was answered for want of a good token is a 401, as one
    with a bad token is.
    """
    answer: dict[str, Any] = {}
    if not result.errors:
        answer["data"] = result.data
        if result.extensions:
            answer["extensions"] = result.extensions
        return 200, _NO_HEADERS, answer
    answer["errors"] = counted([error.formatted for error in result.errors])
    refused = is_refusal(result)
    if not refused:
        answer["data"] = result.data
    if result.extensions:
        answer["extensions"] = result.extensions
    if not refused:
        return UNAUTHENTICATED_STATUS if is_unauthenticated(result) else 200, {}, answer
    headers = next((retry_after(error) for error in result.errors or () if isinstance(error, RateLimited)), {})
    return _request_error_status(answer["errors"], media_type), headers, answer


def is_refusal(result: ExecutionResult) -> bool:
    """Whether the operation was refused before any of it was executed.

    An error of a field always has a path; data may be null then too, if the field was not nullable.
    """
    return result.data is None and bool(result.errors) and all(error.path is None for error in result.errors or ())


def is_unauthenticated(result: ExecutionResult) -> bool:
    """Whether fields wanted a good token, and none was answered. A mutation that was done is not hidden by a later one."""
    if not any((error.extensions or {}).get("code") == ErrorCode.UNAUTHENTICATED for error in result.errors or ()):
        return False
    return all(value is None or name == "__typename" for name, value in (result.data or {}).items())


def _request_error_status(errors: list[dict[str, Any]], media_type: str) -> int:
    codes = {error["extensions"]["code"] for error in errors}
    if ErrorCode.UNAUTHENTICATED in codes:
        return UNAUTHENTICATED_STATUS
    if ErrorCode.INTERNAL_SERVER_ERROR in codes:
        return 500
    if ErrorCode.RATE_LIMITED in codes:
        return 429
    # Apollo's probe for a persisted query is among those with 200: some of its clients read no body otherwise.
    return 400 if media_type == GRAPHQL_RESPONSE or codes & _ALWAYS_400 else 200


def _answer(status: int, content_type: bytes, body: bytes, headers: Mapping[str, str]) -> "Answer":
    raw = [(b"content-type", content_type), (b"content-length", b"%d" % len(body)), *_FIXED_HEADERS]
    raw.extend((name.encode(), value.encode()) for name, value in headers.items())
    return Answer(status, raw, body)
