"""Descriptions of the API, read from the docstrings beside what they describe.

A type's description is its class's docstring. A field's is the string below it or, if a method or function resolves it,
that one's docstring, in which a line `name: text` describes an argument. An enum value's is the string below it.
"""

import ast
import inspect
import sys
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

PAGE_ARGUMENTS: Final[Mapping[str, str]] = {
    "first": "Number of rows from the start of the list, or after `after`: 0 to 100, the most that a page has. Null: 20.",
    "after": "Cursor of the row that the page follows.",
    "last": "Number of rows from the end of the list, or before `before`: 0 to 100, the most that a page has. Not together"
    " with `first`.",
    "before": "Cursor of the row that the page precedes.",
    "reverse": "Whether to list in the opposite order, such as newest first. A cursor is good for both.",
}
"""Arguments that mean the same wherever they are."""

INPUT: Final = "input"
"""The argument of a mutation: its type says the rest."""

_BACKREF: Final = GraphQLCoreConverter.DEFINITION_BACKREF


def describe(schema: GraphQLSchema) -> None:
    """Set the description of every type, field, argument, input field and enum value of ours that has a docstring."""
    for type_ in schema.type_map.values():
        definition: Any = type_.extensions.get(_BACKREF)
        if isinstance(type_, GraphQLEnumType) and definition is not None:
            texts = docstrings(definition.wrapped_cls.__module__)
            name = definition.wrapped_cls.__qualname__
            type_.description = _line(texts.get(name), type_.description)
            for member, value in type_.values.items():
                value.description = _line(texts.get(f"{name}.{member}"), value.description)
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType) and definition:
            origin = (definition.concrete_of or definition).origin  # of Connection[Credit], Connection
            type_.description = _line(docstrings(origin.__module__).get(origin.__qualname__), type_.description)
            for field in type_.fields.values():
                _describe_field(field, origin)


@cache
def docstrings(module: str) -> Mapping[str, str]:
    """By qualified name, the docstrings of a module's classes and functions and the strings below its attributes."""
    found: dict[str, str] = {}
    _collect(ast.parse(inspect.getsource(sys.modules[module])).body, "", found)
    return found


def _collect(body: list[ast.stmt], prefix: str, found: dict[str, str]) -> None:
    below: str | None = None
    for statement in body:
        match statement:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                text = ast.get_docstring(statement)
                if text is not None:
                    found[prefix + statement.name] = text
                if isinstance(statement, ast.ClassDef):
                    _collect(statement.body, f"{prefix}{statement.name}.", found)
                below = None
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                below = prefix + name
            case ast.Expr(value=ast.Constant(value=str(text))) if below is not None:
                found[below] = inspect.cleandoc(text)
                below = None
            case _:
                below = None


def _line(text: str | None, otherwise: str | None) -> str | None:
    return otherwise if text is None else " ".join(text.split())


def _describe_field(field: Any, origin: type) -> None:
    declared = field.extensions.get(_BACKREF)
    if not isinstance(declared, StrawberryField):
        return
    resolver = declared.base_resolver
    arguments = {} if not isinstance(field, GraphQLField) else field.args
    names = {name: argument.extensions[_BACKREF].python_name for name, argument in arguments.items()}
    if resolver is None:
        text = _attribute(origin, declared.python_name)
        told: Mapping[str, str] = {}
    else:
        function = resolver.wrapped_func
        found = docstrings(function.__module__).get(function.__qualname__)
        text, told = (None, {}) if found is None else read(found, set(names.values()))
    field.description = _line(text, field.description)
    for name, argument in arguments.items():
        argument.description = told.get(names[name], argument.description or _by_name(name, argument))


def _by_name(name: str, argument: Any) -> str | None:
    if name == INPUT:
        return f"Parameters, each described on {get_named_type(argument.type).name}."
    return PAGE_ARGUMENTS.get(name)


def _attribute(origin: type, name: str) -> str | None:
    """The string below an attribute of the class or, if it has none there, of what it inherits from."""
    classes = (docstrings(each.__module__).get(f"{each.__qualname__}.{name}") for each in origin.__mro__[:-1])
    return next((text for text in classes if text is not None), None)


def read(docstring: str, parameters: Collection[str]) -> tuple[str, dict[str, str]]:
    """The docstring without its lines about parameters, and what these say, each on one line."""
    parts: dict[str, list[str]] = {"": []}
    into = parts[""]
    for line in docstring.splitlines():
        name, colon, rest = line.partition(": ")
        if colon and name in parameters:
            into = parts[name] = [rest]
        else:
            into.append(line)
    lines = {name: " ".join(" ".join(words).split()) for name, words in parts.items()}
    return lines.pop(""), lines
