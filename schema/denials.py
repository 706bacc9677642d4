"""What one request was refused, gathered while it runs: whoever answers it has it written down at its end."""

from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from graphql import GraphQLError
from strawberry import Info

from auth.roles import Permission
from models.operations.access_audit import Denial
from schema.error_codes import ErrorCode, Forbidden

MAX_PATH_CHARACTERS: Final = 200
CONCEALED: Final = "NOT_FOUND"

# Root fields of a query run side by side, each in a task of its own.
_place: ContextVar[Info[Any, None] | str] = ContextVar("place")


def enter(place: Info[Any, None] | str) -> None:
    """Say which field of Query or Mutation, or which other endpoint's path, the current task answers from here on."""
    _place.set(place)


class Denials:
    """One request's."""

    __slots__ = ("_noted",)

    def __init__(self) -> None:
        self._noted: dict[object, Denial] = {}

    def forbidden(self, *missing: Permission) -> Forbidden:
        """The error to raise where one of these rights is needed and there is none."""
        error = Forbidden("You may not do this.")
        self._noted[error] = _here(ErrorCode.FORBIDDEN, tuple(permission.name for permission in missing), None)
        return error

    def concealed(self, customer_id: UUID | None) -> None:
        """Somebody reached for what is this customer's (or nobody's), and is told that there is no such thing."""
        self._noted[object()] = _here(CONCEALED, (), customer_id)

    def locate(self, error: GraphQLError, operation: str | None) -> None:
        """Learn from an error of the result at which field it arose. One that is not `Forbidden` is passed over."""
        cause: BaseException | None = error
        while isinstance(cause, GraphQLError) and not isinstance(cause, Forbidden):
            cause = cause.original_error
        if not isinstance(cause, Forbidden) or not error.path:
            return
        names = [key for key in error.path if isinstance(key, str)]
        path = ".".join(names)[:MAX_PATH_CHARACTERS] if len(names) > 1 else None
        noted = self._noted.get(cause)
        if noted is None:  # an operation's own rule
            noted = Denial(field=names[0][:MAX_PATH_CHARACTERS], operation=operation)
        self._noted[cause] = replace(noted, path=path)

    def take(self) -> list[Denial]:
        """All of them, once."""
        noted = list(self._noted.values())
        self._noted.clear()
        return noted


def _here(code: str, missing: tuple[str, ...], customer_id: UUID | None) -> Denial:
    place = _place.get("?")
    if isinstance(place, str):
        return Denial(field=place, code=code, missing=missing, customer_id=customer_id)
    name = place.operation.name
    operation = None if name is None else name.value[:MAX_PATH_CHARACTERS]
    return Denial(place.field_name, operation, code, missing=missing, customer_id=customer_id)
