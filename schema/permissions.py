"""Root fields, each with the right that it takes. A root field without one cannot be built."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial, wraps
from types import MappingProxyType
from typing import Any, Final, get_args, get_type_hints

import strawberry
from strawberry.types.base import get_object_definition

from auth.roles import Permission
from gateway.query_limits import ITEMS, SEARCHES, SIZED_BY, WEIGHT
from schema.asking import Asked, needs_customer, with_names
from schema.context import Info
from schema.naming import INPUT, look_up

DECLARED: Final = "permissions"

Exactly = Callable[..., Sequence[Permission]]
"""From the request's context and a field's arguments, returns all the rights that the request takes."""

ORDINARY: Final[Mapping[str, Any]] = MappingProxyType({})
BULK: Final = MappingProxyType({ITEMS: ("input", "items")})
"""Cost of a field that does one thing for each item of a list."""
REPORT: Final = MappingProxyType({WEIGHT: 100, SEARCHES: True})
"""Cost of a field that adds up or searches entries, however little it returns."""
LONG_LIST: Final = MappingProxyType({WEIGHT: 100})
"""Of each of the five rows assumed of a list without pages, where there can be 1,000: they take 22 ms (measured)."""

NODES: Final = MappingProxyType({SIZED_BY: ("ids",)})
"""Cost of a list that has one thing for each id that is asked for."""
PROOF: Final = MappingProxyType({WEIGHT: 50})
"""Cost of a receipt: up to 1,000 entries are hashed."""


class UndeclaredPermission(Exception):
    """A root field declares no right. Forgetting means denied, at the latest here."""


def root_field(
    resolver: Callable[..., Awaitable[Any]],
    *permissions: Permission,
    own: bool = False,
    exactly: Exactly | None = None,
    cost: Mapping[str, Any] = ORDINARY,
    instead: str | None = None,
) -> Any:
    """Return a field of Query or Mutation for holders of one of `permissions`; the resolver's docstring describes it.

    own: whether a right to one's own rows is enough; the resolver then shows no others. exactly: returns the rights
    that this request takes, all of them: its effect decides, not the field's name. If that depends on the books, the
    resolver itself requires a more precise right (`Context.require`), before anything is locked. cost: its cost without
    anything below it, as `query_limits` reads it. instead: of a deprecated one, the reason, and what to use.
    """
    if not permissions:
        raise UndeclaredPermission(resolver.__name__)
    return _guarded(resolver, permissions, own, exactly, cost, instead)


def subscription_field(
    resolver: Callable[..., AsyncIterator[Any]],
    *permissions: Permission,
    own: bool = False,
    exactly: Exactly | None = None,
) -> Any:
    """Return a field of Subscription for holders of one of `permissions`, as `root_field` does. The resolver is an async
    generator, and itself checks the rights again before each message."""
    if not permissions:
        raise UndeclaredPermission(resolver.__name__)

    takes_customer = needs_customer(resolver)

    @wraps(resolver)
    async def guarded(info: Info, **arguments: Any) -> AsyncIterator[Any]:
        asked = Asked(arguments, takes_customer=takes_customer)
        rights = None if exactly is None else partial(exactly, **asked.arguments)
        await info.context.admit(permissions, own=own, place=info, exactly=rights)
        await asked.look_up(info.context.reads)
        return resolver(info=info, **asked.arguments)

    guarded.__signature__ = with_names(resolver)  # type: ignore[attr-defined]
    (message,) = get_args(get_type_hints(resolver, include_extras=True)["return"])
    return strawberry.subscription(resolver=guarded, graphql_type=message, metadata={DECLARED: permissions})


def any_principal_field(resolver: Callable[..., Awaitable[Any]], cost: Mapping[str, Any] = ORDINARY) -> Any:
    """Return a root field for any valid token. The resolver checks the right to what it returns."""
    return _guarded(resolver, (), True, None, cost)


def _guarded(
    resolver: Callable[..., Awaitable[Any]],
    permissions: tuple[Permission, ...],
    own: bool,
    exactly: Exactly | None,
    cost: Mapping[str, Any],
    instead: str | None = None,
) -> Any:
    takes_customer = needs_customer(resolver)

    @wraps(resolver)
    async def guarded(info: Info, **arguments: Any) -> Any:
        asked = Asked(arguments, takes_customer=takes_customer)
        rights = None if exactly is None else partial(exactly, **asked.arguments)
        await info.context.admit(permissions, own=own, place=info, exactly=rights)
        if INPUT in arguments:
            await look_up(info.context.reads, arguments[INPUT])
        await asked.look_up(info.context.reads)
        return await resolver(info=info, **asked.arguments)

    guarded.__signature__ = with_names(resolver)  # type: ignore[attr-defined]

    # Nullable even if the resolver's type is not: one field's failure must not hide what another has posted.
    answer = get_type_hints(resolver, include_extras=True)["return"]
    metadata = {DECLARED: permissions, **cost}
    return strawberry.field(resolver=guarded, graphql_type=answer | None, metadata=metadata, deprecation_reason=instead)


def check_declared(*roots: type) -> None:
    """Raise UndeclaredPermission for the first field of a root type that was not made by the functions above."""
    for root in roots:
        definition = get_object_definition(root, strict=True)
        for field in definition.fields:
            if DECLARED not in field.metadata:
                raise UndeclaredPermission(f"{definition.name}.{field.python_name}")
