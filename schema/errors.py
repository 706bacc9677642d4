"""Errors with a code that are Scrip's own. The others are the gateway's."""

from collections.abc import Sequence

from gateway.errors import CodedError, ErrorCode, Outage
from models.errors import Busy, DatabaseAway


class Unauthenticated(CodedError):
    """Nobody is known by this request, and the field needs somebody."""

    code = ErrorCode.UNAUTHENTICATED


class Forbidden(CodedError):
    """Somebody is known, and may not do this.

    missing: the rights that would have to be there as well, by the names of their scopes; none where no right would help.
    roles: where no scope would help either, the roles that have these rights.
    """

    code = ErrorCode.FORBIDDEN

    def __init__(self, message: str, missing: Sequence[str] = (), roles: Sequence[str] = ()) -> None:
        super().__init__(message)
        told: dict[str, object] = {**(self.extensions or {}), "missing": list(missing)}
        self.extensions = told | {"roles": list(roles)} if roles else told


class TooBusy(CodedError):
    """So many reports are being made at the moment that none came free in time."""

    code = ErrorCode.BUSY


class StillPosting(CodedError):
    """A past instant was asked for that a posting under way may still change."""

    code = ErrorCode.BUSY


def outage_of(error: BaseException) -> Outage | None:
    """What the gateway makes of the database's being away."""
    return Outage(str(error), error.unknown) if isinstance(error, DatabaseAway) else None


def coded_of(error: BaseException) -> CodedError | None:
    """What a read may be refused for. What a mutation is refused for is in its payload."""
    return TooBusy(error.message) if isinstance(error, Busy) else None
