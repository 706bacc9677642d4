"""Faults of requests, as exceptions. What a person can put right is none of them: see `Refused`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

NO_ANSWER: Final = "NO_ANSWER"
"""Code of a request that was sent and not answered, or could not be sent."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One of an answer's `errors`. path: leads to the field in the data; empty if it is about the whole request."""

    code: str
    message: str
    path: tuple[str | int, ...] = ()
    extensions: Mapping[str, Any] = field(default_factory=dict)


class ScripError(Exception):
    """A request that failed as a whole, or at one of its root fields.

    code: of the first fault, such as UNAUTHENTICATED, FORBIDDEN or NO_ANSWER. status: of HTTP; None without an answer.
    retry_after: seconds to wait before the same is sent again, if that was said. request_id: for the operator's log.
    unknown: whether it may have been done all the same; send it again with the same key to learn it.
    """

    def __init__(
        self,
        faults: Sequence[Fault],
        *,
        status: int | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
        unknown: bool = False,
    ) -> None:
        super().__init__("; ".join(f"{fault.code}: {fault.message}" for fault in faults))
        self.faults = tuple(faults)
        self.code = faults[0].code
        self.status = status
        self.retry_after = retry_after
        self.request_id = request_id
        self.unknown = unknown


def faults_of(body: Any) -> tuple[Fault, ...]:
    """The `errors` of an answer's body, whatever it is."""
    errors = body.get("errors") if isinstance(body, dict) else None
    if not isinstance(errors, list):
        return ()
    found = []
    for error in errors:
        extensions = error.get("extensions") or {}
        path = tuple(error.get("path") or ())
        found.append(Fault(extensions.get("code", "UNKNOWN"), error.get("message", ""), path, extensions))
    return tuple(found)
