"""Completion of values: what stands in the answer for what a resolver has returned.

Each is general: it takes whatever may come, in the way of graphql-core. For everyday values, the functions of a plan
(selections.py) have a shorter way, and come here with the rest.
"""

from collections.abc import AsyncIterable, Callable
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Protocol
from uuid import UUID

from graphql import (
    GraphQLAbstractType,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLString,
    default_type_resolver,
)
from graphql.pyutils import Undefined, inspect, is_iterable
from orjson import Fragment
from strawberry.execution import optimized_is_awaitable as is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.cast import get_strawberry_type_cast
from strawberry.types.union import StrawberryUnion

from gateway.compiled.info import Step, raw_info
from gateway.compiled.pace import SHORT
from gateway.compiled.places import Place, field_of
from gateway.compiled.running import Run, long_list, no_null
from gateway.compiled.source import Source

PLAIN: Final = frozenset({bool, int, float, str, bytes, list, tuple, dict, Decimal, datetime, date, time, UUID})
"""Classes of values that are neither errors, nor nothing, nor to be awaited."""
MAX_LEARNT: Final = 32
"""Classes that one completion keeps in mind. What has more makes its classes as it goes."""

Select = Callable[[Run, Any, Place], dict[str, Any]]


class Inner(Protocol):
    """Completion of a value that is not null."""

    def __call__(self, run: Run, value: Any, place: Place) -> Any:
        """Return what stands in the answer. Raises what belongs to this place."""


class Completion:
    """Completes a null, or what the inner type makes of a value."""

    __slots__ = ("_inner", "_null", "_step")

    def __init__(self, inner: Inner, step: Step, null: bool) -> None:
        self._inner = inner
        self._step = step
        self._null = null

    def __call__(self, run: Run, value: Any, place: Place) -> Any:
        if value is None or value is Undefined:
            return None if self._null else no_null(self._step)
        if value.__class__ is Fragment:  # written already (written.py)
            return value
        return self._inner(run, value, place)


class Leaf:
    """Completes a scalar or an enum's value."""

    __slots__ = ("_type", "_write")

    def __init__(self, type_: GraphQLLeafType) -> None:
        self._type = type_
        self._write = type_.coerce_output_value

    def __call__(self, _run: Run, value: Any, _place: Place) -> Any:
        return self.write(value)

    def write(self, value: Any) -> Any:
        """Return the value as it is written. Raises TypeError if it cannot be."""
        written = self._write(value)
        if written is Undefined or written is None:
            raise TypeError(
                f"Expected `{inspect(self._type)}.coerce_output_value({inspect(value)})` to return non-nullable value,"
                f" returned: {inspect(written)}"
            )
        return written

    def everyday(self, source: Source) -> tuple[str, str]:
        """Return a test that a value v is an everyday one, and what is written for it then."""
        type_ = self._type
        if type_ is GraphQLString or type_ is GraphQLID:
            return "v.__class__ is str", "v"
        if type_ is GraphQLBoolean:
            return "v is True or v is False", "v"
        if type_ is GraphQLInt:
            return "v.__class__ is int and -2147483648 <= v <= 2147483647", "v"
        if isinstance(type_, GraphQLEnumType):
            if (written := _members(type_)) is None:
                return "False", "None"
            cls, names = written
            return f"v.__class__ is {source.name('E', cls)}", f"{source.name('N', names)}[v._name_]"
        return f"v.__class__ in {source.name('PLAIN', PLAIN)}", f"{source.name('W', self.write)}(v)"


def _members(type_: GraphQLEnumType) -> tuple[type[Enum], dict[str, str]] | None:
    """Return Strawberry's enum class, and what is written for each of its members. None: it is not as simple as that."""
    cls = getattr(type_, "wrapped_cls", None)
    if not isinstance(cls, type) or not issubclass(cls, Enum):
        return None
    try:
        return cls, {member._name_: type_.coerce_output_value(member) for member in cls}
    except Exception:  # noqa: BLE001 - a member that is not the schema's: graphql-core's complaint when it comes
        return None


class Object:
    """Completes an object of a known type."""

    def __init__(self, step: Step, type_: GraphQLObjectType, function: str) -> None:
        """function: the name of the one that answers what is selected of it."""
        self._step = step
        self._type = type_
        self.function = function
        self._select: Select
        self.known: set[type] = set()
        """Classes whose values need no look at what they are."""
        definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        own = isinstance(definition, StrawberryObjectDefinition) and definition.is_type_of is not None
        self._learns = not own

    def link(self, functions: dict[str, Any]) -> None:
        self._select = functions[self.function]

    def __call__(self, run: Run, value: Any, place: Place) -> Any:
        cls = value.__class__
        if cls not in self.known:
            is_type_of = self._type.is_type_of
            if is_type_of is not None:
                at = field_of(place)
                fits: Any = is_type_of(value, raw_info(run, self._step, at[0]))
                if is_awaitable(fits):
                    run.pending.append((fits, self._step, _Chosen(self._checked, value), place))
                    return None
                return self._checked(run, value, fits, place)
            self._learn(value)
        return self._select(run, value, place)

    def _checked(self, run: Run, value: Any, fits: Any, place: Place) -> Any:
        if not fits:
            raise GraphQLError(f"Expected value of type '{self._type}' but got: {inspect(value)}.", self._step.nodes)
        if hasattr(value.__class__, "__strawberry_definition__"):
            self._learn(value)
        return self._select(run, value, place)

    def _learn(self, value: Any) -> None:
        cls = value.__class__
        is_usual = cls is type(value) and not issubclass(cls, Exception) and not is_awaitable(value)
        if self._learns and is_usual and get_strawberry_type_cast(value) is None and len(self.known) < MAX_LEARNT:
            self.known.add(cls)


class _Chosen:
    """Goes on with a value once it has been awaited what it is."""

    __slots__ = ("_go_on", "_value")

    def __init__(self, go_on: Callable[[Run, Any, Any, Place], Any], value: Any) -> None:
        self._go_on = go_on
        self._value = value

    def __call__(self, run: Run, awaited: Any, place: Place) -> Any:
        return self._go_on(run, self._value, awaited, place)


class Abstract:
    """Completes an object whose type is told by its value. What is selected of a type is compiled once one is met."""

    def __init__(
        self, step: Step, type_: GraphQLAbstractType, compile_for: Callable[[GraphQLObjectType], Object]
    ) -> None:
        self._step = step
        self._type = type_
        self._compile_for = compile_for
        self._by_name: dict[str, Object] = {}
        self._known: dict[type, Object] = {}
        definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        self._learns = isinstance(definition, StrawberryUnion) or (
            isinstance(definition, StrawberryObjectDefinition) and definition.resolve_type is None
        )

    def __call__(self, run: Run, value: Any, place: Place) -> Any:
        is_cast = get_strawberry_type_cast(value) is not None
        if not is_cast and (known := self._known.get(value.__class__)) is not None:
            return known(run, value, place)
        resolve_type = self._type.resolve_type or default_type_resolver
        name: Any = resolve_type(value, raw_info(run, self._step, field_of(place)[0]), self._type)
        if is_awaitable(name):
            run.pending.append((name, self._step, _Chosen(self._named, value), place))
            return None
        chosen = self._of(run, value, name, place)
        if self._learns and not is_cast and len(self._known) < MAX_LEARNT:
            own = getattr(value.__class__, "__strawberry_definition__", None)
            if own is not None and not own.is_graphql_generic and own.name == name:
                self._known[value.__class__] = chosen
        return chosen(run, value, place)

    def _named(self, run: Run, value: Any, name: Any, place: Place) -> Any:
        return self._of(run, value, name, place)(run, value, place)

    def _of(self, run: Run, value: Any, name: Any, place: Place) -> Object:
        if isinstance(name, str) and (known := self._by_name.get(name)) is not None:
            return known
        info = raw_info(run, self._step, field_of(place)[0])
        details: Any = [_Node(node) for node in self._step.nodes]
        ensure: Any = StrawberryGraphQLCoreExecutionContext.ensure_valid_runtime_type
        type_ = ensure(_OfSchema(run), name, self._type, details, info, value)
        made = self._by_name[type_.name] = self._compile_for(type_)
        return made


class _Node:
    """As much of a field's details as graphql-core asks for to refuse a type."""

    __slots__ = ("node",)

    def __init__(self, node: Any) -> None:
        self.node = node


class _OfSchema:
    """As much of an executor as it asks for then."""

    __slots__ = ("schema",)

    def __init__(self, run: Run) -> None:
        self.schema = run.plan.schema


class List:
    """Completes a list, be it a list or anything else that can be gone through."""

    def __init__(self, step: Step, function: str) -> None:
        """function: the name of the one that completes items."""
        self._step = step
        self._function = function
        self._items: Any

    def link(self, functions: dict[str, Any]) -> None:
        self._items = functions[self._function]

    def __call__(self, run: Run, value: Any, place: Place) -> Any:
        if value.__class__ is not list:
            if hasattr(value, "__aiter__"):
                run.pending.append((_collected(value), self._step, self, place))
                return None
            if not is_iterable(value):
                raise GraphQLError(
                    f"Expected Iterable, but did not find one for field '{self._step.parent}.{self._step.name}'."
                )
            value = list(value)
        if len(value) < SHORT:
            return self._items(run, value, place, [])
        return long_list(run, value, place, self._items)


async def _collected(values: AsyncIterable[Any]) -> list[Any]:
    return [value async for value in values]
