"""Common parts of requests for files, in and out: their parameters and their refusals."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.backend import unauthenticated_response
from gateway.errors import RETRY_AFTER_S, BadUserInput, CodedError, ErrorCode, error_entry, retry_after
from gateway.http.requests import HttpError
from schema.context import Context
from schema.errors import Unauthenticated

HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_STATUSES: Final = {
    ErrorCode.BUSY: 503,
    ErrorCode.BAD_USER_INPUT: 400,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.SUSPENDED: 403,
}

T = TypeVar("T")


def parameters_of(request: Request, known: frozenset[str]) -> dict[str, str]:
    """The query's parameters. Raises BadUserInput for unknown ones, and for repeated ones."""
    given = request.query_params.multi_items()
    asked = dict(given)
    if not asked.keys() <= known or len(asked) < len(given):
        raise BadUserInput(f"Each of {', '.join(sorted(known))} can be given once, and nothing else.")
    return asked


def parsed(asked: dict[str, str], name: str, parse: Callable[[str], T]) -> T | None:
    """One parameter, read by `parse`, which raises ValueError; None if it is not given. Raises BadUserInput."""
    if name not in asked:
        return None
    try:
        return parse(asked[name])
    except ValueError as error:
        raise BadUserInput(str(error), name) from None


def charged(
    make_context: Callable[[Request], Awaitable[Context]], answer: Callable[[Context, Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that makes a context, and tells what is left of the quotas with whatever answer it gets. `answer` sees
    to the context's end."""

    async def endpoint(request: Request) -> Response:
        context = await make_context(request)
        response = await answer(context, request)
        response.headers.update(context.charge.headers())
        return response

    return endpoint


async def away(request: Request, error: Exception) -> Response:
    """The response if a request of any kind ended with DatabaseAway."""
    entry = error_entry(str(error), ErrorCode.UNAVAILABLE, getattr(request.state, "request_id", None))
    return JSONResponse({"errors": [entry]}, 503, {**HEADERS, "retry-after": str(RETRY_AFTER_S)})


def refusal(request: Request, error: CodedError | HttpError) -> Response:
    """The response to a request that ended with the error, as GraphQL over HTTP writes errors."""
    if isinstance(error, Unauthenticated):
        return unauthenticated_response(request, error)
    if isinstance(error, HttpError):
        status, headers = error.status, error.headers
    else:
        status, headers = _STATUSES[error.code], retry_after(error)
    more = error.extensions if isinstance(error, CodedError) else None
    return JSONResponse({"errors": [error_entry(error.message, error.code, more=more)]}, status, {**HEADERS, **headers})
