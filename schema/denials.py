"""Denials of one request, gathered while it runs and recorded at its end; of a subscription, after each message."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from graphql import GraphQLError
from strawberry import Info

from auth.roles import RULES, Holder, Permission, Role, roles_with
from gateway.errors import ErrorCode
from models.operations.access_audit import Denial
from schema.errors import Forbidden

MAX_PATH_CHARACTERS: Final = 200
CONCEALED: Final = "NOT_FOUND"
_PEOPLE: Final[Mapping[Role, str]] = {
    Role.STAFF: "staff",
    Role.MANAGER: "managers",
    Role.ADMIN: "admins",
    Role.PARTNER: "partners",
    Role.CUSTOMER: "customers",
}

# Root fields of a query run side by side, each in a task of its own.
_place: ContextVar[Info[Any, None] | str] = ContextVar("place")


def enter(place: Info[Any, None] | str) -> None:
    """Set the field of Query or Mutation, or the path of another endpoint, that the current task works on from here."""
    _place.set(place)


class Denials:
    """Denials of one request."""

    __slots__ = ("_noted",)

    def __init__(self) -> None:
        self._noted: dict[object, Denial] = {}

    def forbidden(self, holder: Holder, missing: Sequence[Permission], *, own: bool = True) -> Forbidden:
        """Return the error to raise if all of these rights are needed and the holder has none of them.

        own: whether a right to one's own would have been enough.
        """
        error = _forbidden(holder, missing, own)
        self._noted[error] = _here(ErrorCode.FORBIDDEN, tuple(permission.name for permission in missing), None)
        return error

    def concealed(self, customer_id: UUID | None) -> None:
        """Record that the caller tried to reach a row of this customer (or of none), and was told that it does not exist."""
        self._noted[object()] = _here(CONCEALED, (), customer_id)

    def locate(self, error: GraphQLError, operation: str | None) -> None:
        """Note at which field an error of the result arose. Any error but `Forbidden` is passed over."""
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
        """Return all of them, once."""
        noted = list(self._noted.values())
        self._noted.clear()
        return noted


def _forbidden(holder: Holder, missing: Sequence[Permission], own: bool) -> Forbidden:
    """Return an error that names each right by its scope: in the message for people, in the extensions for programs."""
    scopes = list(dict.fromkeys(RULES[permission].named.value for permission in missing))
    beyond = [permission for permission in missing if holder.role not in roles_with(permission, own=own)]
    if not beyond:
        does = _joined([permission.value for permission in missing], "and")
        which = "the scope" if len(scopes) == 1 else "the scopes"
        return Forbidden(f"To {does}, the token needs {which} {_joined(scopes, 'and')}.", scopes)
    roles = [role for role in Role if all(role in roles_with(permission, own=own) for permission in beyond)]
    does = _joined([permission.value for permission in beyond], "and")
    who = _joined([_PEOPLE[role] for role in roles], "and")
    message = f"The role {holder.role.value} may not {does}. Only {who} may."
    return Forbidden(message, scopes, [role.name for role in roles])


def _joined(words: Sequence[str], last: str) -> str:
    return f" {last} ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _here(code: str, missing: tuple[str, ...], customer_id: UUID | None) -> Denial:
    place = _place.get("?")
    if isinstance(place, str):
        return Denial(field=place, code=code, missing=missing, customer_id=customer_id)
    name = place.operation.name
    operation = None if name is None else name.value[:MAX_PATH_CHARACTERS]
    return Denial(place.field_name, operation, code, missing=missing, customer_id=customer_id)
