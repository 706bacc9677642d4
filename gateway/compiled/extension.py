"""Strawberry's extension: documents that are used again are compiled, and run instead of graphql-core's executor."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Any, Final

from graphql import DocumentNode, ExecutionResult, OperationDefinitionNode
from strawberry import Schema
from strawberry.extensions import SchemaExtension

from gateway.compiled.operation import Operation, Variables, operation_of
from gateway.compiled.pace import UNHURRIED, Pace
from gateway.compiled.resolvers import NotTaken

DEFAULT_MAX_PLANS: Final = 500
COMPILE_AT: Final = 2
"""The use of a document at which it is compiled: that takes as long as executing it several times."""


class Plans:
    """Compiled operations of documents that are kept: by a parser's cache, say."""

    def __init__(self, *, max_plans: int = DEFAULT_MAX_PLANS, compile_at: int = COMPILE_AT) -> None:
        self._max = max_plans
        self._compile_at = compile_at
        self._known: OrderedDict[tuple[int, int, str | None], tuple[DocumentNode, int, Operation | None]] = (
            OrderedDict()
        )

    def of(self, schema: Schema, document: DocumentNode, name: str | None) -> Operation | None:
        """Return the operation of this name; None if it is left to graphql-core, for now or for good."""
        key = id(schema), id(document), name  # as long as the document is kept here, no other has its id
        _, uses, operation = self._known.get(key, (document, 0, None))
        uses += 1
        if uses == self._compile_at:
            try:
                operation = compiled(schema, document, operation_of(document, name))
            except NotTaken:
                operation = None
        self._known[key] = document, uses, operation
        self._known.move_to_end(key)
        if len(self._known) > self._max:
            self._known.popitem(last=False)
        return operation


def compiled(schema: Schema, document: DocumentNode, operation: OperationDefinitionNode) -> Operation | None:
    """Return an operation of a valid document, compiled; None if it has something that is left to graphql-core, or the
    schema has extensions that wrap its resolvers."""
    if any(type(each).resolve is not SchemaExtension.resolve for each in schema.get_extensions()):
        return None
    try:
        return Operation(schema, document, operation)
    except NotTaken:
        return None


async def answered(operation: Operation, context: Any, pace: Pace, variables: Variables | None = None) -> Any:
    """Return the result of an operation for an execution context of Strawberry's; None if it has to be left to
    graphql-core. variables: if they have been read already."""
    given = context.variables or {}
    if variables is None:
        variables = operation.coerce(given)
    if isinstance(variables, list):
        return ExecutionResult(None, variables)
    try:
        return await operation.execute(
            variables,
            given,
            context=context.context,
            root=context.root_value,
            extensions=context.operation_extensions,
            pace=pace,
        )
    except NotTaken:
        return None


class CompiledExecution(SchemaExtension):
    """Runs compiled operations.

    Use it with an extension that gives Strawberry the same document for the same text, such as `ParserCache`. Schemas
    with extensions that wrap resolvers (`resolve`) are left to graphql-core, and so is what is executed without an event
    loop.

        plans = Plans()
        schema = strawberry.Schema(Query, extensions=[ParserCache, lambda: CompiledExecution(plans)])

    The answers are those of graphql-core, but for what the package's documentation says.
    """

    def __init__(self, plans: Plans, pace: Pace = UNHURRIED) -> None:
        self._plans = plans
        self._pace = pace

    async def on_execute(self) -> AsyncIterator[None]:
        """Execute before Strawberry does, which then takes the result as it is."""
        context: Any = self.execution_context
        if context.result is None and context.graphql_document is not None:
            operation = self._plans.of(context.schema, context.graphql_document, context.operation_name)
            if operation is not None:
                context.result = await answered(operation, context, self._pace)
        yield
