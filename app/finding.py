"""The finding of one part."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """From good to bad. A warning keeps nothing from running."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """todo: the way out of it; None if it is well."""

    part: str
    state: State
    message: str
    todo: str | None = None


def ok(part: str, message: str) -> Finding:
    """All is well."""
    return Finding(part, State.OK, message)


def warning(part: str, message: str, todo: str) -> Finding:
    """It runs, and not as it should."""
    return Finding(part, State.WARNING, message, todo)


def fault(part: str, message: str, todo: str) -> Finding:
    """It does not run."""
    return Finding(part, State.FAULT, message, todo)
