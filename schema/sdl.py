"""The schema in GraphQL's own language, as schema.graphql keeps it."""

from collections.abc import Iterator

from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    lexicographic_sort_schema,
    print_schema,
)


def sdl(schema: GraphQLSchema) -> str:
    """Sorted, so that moving code changes nothing."""
    return print_schema(lexicographic_sort_schema(schema))


def drop_null_defaults(schema: GraphQLSchema) -> None:
    """Leave an argument out, and it is left out: Strawberry declares `= null` for each that Python gives a None."""
    for value in _inputs(schema):
        if value.default_value is None:
            value.default_value = Undefined


def _inputs(schema: GraphQLSchema) -> Iterator[GraphQLArgument | GraphQLInputField]:
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInputObjectType):
            yield from type_.fields.values()
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field in type_.fields.values():
                yield from field.args.values()
