"""Documents that have passed every check, remembered by their text, and the schema class that executes nothing else.

This takes the place of Strawberry's ParserCache, ValidationCache and limiters together. Keyed by the text, a hit costs
one dictionary look-up, where ValidationCache hashes every node of the document on each request; the limits are checked
before validation, whose time they bound; and the memory is bounded in characters, not in documents of any size.
"""

import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import strawberry
from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    ObjectValueNode,
    OperationDefinitionNode,
    ValidationContext,
    VariableDefinitionNode,
    VariableNode,
    parse,
    specified_rules,
    validate,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.schema.schema import StreamResult
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types import ExecutionContext
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from models.slices import beside, in_slices, is_over, turn
from schema.error_codes import ErrorCode, OperationNotFound, RateLimited, shape_errors, with_code
from schema.fast_inputs import install_fast_inputs
from schema.query_limits import (
    MAX_REPORTED,
    OperationMeasure,
    QueryLimits,
    QueryTooCostly,
    check_definitions,
    check_shape,
    check_variables,
    measure_operation,
    operations_of,
)
from schema.trusted import TrustedDocuments, document_text
from schema.variables import FEW_VALUES, Executor, read_beside

# A parsed document takes about 100 bytes for each character of its text (measured): this makes about 50 MB.
MAX_CACHED_CHARACTERS = 500_000
MAX_CACHED_PAGE_SIZES = 64
DEFAULT_LIMITS = QueryLimits()
MAX_SHOWN_NAME = 100
MAX_VALIDATION_ERRORS = 10
"""Of a document. An error of an input object prints all of it: 1,500 fields that are not there took 0.8 s with 100."""
LONG_DOCUMENT: Final = 1_000
"""Characters; reading, checking and validating takes up to 45 µs for each token, of which there may be one a character."""
CHARACTERS_PER_UNIT: Final = 10
"""What reading, checking and validating so much of a new document costs is about what one object in an answer costs."""
_FOLLOWS: Final = re.compile(r"[cC]ursor|\b(?:after|at|from|to)\b")
"""A document spells out the fields and arguments that it uses. What else contains these words is taken for them."""
# What graphql-core's parser says past `max_tokens`. It is a syntax error like any other by type.
_TOO_MANY_TOKENS = "Document contains more than"


@dataclass(slots=True)
class CheckedOperation:
    """One operation of a document within its limits, and its cost for the page sizes seen so far."""

    node: OperationDefinitionNode
    measure: OperationMeasure
    costs: dict[tuple[int | None, ...], tuple[int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class CheckedDocument:
    """A parsed document within its limits. `errors` are those of validation; with any, it is not remembered.

    follows: whether it may ask for cursors, pass one, or name an instant; never False where it does.
    """

    node: DocumentNode
    operations: Mapping[str | None, CheckedOperation]
    errors: list[GraphQLError]
    follows: bool

    def operation(self, name: str | None) -> CheckedOperation:
        """The operation to run. Raises `OperationNotFound` if there is none of that name, or several could be meant."""
        if name is not None:
            if (named := self.operations.get(name)) is None:
                raise OperationNotFound(f"Unknown operation named '{name[:MAX_SHOWN_NAME]}'.")
            return named
        if len(self.operations) > 1:
            raise OperationNotFound("The document has several operations: say which in operationName.")
        for only in self.operations.values():
            return only
        raise OperationNotFound("The document has no operation.")


class _OneOf(OneOfInputValidationRule):
    """Strawberry's, which takes it for granted that a variable is declared, and before it is used. Where it is not, as in a
    fragment, other rules refuse what is wrong with it, or its value is checked when it comes."""

    def __init__(self, validation_context: ValidationContext) -> None:
        super().__init__(validation_context)
        self.variable_definitions: dict[str, VariableDefinitionNode] = {}

    def validate_one_of(self, node: ObjectValueNode, type: GraphQLNamedType) -> None:  # noqa: A002 - its name there
        """Check one literal."""
        given = node.fields[0].value if len(node.fields) == 1 else None
        if isinstance(given, VariableNode) and given.name.value not in self.variable_definitions:
            return
        super().validate_one_of(node, type)


class DocumentCache:
    """Parses, bounds and validates documents, and remembers the valid ones, the least recently used going first."""

    def __init__(self, schema: GraphQLSchema, limits: QueryLimits, rules: Iterable[type[ASTValidationRule]]) -> None:
        self.limits = limits
        self._schema = schema
        self._rules = (*rules, MaybeNullValidationRule, _OneOf)
        self._known: OrderedDict[str, CheckedDocument] = OrderedDict()
        self._characters = 0
        self.hits = 0

    def get(self, text: str) -> CheckedDocument:
        """The checked document. Raises `GraphQLError` with a code if it cannot be parsed or passes a limit."""
        return self._remembered(text) or self._remember(text, self._check(text))

    async def read(self, text: str) -> CheckedDocument:
        """The same without holding the event loop: a new document waits for its turn, a long one is read beside it."""
        if (known := self._remembered(text)) is not None:
            return known
        if len(text) >= LONG_DOCUMENT:
            return self._remember(text, await beside(self._check, text))
        if is_over():
            await turn()
        return self.get(text)

    def knows(self, text: str) -> bool:
        """Whether the document is remembered, so that `get` costs next to nothing."""
        return text in self._known

    def cost(
        self, checked: CheckedDocument, operation: CheckedOperation, variables: Mapping[str, Any]
    ) -> tuple[int, int]:
        """The cost of an operation with these variables, of which only those that say how large something is matter.
        Then how much of it is for what is written.
        """
        sized = operation.measure.sized_variables
        if not sized:
            return operation.measure.cost, operation.measure.written
        # None both for a variable left out and for a null: the one means the operation's default, so tell them apart.
        key = tuple(each.size(variables[each.name]) if each.name in variables else -1 for each in sized)
        if (cost := operation.costs.get(key)) is None:
            measure = measure_operation(self._schema, checked.node, operation.node, self.limits, variables)
            cost = measure.cost, measure.written
            if len(operation.costs) >= MAX_CACHED_PAGE_SIZES:
                operation.costs.clear()
            operation.costs[key] = cost
        return cost

    def _check(self, text: str) -> CheckedDocument:
        node = _parse(text, self.limits)
        check_definitions(node, self.limits)
        operations = {
            operation.name.value if operation.name else None: CheckedOperation(
                operation, measure_operation(self._schema, node, operation, self.limits, {})
            )
            for operation in operations_of(node)
        }
        for operation in operations.values():
            check_shape(operation.measure, self.limits)
        errors = validate(self._schema, node, self._rules, MAX_VALIDATION_ERRORS)
        refused = with_code(errors, ErrorCode.GRAPHQL_VALIDATION_FAILED)
        return CheckedDocument(node, operations, refused, follows=_FOLLOWS.search(text) is not None)

    def _remembered(self, text: str) -> CheckedDocument | None:
        if (known := self._known.get(text)) is not None:
            self._known.move_to_end(text)
            self.hits += 1
        return known

    def _remember(self, text: str, checked: CheckedDocument) -> CheckedDocument:
        """Unless it is not valid, or two have read it at once. Answers the document."""
        if not checked.errors and text not in self._known:
            self._known[text] = checked
            self._characters += len(text)
            while self._characters > MAX_CACHED_CHARACTERS:
                forgotten, _ = self._known.popitem(last=False)
                self._characters -= len(forgotten)
        return checked


class CheckDocument(SchemaExtension):
    """Hands Strawberry a checked document, so that it neither parses nor validates, and refuses what costs too much.

    It holds wherever the schema executes, for HTTP and WebSocket alike. The cost is checked here, with the page sizes
    of the request, and not in validation, which is remembered by the text: there, every variable would have to count
    as the largest page, and three nested lists of ten be refused.

    Where the request's context has a `charge`, work is paid for before it is done: reading a document that is not
    remembered by its length, executing an operation by its cost. A refused document is never free.
    """

    def __init__(self, documents: DocumentCache, trusted: TrustedDocuments | None) -> None:
        self._documents = documents
        self._trusted = trusted

    async def on_operation(self) -> AsyncIterator[None]:
        """Check before Strawberry's own parsing; raises `GraphQLError` with a code."""
        context = self.execution_context
        charge: Charge = getattr(context.context, "charge", None) or for_free
        try:
            context.query = text = document_text(self._trusted, context.query, context.operation_extensions)
            await self._check(context, text, charge)
        except RateLimited:
            raise
        except GraphQLError:
            await charge(1)
            raise
        finally:
            if told := charge.told():
                context.extensions_results["rateLimit"] = told
        yield

    async def _check(self, context: ExecutionContext, text: str, charge: "Charge") -> None:
        if not self._documents.knows(text):
            await charge(1 + len(text) // CHARACTERS_PER_UNIT)
        checked = await self._documents.read(text)
        context.graphql_document = checked.node
        if hasattr(context.context, "follows"):
            context.context.follows = checked.follows
        # A list, even an empty one, tells Strawberry that validation has been done.
        context.pre_execution_errors = list(checked.errors)
        # Strawberry's public `operation_name` falls back to the first operation, be it one of several.
        operation = checked.operation(context._provided_operation_name)  # noqa: SLF001
        if hasattr(context.context, "searches"):
            context.context.searches = operation.measure.searches
        if checked.errors:
            return
        variables = context.variables or {}
        values = await in_slices(check_variables(variables, self._documents.limits))
        maximum = self._documents.limits.max_cost
        cost, written = self._documents.cost(checked, operation, variables)
        context.extensions_results["cost"] = {"requested": min(cost, MAX_REPORTED), "maximum": maximum}
        if cost > maximum:
            raise QueryTooCostly("cost", maximum, cost)
        await charge(cost - written, written)
        if values > FEW_VALUES:
            context.variables = await read_beside(context.schema._schema, operation.node, variables)  # noqa: SLF001


class Charge(Protocol):
    """Takes what an operation costs from whoever asks for it."""

    async def __call__(self, cost: int, writes: int = 0) -> None:
        """Take so many units for what is read and for what is written. Raises RateLimited."""

    def told(self) -> Mapping[str, Any]:
        """How much is left, for `extensions`."""

    def headers(self) -> Mapping[str, str]:
        """The same for an answer by HTTP."""


class _Free:
    """Where nobody is charged: the command line, tests of the schema alone."""

    async def __call__(self, cost: int, writes: int = 0) -> None:
        """Take nothing."""

    def told(self) -> Mapping[str, Any]:
        return {}

    def headers(self) -> Mapping[str, str]:
        return {}


for_free: Final[Charge] = _Free()


def _parse(text: str, limits: QueryLimits) -> DocumentNode:
    if len(text) > limits.max_characters:
        raise QueryTooCostly("number of characters", limits.max_characters, len(text))
    try:
        return parse(text, max_tokens=limits.max_tokens)
    except GraphQLSyntaxError as error:
        if _TOO_MANY_TOKENS in error.message:
            raise QueryTooCostly("number of tokens", limits.max_tokens) from None
        with_code([error], ErrorCode.GRAPHQL_PARSE_FAILED)
        raise


class ScripSchema(strawberry.Schema):
    """Strawberry's schema with checked documents, shaped errors and quickly built inputs.

    The context of a request should have `request_id: str | None`: a masked error carries it.
    `limits` and `introspection` can be set again by `configure`, before the schema serves its first request. `trusted`
    are the registered documents, if there are any.
    """

    documents: DocumentCache
    trusted: TrustedDocuments | None = None

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
    ) -> None:
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
        self.configure(limits=limits, introspection=introspection)

    def configure(self, *, limits: QueryLimits, introspection: bool) -> None:
        """Set the bounds on operations and whether the schema may be read. Forgets all documents, the trusted too."""
        self.trusted = None
        # Without introspection, a suggestion would tell what it hides, one guess at a time.
        self._hide_suggestions = not introspection
        hidden = () if introspection else (NoSchemaIntrospectionCustomRule,)
        self.documents = DocumentCache(self._schema, limits, (*specified_rules, *hidden))

    async def stream(self, *args: Any, **options: Any) -> StreamResult:
        """As Strawberry's, with a refusal as the only result, where by itself it would end the stream without one."""
        return _with_refusal(await super().stream(*args, **options))

    @property
    def graphql(self) -> GraphQLSchema:
        """The schema as graphql-core has it: to print, to walk."""
        return self._schema

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Strawberry calls this once with the errors of each result, before anybody else sees them."""
        context = execution_context.context if execution_context else None
        if (denials := getattr(context, "denials", None)) is not None:
            for error in errors:
                denials.locate(error, execution_context.operation_name if execution_context else None)
        shape_errors(
            errors, getattr(context, "request_id", None),
            hide_suggestions=self._hide_suggestions, of_query=_is_query(execution_context),
        )  # fmt: skip


def _is_query(context: ExecutionContext | None) -> bool:
    if context is None or context.graphql_document is None:
        return False
    try:
        return context.operation_type is OperationType.QUERY
    except (RuntimeError, CannotGetOperationTypeError):
        return False  # there is no such operation


async def _with_refusal(results: StreamResult) -> StreamResult:
    try:
        async with aclosing(results):
            async for result in results:
                yield result
    except GraphQLError as refusal:
        yield PreExecutionError(data=None, errors=[refusal])
