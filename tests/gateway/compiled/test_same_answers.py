"""Compiled execution answers as graphql-core does: random operations over a schema in which everything happens."""

import gc
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import strawberry
from graphql import DocumentNode, GraphQLError, parse, specified_rules
from strawberry.schema.schema import validate_document

from gateway.compiled.extension import compiled
from gateway.compiled.operation import operation_of
from tests.support.answers import differences
from tests.support.odd_schema import ARGUMENTS, values
from tests.support.operations import Asked, Writer


class Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Strawberry logs them."""


SCHEMA = Schema(**ARGUMENTS)
EACH = 40


async def both(schema: strawberry.Schema, asked: Asked, document: DocumentNode) -> list[str]:
    context: list[int] = []
    expected = await plainly(schema, asked, context)
    operation = compiled(schema, document, operation_of(document, None))
    assert operation is not None, asked.text
    own: list[int] = []
    variables = operation.coerce(asked.variables)
    if isinstance(variables, list):
        return differences(expected.data, expected.errors, None, variables)
    got = await operation.execute(variables, asked.variables, context=own)
    assert own == context, "resolvers have run in another order"
    return differences(expected.data, expected.errors, got.data, got.errors)


async def plainly(schema: strawberry.Schema, asked: Asked, context: Any) -> Any:
    return await strawberry.Schema.execute(schema, asked.text, dict(asked.variables), context)


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What graphql-core leaves is not left to another test, which would fail for it."""
    yield
    gc.collect()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.filterwarnings(
    "ignore::RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)  # graphql-core leaves coroutines
async def test_random_operations(seed: int) -> None:
    """graphql-core leaves coroutines behind."""
    schema = SCHEMA
    writer = Writer(schema._schema, values, Random(seed))  # noqa: S311 - the same at each run
    taken = 0
    for number in range(EACH):
        asked = writer.operation(mutation=number % 5 == 4)
        document = parse(asked.text)
        if validate_document(schema._schema, document, tuple(specified_rules)):
            continue
        taken += 1
        found = await both(schema, asked, document)
        assert not found, "\n".join([asked.text, str(asked.variables), *found])
    assert taken > EACH * 0.8
