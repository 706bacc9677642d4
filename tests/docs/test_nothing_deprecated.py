"""What is there to be copied uses nothing that is to go: docs, the sample's examples, the packages' operations."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    NoDeprecatedCustomRule,
    OperationDefinitionNode,
    build_schema,
    parse,
    type_from_ast,
    validate,
)

from app.sample.pages.examples import Ids, examples
from tests.docs.blocks import ROOT, all_blocks

SCHEMA: Final = build_schema((ROOT / "schema.graphql").read_text())
IDS: Final = Ids("c", ("d", "e"), "r", "s", "k", Decimal(5), "i", Decimal(5), None)
MEANT: Final = {("docs/compatibility.md", "Deprecated")}
"""By page, the operation that shows what is deprecated."""


def documents() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Where each stands, its text, and its variables."""
    for group in examples(IDS, "key").values():
        for example in group:
            yield f"the sample: {example.name}", example.query, example.variables
    for path in sorted((ROOT / "clients").glob("operations/*.graphql")):
        yield str(path.relative_to(ROOT)), path.read_text(), {}
    for block in all_blocks("graphql"):
        yield str(block), block.text, {}


def deprecated_inputs(kind: Any, value: Any, path: str) -> Iterator[str]:
    """Fields of inputs that are deprecated, and given."""
    while isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    if isinstance(kind, GraphQLList):
        for each in value if isinstance(value, list) else [value]:
            yield from deprecated_inputs(kind.of_type, each, path)
    elif isinstance(kind, GraphQLInputObjectType) and isinstance(value, dict):
        for name, given in value.items():
            if kind.fields[name].deprecation_reason:
                yield f"{path}.{name}"
            yield from deprecated_inputs(kind.fields[name].type, given, f"{path}.{name}")


@pytest.mark.parametrize(("place", "text", "variables"), [*documents()], ids=lambda value: str(value)[:60])
def test_an_example_uses_nothing_that_is_deprecated(place: str, text: str, variables: dict[str, Any]) -> None:
    if re.match(r"\s*(type|input|enum|interface|extend|directive|schema|scalar)\b", text):
        return
    document = parse(text)
    assert [str(error) for error in validate(SCHEMA, document, [NoDeprecatedCustomRule])] == [], place
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            for each in operation.variable_definitions or ():
                kind = type_from_ast(SCHEMA, each.type)
                given = variables.get(each.variable.name.value)
                assert list(deprecated_inputs(kind, given, each.variable.name.value)) == [], place
