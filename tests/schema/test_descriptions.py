"""Everything in the SDL is described, in words that help."""

import re
from collections.abc import Iterator
from typing import Final

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    is_introspection_type,
    is_specified_directive,
    is_specified_scalar_type,
)

from gateway.errors import ErrorCode
from schema.descriptions import describe, docstrings, read
from schema.types.enums import UserErrorCode
from tests.support.schema import SCHEMA

BAD_BEGINNING: Final = re.compile(r"(What|Who|Whom|Whose|Whoever|Whatever|Where|That)\b")
"""A description begins with a verb, or with the noun that the thing is."""
BAD_WORD: Final = re.compile(r"\b(who|what|where)ever\b|\bof theirs\b|\banybody\b", re.IGNORECASE)
EMPTY: Final = frozenset(["a", "an", "the", "of", "this", "its", "s", "value", "field", "argument"])
IMPERATIVE: Final = re.compile(
    r"\b(add|ask|check|choose|correct|enter|get|give|have|keep|leave|lower|name|nothing more to do|nothing to do|pass"
    r"|register|reinstate|reload|release|review|round|send|shorten|start|stop|use|void|wait|write)\b",
    re.IGNORECASE,
)


def descriptions(graphql_schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """By path, the description of everything that the schema defines."""
    for name, type_ in graphql_schema.type_map.items():
        if is_introspection_type(type_) or is_specified_scalar_type(type_):
            continue
        yield name, type_.description
        if isinstance(type_, GraphQLEnumType):
            yield from ((f"{name}.{value}", each.description) for value, each in type_.values.items())
        elif isinstance(type_, GraphQLInputObjectType):
            yield from ((f"{name}.{field}", each.description) for field, each in type_.fields.items())
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field, each in type_.fields.items():
                yield f"{name}.{field}", each.description
                yield from ((f"{name}.{field}({arg})", value.description) for arg, value in each.args.items())
    for directive in graphql_schema.directives:
        if not is_specified_directive(directive):
            yield f"@{directive.name}", directive.description


def faults(graphql_schema: GraphQLSchema) -> list[str]:
    """What is wrong with each description that something is wrong with."""
    found = []
    for path, text in descriptions(graphql_schema):
        if not text:
            found.append(f"{path}: no description")
        elif BAD_BEGINNING.match(text) or BAD_WORD.search(text):
            found.append(f"{path}: puzzles: {text}")
        elif not re.match(r"[A-Z“\"]", text) or not text.endswith((".", ").")):
            found.append(f"{path}: is no sentence: {text}")
        elif not words(text) - words(path) - EMPTY:
            found.append(f"{path}: repeats the name: {text}")
    return found


def words(text: str) -> set[str]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return set(re.findall(r"[a-z]+", apart.lower()))


def test_everything_is_described() -> None:
    assert faults(SCHEMA.graphql) == []


def test_there_is_much_to_describe() -> None:
    assert len(list(descriptions(SCHEMA.graphql))) > 900


@pytest.mark.parametrize(
    ("sdl", "fault"),
    [
        ("type Query { name: String }", "Query: no description"),
        ('"""Root."""type Query { name: String }', "Query.name: no description"),
        ('"""Root of all."""type Query { """The query\'s name."""queryName: String }', "Query.queryName: repeats"),
        ('"""Root of all."""type Query { """What it is called."""name: String }', "Query.name: puzzles"),
        ('"""Root of all."""type Query { """Name of whoever asks."""name: String }', "Query.name: puzzles"),
        ('"""Root of all."""type Query { """display name"""name: String }', "Query.name: is no sentence"),
        ('"""Root of all."""type Query { """Display name."""name(a: Int): String }', "Query.name(a): no description"),
        ('"""Root."""type Query { """Shown."""e: E } """Kinds of it."""enum E { A }', "E.A: no description"),
        ('"""Root."""type Query { """Shown."""e(i: I): Int } """Asked."""input I { a: Int }', "I.a: no description"),
        ('"""Root."""type Query { """Shown."""e: Int } directive @d on FIELD', "@d: no description"),
    ],
)
def test_a_fault_is_found(sdl: str, fault: str) -> None:
    assert any(found.startswith(fault) for found in faults(build_schema(sdl)))


@pytest.mark.parametrize("code", UserErrorCode)
def test_a_user_error_code_says_what_to_do(code: UserErrorCode) -> None:
    text = docstrings(UserErrorCode.__module__)[f"UserErrorCode.{code.name}"]

    assert len(re.findall(r"\.(?: |$)", text)) >= 2
    assert IMPERATIVE.search(text.split(". ", 1)[1])


@pytest.mark.parametrize("code", ErrorCode)
def test_an_error_code_says_what_to_do(code: ErrorCode) -> None:
    text = docstrings(ErrorCode.__module__)[f"ErrorCode.{code.name}"]

    assert len(re.findall(r"\.(?:\s|$)", text)) >= 2
    assert IMPERATIVE.search(" ".join(text.split()).split(". ", 1)[1])


def test_an_argument_is_described_by_its_line_in_the_docstring() -> None:
    text = "List things,\noldest first.\n\nfrom_: Start,\nincluded. Null: all.\nnote: this is none."

    summary, arguments = read(text, {"from_"})

    assert summary == "List things, oldest first."
    assert arguments == {"from_": "Start, included. Null: all. note: this is none."}


def test_what_has_no_docstring_keeps_its_description() -> None:
    plain = build_schema('"""Root."""type Query { """Any."""a: Int }')

    describe(plain)

    assert dict(descriptions(plain)) == {"Query": "Root.", "Query.a": "Any."}
