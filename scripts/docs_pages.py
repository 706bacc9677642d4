"""Parts of the pages in docs/ that are generated as the site is built: a line `<!-- generated: NAME -->` stands for each.

Everything is read from schema.graphql, so that the site needs neither a database nor the application.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    Undefined,
    ast_from_value,
    build_schema,
    get_named_type,
    is_introspection_type,
    is_specified_scalar_type,
    print_ast,
)

ROOT: Final = Path(__file__).parents[1]
MARK: Final = re.compile(r"^<!-- generated: ([\w-]+) -->$", re.MULTILINE)
ERROR_CODES: Final = "UserErrorCode"
_WRAPPERS: Final = ("Connection", "Edge")


def fill_page(text: str) -> str:
    """The page with what is generated in place of its marks. Raises KeyError for a mark that names nothing."""
    return MARK.sub(lambda mark: _PARTS[mark[1]](read_schema()), text)


@cache
def read_schema() -> GraphQLSchema:
    """The schema as schema.graphql has it."""
    return build_schema((ROOT / "schema.graphql").read_text())


def error_codes(schema: GraphQLSchema) -> Mapping[str, str]:
    """The description of each code of a userError; empty where the schema has none."""
    codes = schema.type_map[ERROR_CODES]
    values = codes.values if isinstance(codes, GraphQLEnumType) else {}
    return {name: value.description or "" for name, value in values.items()}


def _errors(schema: GraphQLSchema) -> str:
    return "\n\n".join(f"### {code}\n\n{_prose(text)}" for code, text in error_codes(schema).items())


def _queries(schema: GraphQLSchema) -> str:
    return "\n\n".join(_root_field(name, field) for name, field in _fields_of(schema.query_type).items())


def _mutations(schema: GraphQLSchema) -> str:
    return "\n\n".join(_mutation(name, field) for name, field in _fields_of(schema.mutation_type).items())


def _subscriptions(schema: GraphQLSchema) -> str:
    return "\n\n".join(_root_field(name, field) for name, field in _fields_of(schema.subscription_type).items())


def _types(schema: GraphQLSchema) -> str:
    roots = {schema.query_type, schema.mutation_type, schema.subscription_type}
    kept = [
        kind
        for kind in _own(schema)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        and kind not in roots
        and not kind.name.endswith(("Payload", *_WRAPPERS))
    ]
    return "\n\n".join(f"## {kind.name}\n\n{_prose(kind.description)}\n\n{_fields(kind.fields)}" for kind in kept)


def _inputs(schema: GraphQLSchema) -> str:
    taken = {kind for field in _fields_of(schema.mutation_type).values() if (kind := _input_of(field)) is not None}
    kept = [kind for kind in _own(schema) if isinstance(kind, GraphQLInputObjectType) and kind not in taken]
    return "\n\n".join(f"## {kind.name}\n\n{_prose(kind.description)}\n\n{_inputs_table(kind.fields)}" for kind in kept)


def _values(schema: GraphQLSchema) -> str:
    parts = []
    for kind in _own(schema):
        if isinstance(kind, GraphQLScalarType):
            parts.append(f"## {kind.name}\n\n{_prose(kind.description)}")
        if isinstance(kind, GraphQLEnumType) and kind.name != ERROR_CODES:
            rows = [(f"`{name}`", _cell(value.description)) for name, value in kind.values.items()]
            parts.append(f"## {kind.name}\n\n{_prose(kind.description)}\n\n{_table(('value', 'meaning'), rows)}")
    return "\n\n".join(parts)


_PARTS: Final[Mapping[str, Callable[[GraphQLSchema], str]]] = {
    "errors": _errors,
    "queries": _queries,
    "mutations": _mutations,
    "subscriptions": _subscriptions,
    "types": _types,
    "inputs": _inputs,
    "values": _values,
}


def _own(schema: GraphQLSchema) -> list[GraphQLNamedType]:
    """The schema's types by name, without those of GraphQL itself."""
    return [
        kind
        for _, kind in sorted(schema.type_map.items())
        if not is_introspection_type(kind) and not is_specified_scalar_type(kind)
    ]


def _fields_of(root: GraphQLObjectType | None) -> Mapping[str, GraphQLField]:
    return root.fields if root is not None else {}


def _input_of(field: GraphQLField) -> GraphQLInputObjectType | None:
    """The type of a mutation's one argument `input`."""
    kind = get_named_type(field.args["input"].type) if "input" in field.args else None
    return kind if isinstance(kind, GraphQLInputObjectType) else None


def _root_field(name: str, field: GraphQLField) -> str:
    arguments = f"\n\n{_inputs_table(field.args)}" if field.args else ""
    return f"## {name}\n\n{_prose(field.description)}\n\nReturns {_link(field.type)}.{arguments}"


def _mutation(name: str, field: GraphQLField) -> str:
    given = _input_of(field)
    payload = get_named_type(field.type)
    if given is None or not isinstance(payload, GraphQLObjectType):
        return _root_field(name, field)
    head = f"## {name}\n\n{_prose(field.description)}"
    return (
        f"{head}\n\n`{given.name}`:\n\n{_inputs_table(given.fields)}\n\n`{payload.name}`:\n\n{_fields(payload.fields)}"
    )


def _fields(fields: Mapping[str, GraphQLField]) -> str:
    rows = []
    for name, field in fields.items():
        arguments = f"({', '.join(field.args)})" if field.args else ""
        rows.append((f"`{name}{arguments}`", _link(field.type), _cell(field.description)))
    return _table(("field", "type", "meaning"), rows)


def _inputs_table(given: Mapping[str, GraphQLArgument] | Mapping[str, GraphQLInputField]) -> str:
    rows = []
    for name, value in given.items():
        default = ast_from_value(value.default_value, value.type) if value.default_value is not Undefined else None
        unless = f" Default: `{print_ast(default)}`." if default is not None else ""
        rows.append((f"`{name}`", _link(value.type), (_cell(value.description) + unless).strip()))
    return _table(("argument", "type", "meaning"), rows)


def _link(kind: object) -> str:
    """A type as it is written, leading to where it is described."""
    name = get_named_type(kind).name  # type: ignore[call-overload]
    page, anchor = _place(name)
    return f"`{kind}`" if page is None else f"[`{kind}`]({page}#{anchor})"


def _place(name: str) -> tuple[str | None, str]:
    for wrapper in _WRAPPERS:
        name = name.removesuffix(wrapper)
    kind = read_schema().type_map.get(name)
    if kind is None or is_specified_scalar_type(kind) or name.endswith("Payload"):
        return None, ""
    if name == ERROR_CODES:
        return "../errors.md", "codes-of-usererrors"
    if isinstance(kind, GraphQLScalarType | GraphQLEnumType):
        return "values.md", name.lower()
    if isinstance(kind, GraphQLInputObjectType):
        for mutation, field in _fields_of(read_schema().mutation_type).items():
            if _input_of(field) is kind:
                return "mutations.md", mutation.lower()
        return "inputs.md", name.lower()
    return "types.md", name.lower()


def _prose(text: str | None) -> str:
    return _plain(text or "")


def _cell(text: str | None) -> str:
    return " ".join(_plain(text or "").split()).replace("|", "\\|")


def _plain(text: str) -> str:
    """A description as Markdown that says the same: nothing in it is markup but code between backticks."""
    parts = text.split("`")
    return "`".join(part if i % 2 else re.sub(r"([<>\[\]*_$])", r"\\\1", part) for i, part in enumerate(parts))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
