"""Strawberry's extension: documents that are used again are compiled, and run instead of graphql-core's executor."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Any, Final

from graphql import DocumentNode, ExecutionResult
from strawberry import Schema
from strawberry.extensions import SchemaExtension

from gateway.compiled.operation import Operation, operation_of
from gateway.compiled.pace import UNHURRIED, Pace
from gateway.compiled.resolvers import NotTaken

DEFAULT_MAX_PLANS: Final = 500
COMPILE_AT: Final = 2
"""The use of a document at which it is compiled: that takes as long as executing it several times."""


class Plans:
    """Compiled operations of documents that are kept: by a parser's cache, say."""

    def __init__(self, schema: Schema, *, max_plans: int = DEFAULT_MAX_PLANS, compile_at: int = COMPILE_AT) -> None:
        self._schema = schema
        self._max = max_plans
        self._compile_at = compile_at
        self._known: OrderedDict[tuple[int, str | None], tuple[DocumentNode, int, Operation | None]] = OrderedDict()

    def of(self, document: DocumentNode, name: str | None) -> Operation | None:
        """Return the operation of this name; None if it is left to graphql-core, for now or for good."""
        key = id(document), name  # as long as the document is kept here, no other has its id
        _, uses, operation = self._known.get(key, (document, 0, None))
        uses += 1
        if uses == self._compile_at:
            operation = compiled(self._schema, document, name)
        self._known[key] = document, uses, operation
        self._known.move_to_end(key)
        if len(self._known) > self._max:
            self._known.popitem(last=False)
        return operation


def compiled(schema: Schema, document: DocumentNode, name: str | None) -> Operation | None:
    """Return an operation of a valid document, compiled; None if it has something that is left to graphql-core."""
    try:
        return Operation(schema, document, operation_of(document, name))
    except NotTaken:
        return None


class CompiledExecution(SchemaExtension):
    """Runs compiled operations.

    Use it with an extension that gives Strawberry the same document for the same text, such as `ParserCache`, and with
    no extension that wraps resolvers (`resolve`). Where Strawberry executes without an event loop it does nothing.

        plans = Plans()
        schema = strawberry.Schema(Query, extensions=[ParserCache, lambda: CompiledExecution(plans)])

    The answers are those of graphql-core, but for the order of errors, and for which one is told of several under one
    null. See `gateway/compiled/__init__.py` for what else is not the same.
    """

    def __init__(self, plans: "PlansBySchema", pace: Pace = UNHURRIED) -> None:
        self._plans = plans
        self._pace = pace

    async def on_execute(self) -> AsyncIterator[None]:
        """Execute before Strawberry does, which then takes the result as it is."""
        context: Any = self.execution_context
        if context.result is None and context.graphql_document is not None:
            plans = self._plans.of(context.schema)
            if (operation := plans.of(context.graphql_document, context.operation_name)) is not None:
                context.result = await answered(operation, context, self._pace)
        yield


class PlansBySchema:
    """Plans of each schema that an extension serves."""

    def __init__(self) -> None:
        self._plans: dict[int, Plans] = {}

    def of(self, schema: Schema) -> Plans:
        return self._plans.setdefault(id(schema), Plans(schema))


async def answered(operation: Operation, context: Any, pace: Pace) -> ExecutionResult | None:
    """Return the result of an operation for an execution context of Strawberry's; None if it has to be left to
    graphql-core."""
    given = context.variables or {}
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
