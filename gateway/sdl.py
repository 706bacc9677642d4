"""The schema as SDL, stored in schema.graphql, and corrections to Strawberry's."""

from collections.abc import Iterator

from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOneOfDirective,
    GraphQLSchema,
    Undefined,
    lexicographic_sort_schema,
    print_directive,
    print_schema,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition


def sdl(schema: GraphQLSchema) -> str:
    """Return the SDL, sorted, so that moving code changes nothing.

    It defines @oneOf, which parsers of before September 2025 do not know, and newer ones take as their own.
    """
    directives = f"{print_directive(GraphQLOneOfDirective)}\n\n" if _has_one_of(schema) else ""
    return directives + print_schema(lexicographic_sort_schema(schema))


def _has_one_of(schema: GraphQLSchema) -> bool:
    return any(isinstance(type_, GraphQLInputObjectType) and type_.is_one_of for type_ in schema.type_map.values())


def mend(schema: GraphQLSchema) -> None:
    """Correct what Strawberry leaves out or overstates.

    It declares `= null` for each argument whose Python default is None. And it checks one-of inputs itself, so that
    graphql-core would neither print nor validate them as such.
    """
    for value in _inputs(schema):
        if value.default_value is None:
            value.default_value = Undefined
    for type_ in schema.type_map.values():
        definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if isinstance(type_, GraphQLInputObjectType) and isinstance(definition, StrawberryObjectDefinition):
            type_.is_one_of = definition.is_one_of


def _inputs(schema: GraphQLSchema) -> Iterator[GraphQLArgument | GraphQLInputField]:
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInputObjectType):
            yield from type_.fields.values()
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field in type_.fields.values():
                yield from field.args.values()
