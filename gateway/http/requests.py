"""Reads the parameters of one GraphQL operation from an HTTP request, and rejects everything else."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import HTTPConnection, Request
from starlette.types import Receive, Scope

from gateway.errors import ErrorCode
from gateway.http.media import is_json
from gateway.trusted import DOCUMENT_ID, RELAY_IDS, names_document
from turns.deadlines import Deadlines
from turns.slices import turn

# A bulk of 10,000 rows as variables is about 1 MB.
DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024
ANONYMOUS_MAX_BODY_BYTES = 256 * 1024
"""An anonymous client can only read the schema, which takes no variables: it cannot make the server parse megabytes."""
MAX_BRACKETS = 200_000
"""Maximum in a body, including texts: reading a million empty lists takes 0.1 s and 80 MB before they can be
counted."""
LARGE_BODY_BYTES = 100_000
DEFAULT_READ_TIMEOUT = 30.0
"""Seconds. 4 MB at 1.1 Mbit/s."""
MAX_HELD_BYTES = 64 * 1024 * 1024
"""Maximum per process, in incomplete bodies."""

_CLOSE = {"connection": "close"}
_RETRY = {"retry-after": "1"}


class HttpError(Exception):
    """A request that is refused before, or instead of, executing anything."""

    def __init__(
        self,
        status: int,
        message: str,
        code: ErrorCode = ErrorCode.BAD_USER_INPUT,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers or {}


class GraphQLParams(NamedTuple):
    """The request parameters of the GraphQL-over-HTTP specification.

    query: empty if `extensions` name a document instead; a `documentId`, and Relay's `id` or `doc_id`, is put there.
    """

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None


class Head:
    """The part of a request's head that affects its answer. The first of repeated headers counts."""

    __slots__ = ("accept", "content_encoding", "content_length", "content_type", "method", "request_id")

    def __init__(self, scope: Scope) -> None:
        headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        self.method: str = scope["method"]
        self.accept = _text(headers.get(b"accept"))
        self.content_type = _text(headers.get(b"content-type"))
        self.content_encoding = _text(headers.get(b"content-encoding"))
        self.content_length = _text(headers.get(b"content-length"))
        self.request_id: str | None = scope.get("state", {}).get("request_id")


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


async def read_params(head: Head, request: Request, bodies: "BodyReader") -> GraphQLParams:
    """Read one operation's parameters from a GET's query string or a POST's JSON body. Raises `HttpError`."""
    if head.method == "GET":
        return params_of(_from_query_string(request.query_params))
    # Exactly JSON: a page of another site cannot send that without a preflight, so none can post on a user's behalf.
    if not is_json(head.content_type):
        raise HttpError(415, "Send the operation as application/json in UTF-8.", ErrorCode.UNSUPPORTED_MEDIA_TYPE)
    if head.content_encoding not in (None, "identity"):
        raise HttpError(415, "Send the body without a content encoding.", ErrorCode.UNSUPPORTED_MEDIA_TYPE)
    body = await bodies.read(head, request)
    if len(body) >= LARGE_BODY_BYTES:  # 5 ms to read a bulk of 10,000 rows, 70 ms the worst 4 MB (measured)
        await turn()
    if body.count(b"[") + body.count(b"{") > MAX_BRACKETS:
        raise HttpError(400, f"The body has more than {MAX_BRACKETS} lists and objects.")
    return params_of(_json(body, "The body"))


def params_of(data: object) -> GraphQLParams:
    """Check the parameters' types. Raises `HttpError`."""
    if isinstance(data, list):
        raise HttpError(400, "Batching is off: send one operation per request.")
    if not isinstance(data, dict):
        raise HttpError(400, "The body must be a JSON object.")
    query = _optional(data, "query", str, "a string")
    extensions = _optional(data, "extensions", dict, "an object")
    if (document_id := _document_id(data, query)) is not None:
        extensions = {**(extensions or {}), DOCUMENT_ID: document_id}
    if not query and not names_document(extensions):
        raise HttpError(400, "The parameter `query` must be a string with a GraphQL document.")
    return GraphQLParams(
        query or "",
        _optional(data, "variables", dict, "an object"),
        _optional(data, "operationName", str, "a string"),
        extensions,
    )


def _document_id(data: dict[str, Any], query: str | None) -> str | None:
    """The id of a document that is named as GraphQL over HTTP or Relay has it. Beside a query, Relay's names are nobody's
    business: any client may have an `id` of its own there."""
    found: str | None = _optional(data, DOCUMENT_ID, str, "a string")
    for name in RELAY_IDS if found is None and not query else ():
        if found is None:
            found = _optional(data, name, str, "a string")
    return found


def _optional(data: dict[str, Any], name: str, kind: type, described: str) -> Any:
    value = data.get(name)
    if value is not None and not isinstance(value, kind):
        raise HttpError(400, f"The parameter `{name}` must be {described} or null.")
    return value


def _from_query_string(parameters: QueryParams) -> dict[str, object]:
    data: dict[str, object] = {
        "query": parameters.get("query"),
        "operationName": parameters.get("operationName") or None,
        **{name: parameters.get(name) or None for name in (DOCUMENT_ID, *RELAY_IDS)},
    }
    for name in ("variables", "extensions"):
        if text := parameters.get(name):
            data[name] = _json(text, f"The parameter `{name}`")
    return data


def _json(text: bytes | str, what: str) -> object:
    # orjson bounds the depth and refuses invalid UTF-8, lone surrogates and NaN; the json module has trouble with each.
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise HttpError(400, f"{what} is not valid JSON.") from None


class BodyReader:
    """Reads the bodies of requests within bounds of size, time, and the memory of all of them together.

    max_bytes: of one body, if its sender is known. timeout: seconds for the whole body, even if data keeps arriving.
    is_known: whether the sender is known.
    """

    def __init__(
        self,
        max_bytes: int,
        timeout: float,
        is_known: Callable[[HTTPConnection], bool],
        max_held_bytes: int = MAX_HELD_BYTES,
    ) -> None:
        self._is_known = is_known
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._in_time = Deadlines(timeout)
        self._max_held_bytes = max_held_bytes
        self._held_bytes = 0

    async def read(self, head: Head, request: Request) -> bytes:
        """The body, never holding more than the bound and one chunk of it, even if its length was not announced.

        Raises `HttpError`: 413 for too large a body, 408 for too slow a one, 503 if too much is being read.
        """
        announced = head.content_length or ""
        max_bytes = self._max_bytes
        if not self._is_known(request):
            max_bytes = min(max_bytes, ANONYMOUS_MAX_BODY_BYTES)
        if announced.isdecimal() and len(announced) < 20 and int(announced) > max_bytes:
            raise _too_large(max_bytes)
        try:
            with self._in_time():
                return await self._read(request.receive, max_bytes)
        except TimeoutError:
            raise HttpError(
                408, f"The body took longer than {self._timeout:g} seconds.", ErrorCode.TIMEOUT, _CLOSE
            ) from None

    async def _read(self, receive: Receive, max_bytes: int) -> bytes:
        chunks: list[bytes] = []
        size = held = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise HttpError(400, "The request ended before its body did.")
                chunk: bytes = message.get("body", b"")
                # Only earlier chunks are held while others are served: most bodies are one chunk and hold nothing.
                self._held_bytes += size - held
                held = size
                if held and self._held_bytes > self._max_held_bytes:
                    raise HttpError(503, "Too many large bodies are being read.", ErrorCode.BUSY, _RETRY)
                size += len(chunk)
                if size > max_bytes:
                    raise _too_large(max_bytes)
                if not message.get("more_body", False):
                    return b"".join((*chunks, chunk)) if chunks else chunk
                if chunk:
                    chunks.append(chunk)
        finally:
            self._held_bytes -= held


def _too_large(max_bytes: int) -> HttpError:
    # The connection stays open, and the server discards the rest as it comes: closed while the
    # client is still sending, it would be reset, and the client would never see this.
    return HttpError(413, f"The body is larger than {max_bytes} bytes.", ErrorCode.PAYLOAD_TOO_LARGE)
