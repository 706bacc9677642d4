"""What compiled execution takes graphql-core and Strawberry to do: parts that they keep to themselves, and shapes."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import strawberry
from graphql import ExecutionResult, GraphQLError, parse
from graphql.execution.collect_fields import FragmentDetails, collect_fields, collect_subfields
from graphql.execution.executor import Executor
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import (
    VariableValues,
    VariableValueSource,
    get_argument_values,
    input_is_nested_too_deeply,
)
from graphql.type.definition import GraphQLResolveInfoHelpers
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_value
from strawberry.execution import optimized_is_awaitable
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import _OperationContextAwareGraphQLResolveInfo
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import InputContext, convert_argument
from strawberry.types.cast import get_strawberry_type_cast
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver
from strawberry.types.info import Info

from tests.contracts.shape import accepts, has, parents_have, takes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@strawberry.type
class Query:
    plain: int = 1

    @strawberry.field
    def add(self, info: Info, number: int = 1) -> int:
        return number

    @strawberry.field
    async def later(self) -> int:
        return 1


SCHEMA = strawberry.Schema(Query)


def field(name: str) -> StrawberryField:
    query = SCHEMA._schema.query_type
    assert query is not None
    found = query.fields[name].extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    assert isinstance(found, StrawberryField)
    return found


def test_resolve_info() -> None:
    """graphql-core's info, as Strawberry extends it, is made of these."""
    assert _OperationContextAwareGraphQLResolveInfo._fields == (
        "field_name",
        "field_nodes",
        "return_type",
        "parent_type",
        "path",
        "schema",
        "fragments",
        "root_value",
        "operation",
        "variable_values",
        "context",
        "is_awaitable",
        "abort_signal",
        "async_helpers",
        "operation_extensions",
    ), "an info has other parts now: make them in gateway/compiled/info.py"
    assert GraphQLResolveInfoHelpers._fields == ("gather", "track")


def test_info() -> None:
    """Strawberry's Info asks for all else through these two, which a subclass can make on demand."""
    assert list(inspect.signature(Info.__init__).parameters) == ["self", "_raw_info", "_field"]
    for name in ("context", "field_name", "operation"):
        assert isinstance(inspect.getattr_static(Info, name), property), f"Info.{name} is no property any more"


def test_plain_fields() -> None:
    """A field without extensions and handlers is its attribute, or its resolver's function and nothing else."""
    parents_have(GraphQLCoreConverter, "_get_field_exception_handlers")
    parents_have(StrawberryField, "get_result")
    assert SCHEMA.schema_converter._get_field_exception_handlers(field("add")) == ()
    plain, add = field("plain"), field("add")
    assert (plain.base_resolver, plain.default_resolver, plain.python_name) == (None, getattr, "plain")
    resolver = add.base_resolver
    assert isinstance(resolver, StrawberryResolver)
    has(resolver, "self_parameter", "parent_parameter", "root_parameter", "info_parameter", "wrapped_func")
    assert [argument.python_name for argument in add.arguments] == ["number"]
    assert SCHEMA.config.info_class is Info


def test_arguments() -> None:
    """One argument is read by itself, from anything with `args`; and converted by itself."""
    takes(get_argument_values, "type_def", "node", "variable_values")
    takes(convert_argument, "value", "type_", "scalar_registry", "config", "info")
    accepts(convert_argument, "path")
    takes(InputContext.__init__, "info", "config", "scalar_registry", "path")
    takes(coerce_input_value, "input_value", "type_")
    takes(coerce_default_value, "input_value")
    takes(input_is_nested_too_deeply, "value", "type_")
    takes(get_variable_signature, "schema", "var_def_node")
    assert VariableValues._fields == ("sources", "coerced")
    assert VariableValueSource._fields == ("signature", "value")
    has(SCHEMA.schema_converter, "scalar_registry")


def test_collect_fields() -> None:
    """Fields are collected without an executor."""
    takes(collect_fields, "schema", "fragments", "variable_values", "runtime_type", "operation")
    takes(collect_subfields, "schema", "fragments", "variable_values", "operation", "return_type", "field_details_list")
    assert FragmentDetails._fields == ("definition", "variable_signatures")
    operation: Any = parse("{ a: plain }").definitions[0]
    query: Any = SCHEMA._schema.query_type
    found = collect_fields(SCHEMA._schema, {}, VariableValues({}, {}), query, operation).grouped_field_set
    assert [details.node.name.value for details in found["a"]] == ["plain"]


def test_ensure_valid_runtime_type() -> None:
    """It asks nothing of its executor but the schema, and nothing of a field's details but their nodes."""
    takes(
        Executor.ensure_valid_runtime_type, "runtime_type_name", "return_type", "field_details_list", "info", "result"
    )
    source = inspect.getsource(Executor.ensure_valid_runtime_type)
    assert source.count("self.") == source.count("self.schema.")
    assert "to_nodes(field_details_list)" in source


def test_is_awaitable() -> None:
    assert not optimized_is_awaitable(1)
    assert get_strawberry_type_cast(1) is None


class Answers(SchemaExtension):
    async def on_execute(self) -> AsyncIterator[None]:
        self.execution_context.result = ExecutionResult({"plain": 2}, [GraphQLError("told")])
        yield


async def test_a_result_that_is_there_is_taken() -> None:
    """Strawberry executes nothing where an extension has put a result into `result`, and shapes its errors."""
    told: list[str] = []

    class Schema(strawberry.Schema):
        def process_errors(self, errors: list[GraphQLError], execution_context: object = None) -> None:
            told.extend(error.message for error in errors)

    result = await Schema(Query, extensions=[Answers]).execute("{ plain }")
    assert (result.data, told) == ({"plain": 2}, ["told"])
    parents_have(SchemaExtension, "resolve")
