"""Amounts with their unit, beside those that are figures alone.

A field `due: Decimal` in one type and `currency: AssetCode` in another make clients carry the unit along by hand. `money`
adds to a type, for each of its figures, a field of the same value with its asset: `dueMoney { amount asset }`.
"""

import inspect
from collections.abc import Callable
from decimal import Decimal
from types import NoneType
from typing import Any, Final, TypeVar, get_args

import strawberry
from strawberry.types.field import StrawberryField

from schema.context import Info
from schema.scalars import AssetCode

T = TypeVar("T")
SUFFIX: Final = "_money"


@strawberry.type
class Money:
    """An amount with its unit: money, service credits or points."""

    amount: Decimal
    """Amount in the asset's own units, such as "25.00"."""
    asset: AssetCode
    """Unit of the amount: an ISO 4217 code, SERVICE_CREDITS or POINTS."""


def money(asset: Callable[[Any], str | None], *names: str) -> Callable[[type[T]], type[T]]:
    """Add `<name>Money` for each of these fields of a type: put it below `@strawberry.type`.

    asset: given the object, returns the asset of all its figures; None if that is not known, and the money null.
    The money is null where the figure is, and denied where it is.
    """

    def add(kind: type[T]) -> type[T]:
        for name in names:
            setattr(kind, f"{name}{SUFFIX}", _beside(kind, name, asset))
        return kind

    return add


def _beside(kind: type, name: str, asset: Callable[[Any], str | None]) -> Any:
    declared = inspect.getattr_static(kind, name, None)
    if isinstance(declared, StrawberryField):
        annotation: Any = declared.type_annotation.annotation if declared.type_annotation else None
        function = declared.base_resolver.wrapped_func if declared.base_resolver else None
        resolver = _awaiting(name, asset) if inspect.iscoroutinefunction(function) else _calling(name, asset)
    else:
        annotation, resolver = inspect.get_annotations(kind)[name], _reading(name, asset)
    may_be_null = NoneType in get_args(annotation)
    missing = "; null where that is" if may_be_null else ""
    words = name.split("_")
    camel = words[0] + "".join(map(str.capitalize, words[1:]))
    return strawberry.field(
        resolver=resolver,
        graphql_type=Money | None if missing else Money,
        description=f"The figure `{camel}` with its unit{missing}.",
    )


def _reading(name: str, asset: Callable[[Any], str | None]) -> Callable[..., Any]:
    def resolver(self: Any) -> Any:
        return _money(getattr(self, name), self, asset)

    return resolver


def _calling(name: str, asset: Callable[[Any], str | None]) -> Callable[..., Any]:
    def resolver(self: Any, info: Info) -> Any:
        return _money(getattr(self, name)(info), self, asset)

    return resolver


def _awaiting(name: str, asset: Callable[[Any], str | None]) -> Callable[..., Any]:
    async def resolver(self: Any, info: Info) -> Any:
        return _money(await getattr(self, name)(info), self, asset)

    return resolver


def _money(amount: Decimal | None, of: Any, asset: Callable[[Any], str | None]) -> Money | None:
    unit = None if amount is None else asset(of)
    return None if amount is None or unit is None else Money(amount=amount, asset=AssetCode(unit))


def by_view(shown: Any) -> str:
    """The asset of an object that shows a row of one."""
    found: str = shown.view.asset
    return found


def by_invoice(shown: Any) -> str:
    """The currency of an object that shows an invoice's row."""
    found: str = shown.view.currency
    return found


def by_itself(shown: Any) -> str | None:
    """The asset that an object knows itself."""
    found: str | None = shown.unit
    return found


def by_preview(shown: Any) -> str:
    """The asset of a preview."""
    found: str = shown.preview.asset
    return found
