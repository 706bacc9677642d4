"""The schema class that executes only checked documents, and only within the caller's quota."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any, Final, Protocol, TypeVar

import strawberry
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    specified_rules,
)
from graphql import OperationType as GraphQLOperationType
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.schema.schema import StreamResult
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from gateway.compiled.extension import COMPILE_AT, answered, compiled
from gateway.compiled.operation import Operation, Variables
from gateway.documents import CheckedDocument, CheckedOperation, DocumentCache
from gateway.errors import CodedOf, OutageOf, RateLimited, forget_frames, no_code, no_outage, shape_errors
from gateway.fast_inputs import install_fast_inputs
from gateway.input_fields import tell_fields
from gateway.query_limits import MAX_REPORTED, QueryLimits, QueryTooCostly, check_variables
from gateway.sdl import mend
from gateway.trusted import TrustedDocuments, document_text
from gateway.variables import FEW_VALUES, TURNS, Executor, read_beside
from turns.slices import beside, in_slices

T = TypeVar("T")

DEFAULT_LIMITS: Final = QueryLimits()
ALL_OPERATIONS: Final = frozenset(OperationType)
_TYPES: Final = {each: OperationType(each.value) for each in GraphQLOperationType}
"""graphql-core's, with Strawberry's for the same."""
_COST: Final = (_REQUESTED := "requested", _MAXIMUM := "maximum")
CHARACTERS_PER_UNIT: Final = 10
"""Reading, checking and validating this much of a new document costs about as much as returning one object."""


class CheckDocument(SchemaExtension):
    """Hands Strawberry a checked document, so that it neither parses nor validates, and rejects too costly operations.

    It applies wherever the schema executes, to HTTP and WebSocket alike. The cost is checked here, with the request's
    page sizes, and not in validation, which is cached by the text: there, every variable would have to count as the
    largest page, and three nested lists of ten would be rejected.

    If the request's context has a `charge`, work is charged before it is done: reading an uncached document by its
    length, executing an operation by its cost. A rejected document is never free.
    """

    def __init__(self, documents: DocumentCache, trusted: TrustedDocuments | None) -> None:
        self._documents = documents
        self._trusted = trusted
        self._compiled: Operation | None = None
        self._variables: Variables | None = None
        self._left: Mapping[str, Any] = {}

    async def on_operation(self) -> AsyncIterator[None]:
        """Check before Strawberry's own parsing. Raises `GraphQLError` with a code."""
        context = self.execution_context
        await _paid(self._check(context), context.context, context.extensions_results)
        yield

    async def on_execute(self) -> AsyncIterator[None]:
        """Execute a compiled operation before Strawberry would; it then uses the result."""
        if self._compiled is not None:
            self.execution_context.result = await answered(
                self._compiled, self.execution_context, TURNS, self._variables
            )
        yield

    def get_results(self) -> dict[str, Any]:
        """Return nothing: only correct the quota in a subscription's message, told if it was charged, left out if not."""
        context = self.execution_context
        if getattr(context.context, "follows", False):
            charge: Charge = getattr(context.context, "charge", None) or for_free
            told = context.extensions_results
            told.pop("rateLimit", None)
            if "cost" in told:
                told["cost"] = {name: told["cost"][name] for name in _COST}
            if (left := charge.told()) != self._left:
                self._left = left
                _tell_left(told, charge)
        return {}

    async def _check(self, context: ExecutionContext) -> None:
        trusted = _of_client(self._trusted, context.context)
        context.query = text = document_text(trusted, context.query, context.operation_extensions)
        if not self._documents.knows(text):
            charge: Charge = getattr(context.context, "charge", None) or for_free
            await charge(1 + len(text) // CHARACTERS_PER_UNIT)
        checked = await self._documents.read(text)
        context.graphql_document = checked.node
        # A list, even an empty one, tells Strawberry that validation has been done.
        context.pre_execution_errors = list(checked.errors)
        # Strawberry's public `operation_name` falls back to the first operation, even of several.
        operation = checked.operation(context._provided_operation_name)  # noqa: SLF001
        _tell(context.context, checked, operation)
        if checked.errors:
            return
        variables = context.variables or {}
        values = await _admit(
            self._documents, checked, operation, context.context, variables, context.extensions_results
        )
        self._compiled = await self._documents.compiled(text, checked, operation, variables)
        if values <= FEW_VALUES:
            return
        if self._compiled is not None:
            self._variables = await beside(self._compiled.coerce, variables)
        else:
            schema = context.schema._schema  # noqa: SLF001
            context.variables = await read_beside(schema, operation.node, variables)


def _of_client(trusted: TrustedDocuments | None, context: Any) -> TrustedDocuments | None:
    """Return the registered documents of the client that asks."""
    return trusted if trusted is None or not trusted.clients else trusted.of(getattr(context, "clients", ()))


def _tell(context: Any, checked: CheckedDocument, operation: CheckedOperation) -> None:
    """Set the operation's facts on the request's context."""
    if hasattr(context, "follows"):
        context.follows = checked.follows
    if hasattr(context, "searches"):
        context.searches = operation.measure.searches


async def _admit(
    documents: DocumentCache,
    checked: CheckedDocument,
    operation: CheckedOperation,
    context: Any,
    variables: dict[str, Any],
    told: dict[str, Any],
) -> int:
    """Admit an operation, charging its cost. Returns the number of values in its variables. Raises QueryTooCostly,
    RateLimited."""
    values = await in_slices(check_variables(variables, documents.limits))
    maximum = documents.limits.max_cost
    cost, written = documents.cost(checked, operation, variables)
    told["cost"] = {_REQUESTED: min(cost, MAX_REPORTED), _MAXIMUM: maximum}
    if cost > maximum:
        raise QueryTooCostly("cost", maximum, cost)
    if hasattr(context, "cost"):
        context.cost = max(cost, 1)
    charge: Charge = getattr(context, "charge", None) or for_free
    await charge(cost - written, written)
    return values


async def _paid(admitting: Awaitable[T], context: Any, told: dict[str, Any]) -> T:
    """Await the admission; a rejection costs 1 unit. Each answer reports the remaining quota."""
    charge: Charge = getattr(context, "charge", None) or for_free
    try:
        return await admitting
    except RateLimited:
        raise
    except GraphQLError:
        await charge(1)
        raise
    finally:
        _tell_left(told, charge)


def _tell_left(told: dict[str, Any], charge: "Charge") -> None:
    """Put the remaining quotas into the extensions of an answer, if any was charged: all of them, and the scarcest beside
    the cost."""
    if left := charge.told():
        told["rateLimit"] = left
        if "cost" in told:
            told["cost"] = {**told["cost"], **charge.scarcest()}


class Charge(Protocol):
    """Charges the caller for an operation."""

    async def __call__(self, cost: int, writes: int = 0) -> None:
        """Take this many units for reading and for writing. Raises RateLimited."""

    def told(self) -> Mapping[str, Any]:
        """Return the remaining quotas, for `extensions`; nothing before any was charged."""

    def scarcest(self) -> Mapping[str, Any]:
        """Return `limit`, `remaining` and `resetAt` of the charged quota with the smallest part left; or nothing."""

    def headers(self) -> Mapping[str, str]:
        """Return the same as headers of an HTTP response."""


class _Free:
    """No charge: for the command line, and tests of the schema alone."""

    async def __call__(self, cost: int, writes: int = 0) -> None:
        """Take nothing."""

    def told(self) -> Mapping[str, Any]:
        return {}

    def scarcest(self) -> Mapping[str, Any]:
        return {}

    def headers(self) -> Mapping[str, str]:
        return {}


for_free: Final[Charge] = _Free()


class GatewaySchema(strawberry.Schema):
    """Strawberry's schema with checked documents, shaped errors and quickly built inputs.

    A request's context may have, besides what resolvers use:

    - `request_id: str | None`: put on masked errors;
    - `charge: Charge`: charges the operation's cost;
    - `clients: Sequence[str | None]`: names of the client that asks, whose registered documents are its own;
    - `cost: int`: set to the operation's cost;
    - `follows: bool`: set to whether its document may follow a list or read the past;
    - `lists: Lists`: counts the work continued in turns, for the loaders whose owner has the same;
    - `searches: bool`: set to whether its operation adds up or searches much;
    - `writes: bool`: whether the answer may have parts that are JSON already (gateway/compiled/written.py);
    - `locate(error, operation_name)`: called with each error of its result, and so where it arose.
    """

    def __init__(
        self,
        query: type,
        mutation: type | None = None,
        subscription: type | None = None,
        *,
        types: Iterable[type] = (),
        config: StrawberryConfig | None = None,
        extensions: Iterable[Callable[[], SchemaExtension]] = (),
        limits: QueryLimits = DEFAULT_LIMITS,
        introspection: bool = True,
        trusted: Callable[[DocumentCache], TrustedDocuments] | None = None,
        follows: re.Pattern[str] | None = None,
        outage_of: OutageOf = no_outage,
        coded_of: CodedOf = no_code,
        compile_at: int | None = COMPILE_AT,
    ) -> None:
        """limits: the bounds on operations. introspection: whether clients may read the schema. trusted: makes the
        registered documents, checked like those of requests. follows: see DocumentCache. outage_of: recognises outages.
        coded_of: turns expected exceptions into errors for clients. compile_at: the use of an operation at which it is
        compiled (gateway/compiled); None: graphql-core executes all.
        """
        extensions = tuple(extensions)
        super().__init__(
            query,
            mutation,
            subscription,
            types=types,
            config=config,
            execution_context_class=Executor,
            extensions=[lambda: CheckDocument(self.documents, self.trusted), *extensions],
        )
        definitions = [concrete.definition for concrete in self.schema_converter.type_map.values()]
        install_fast_inputs(definitions, self.config.name_converter)
        mend(self._schema)
        # Without introspection, suggestions would reveal the schema, one guess at a time.
        self._hide_suggestions = not introspection
        hidden = () if introspection else (NoSchemaIntrospectionCustomRule,)
        self.documents: Final = DocumentCache(
            self._schema,
            limits,
            (*specified_rules, *hidden),
            follows,
            None if compile_at is None else self._compile,
            COMPILE_AT if compile_at is None else compile_at,
        )
        self._is_alone: Final = not extensions
        self.trusted: Final = None if trusted is None else trusted(self.documents)
        self.outage_of: Final = outage_of
        self._coded_of = coded_of

    def _compile(self, document: DocumentNode, operation: OperationDefinitionNode) -> Operation | None:
        return compiled(self, document, operation)

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """Execute as Strawberry does; a compiled operation skips Strawberry's steps around it."""
        context = ExecutionContext(
            query=query,
            schema=self,
            allowed_operations=ALL_OPERATIONS if allowed_operation_types is None else allowed_operation_types,
            context=context_value,
            root_value=root_value,
            variables=variable_values,
            provided_operation_name=operation_name,
            operation_extensions=operation_extensions,
        )
        known = self._known(context) if self._is_alone else None
        if known is None:
            return await super().execute(
                query,
                variable_values,
                context_value,
                root_value,
                operation_name,
                allowed_operation_types,
                operation_extensions,
            )
        return await self._execute(context, *known)

    def _known(self, context: ExecutionContext) -> tuple[CheckedDocument, CheckedOperation, Operation] | None:
        """Return the operation if it is compiled, and a context with its document; None: Strawberry executes it."""
        try:
            trusted = _of_client(self.trusted, context.context)
            text = document_text(trusted, context.query, context.operation_extensions)
            checked = self.documents.peek(text)
            if checked is None:
                return None
            operation = checked.operation(context._provided_operation_name)  # noqa: SLF001
        except GraphQLError:
            return None  # the extension reports it
        found = operation.compiled
        if found is None or not found.knows(context.variables or {}):
            return None
        context.query, context.graphql_document = text, checked.node
        if _TYPES[found.operation.operation] not in context.allowed_operations:
            return None
        self.documents.get(text)  # counts as a use, so that it stays cached
        return checked, operation, found

    async def _execute(
        self, context: ExecutionContext, checked: CheckedDocument, operation: CheckedOperation, found: Operation
    ) -> ExecutionResult:
        told: dict[str, Any] = {}
        given = context.variables or {}
        try:
            _tell(context.context, checked, operation)
            admitting = _admit(self.documents, checked, operation, context.context, given, told)
            values = await _paid(admitting, context.context, told)
            variables = found.coerce(given) if values <= FEW_VALUES else await beside(found.coerce, given)
            result = await answered(found, context, TURNS, variables)
        except Exception as error:  # noqa: BLE001 - as Strawberry does
            errors = [error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)]
            self.process_errors(errors, context)
            return PreExecutionError(data=None, errors=errors, extensions=told)
        if result.errors:
            self.process_errors(result.errors, context)
        return ExecutionResult(data=result.data, errors=result.errors, extensions=told)

    async def stream(self, *args: Any, **options: Any) -> StreamResult:
        """Like Strawberry's, but a refusal is the only result, where Strawberry would end the stream without one."""
        return _with_refusal(await super().stream(*args, **options))

    @property
    def graphql(self) -> GraphQLSchema:
        """The schema as graphql-core has it: to print, to walk."""
        return self._schema

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Shape the errors of each result. Strawberry calls this once, before any other use of them."""
        context = execution_context.context if execution_context else None
        if (locate := getattr(context, "locate", None)) is not None:
            for error in errors:
                locate(error, execution_context.operation_name if execution_context else None)
        tell_fields(errors, execution_context.graphql_document if execution_context else None)
        raised = list(errors)
        shape_errors(
            errors,
            getattr(context, "request_id", None),
            hide_suggestions=self._hide_suggestions,
            of_query=_is_query(execution_context),
            outage_of=self.outage_of,
            coded_of=self._coded_of,
        )
        forget_frames(raised)


def _is_query(context: ExecutionContext | None) -> bool:
    if context is None or context.graphql_document is None:
        return False
    try:
        return context.operation_type is OperationType.QUERY
    except (RuntimeError, CannotGetOperationTypeError):
        return False  # no such operation


async def _with_refusal(results: StreamResult) -> StreamResult:
    try:
        async with aclosing(results):
            async for result in results:
                yield result
    except GraphQLError as refusal:
        yield PreExecutionError(data=None, errors=[refusal])
