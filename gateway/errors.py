"""Errors as clients see them: each has `extensions.code`, and none reveals more than it should.

An expected error (a bad document, bad input, a missing right) keeps its message and is not logged. Any other is a bug
in the server: it is logged once, with the traceback, and the client gets a fixed message and the request's id to quote.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from graphql import GraphQLError, GraphQLFormattedError
from strawberry.exceptions import StrawberryInputCoercionError
from strawberry.relay import GlobalIDValueError
from strawberry.types import ExecutionResult

logger = logging.getLogger(__name__)

MASKED_MESSAGE = "Something went wrong on our side. It has been logged."
RETRY_AFTER_S = 1
"""Seconds after which to try again if there is an outage."""
MAX_MESSAGE_CHARACTERS = 1_000
"""graphql-core repeats an invalid enum value, and the name of an unknown field, at any length."""

# graphql-core's suggestion, anywhere in the message. Strawberry's own switch only covers those for fields.
_SUGGESTION = re.compile(r" Did you mean (?:[a-z ]+ )?'\w+(?: \{ \.\.\. \})?'(?:,? (?:or )?'\w+')*\?")


class ErrorCode(StrEnum):
    """The values of `extensions.code` on a top-level error. Expected business failures are `userErrors` instead."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    """The document is not valid GraphQL syntax. Correct it at the location given."""
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    """The document does not fit the schema. Correct it as the message says, or generate it anew from the schema."""
    OPERATION_RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE"
    """The document has several operations and none was chosen, or not the one named. Pass its name as operationName."""
    QUERY_TOO_COSTLY = "QUERY_TOO_COSTLY"
    """The operation is deeper, larger or costlier than one request may be. Ask for smaller pages or fewer fields."""
    RATE_LIMITED = "RATE_LIMITED"
    """The client's quota for the period is used up, and nothing was executed. Wait `retryAfter` seconds, then send the
    same request again."""
    DOCUMENT_NOT_TRUSTED = "DOCUMENT_NOT_TRUSTED"
    """The server runs registered documents only. Register the document, or use one that is."""
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    """No registered document has this hash. Register the document first; Apollo's clients then send its text."""
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    """The server keeps no documents. Send the text of the document instead of its hash."""
    BAD_USER_INPUT = "BAD_USER_INPUT"
    """A variable or argument has a value that its type or the field does not accept. Correct it as the message says."""
    UNAUTHENTICATED = "UNAUTHENTICATED"
    """The request has no token, or a bad one. Get a new token, and send it as `Authorization: Bearer …`."""
    FORBIDDEN = "FORBIDDEN"
    """The token may not do this. Use one with the scopes in `missing`, or ask somebody in one of the `roles`."""
    SUSPENDED = "SUSPENDED"
    """The one that the token belongs to is suspended here, and nothing was executed. Ask the operator of the service."""
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"
    """The server failed, and logged it. Send the same request again; if it fails again, give `requestId` to support."""

    # Of the HTTP request rather than the operation.

    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    """The HTTP method is not accepted here. Use the method that the `Allow` header names."""
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    """The `Accept` header allows none of the formats served. Add application/graphql-response+json or application/json."""
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    """The body is larger than the server accepts. Send less at a time."""
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    """The body has a content type that is not accepted. Send JSON as application/json."""
    TIMEOUT = "TIMEOUT"
    """The request took too long. Send a mutation again with the same idempotency key; ask for less in a query."""
    UNAVAILABLE = "UNAVAILABLE"
    """The database cannot be reached. Wait as `Retry-After` says, then send the same request again."""
    BUSY = "BUSY"
    """A posting in flight held up the answer for too long, or too many ask for reports or send large bodies. Send the same
    request again in a moment."""

    # Of a WebSocket.

    TOO_MANY_OPERATIONS = "TOO_MANY_OPERATIONS"
    """The connection runs as many operations as it may. Wait for one to end, or stop one."""

    # Of a subscription.

    TOO_MANY_SUBSCRIPTIONS = "TOO_MANY_SUBSCRIPTIONS"
    """There are as many subscriptions as the server takes, of one tenant or together. Wait a while, then subscribe again."""
    TOO_SLOW = "TOO_SLOW"
    """The client read more slowly than things happened, and was dropped. Use the last cursor to subscribe again:
    nothing is lost."""


TOLD: Final[Counter[str]] = Counter({code.value: 0 for code in ErrorCode})
"""How many errors this process has told clients, by code: for its metrics."""


class CodedError(GraphQLError):
    """An expected error with a code, for resolvers to raise. The message is for people; clients branch on the code."""

    code: ErrorCode

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": self.code})


CodedErrorT = TypeVar("CodedErrorT", bound=CodedError)


class BadUserInput(CodedError):
    """An argument is bad that the schema's types cannot reject: a malformed id, a foreign cursor, `first: -1`.

    field: path of the argument, or None if it is about no one of them.
    """

    code = ErrorCode.BAD_USER_INPUT

    def __init__(self, message: str, *field: str) -> None:
        super().__init__(message)
        if field:
            self.extensions = {**(self.extensions or {}), "field": list(field)}


class OperationNotFound(CodedError):
    """The request does not say which of several operations to run, or names one that does not exist."""

    code = ErrorCode.OPERATION_RESOLUTION_FAILURE


@dataclass(frozen=True, slots=True)
class Outage:
    """A dependency of every answer cannot be used now.

    message: for the client. unknown: whether it is unknown if the request was executed; if false, it was not.
    """

    message: str
    unknown: bool


OutageOf = Callable[[BaseException], Outage | None]
"""Returns the outage that an exception reports, or None."""


def no_outage(_: BaseException) -> None:
    """For servers whose responses depend on nothing that can be unavailable."""


CodedOf = Callable[[BaseException], CodedError | None]
"""Returns the coded error that clients get for an expected exception; None for any other."""


def no_code(_: BaseException) -> None:
    """For servers that expect no exceptions besides coded errors."""


class Away(CodedError):
    """The request depends on something that cannot be used now. of_query: whether it can safely be repeated."""

    code = ErrorCode.UNAVAILABLE

    def __init__(self, outage: Outage, request_id: str | None, *, of_query: bool = True) -> None:
        super().__init__(outage.message)
        self.unknown = outage.unknown
        self.of_query = of_query
        if request_id is not None:
            self.extensions = {**(self.extensions or {}), "requestId": request_id}


class RateLimited(CodedError):
    """The client has used up its quota for the period. Nothing was executed."""

    code = ErrorCode.RATE_LIMITED

    def __init__(self, limit: str, retry_after: int) -> None:
        """limit: such as "1200000 reads in 60 s", in cost units. retry_after: seconds until quota is available
        again."""
        super().__init__(
            f"The limit of {limit}, in cost units, is used up. Nothing was done; try again in {retry_after} s."
        )
        self.retry_after = retry_after
        self.extensions = {**(self.extensions or {}), "retryAfter": retry_after}


class PersistedQueryNotFound(CodedError):
    """The named document is not a trusted one. Apollo's clients look for exactly this code or message."""

    code = ErrorCode.PERSISTED_QUERY_NOT_FOUND

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotFound")


class PersistedQueryNotSupported(CodedError):
    """A document is named, and none are kept. Apollo's clients then send the text itself, now and from then on."""

    code = ErrorCode.PERSISTED_QUERY_NOT_SUPPORTED

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotSupported")


class DocumentNotTrusted(CodedError):
    """Only trusted documents run here, and this text is not one of them."""

    code = ErrorCode.DOCUMENT_NOT_TRUSTED

    def __init__(self) -> None:
        super().__init__("This server runs registered documents only, and this is not one of them.")


def shape_errors(
    errors: list[GraphQLError],
    request_id: str | None,
    *,
    hide_suggestions: bool,
    of_query: bool = False,
    outage_of: OutageOf = no_outage,
    coded_of: CodedOf = no_code,
) -> None:
    """Give each error of a result its code, in place; mask and log the unexpected ones."""
    for index, error in enumerate(errors):
        shaped = errors[index] = _shape(error, request_id, hide_suggestions, outage_of, coded_of)
        if isinstance(shaped, Away):
            shaped.of_query = of_query


def forget_frames(errors: Iterable[BaseException]) -> None:
    """Remove the tracebacks of errors already returned and logged, and of their causes.

    The frames refer to everything that the operation worked on, often to the error too: a cycle that only the garbage
    collector could free.
    """
    waiting: list[BaseException | None] = [*errors]
    known: set[int] = set()
    while waiting:
        error = waiting.pop()
        if error is None or id(error) in known:
            continue
        known.add(id(error))
        error.__traceback__ = None
        waiting += error.__cause__, error.__context__, getattr(error, "original_error", None)


def away_of(result: ExecutionResult) -> Away | None:
    """Return the error that replaces the whole response in an outage: of a query with missing parts, or of a mutation
    that did nothing. A mutation that did something is reported, even with missing parts."""
    errors = [error for error in result.errors or () if isinstance(error, Away)]
    if not errors:
        return None
    done = any(value is not None and name != "__typename" for name, value in (result.data or {}).items())
    if done and not all(error.of_query for error in errors):
        return None
    return next((error for error in errors if error.unknown), errors[0])


def with_code(errors: list[GraphQLError], code: ErrorCode) -> list[GraphQLError]:
    """Return the same errors, with a code on each that has none."""
    for error in errors:
        if "code" not in (error.extensions or {}):
            error.extensions = {**(error.extensions or {}), "code": code}
    return errors


def error_entry(
    message: str, code: ErrorCode, request_id: str | None = None, more: Mapping[str, object] | None = None
) -> GraphQLFormattedError:
    """Return one entry of `errors` for a response made without GraphQL. more: extensions besides the code."""
    extensions: dict[str, object] = {**(more or {}), "code": code}
    if request_id is not None:
        extensions["requestId"] = request_id
    return {"message": message, "extensions": extensions}


def counted(errors: list[GraphQLFormattedError]) -> list[GraphQLFormattedError]:
    """Count the errors of a response, each of which has a code, and return them."""
    TOLD.update(str(error.get("extensions", {}).get("code")) for error in errors)
    return errors


def retry_after(error: GraphQLError) -> dict[str, str]:
    """Return the header for an error over HTTP: when to retry, if the error says so."""
    if isinstance(error, Away):
        return {"retry-after": str(RETRY_AFTER_S)}
    return {"retry-after": str(error.retry_after)} if isinstance(error, RateLimited) else {}


def _shape(
    error: GraphQLError, request_id: str | None, hide_suggestions: bool, outage_of: OutageOf, coded_of: CodedOf
) -> GraphQLError:
    if "code" not in (error.extensions or {}):
        cause = _cause(error)
        if (outage := outage_of(cause)) is not None:
            return _away(error, outage, request_id)
        if (coded := coded_of(cause)) is not None:
            return _at(error, coded)
        if not _is_bad_input(error, cause):
            return _masked(error, cause, request_id)
        with_code([error], ErrorCode.BAD_USER_INPUT)
    if hide_suggestions:
        error.message = _SUGGESTION.sub("", error.message)
    if len(error.message) > MAX_MESSAGE_CHARACTERS:
        error.message = f"{error.message[: MAX_MESSAGE_CHARACTERS - 3]}..."
    return error


def _cause(error: GraphQLError) -> Exception:
    """Return the first exception raised: graphql-core wraps it once with its location, and again for a scalar."""
    cause: Exception = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _is_bad_input(error: GraphQLError, cause: Exception) -> bool:
    """Return whether an error without a code is the client's fault.

    Without a path it was raised before execution, while variables were coerced: there, ValueError and TypeError are how
    scalars reject a value. With a path it was raised by a resolver or while its result was completed; there, only
    graphql-core's own complaint about an argument, and Strawberry's about an input or an id, are the client's.
    """
    if isinstance(cause, StrawberryInputCoercionError | GlobalIDValueError):
        return True
    if error.path is None:
        return isinstance(cause, GraphQLError | ValueError | TypeError)
    return isinstance(cause, GraphQLError) and cause.message.startswith("Argument '")


def _away(error: GraphQLError, outage: Outage, request_id: str | None) -> Away:
    """The error for clients. The outage was logged once, where it was found."""
    return _at(error, Away(outage, request_id))


def _at(error: GraphQLError, instead: CodedErrorT) -> CodedErrorT:
    """The other error, at the first one's location."""
    instead.nodes, instead.path, instead.locations = error.nodes, error.path, error.locations
    return instead


def _masked(error: GraphQLError, cause: Exception, request_id: str | None) -> GraphQLError:
    logger.error(
        "unexpected error at %s", error.path or "the operation", exc_info=cause, extra={"request_id": request_id}
    )
    entry = error_entry(MASKED_MESSAGE, ErrorCode.INTERNAL_SERVER_ERROR, request_id)
    return GraphQLError(MASKED_MESSAGE, nodes=error.nodes, path=error.path, extensions=entry.get("extensions"))
