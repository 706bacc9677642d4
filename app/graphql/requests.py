"""From an HTTP request to the parameters of one GraphQL operation, refusing everything that is not one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request

from app.graphql.media import is_json
from schema.error_codes import ErrorCode

# A bulk of 10,000 rows as variables is about 1 MB.
DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024


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


@dataclass(frozen=True, slots=True)
class GraphQLParams:
    """The request parameters of the GraphQL-over-HTTP specification."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None


async def read_params(request: Request, max_body_bytes: int) -> GraphQLParams:
    """Read one operation's parameters from a GET's query string or a POST's JSON body. Raises `HttpError`."""
    if request.method == "GET":
        return params_of(_from_query_string(request.query_params))
    # Exactly JSON: a page of another site can't send that without a preflight, so none can post on a user's behalf.
    if not is_json(request.headers.get("content-type")):
        raise HttpError(415, "Send the operation as application/json in UTF-8.", ErrorCode.UNSUPPORTED_MEDIA_TYPE)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HttpError(415, "Send the body without a content encoding.", ErrorCode.UNSUPPORTED_MEDIA_TYPE)
    return params_of(_json(await _body(request, max_body_bytes), "The body"))


def params_of(data: object) -> GraphQLParams:
    """Check the parameters' types. Raises `HttpError`."""
    if isinstance(data, list):
        raise HttpError(400, "Batching is off: send one operation per request.")
    if not isinstance(data, dict):
        raise HttpError(400, "The body must be a JSON object.")
    query = data.get("query")
    extensions = _optional(data, "extensions", dict, "an object")
    if not query and extensions and "persistedQuery" in extensions:
        # Apollo's clients look for exactly this message or code, and then send the query itself.
        raise HttpError(400, "PersistedQueryNotSupported", ErrorCode.PERSISTED_QUERY_NOT_SUPPORTED)
    if not isinstance(query, str) or not query:
        raise HttpError(400, "The parameter `query` must be a string with a GraphQL document.")
    return GraphQLParams(
        query,
        _optional(data, "variables", dict, "an object"),
        _optional(data, "operationName", str, "a string"),
        extensions,
    )


def _optional(data: dict[str, Any], name: str, kind: type, described: str) -> Any:
    value = data.get(name)
    if value is not None and not isinstance(value, kind):
        raise HttpError(400, f"The parameter `{name}` must be {described} or null.")
    return value


def _from_query_string(parameters: QueryParams) -> dict[str, object]:
    data: dict[str, object] = {
        "query": parameters.get("query"),
        "operationName": parameters.get("operationName") or None,
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


async def _body(request: Request, max_bytes: int) -> bytes:
    """The body, never holding more than `max_bytes` and one chunk of it, whether or not its length was announced."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    chunks = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > max_bytes:
                raise _too_large(max_bytes)
            chunks.append(chunk)
    except ClientDisconnect:
        raise HttpError(400, "The request ended before its body did.") from None
    return b"".join(chunks)


def _too_large(max_bytes: int) -> HttpError:
    # The rest of the body is never read, so the connection cannot be used again.
    return HttpError(
        413, f"The body is larger than {max_bytes} bytes.", ErrorCode.PAYLOAD_TOO_LARGE, {"connection": "close"}
    )
