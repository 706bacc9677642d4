"""Variables of an operation, read by functions that know their types. What is wrong with them, graphql-core says."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

from graphql import (
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLString,
)
from graphql.execution.values import input_is_nested_too_deeply
from graphql.pyutils import Undefined, is_iterable
from graphql.type import is_required_input_field
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_value

Read = Callable[[Any], Any]
"""Reads a value as it was sent. Raises Bad or anything else if graphql-core would refuse it."""


class Bad(Exception):
    """A value that graphql-core shall look at, and say what is wrong with it."""


_of_schemas: "WeakKeyDictionary[GraphQLSchema, Readers]" = WeakKeyDictionary()


class Readers:
    """Readers of a schema's input types, each made once."""

    @classmethod
    def of_schema(cls, schema: GraphQLSchema) -> "Readers":
        """Return those that all operations of a schema have in common."""
        return _of_schemas.setdefault(schema, cls())

    def __init__(self) -> None:
        self._objects: dict[GraphQLInputObjectType, Read] = {}
        self._under_way: list[GraphQLInputObjectType] = []

    def of(self, type_: GraphQLInputType) -> Read:
        """Return the reader of a type."""
        if isinstance(type_, GraphQLNonNull):
            return self._not_null(type_.of_type)
        if isinstance(type_, GraphQLList):
            return _list(self.of(type_.of_type))
        if isinstance(type_, GraphQLInputObjectType):
            return self._object(type_)
        return _leaf(type_.coerce_input_value)

    def _not_null(self, type_: Any) -> Read:
        read = self.of(type_)
        is_text = type_ is GraphQLString or type_ is GraphQLID

        def not_null(value: Any) -> Any:
            if value.__class__ is str and is_text:
                return value
            if value is None:
                raise Bad
            return read(value)

        return not_null

    def _object(self, type_: GraphQLInputObjectType) -> Read:
        if (known := self._objects.get(type_)) is not None:
            return known
        if type_ in self._under_way:
            # A type that leads back to itself can be nested at will: graphql-core has a bound for that.
            return lambda value: _by_core(value, type_)
        self._under_way.append(type_)
        try:
            read = self._objects[type_] = self._fields(type_)
        finally:
            self._under_way.pop()
        return read

    def _fields(self, type_: GraphQLInputObjectType) -> Read:
        plan = [
            (
                name,
                field.out_name or name,
                self.of(field.type),
                is_required_input_field(field),
                coerce_default_value(field),
            )
            for name, field in type_.fields.items()
        ]
        is_one_of = type_.is_one_of
        # Strawberry's out_type checks oneOf; graphql-core's returns what it is given.
        out_type = None if type_.out_type is GraphQLInputObjectType.out_type else type_.out_type

        def read(value: Any) -> Any:
            if value is None:
                return None
            if value.__class__ is not dict:
                raise Bad
            made, seen = {}, 0
            for name, out, coerce, required, default in plan:
                if name in value:
                    made[out] = coerce(value[name])
                    seen += 1
                elif required:
                    raise Bad
                elif default is not Undefined:
                    made[out] = default
            if seen != len(value) or (is_one_of and (seen != 1 or len(made) != 1 or None in made.values())):
                raise Bad
            return made if out_type is None else out_type(made)

        return read


def _by_core(value: Any, type_: GraphQLInputType) -> Any:
    if input_is_nested_too_deeply(value, type_):
        raise Bad
    made = coerce_input_value(value, type_)
    if made is Undefined:
        raise Bad
    return made


def _list(read: Read) -> Read:
    def many(value: Any) -> Any:
        if value is None:
            return None
        if value.__class__ is list or is_iterable(value):
            return [read(each) for each in value]
        return [read(value)]

    return many


def _leaf(coerce: Callable[[Any], Any]) -> Read:
    def leaf(value: Any) -> Any:
        if value is None:
            return None
        made = coerce(value)
        if made is Undefined:
            raise Bad
        return made

    return leaf


class Variable:
    """One variable of an operation."""

    __slots__ = ("default", "is_given", "is_never_null", "is_required", "name", "read")

    def __init__(self, name: str, type_: GraphQLInputType, default: Any, read: Read) -> None:
        """default: Undefined if there is none."""
        not_null = isinstance(type_, GraphQLNonNull)
        self.name: Final = name
        self.read: Final = read
        self.default: Final = default
        self.is_required: Final = not_null and default is Undefined
        self.is_given: Final = not_null or default is not Undefined
        """Whether it always has a value, be that null."""
        self.is_never_null: Final = not_null


def read_all(variables: list[Variable], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of those that have one. Raises whatever a value is refused with."""
    made: dict[str, Any] = {}
    for variable in variables:
        name = variable.name
        if name in given:
            made[name] = variable.read(given[name])
        elif variable.is_required:
            raise Bad
        elif variable.default is not Undefined:
            made[name] = variable.default
    return made
