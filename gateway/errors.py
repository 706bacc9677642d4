"""Errors as clients see them: every one has `extensions.code`, and none says more than it should.

An expected error (a bad document, bad input, a missing right) keeps its message and is not logged. Anything else is a
fault of ours: it is logged once, with the traceback, and the client gets a fixed message and the request's id to quote.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from graphql import GraphQLError, GraphQLFormattedError
from strawberry.exceptions import StrawberryInputCoercionError
from strawberry.relay import GlobalIDValueError
from strawberry.types import ExecutionResult

logger = logging.getLogger(__name__)

MASKED_MESSAGE = "Something went wrong on our side. It has been logged."
RETRY_AFTER_S = 1
"""In how many seconds to try again, where there is an outage."""
MAX_MESSAGE_CHARACTERS = 1_000
"""graphql-core repeats a value that is none of an enum's, and the name of a field that is not there, at any length."""

# graphql-core's suggestion, wherever it stands in the message. Strawberry's own switch reaches those for fields alone.
_SUGGESTION = re.compile(r" Did you mean (?:[a-z ]+ )?'\w+(?: \{ \.\.\. \})?'(?:,? (?:or )?'\w+')*\?")


class ErrorCode(StrEnum):
    """The values of `extensions.code` on a top-level error. Expected business failures are `userErrors` instead."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    OPERATION_RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE"
    QUERY_TOO_COSTLY = "QUERY_TOO_COSTLY"
    RATE_LIMITED = "RATE_LIMITED"
    DOCUMENT_NOT_TRUSTED = "DOCUMENT_NOT_TRUSTED"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"
    # Of the HTTP request rather than the operation.
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    TIMEOUT = "TIMEOUT"
    UNAVAILABLE = "UNAVAILABLE"
    BUSY = "BUSY"
    # Of a WebSocket.
    TOO_MANY_OPERATIONS = "TOO_MANY_OPERATIONS"


class CodedError(GraphQLError):
    """An expected error with a code, for resolvers to raise. The message is for people; clients branch on the code."""

    code: ErrorCode

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": self.code})


CodedErrorT = TypeVar("CodedErrorT", bound=CodedError)


class BadUserInput(CodedError):
    """An argument that the schema's types cannot refuse: a malformed id, a foreign cursor, `first: -1`."""

    code = ErrorCode.BAD_USER_INPUT


class OperationNotFound(CodedError):
    """The request does not say which of several operations to run, or names one that is not there."""

    code = ErrorCode.OPERATION_RESOLUTION_FAILURE


@dataclass(frozen=True, slots=True)
class Outage:
    """Something that every answer rests upon cannot be used now.

    message: for the client. unknown: whether nobody can tell if what was asked was done; otherwise it was not.
    """

    message: str
    unknown: bool


OutageOf = Callable[[BaseException], Outage | None]
"""The outage that an exception tells of; None where it tells of none."""


def no_outage(_: BaseException) -> None:
    """Where answers rest upon nothing that could be away."""


CodedOf = Callable[[BaseException], CodedError | None]
"""What an exception that is expected is for clients; None for one that is not."""


def no_code(_: BaseException) -> None:
    """Where nothing is expected but what has a code already."""


class Away(CodedError):
    """What answers rest upon could not be used. of_query: whether this can be asked again without a thought."""

    code = ErrorCode.UNAVAILABLE

    def __init__(self, outage: Outage, request_id: str | None, *, of_query: bool = True) -> None:
        super().__init__(outage.message)
        self.unknown = outage.unknown
        self.of_query = of_query
        if request_id is not None:
            self.extensions = {**(self.extensions or {}), "requestId": request_id}


class RateLimited(CodedError):
    """Whoever asks has used up what they may ask for in a while. Nothing was executed."""

    code = ErrorCode.RATE_LIMITED

    def __init__(self, limit: str, retry_after: int) -> None:
        """limit: such as "1200000 reads in 60 s", in cost units. retry_after: seconds until there is room again."""
        super().__init__(f"The limit of {limit}, in cost, is used up. Try again in {retry_after} s.")
        self.retry_after = retry_after
        self.extensions = {**(self.extensions or {}), "retryAfter": retry_after}


class PersistedQueryNotFound(CodedError):
    """A document is named that is none of the trusted ones. Apollo's clients look for exactly this code or message."""

    code = ErrorCode.PERSISTED_QUERY_NOT_FOUND

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotFound")


class PersistedQueryNotSupported(CodedError):
    """A document is named where none are kept. Apollo's clients then send the text itself, now and from then on."""

    code = ErrorCode.PERSISTED_QUERY_NOT_SUPPORTED

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotSupported")


class DocumentNotTrusted(CodedError):
    """Only trusted documents run here, and this text is none of them."""

    code = ErrorCode.DOCUMENT_NOT_TRUSTED

    def __init__(self) -> None:
        super().__init__("Only registered documents run here, and this is none of them.")


def shape_errors(
    errors: list[GraphQLError],
    request_id: str | None,
    *,
    hide_suggestions: bool,
    of_query: bool = False,
    outage_of: OutageOf = no_outage,
    coded_of: CodedOf = no_code,
) -> None:
    """Give each error of a result its code, in place, and mask and log what was not expected."""
    for index, error in enumerate(errors):
        shaped = errors[index] = _shape(error, request_id, hide_suggestions, outage_of, coded_of)
        if isinstance(shaped, Away):
            shaped.of_query = of_query


def away_of(result: ExecutionResult) -> Away | None:
    """The error that the whole answer is, where an outage left nothing of it: a query that lacks something for it, or
    a mutation of which nothing was done. What a mutation has done is told, whatever is missing of it.
    """
    errors = [error for error in result.errors or () if isinstance(error, Away)]
    if not errors:
        return None
    done = any(value is not None and name != "__typename" for name, value in (result.data or {}).items())
    if done and not all(error.of_query for error in errors):
        return None
    return next((error for error in errors if error.unknown), errors[0])


def with_code(errors: list[GraphQLError], code: ErrorCode) -> list[GraphQLError]:
    """The same errors, with a code on each that has none."""
    for error in errors:
        if "code" not in (error.extensions or {}):
            error.extensions = {**(error.extensions or {}), "code": code}
    return errors


def error_entry(
    message: str, code: ErrorCode, request_id: str | None = None, more: Mapping[str, object] | None = None
) -> GraphQLFormattedError:
    """One entry of `errors` for an answer that GraphQL itself had no part in. more: extensions beside the code."""
    extensions: dict[str, object] = {**(more or {}), "code": code}
    if request_id is not None:
        extensions["requestId"] = request_id
    return {"message": message, "extensions": extensions}


def retry_after(error: GraphQLError) -> dict[str, str]:
    """The header that goes with an error over HTTP: when to try again, where it says so."""
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
    """What was raised first: graphql-core wraps once for the place, and once more for a scalar."""
    cause: Exception = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _is_bad_input(error: GraphQLError, cause: Exception) -> bool:
    """Whether an error without a code is the client's doing.

    Without a path it was raised before execution, while variables were coerced: there, ValueError and TypeError are how
    scalars refuse a value. With a path it was raised by a resolver or while its result was completed, where only
    graphql-core's own complaint about an argument, and Strawberry's about an input or an id, are the client's.
    """
    if isinstance(cause, StrawberryInputCoercionError | GlobalIDValueError):
        return True
    if error.path is None:
        return isinstance(cause, GraphQLError | ValueError | TypeError)
    return isinstance(cause, GraphQLError) and cause.message.startswith("Argument '")


def _away(error: GraphQLError, outage: Outage, request_id: str | None) -> Away:
    """It was logged where it was found, once for all."""
    return _at(error, Away(outage, request_id))


def _at(error: GraphQLError, instead: CodedErrorT) -> CodedErrorT:
    """The other error, in the place of the first."""
    instead.nodes, instead.path, instead.locations = error.nodes, error.path, error.locations
    return instead


def _masked(error: GraphQLError, cause: Exception, request_id: str | None) -> GraphQLError:
    logger.error(
        "unexpected error at %s", error.path or "the operation", exc_info=cause, extra={"request_id": request_id}
    )
    entry = error_entry(MASKED_MESSAGE, ErrorCode.INTERNAL_SERVER_ERROR, request_id)
    return GraphQLError(MASKED_MESSAGE, nodes=error.nodes, path=error.path, extensions=entry.get("extensions"))
