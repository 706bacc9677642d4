"""Parts of an answer that are JSON from the start: written straight from rows, where all that is selected is plain.

A type whose objects can be written has a function under WRITES, or for lists of them under WRITES_LIST: it is given
what is selected of them, once for a plan, and returns what writes them, or None if it cannot. A field's resolver gets
that from `writer_of`, and may then return an `orjson.Fragment`, which stands in the answer as it is. A request's
context allows it by `writes`, if its answer becomes JSON by orjson.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from graphql import GraphQLEnumType, GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLScalarType
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

WRITES: Final = "__writes__"
WRITES_LIST: Final = "__writes_list__"


@dataclass(frozen=True, slots=True)
class Selected:
    """The fields selected of an object type, none of which has arguments. kind: Strawberry's class. name: the type's.

    fields: the name in the answer, the field's name in Python (`__typename` among them), and what is selected of it; None
    of a leaf.
    """

    kind: type
    name: str
    fields: "tuple[tuple[str, str, Selected | None], ...]"


WriterOf: TypeAlias = Callable[[Selected], Any]
FieldsOf: TypeAlias = Callable[[GraphQLObjectType, Any], Any]
"""Given an object type and a field's details, returns what is selected of it, by the names in the answer."""


def writer_for(type_: Any, details: Any, fields_of: FieldsOf) -> Any:
    """Return what writes a field of this type; None if nothing does."""
    kind = _object_type(type_)
    place = WRITES_LIST if _is_list(type_) else WRITES
    writes: WriterOf | None = None if kind is None else getattr(kind[1].origin, place, None)
    if writes is None:
        return None
    selected = _selected(type_, details, fields_of)
    return None if selected is None else writes(selected)


def writer_of(info: Any) -> Any:
    """Return what writes the field that is resolved; None if it is to be resolved as objects."""
    return getattr(info, "writer", None)


def _selected(type_: Any, details: Any, fields_of: FieldsOf) -> Selected | None:
    known = _object_type(type_)
    if known is None:
        return None
    kind, definition = known
    fields: list[tuple[str, str, Selected | None]] = []
    for key, each in fields_of(kind, details).items():
        node = each[0].node
        name = node.name.value
        if name == "__typename":
            fields.append((key, name, None))
            continue
        field = kind.fields.get(name)
        declared = None if field is None else field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if field is None or node.arguments or not isinstance(declared, StrawberryField):
            return None
        below = None
        if not isinstance(_bare(field.type), GraphQLScalarType | GraphQLEnumType):
            below = _selected(field.type, each, fields_of)
            if below is None:
                return None
        fields.append((key, declared.python_name, below))
    return Selected(definition.origin, kind.name, tuple(fields))


def _object_type(type_: Any) -> tuple[GraphQLObjectType, StrawberryObjectDefinition] | None:
    """The object type, and Strawberry's definition of it; None of any other type."""
    bare = _bare(type_)
    definition = bare.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(bare, GraphQLObjectType) or not isinstance(definition, StrawberryObjectDefinition):
        return None
    return bare, definition


def _is_list(type_: Any) -> bool:
    return isinstance(type_.of_type if isinstance(type_, GraphQLNonNull) else type_, GraphQLList)


def _bare(type_: Any) -> Any:
    while isinstance(type_, GraphQLNonNull | GraphQLList):
        type_ = type_.of_type
    return type_
