"""What Scrip's schema and sockets take for granted of Strawberry's, and of graphql-core below."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import strawberry
from graphql import (
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    ParallelVisitor,
    TypeInfo,
    TypeInfoVisitor,
    ValidationContext,
    parse,
)
from graphql.execution.values import VariableValues, get_variable_values
from graphql.validation.validate import FragmentNestingVisitor, ValidationAbortedError, query_document_keys_to_validate
from graphql.validation.validation_context import VariableUsageVisitor
from strawberry.asgi import GraphQL
from strawberry.extensions import SchemaExtension
from strawberry.http.async_base_view import AsyncWebSocketAdapter
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.types.arguments import InputContext
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.execution import ExecutionContext, PreExecutionError
from strawberry.types.field import StrawberryField

from tests.contracts.shape import accepts, has, parents_have, takes


@strawberry.input
class Pair:
    first: int
    second: int = 2


@strawberry.input(one_of=True)
class OneOf:
    a: strawberry.Maybe[int]
    b: strawberry.Maybe[int]


@strawberry.type
class Query:
    @strawberry.field(metadata={"weight": 3})  # type: ignore[untyped-decorator]
    def add(self, pair: Pair) -> int:
        return pair.first + pair.second

    @strawberry.field
    def one(self, which: OneOf) -> int:
        return 1

    @strawberry.field
    def fails(self) -> int:
        raise ValueError("no")


class Executor(StrawberryGraphQLCoreExecutionContext):
    """Scrip's overrides `build` with these parameters, to hand the executor variables that it has read already."""

    given: Any = None

    @classmethod
    def build(
        cls,
        schema: Any,
        document: Any,
        root_value: Any = None,
        context_value: Any = None,
        raw_variable_values: dict[str, Any] | None = None,
        *arguments: Any,
        **options: Any,
    ) -> Any:
        Executor.given = raw_variable_values
        return super().build(schema, document, root_value, context_value, raw_variable_values, *arguments, **options)


class Schema(strawberry.Schema):
    told: list[tuple[list[GraphQLError], Any]]

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        self.told.append((errors, execution_context))


def make_schema(*extensions: type[SchemaExtension]) -> Schema:
    made = Schema(Query, execution_context_class=Executor, extensions=extensions)
    made.told = []
    return made


async def test_executor_build() -> None:
    """Of graphql-core, through Strawberry: variables come to `build` as they are, and go on as `variable_values`."""
    takes(
        StrawberryGraphQLCoreExecutionContext.build,
        "schema",
        "document",
        "root_value",
        "context_value",
        "raw_variable_values",
    )
    schema = make_schema()
    text, variables = "query ($pair: Pair!) { add(pair: $pair) }", {"pair": {"first": 1}}
    result = await schema.execute(text, variables)
    assert (result.errors, result.data) == (None, {"add": 3})
    assert Executor.given is variables, "the variables do not reach the executor's build as they were given"

    made: Any = StrawberryGraphQLCoreExecutionContext.build(schema._schema, parse("{ fails }"))
    assert isinstance(made.variable_values, VariableValues), "an executor keeps its variables in another way"
    wrong: Any = StrawberryGraphQLCoreExecutionContext.build(schema._schema, parse(text), None, None, {})
    assert isinstance(wrong, list), "an executor that cannot be made is no list of errors any more"


def test_get_variable_values() -> None:
    """Of graphql-core: reads variables by itself, and answers a list of errors where they are wrong."""
    takes(get_variable_values, "schema", "var_def_nodes", "inputs", "max_errors")
    schema = make_schema()
    (operation,) = parse("query ($pair: Pair!) { add(pair: $pair) }").definitions
    assert isinstance(operation, OperationDefinitionNode)
    nodes = operation.variable_definitions or ()
    good = get_variable_values(schema._schema, nodes, {"pair": {"first": 1}}, max_errors=50)
    assert isinstance(good, VariableValues)
    assert isinstance(get_variable_values(schema._schema, nodes, {}, max_errors=50), list)


class Prepared(SchemaExtension):
    """As Scrip's extension, which hands Strawberry a document that it has parsed and validated."""

    async def on_operation(self) -> AsyncIterator[None]:
        context = self.execution_context
        assert context._provided_operation_name == "Asked", "Strawberry keeps the operation's name elsewhere"
        assert context.variables == {"pair": {"first": 1}}
        context.graphql_document = parse("query Asked($pair: Pair!) { add(pair: $pair) }")
        context.pre_execution_errors = []
        context.extensions_results["cost"] = 3
        yield


async def test_a_document_that_is_prepared_is_neither_parsed_nor_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strawberry: `graphql_document`, and `pre_execution_errors` as an empty list, say that both has been done."""
    accepts(strawberry.Schema.execute, "query", "variable_values", "context_value", "operation_name")
    accepts(strawberry.Schema.execute, "allowed_operation_types", "operation_extensions")
    schema = make_schema(Prepared)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("Strawberry parses or validates a document that was prepared")

    monkeypatch.setattr("strawberry.schema.schema.parse", refuse)
    monkeypatch.setattr("strawberry.schema.schema.validate_document", refuse)
    result = await schema.execute("no { document", {"pair": {"first": 1}}, operation_name="Asked")
    assert result.errors is None, f"Strawberry does not execute a document that was prepared: {result.errors}"
    assert result.data == {"add": 3}
    assert (result.extensions or {}).get("cost") == 3, "what an extension puts into extensions_results is not told"


def test_schema() -> None:
    """Strawberry's schema has graphql-core's in `_schema`, and every type's definition in its converter."""
    accepts(strawberry.Schema.__init__, "query", "mutation", "subscription", "types", "config", "extensions")
    accepts(strawberry.Schema.__init__, "execution_context_class")
    schema = make_schema()
    assert isinstance(schema._schema, GraphQLSchema), "strawberry.Schema keeps graphql-core's schema elsewhere"
    definitions = [concrete.definition for concrete in schema.schema_converter.type_map.values()]
    inputs = [each for each in definitions if isinstance(each, StrawberryObjectDefinition) and each.is_input]
    assert {each.name for each in inputs} == {"Pair", "OneOf"}, "the converter's type_map no longer has all types"
    assert schema.config.name_converter.from_field(inputs[0].fields[0])


async def test_process_errors() -> None:
    """Strawberry hands the errors of a result to `process_errors`, once, with the context of the request."""
    takes(strawberry.Schema.process_errors, "errors", "execution_context")
    schema = make_schema()
    await schema.execute("{ fails }", context_value="mine")
    assert len(schema.told) == 1, "Strawberry does not call process_errors once for each result"
    errors, context = schema.told[0]
    assert [error.path for error in errors] == [["fails"]]
    assert context.context == "mine"
    assert context.graphql_document is not None
    has(context, "operation_name", "operation_type", "operation_extensions", "schema")


class Refusing(SchemaExtension):
    async def on_operation(self) -> AsyncIterator[None]:
        if self.execution_context.query:
            raise GraphQLError("refused")
        yield


async def test_stream() -> None:
    """`stream` is a coroutine that answers an iterator, which raises what an extension refuses with."""
    assert inspect.iscoroutinefunction(strawberry.Schema.stream), "strawberry.Schema.stream is no coroutine any more"
    accepts(strawberry.Schema.stream, "query", "variable_values", "context_value", "operation_name")
    results = await make_schema().stream("{ add(pair: {first: 1}) }")
    assert [getattr(result, "data", None) async for result in results] == [{"add": 3}]
    refused = await make_schema(Refusing).stream("{ fails }")
    with pytest.raises(GraphQLError, match="refused"):
        _ = [result async for result in refused]
    assert PreExecutionError(data=None, errors=[]).errors == []


async def test_from_input() -> None:
    """Strawberry's hook for building an input object, which Scrip's builders are put into."""
    takes(InputContext.convert, "value", "type_")
    schema = make_schema()
    (definition,) = (
        each
        for each in (c.definition for c in schema.schema_converter.type_map.values())
        if isinstance(each, StrawberryObjectDefinition) and each.name == "Pair"
    )
    has(definition, "is_input", "from_input", "fields", "origin")
    built: list[type] = []

    def build(cls: type, value: Mapping[str, Any], context: InputContext) -> object:
        assert isinstance(context, InputContext)
        built.append(cls)
        return cls(**value)

    definition.from_input = build
    try:
        result = await schema.execute("{ add(pair: {first: 1}) }")
    finally:
        definition.from_input = None
    assert (result.data, built) == ({"add": 3}, [Pair]), "Strawberry builds inputs without asking from_input"


def test_definition_backref() -> None:
    """Of a field in graphql-core's schema, Strawberry's own is in `extensions`: what it costs is in its metadata."""
    schema = make_schema()
    query = schema._schema.query_type
    assert query is not None
    declared = query.fields["add"].extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    assert isinstance(declared, StrawberryField), "a field's extensions no longer lead back to Strawberry's field"
    assert declared.metadata == {"weight": 3}


async def test_one_of_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scrip's rule overrides `validate_one_of`, and has `variable_definitions` from the start."""
    takes(OneOfInputValidationRule.validate_one_of, "node", "type")
    takes(OneOfInputValidationRule.__init__, "validation_context")
    asked: list[str] = []

    def note(self: Any, node: Any, type: Any) -> None:  # noqa: A002 - its name there
        asked.append(type.name)
        assert list(self.variable_definitions) == ["x"]

    monkeypatch.setattr(OneOfInputValidationRule, "validate_one_of", note)
    result = await make_schema().execute("query ($x: Int!) { one(which: {a: $x}) }", {"x": 1})
    assert (result.errors, asked) == (None, ["OneOf"]), "Strawberry no longer asks validate_one_of"


class Handler(BaseGraphQLTransportWSHandler[Any, None]):
    made: list[Handler]

    async def run_operation(self, operation: Operation[Any, None]) -> None:
        self.view.made.append(self)  # type: ignore[attr-defined]
        assert self.operations[operation.id] is operation, (
            "a handler's operations are not in `operations` when they begin"
        )
        await operation.send_operation_message({"id": operation.id, "type": "complete"})


class View(GraphQL[Any, None]):
    graphql_transport_ws_handler_class = Handler

    def __init__(self) -> None:
        super().__init__(
            make_schema(),
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            max_subscriptions_per_connection=None,
            allowed_origins=(),
        )
        self.made: list[Handler] = []
        self.connected: list[object] = []

    async def on_ws_connect(self, context: Any) -> Any:
        self.connected.append(context)
        return strawberry.UNSET


async def spoken(view: View, *said: str) -> list[Any]:
    """What the endpoint answers a client that says one thing after each of its answers, and goes."""
    incoming: asyncio.Queue[Any] = asyncio.Queue()
    incoming.put_nowait({"type": "websocket.connect"})
    answered: list[Any] = []
    left = [*said]

    async def send(message: Any) -> None:
        if message["type"] == "websocket.send":
            answered.append(json.loads(message["text"]))
        text = left.pop(0) if left else None
        incoming.put_nowait(
            {"type": "websocket.disconnect", "code": 1000}
            if text is None
            else {"type": "websocket.receive", "text": text}
        )

    scope = {"type": "websocket", "path": "/", "headers": [], "subprotocols": [GRAPHQL_TRANSPORT_WS_PROTOCOL]}
    async with asyncio.timeout(5):
        await view(scope, incoming.get, send)
    return answered


async def test_graphql_view() -> None:
    """Strawberry's view makes the handler and the adapter of the classes that it names, and calls `on_ws_connect`."""
    accepts(GraphQL.__init__, "schema", "graphql_ide", "subscription_protocols", "connection_init_wait_timeout")
    accepts(GraphQL.__init__, "max_subscriptions_per_connection", "allowed_origins")
    accepts(GraphQL.run, "request", "context")
    parents_have(GraphQL, "pick_websocket_subprotocol", "on_ws_connect", "run", "is_websocket_origin_allowed")
    accepts(GraphQL.is_websocket_origin_allowed, "request", "origin")
    has(GraphQL, "websocket_adapter_class", "graphql_transport_ws_handler_class")
    view = View()
    subscribe = '{"type": "subscribe", "id": "1", "payload": {"query": "{ fails }"}}'
    told = await spoken(view, '{"type": "connection_init"}', subscribe)
    assert told == [{"type": "connection_ack"}, {"type": "complete", "id": "1"}]
    assert len(view.connected) == 1, "Strawberry does not call on_ws_connect once for each connection"
    assert len(view.made) == 1, "Strawberry runs operations with another handler than the view's"
    assert isinstance(view.made[0].websocket, GraphQL.websocket_adapter_class)


def test_transport_ws_handler() -> None:
    """Scrip's handler overrides these, and reads these of its own and of an operation's."""
    base = BaseGraphQLTransportWSHandler
    takes(base.handle_message, "message")
    takes(base.handle_subscribe, "message")
    takes(base.cleanup_operation, "operation_id")
    takes(base.run_operation, "operation")
    takes(base.handle_invalid_message, "error_message")
    takes(base.send_message, "message")
    accepts(base.__init__, "view", "websocket", "context", "schema")
    has(base, "task_logger")
    parents_have(Operation, "send_operation_message", "send_initial_errors", "send_next")
    for name in ("handle_message", "handle_subscribe", "cleanup_operation", "run_operation"):
        assert inspect.iscoroutinefunction(getattr(base, name)), f"{name} is no coroutine any more"


async def test_an_operation_forgets_itself_when_it_ends() -> None:
    """`operations` has it no more once its last message is sent: Scrip's handler counts what is under way by that."""
    sent: list[object] = []

    class Silent(Handler):
        async def send_message(self, message: Any) -> None:
            sent.append(message)

    handler = Silent(None, None, None, None, None, None)  # type: ignore[arg-type]
    assert (handler.operations, handler.connection_acknowledged) == ({}, False)
    operation = Operation(handler, "1", "{ fails }", None, None)
    handler.operations["1"] = operation
    await operation.send_operation_message({"id": "1", "type": "complete"})
    await operation.send_operation_message({"id": "1", "type": "complete"})
    assert (sent, handler.operations) == ([{"id": "1", "type": "complete"}], {})
    handler.operations["1"] = operation
    operation.task = asyncio.create_task(asyncio.sleep(60))
    await handler.cleanup_operation("1")
    await asyncio.sleep(0)
    assert (operation.task.cancelled(), handler.operations) == (True, {})


def test_websocket_adapter() -> None:
    """Scrip's wire is one: these three are all that Strawberry asks of it."""
    takes(AsyncWebSocketAdapter.__init__, "view")
    asked = AsyncWebSocketAdapter.__abstractmethods__
    assert asked == {"iter_json", "send_json", "close"}, f"Strawberry asks {sorted(asked)} of a WebSocket adapter"
    accepts(AsyncWebSocketAdapter.iter_json, "ignore_parsing_errors")
    takes(AsyncWebSocketAdapter.send_json, "message")
    takes(AsyncWebSocketAdapter.close, "code", "reason")


def test_config() -> None:
    accepts(StrawberryConfig, "scalar_map", "name_converter")


def test_validation() -> None:
    """gateway/validation.py is graphql-core's `validate` around the same parts."""
    schema = strawberry.Schema(Query)._schema
    document = parse("query($a: Int!) { add(pair: {first: $a}) }")
    context = ValidationContext(schema, document, TypeInfo(schema), lambda _: None)
    has(context, "_variable_usages", "_type_info")
    parents_have(ValidationContext, "get_variable_usages")
    [usage] = context.get_variable_usages(document.definitions[0])  # type: ignore[arg-type]
    assert usage.node.name.value == "a"
    takes(VariableUsageVisitor, "type_info", "fragment_definition")
    takes(FragmentNestingVisitor, "fragments")
    takes(TypeInfoVisitor, "type_info", "visitor")
    takes(ParallelVisitor, "visitors")
    assert issubclass(ValidationAbortedError, GraphQLError)
    assert query_document_keys_to_validate
