"""Errors with a code that are Scrip's own. The others are the gateway's."""

from collections.abc import Sequence

from gateway.errors import CodedError, ErrorCode, Outage
from models.errors import Busy, DatabaseAway


class Unauthenticated(CodedError):
    """The request has no principal, and the field needs one."""

    code = ErrorCode.UNAUTHENTICATED


class Forbidden(CodedError):
    """The principal may not do this.

    missing: the rights that are needed as well, by the names of their scopes; empty if no right would help. roles: if
    no scope would help either, the roles that have these rights.
    """

    code = ErrorCode.FORBIDDEN

    def __init__(self, message: str, missing: Sequence[str] = (), roles: Sequence[str] = ()) -> None:
        super().__init__(message)
        told: dict[str, object] = {**(self.extensions or {}), "missing": list(missing)}
        self.extensions = told | {"roles": list(roles)} if roles else told


class Suspended(CodedError):
    """The operator has suspended the token's tenant: it is told so, and nothing is done."""

    code = ErrorCode.SUSPENDED


class TooBusy(CodedError):
    """So many reports are being made at the moment that none came free in time."""

    code = ErrorCode.BUSY


class TooManyFollowers(CodedError):
    """There are as many subscriptions as there may be, of the tenant or in this process."""

    code = ErrorCode.TOO_MANY_SUBSCRIPTIONS


class FollowsTooSlowly(CodedError):
    """More events wait for a subscription than are kept for one."""

    code = ErrorCode.TOO_SLOW


class StillPosting(CodedError):
    """A past instant was asked for that a posting in flight may still change."""

    code = ErrorCode.BUSY


def outage_of(error: BaseException) -> Outage | None:
    """Return what the gateway needs to know if the database is away."""
    return Outage(str(error), error.unknown) if isinstance(error, DatabaseAway) else None


def coded_of(error: BaseException) -> CodedError | None:
    """The code of a read's expected refusal. A mutation's refusals are in its payload."""
    return TooBusy(error.message) if isinstance(error, Busy) else None
